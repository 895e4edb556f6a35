"""Tweedie's compound Poisson–gamma: values from 0 on with many zeros, as rain or spare parts.

Its variance is φ μ^p with the power p between 1 and 2 (Jørgensen 1987, section 4); μ is that of
link.py, but at least LEAST scales of the window, and φ counts in those scales. The density has no
closed form (Dunn and Smyth 2005), so what is minimised is, of values in scales of the window,

    d(y, μ)/2 + log(φ μ^p)/2 + (y − μ)² / (2 φ μ^p)

the unit deviance d, whose minimum is the mean, and the score of Dawid and Sebastiani (1999), whose
minimum are mean and variance: a proper score of both. The point forecast is the mean. Quantiles
have the exact mass at 0 and above it a gamma distribution of the exact mean and variance of values
above 0: exact for few events and for many, between within 6 % of a deviation or 4 % of the value.
"""

from __future__ import annotations

import numpy as np

from rollcast.nn.heads.head import Family, Unit
from rollcast.nn.heads.link import LEAST, mean, mean_shift, number_of, positive, positive_slope

Array = np.ndarray


def family(power: float) -> Family:
    """The head of a power between 1 and 2."""
    one, two = power - 1.0, 2.0 - power

    def loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
        value = np.maximum(unit.value(target) / unit.scale, 0.0)
        expected, slope = scaled_mean(output[:, 0], unit)
        spread = positive(output[:, 1])
        variance = expected**power
        error = value - expected
        square = error * error / variance
        deviance = (
            value * expected**-one / one + expected**two / two - value**two / (one * two)
        )  # half of it
        losses = deviance + 0.5 * (np.log(spread * variance) + square / spread)
        by_mean = -error / variance * (1.0 + 1.0 / spread)
        by_mean += 0.5 * power * (1.0 - square / spread) / expected
        by_spread = 0.5 * (1.0 - square / spread) / spread * positive_slope(output[:, 1])
        return losses, np.stack([by_mean * slope, by_spread], axis=1)

    def quantile(output: Array, level: Array, unit: Unit) -> Array:
        from scipy.special import gammaincinv

        expected, _ = scaled_mean(output[:, 0], unit)
        variance = positive(output[:, 1]) * expected**power
        events = expected * expected / (variance * two)
        some = -np.expm1(-events)  # the chance of any value above 0
        above = expected / some
        shape = above * above / (variance / some + expected * above - above * above)
        rest = np.clip((level - (1.0 - some)) / some, 0.0, 1.0)
        return unit.scale * above / shape * gammaincinv(shape, rest)

    def begin(target: Array, forecast: Array, unit: Unit) -> Array:
        shift = mean_shift(target, forecast, unit)
        expected, _ = scaled_mean(forecast + shift, unit)
        error = unit.value(target) / unit.scale - expected
        spread = float((error * error).sum() / np.maximum((expected**power).sum(), 1e-12))
        return np.array([shift, number_of(spread)])

    def point(output: Array, unit: Unit) -> Array:
        return unit.scale * scaled_mean(output[:, 0], unit)[0]

    return Family(loss, point, quantile, begin)


def scaled_mean(number: Array, unit: Unit) -> tuple[Array, Array]:
    """The mean in scales of the window, and its slope."""
    expected, slope = mean(number, unit)
    return expected / unit.scale + LEAST, slope / unit.scale
