"""From the free numbers of a network to parameters that cannot be below 0, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rollcast.nn.heads.head import Unit

Array = np.ndarray

LEAST = 1e-3
"""Floor of a spread, in scales of the window: without it one that is certain has no likelihood."""

SHARPNESS = 4.0
"""How sharply the mean bends where a linear forecast would go below 0: see `mean`."""

LOWEST = -60.0
"""From here on down a mean does not fall any more: it is 1e-26 scales."""

MOST_SHIFT, HALVINGS = 20.0, 50


def positive(number: Array) -> Array:
    """softplus(number) + LEAST."""
    return np.logaddexp(0.0, number) + LEAST


def positive_slope(number: Array) -> Array:
    """Slope of `positive`: the logistic function."""
    return 0.5 + 0.5 * np.tanh(0.5 * number)


def number_of(positive: float) -> float:
    """The number of which ``positive`` is made."""
    above = max(positive - LEAST, LEAST)
    return float(above + np.log(-np.expm1(-above)))


def mean(number: Array, unit: Unit) -> tuple[Array, Array]:
    """The mean (or median) of values that cannot be below 0, in their own unit, and its slope.

    scale · softplus(β(location / scale + number)) / β: a scaled forecast stays what it is where it
    is above 0 by more than 1/β scales, as a linear path needs; below, the mean falls as exp(β…).
    """
    bent = np.maximum(SHARPNESS * (number + unit.location / unit.scale), LOWEST)
    slope = np.where(bent > LOWEST, positive_slope(bent), 0.0)
    return unit.scale * np.logaddexp(0.0, bent) / SHARPNESS, unit.scale * slope


def best_shift(excess: Callable[[float], float]) -> float:
    """The number to add to forecasts at which ``excess``, which rises with it, is 0."""
    low, high = -MOST_SHIFT, MOST_SHIFT
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if excess(middle) > 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def mean_shift(target: Array, forecast: Array, unit: Unit) -> float:
    """The number to add to linear forecasts so that their mean is that of the targets."""
    values = np.maximum(unit.value(target), 0.0).sum()
    if values <= 0.0:
        return -1.0
    return best_shift(lambda shift: float(mean(forecast + shift, unit)[0].sum() - values))
