"""Student's t: location μ, scale σ and degrees of freedom ν > 2, in scaled units.

With ν > 2 there is a variance (as in Salinas et al. 2020's DeepAR and its implementations).
"""

from __future__ import annotations

import numpy as np

from rollcast.nn.heads.head import Family, Unit
from rollcast.nn.heads.link import number_of, positive, positive_slope

Array = np.ndarray

START = 5.0
"""Degrees of freedom at the start."""


def _loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
    from scipy.special import digamma, gammaln

    spread, freedom = positive(output[:, 1]), 2.0 + positive(output[:, 2])
    z = (target - output[:, 0]) / spread
    square = z * z
    half = 0.5 * (freedom + 1.0)
    loss = (
        np.log(spread)
        + 0.5 * np.log(freedom * np.pi)
        + gammaln(0.5 * freedom)
        - gammaln(half)
        + half * np.log1p(square / freedom)
    )
    pull = (freedom + 1.0) / (freedom + square)
    by_location = -pull * z / spread
    by_spread = (1.0 - pull * square) / spread
    by_freedom = 0.5 * (
        1.0 / freedom
        + digamma(0.5 * freedom)
        - digamma(half)
        + np.log1p(square / freedom)
        - pull * square / freedom
    )
    slopes = positive_slope(output[:, 1:])
    return loss, np.stack([by_location, by_spread * slopes[:, 0], by_freedom * slopes[:, 1]], 1)


def _quantile(output: Array, level: Array, unit: Unit) -> Array:
    from scipy.special import stdtrit

    freedom = 2.0 + positive(output[:, 2])
    return unit.value(output[:, 0] + positive(output[:, 1]) * stdtrit(freedom, level))


def _begin(target: Array, forecast: Array, unit: Unit) -> Array:
    errors = target - forecast
    spread = float(errors.std()) * np.sqrt((START - 2.0) / START)
    return np.array([np.median(errors), number_of(spread), number_of(START - 2.0)])


STUDENT_T = Family(_loss, lambda output, unit: unit.value(output[:, 0]), _quantile, _begin)
