"""Measures of forecasts, with the names of utilsforecast.

Truth and point forecasts are ``(windows, horizon)``, forecasts of quantiles ``(windows, horizon,
levels)``. NaN in the truth means not observed: such points are left out, and where nothing is
observed the measure is NaN. NaN in a forecast of an observed point is never left out: it makes
the measure NaN, since a forecast that is not there must not look good.

Every measure takes ``axis``: None pools all observed points into one float, 0 gives one value per
horizon step ``(horizon,)``, 1 one value per window ``(windows,)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rollcast.errors import UsageError

Score = float | NDArray[np.float64]


def mae(truth: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean absolute error, in the unit of the target.

    >>> mae([[1.0, 2.0, np.nan]], [[1.0, 4.0, 9.0]])
    1.0
    """
    truth, forecast = _pair(truth, forecast)
    return _mean(np.abs(truth - forecast), truth, axis)


def rmse(truth: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Score:
    """Root of the mean squared error, in the unit of the target.

    With ``axis`` None the root is taken once, of the mean over all windows; utilsforecast takes it
    per series and leaves the averaging to the caller.
    """
    truth, forecast = _pair(truth, forecast)
    root = np.sqrt(_mean(np.square(truth - forecast), truth, axis))
    return float(root) if axis is None else root


def smape(truth: ArrayLike, forecast: ArrayLike, *, axis: int | None = None) -> Score:
    """Symmetric mean absolute percentage error, in percent: 0 is perfect, 200 the worst.

    ``200 |y - f| / (|y| + |f|)`` as in the M4 competition (Makridakis, Spiliotis and Assimakopoulos
    2020, section 3.2). Where truth and forecast are both 0 the error is 0. utilsforecast gives the
    half of it as a fraction, 0 to 1.
    """
    truth, forecast = _pair(truth, forecast)
    size = np.abs(truth) + np.abs(forecast)
    error = 200.0 * np.abs(truth - forecast) / np.where(size == 0.0, 1.0, size)
    return _mean(error, truth, axis)


def seasonal_scale(history: ArrayLike, season: int) -> NDArray[np.float64]:
    """Mean absolute seasonal difference of the training part: the unit of MASE.

    Gives ``(windows,)`` from a history ``(windows, time)``, in the unit of the target; season 1
    compares neighbours. A pair with a missing value is left out; a history without a pair gives
    NaN. For series of many lengths see `seasonal_scales`.
    """
    history = np.atleast_2d(np.asarray(history, dtype=np.float64))
    _check_season(season)
    difference = np.abs(history[:, season:] - history[:, :-season])
    return np.asarray(_mean(difference, difference, axis=1))


def seasonal_scales(values: ArrayLike, offsets: ArrayLike, season: int) -> NDArray[np.float64]:
    """`seasonal_scale` of each series of a table, ``(series,)``, computed once for all windows.

    Series ``i`` is ``values[offsets[i]:offsets[i + 1]]``, the training part only.
    """
    values = np.asarray(values, dtype=np.float64)
    offsets = np.asarray(offsets, dtype=np.int64)
    _check_season(season)
    lengths = np.diff(offsets)
    difference = np.full(values.size, np.nan)
    difference[season:] = np.abs(values[season:] - values[:-season])
    # The first `season` rows of a series look back into the series before it.
    position = np.arange(values.size) - np.repeat(offsets[:-1], lengths)
    counted = (position >= season) & ~np.isnan(difference)
    series = np.repeat(np.arange(lengths.size), lengths)[counted]
    total = np.bincount(series, weights=difference[counted], minlength=lengths.size)
    count = np.bincount(series, minlength=lengths.size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mase(
    truth: ArrayLike, forecast: ArrayLike, scale: ArrayLike, *, axis: int | None = None
) -> Score:
    """Mean absolute scaled error: below 1 beats seasonal naive inside the training part.

    ``scale`` is ``(windows,)`` from `seasonal_scale`. Windows whose scale is 0 (a training part
    that never changed) or NaN are left out. Hyndman and Koehler 2006.
    """
    truth, forecast = _pair(truth, forecast)
    scale = np.asarray(scale, dtype=np.float64)
    if scale.shape != truth.shape[:1]:
        raise UsageError(
            f"mase: scale has shape {scale.shape}, expected one value per window, "
            f"{truth.shape[:1]}. Compute it with seasonal_scale(history, season)."
        )
    scale = np.where(scale == 0.0, np.nan, scale)[:, None]
    truth = np.where(np.isnan(scale), np.nan, truth)
    return _mean(np.abs(truth - forecast) / scale, truth, axis)


def quantile_loss(
    truth: ArrayLike, forecast: ArrayLike, level: float, *, axis: int | None = None
) -> Score:
    """Pinball loss of one quantile, in the unit of the target.

    ``level`` is the quantile's probability, between 0 and 1. Half the absolute error at 0.5.
    Koenker and Bassett 1978.
    """
    truth, forecast = _pair(truth, forecast)
    if not 0.0 < level < 1.0:
        raise UsageError(f"quantile_loss: level is {level}, expected a number between 0 and 1.")
    error = truth - forecast
    return _mean(np.maximum(level * error, (level - 1.0) * error), truth, axis)


def crps(
    truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike, *, axis: int | None = None
) -> Score:
    """Continuous ranked probability score from quantiles, in the unit of the target.

    Twice the pinball loss averaged over the levels. The CRPS is twice the integral of the pinball
    loss over all levels (Laio and Tamea 2007, eq. 13); the plain average stands for the integral,
    as in GluonTS and utilsforecast, so it is exact in the limit of many evenly spaced levels and
    comparable between forecasts only for the same levels. The median alone gives the MAE.
    ``quantiles`` is ``(windows, horizon, levels)``, ``levels`` ``(levels,)`` between 0 and 1.
    """
    truth = np.asarray(truth, dtype=np.float64)
    quantiles = np.asarray(quantiles, dtype=np.float64)
    levels = np.asarray(levels, dtype=np.float64)
    if quantiles.shape != (*truth.shape, levels.size) or levels.size == 0:
        raise UsageError(
            f"crps: quantiles have shape {quantiles.shape}, expected (windows, horizon, levels) = "
            f"{(*truth.shape, levels.size)}."
        )
    total = np.sum(
        [
            np.asarray(quantile_loss(truth, quantiles[..., index], float(level), axis=axis))
            for index, level in enumerate(levels)
        ],
        axis=0,
    )
    mean = 2.0 * total / levels.size
    return float(mean) if axis is None else mean


def coverage(
    truth: ArrayLike, low: ArrayLike, high: ArrayLike, *, axis: int | None = None
) -> Score:
    """Share of the observed points inside the interval, ends included, from 0 to 1.

    The best value is the level of the interval (0.8 for an 80 % interval), not 1.
    """
    truth, low = _pair(truth, low)
    truth, high = _pair(truth, high)
    inside = ((low <= truth) & (truth <= high)).astype(np.float64)
    inside[np.isnan(low) | np.isnan(high)] = np.nan
    return _mean(inside, truth, axis)


def width(truth: ArrayLike, low: ArrayLike, high: ArrayLike, *, axis: int | None = None) -> Score:
    """Mean width of the interval over the observed points, in the unit of the target.

    Narrower is better only between intervals of like coverage.
    """
    truth, low = _pair(truth, low)
    truth, high = _pair(truth, high)
    return _mean(high - low, truth, axis)


def owa(smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """Overall weighted average of the M4 competition: below 1 beats the reference, Naive 2.

    The mean of both measures, each relative to the reference's (Makridakis, Spiliotis and
    Assimakopoulos 2020, section 3.2). On M4 Hourly Naive 2 has sMAPE 18.383 and MASE 2.395.
    """
    return (smape / naive2_smape + mase / naive2_mase) / 2.0


@dataclass(frozen=True)
class Metric:
    """One row of METRICS.

    ``takes`` names what the function is given after the truth: a point forecast; a point forecast
    and the scale; one quantile and its level; all quantiles and their levels; or the two ends of
    an interval.
    """

    function: Callable[..., Score]
    better: Literal["lower", "nominal"]  # nominal: the closer to the interval's level the better
    takes: Literal["point", "scaled", "quantile", "quantiles", "interval"]
    unit: Literal["target", "percent", "ratio", "share"]


METRICS: dict[str, Metric] = {
    "mae": Metric(mae, "lower", "point", "target"),
    "rmse": Metric(rmse, "lower", "point", "target"),
    "smape": Metric(smape, "lower", "point", "percent"),
    "mase": Metric(mase, "lower", "scaled", "ratio"),
    "quantile_loss": Metric(quantile_loss, "lower", "quantile", "target"),
    "crps": Metric(crps, "lower", "quantiles", "target"),
    "coverage": Metric(coverage, "nominal", "interval", "share"),
    "width": Metric(width, "lower", "interval", "target"),
}


def _pair(truth: ArrayLike, forecast: ArrayLike) -> tuple[NDArray, NDArray]:
    truth = np.asarray(truth, dtype=np.float64)
    forecast = np.asarray(forecast, dtype=np.float64)
    if truth.ndim != 2 or truth.shape != forecast.shape:
        raise UsageError(
            f"truth has shape {truth.shape} and forecast {forecast.shape}; expected the same "
            "(windows, horizon) for both."
        )
    return truth, forecast


def _mean(error: NDArray, truth: NDArray, axis: int | None) -> Score:
    """Mean of the errors where the truth is known; NaN where it never is, without a warning."""
    observed = ~np.isnan(truth)
    count = observed.sum(axis=axis)
    total = np.where(observed, error, 0.0).sum(axis=axis)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return float(mean) if axis is None else mean


def _check_season(season: int) -> None:
    if season < 1:
        raise UsageError(f"season is {season}, expected 1 (none) or more steps.")
