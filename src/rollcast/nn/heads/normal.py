"""The normal distribution: location μ and deviation σ, in scaled units."""

from __future__ import annotations

import numpy as np

from rollcast.nn.heads.head import Family, Unit
from rollcast.nn.heads.link import number_of, positive, positive_slope

Array = np.ndarray

HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)


def _loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
    spread = positive(output[:, 1])
    z = (target - output[:, 0]) / spread
    loss = 0.5 * z * z + np.log(spread) + HALF_LOG_TWO_PI
    by_spread = (1.0 - z * z) / spread * positive_slope(output[:, 1])
    return loss, np.stack([-z / spread, by_spread], axis=1)


def _quantile(output: Array, level: Array, unit: Unit) -> Array:
    from scipy.special import ndtri

    return unit.value(output[:, 0] + positive(output[:, 1]) * ndtri(level))


def _begin(target: Array, forecast: Array, unit: Unit) -> Array:
    errors = target - forecast
    return np.array([errors.mean(), number_of(float(errors.std()))])


NORMAL = Family(_loss, lambda output, unit: unit.value(output[:, 0]), _quantile, _begin)
