"""Counts: the Poisson distribution, and the negative binomial, which spreads wider.

The mean μ is that of link.py, in counts. The negative binomial's variance is μ + α μ² (NB2 of
Cameron and Trivedi 2013, section 3.3.1; as DeepAR has it); with α → 0 it is Poisson. Means of many
counts weigh more than means of few, as they say more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rollcast.nn.heads.head import Family, Unit
from rollcast.nn.heads.link import mean, mean_shift, number_of, positive, positive_slope

Array = np.ndarray

MOST_DISPERSED = 50.0
"""Largest α at the start."""


def counts(target: Array, unit: Unit) -> Array:
    """Whole numbers from scaled targets, which float32 has rounded."""
    return np.maximum(np.rint(unit.value(target)), 0.0)


def _poisson_loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
    from scipy.special import gammaln

    count = counts(target, unit)
    expected, slope = mean(output[:, 0], unit)
    loss = expected - count * np.log(expected) + gammaln(count + 1.0)
    return loss, ((1.0 - count / expected) * slope)[:, None]


def _poisson_quantile(output: Array, level: Array, unit: Unit) -> Array:
    from scipy.special import pdtr, pdtrik

    expected = mean(output[:, 0], unit)[0]
    return least_count(pdtrik(level, expected), lambda count: pdtr(count, expected) >= level)


def _poisson_begin(target: Array, forecast: Array, unit: Unit) -> Array:
    return np.array([mean_shift(target, forecast, unit)])


def _negative_binomial_loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
    from scipy.special import digamma, gammaln

    count = counts(target, unit)
    expected, slope = mean(output[:, 0], unit)
    alpha = positive(output[:, 1])
    size = 1.0 / alpha
    wide = np.log1p(alpha * expected)
    loss = (
        gammaln(size)
        + gammaln(count + 1.0)
        - gammaln(count + size)
        + size * wide
        + count * (wide - np.log(alpha * expected))
    )
    by_mean = (1.0 - count / expected) / (1.0 + alpha * expected)
    by_size = digamma(size) - digamma(count + size) + wide + (count - expected) / (size + expected)
    by_alpha = -size * size * by_size * positive_slope(output[:, 1])
    return loss, np.stack([by_mean * slope, by_alpha], axis=1)


def _negative_binomial_quantile(output: Array, level: Array, unit: Unit) -> Array:
    from scipy.special import betainc, nbdtrik

    expected, size = mean(output[:, 0], unit)[0], 1.0 / positive(output[:, 1])
    success = size / (size + expected)
    return least_count(
        nbdtrik(level, size, success),
        lambda count: betainc(size, count + 1.0, success) >= level,
    )


def _negative_binomial_begin(target: Array, forecast: Array, unit: Unit) -> Array:
    shift = mean_shift(target, forecast, unit)
    expected = mean(forecast + shift, unit)[0]
    excess = (counts(target, unit) - expected) ** 2 - expected
    alpha = float(excess.sum()) / max(float((expected * expected).sum()), 1e-12)
    return np.array([shift, number_of(min(max(alpha, 0.01), MOST_DISPERSED))])


def least_count(inverse: Array, reached: Callable[[Array], Array]) -> Array:
    """The least whole number at which a distribution function reaches a level, from its inverse
    between whole numbers, which rounding may put beyond one. (SciPy's is 1e100 where all is 0.)"""
    count = np.ceil(np.where(reached(np.zeros_like(inverse)), 0.0, inverse))
    less = np.maximum(count - 1.0, 0.0)
    return np.where(reached(less), less, count)


def _median(quantile: Callable[[Array, Array, Unit], Array]) -> Callable[[Array, Unit], Array]:
    return lambda output, unit: quantile(output, np.full(len(output), 0.5), unit)


POISSON = Family(_poisson_loss, _median(_poisson_quantile), _poisson_quantile, _poisson_begin)

NEGATIVE_BINOMIAL = Family(
    _negative_binomial_loss,
    _median(_negative_binomial_quantile),
    _negative_binomial_quantile,
    _negative_binomial_begin,
)
