"""Measures of quantiles and intervals; `rollcast.score.metrics` says what their arguments are."""

import numpy as np
from numpy.typing import ArrayLike

from rollcast.errors import UsageError
from rollcast.score.mean import Axis, Score, mean_of, paired, scaled


def quantile_loss(
    truth: ArrayLike, forecast: ArrayLike, level: float, *, axis: Axis = None
) -> Score:
    """Pinball loss of one quantile, in the unit of the target.

    ``level`` is the quantile's probability, between 0 and 1. Half the absolute error at 0.5.
    Koenker and Bassett 1978.
    """
    truth, forecast = paired(truth, forecast)
    if not 0.0 < level < 1.0:
        raise UsageError(f"quantile_loss: level is {level}, expected a number between 0 and 1.")
    error = truth - forecast
    return mean_of(np.maximum(level * error, (level - 1.0) * error), truth, axis)


def crps(truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike, *, axis: Axis = None) -> Score:
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


def coverage(truth: ArrayLike, low: ArrayLike, high: ArrayLike, *, axis: Axis = None) -> Score:
    """Share of the observed points inside the interval, ends included, from 0 to 1.

    The best value is the level of the interval (0.8 for an 80 % interval), not 1.
    """
    truth, low = paired(truth, low)
    truth, high = paired(truth, high)
    inside = ((low <= truth) & (truth <= high)).astype(np.float64)
    inside[np.isnan(low) | np.isnan(high)] = np.nan
    return mean_of(inside, truth, axis)


def width(truth: ArrayLike, low: ArrayLike, high: ArrayLike, *, axis: Axis = None) -> Score:
    """Mean width of the interval over the observed points, in the unit of the target.

    Narrower is better only between intervals of like coverage.
    """
    truth, low = paired(truth, low)
    truth, high = paired(truth, high)
    return mean_of(high - low, truth, axis)


def scaled_width(
    truth: ArrayLike, low: ArrayLike, high: ArrayLike, scale: ArrayLike, *, axis: Axis = None
) -> Score:
    """Mean width of the interval in the unit of MASE: ``scale (windows,)`` from `seasonal_scale`.

    Windows whose scale is 0 or NaN are left out.
    """
    truth, low = paired(truth, low)
    truth, high = paired(truth, high)
    truth, scale = scaled("scaled_width", truth, scale)
    return mean_of((high - low) / scale, truth, axis)


def pinball(
    truth: ArrayLike, low: ArrayLike, high: ArrayLike, level: float, *, axis: Axis = None
) -> Score:
    """Mean pinball loss of the two ends of an interval of ``level`` percent, as quantiles.

    It is (1 − level/100)/4 times the interval score of Gneiting and Raftery 2007, section 6.2: low
    for intervals that are narrow and cover. In the unit of the target.
    """
    tail = (1.0 - level / 100.0) / 2.0
    below = quantile_loss(truth, low, tail, axis=axis)
    return (below + quantile_loss(truth, high, 1.0 - tail, axis=axis)) / 2.0
