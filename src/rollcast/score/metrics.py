"""Measures of forecasts, with the names of utilsforecast.

Truth and point forecasts are ``(windows, horizon)``, forecasts of quantiles ``(windows, horizon,
levels)``. NaN in the truth means not observed: such points are left out, and where nothing is
observed the measure is NaN. NaN in a forecast of an observed point is never left out: it makes
the measure NaN, since a forecast that is not there must not look good.

Every measure takes ``axis``: None pools all observed points into one float, 0 gives one value per
horizon step ``(horizon,)``, 1 one value per window ``(windows,)``; an array ``(windows,)`` of
numbers from 0 says which group each window is in, and gives one value per group.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rollcast.score.mean import Axis, Score, mean_of, paired, scaled
from rollcast.score.spread import coverage, crps, pinball, quantile_loss, scaled_width, width


def mae(truth: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Score:
    """Mean absolute error, in the unit of the target.

    >>> mae([[1.0, 2.0, np.nan]], [[1.0, 4.0, 9.0]])
    1.0
    """
    truth, forecast = paired(truth, forecast)
    return mean_of(np.abs(truth - forecast), truth, axis)


def rmse(truth: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Score:
    """Root of the mean squared error, in the unit of the target.

    With ``axis`` None the root is taken once, of the mean over all windows; utilsforecast takes it
    per series and leaves the averaging to the caller.
    """
    truth, forecast = paired(truth, forecast)
    root = np.sqrt(mean_of(np.square(truth - forecast), truth, axis))
    return float(root) if axis is None else root


def mape(truth: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Score:
    """Mean absolute percentage error, in percent of the truth.

    Points whose truth is 0 have none and are left out. It is lower for forecasts that are too low
    (at most 100 for those of one sign) than for those that are too high.
    """
    truth, forecast = paired(truth, forecast)
    truth = np.where(truth == 0.0, np.nan, truth)
    return mean_of(100.0 * np.abs((truth - forecast) / truth), truth, axis)


def smape(truth: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Score:
    """Symmetric mean absolute percentage error, in percent: 0 is perfect, 200 the worst.

    ``200 |y - f| / (|y| + |f|)`` as in the M4 competition (Makridakis, Spiliotis and Assimakopoulos
    2020, section 3.2). Where truth and forecast are both 0 the error is 0. utilsforecast gives the
    half of it as a fraction, 0 to 1.
    """
    truth, forecast = paired(truth, forecast)
    size = np.abs(truth) + np.abs(forecast)
    error = 200.0 * np.abs(truth - forecast) / np.where(size == 0.0, 1.0, size)
    return mean_of(error, truth, axis)


def mase(truth: ArrayLike, forecast: ArrayLike, scale: ArrayLike, *, axis: Axis = None) -> Score:
    """Mean absolute scaled error: below 1 beats seasonal naive inside the training part.

    ``scale`` is ``(windows,)`` from `seasonal_scale`. Windows whose scale is 0 (a training part
    that never changed) or NaN are left out. Hyndman and Koehler 2006.
    """
    truth, forecast = paired(truth, forecast)
    truth, scale = scaled("mase", truth, scale)
    return mean_of(np.abs(truth - forecast) / scale, truth, axis)


def rmsse(truth: ArrayLike, forecast: ArrayLike, scale: ArrayLike, *, axis: Axis = None) -> Score:
    """Root mean squared scaled error, as `mase` but with squares.

    ``scale`` is ``(windows,)`` from `seasonal_scale` with ``power=2``. The root is taken last, as
    in `rmse`. Hyndman and Koehler 2006; the M5 competition has it with season 1.
    """
    truth, forecast = paired(truth, forecast)
    truth, scale = scaled("rmsse", truth, scale)
    root = np.sqrt(mean_of(np.square((truth - forecast) / scale), truth, axis))
    return float(root) if axis is None else root


def owa(smape: Score, mase: Score, naive2_smape: Score, naive2_mase: Score) -> Score:
    """Overall weighted average of the M4 competition: below 1 beats the reference, Naive 2.

    The mean of both measures, each relative to the reference's (Makridakis, Spiliotis and
    Assimakopoulos 2020, section 3.2). On M4 Hourly Naive 2 has sMAPE 18.383 and MASE 2.395.
    """
    return (smape / naive2_smape + mase / naive2_mase) / 2.0


@dataclass(frozen=True)
class Metric:
    """One row of METRICS.

    ``takes`` names what the function is given after the truth: a point forecast; a point forecast
    and the scale, or that of squares; one quantile and its level; all quantiles and their levels;
    the two ends of an interval, and with them the scale or the level in percent.
    """

    function: Callable[..., Score]
    better: Literal["lower", "nominal"]  # nominal: the closer to the interval's level the better
    takes: Literal[
        "point", "scaled", "squares", "quantile", "quantiles",
        "interval", "scaled interval", "level interval",
    ]  # fmt: skip
    unit: Literal["target", "percent", "ratio", "share"]


METRICS: dict[str, Metric] = {
    "mae": Metric(mae, "lower", "point", "target"),
    "rmse": Metric(rmse, "lower", "point", "target"),
    "mape": Metric(mape, "lower", "point", "percent"),
    "smape": Metric(smape, "lower", "point", "percent"),
    "mase": Metric(mase, "lower", "scaled", "ratio"),
    "rmsse": Metric(rmsse, "lower", "squares", "ratio"),
    "quantile_loss": Metric(quantile_loss, "lower", "quantile", "target"),
    "crps": Metric(crps, "lower", "quantiles", "target"),
    "coverage": Metric(coverage, "nominal", "interval", "share"),
    "width": Metric(width, "lower", "interval", "target"),
    "scaled_width": Metric(scaled_width, "lower", "scaled interval", "ratio"),
    "pinball": Metric(pinball, "lower", "level interval", "target"),
}
