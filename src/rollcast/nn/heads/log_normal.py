"""The log-normal distribution of values above 0: its median, by link.py, and the deviation σ of the
logarithm. The loss is that of the values in scales of the window."""

from __future__ import annotations

import numpy as np

from rollcast.nn.heads.head import Family, Unit
from rollcast.nn.heads.link import best_shift, mean, number_of, positive, positive_slope
from rollcast.nn.heads.normal import HALF_LOG_TWO_PI

Array = np.ndarray

NEAR_ZERO = 1e-9
"""Scales of the window: a scaled target in float32 may come back as 0 or below."""

FARTHEST = 50.0
"""Logarithm of the largest factor between a quantile and the median: a number must come out."""


def _log(target: Array, unit: Unit) -> Array:
    """The logarithm of values, in scales of the window."""
    return np.log(np.maximum(unit.value(target) / unit.scale, NEAR_ZERO))


def _loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
    median, slope = mean(output[:, 0], unit)
    spread, log = positive(output[:, 1]), _log(target, unit)
    z = (log - np.log(median / unit.scale)) / spread
    loss = log + 0.5 * z * z + np.log(spread) + HALF_LOG_TWO_PI
    by_spread = (1.0 - z * z) / spread * positive_slope(output[:, 1])
    return loss, np.stack([-z / spread * slope / median, by_spread], axis=1)


def _quantile(output: Array, level: Array, unit: Unit) -> Array:
    from scipy.special import ndtri

    far = np.minimum(positive(output[:, 1]) * ndtri(level), FARTHEST)
    return mean(output[:, 0], unit)[0] * np.exp(far)


def _begin(target: Array, forecast: Array, unit: Unit) -> Array:
    log = _log(target, unit)

    def above(shift: float) -> Array:
        return np.log(mean(forecast + shift, unit)[0] / unit.scale) - log

    shift = best_shift(lambda tried: float(above(tried).sum()))
    return np.array([shift, number_of(float(above(shift).std()))])


LOG_NORMAL = Family(_loss, lambda output, unit: mean(output[:, 0], unit)[0], _quantile, _begin)
