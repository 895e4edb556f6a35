"""A mixture of normal distributions, in scaled units (Bishop 1994).

Of K components the numbers are their common mean, then K each of offsets d, deviations σ and
logits of the weights w. Component k lies at mean + d_k − Σ w_j d_j, so that the mean of the whole
is the first number: what a recursive network feeds back. The point forecast is the median.
"""

from __future__ import annotations

import numpy as np

from rollcast.nn.heads.head import Family, Unit
from rollcast.nn.heads.link import number_of, positive, positive_slope
from rollcast.nn.heads.normal import HALF_LOG_TWO_PI

Array = np.ndarray

MOST_STEPS = 60
"""Of Newton's method within a bracket, which it halves where it must."""


def family(components: int) -> Family:
    """The head of so many components."""

    def parts(output: Array) -> tuple[Array, Array, Array]:
        """Weights, locations and deviations, each ``(n, components)``."""
        offsets, spreads, logits = np.split(output[:, 1:], 3, axis=1)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        middle = output[:, :1] - (weights * offsets).sum(axis=1, keepdims=True)
        return weights, middle + offsets, positive(spreads)

    def loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
        weights, places, spreads = parts(output)
        offsets, numbers, _ = np.split(output[:, 1:], 3, axis=1)
        z = (target[:, None] - places) / spreads
        with np.errstate(divide="ignore"):
            logs = np.log(weights) - 0.5 * z * z - np.log(spreads) - HALF_LOG_TWO_PI
        top = logs.max(axis=1, keepdims=True)
        shares = np.exp(logs - top)
        total = shares.sum(axis=1, keepdims=True)
        shares /= total  # of each component in the density of the target
        by_place = -shares * z / spreads
        by_mean = by_place.sum(axis=1, keepdims=True)
        by_offset = by_place - weights * by_mean
        by_spread = shares * (1.0 - z * z) / spreads * positive_slope(numbers)
        centred = offsets - (weights * offsets).sum(axis=1, keepdims=True)
        by_logit = weights - shares - by_mean * weights * centred
        slopes = np.concatenate([by_mean, by_offset, by_spread, by_logit], axis=1)
        return -(top + np.log(total))[:, 0], slopes

    def quantile(output: Array, level: Array, unit: Unit) -> Array:
        from scipy.special import ndtr, ndtri

        weights, places, spreads = parts(output)
        # the quantile of a mixture lies between those of its components
        each = places + spreads * ndtri(level)[:, None]
        low, high = each.min(axis=1), each.max(axis=1)
        found = (weights * each).sum(axis=1)
        for _ in range(MOST_STEPS):
            z = (found[:, None] - places) / spreads
            excess = (weights * ndtr(z)).sum(axis=1) - level
            low, high = np.where(excess < 0, found, low), np.where(excess > 0, found, high)
            density = (weights * np.exp(-0.5 * z * z - HALF_LOG_TWO_PI) / spreads).sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                next_one = found - excess / density
            inside = (next_one >= low) & (next_one <= high)
            next_one = np.where(inside, next_one, 0.5 * (low + high))
            moved = np.abs(next_one - found)
            found = next_one
            if (moved <= 1e-10 * (1.0 + np.abs(found))).all():
                break
        return unit.value(found)

    def begin(target: Array, forecast: Array, unit: Unit) -> Array:
        errors = target - forecast
        spread = float(errors.std())
        result = np.zeros(1 + 3 * components)
        result[0] = errors.mean()
        apart = np.linspace(-1.0, 1.0, components) if components > 1 else np.zeros(1)
        result[1 : 1 + components] = apart * spread  # alike, they would stay alike
        result[1 + components : 1 + 2 * components] = number_of(0.7 * spread)
        return result

    def median(output: Array, unit: Unit) -> Array:
        return quantile(output, np.full(len(output), 0.5), unit)

    return Family(loss, median, quantile, begin)
