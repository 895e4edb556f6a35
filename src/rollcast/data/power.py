"""The transform of Box and Cox, and the power that makes a series most nearly normal."""

from __future__ import annotations

import numpy as np

from rollcast.data.panel import Panel

Array = np.ndarray

LARGEST = 1e300
SMALLEST_POWER = 1e-6
"""A smaller power is the logarithm."""

POWERS = np.linspace(0.0, 2.0, 81)
"""Those that are tried. Below 0 a transform is bounded above, and undone it may be infinite."""

LEAST_VALUES = 8
"""A series with fewer different values says nothing of its power: it stays as it is."""


def powered(values: Array, power: Array) -> Array:
    """(y^λ − 1)/λ, or log y where λ is 0; values above 0, NaN stays."""
    log = np.log(values)
    safe = np.where(power > SMALLEST_POWER, power, 1.0)
    return np.where(power > SMALLEST_POWER, np.expm1(safe * log) / safe, log)


def unpowered(numbers: Array, power: Array) -> Array:
    """The values of which `powered` made the numbers; 0 below the least that there can be."""
    power = np.broadcast_to(power, numbers.shape)
    safe = np.where(power > SMALLEST_POWER, power, 1.0)
    top = np.log(LARGEST)
    inside = np.maximum(safe * numbers, -1.0)
    with np.errstate(divide="ignore"):
        log = np.where(power > SMALLEST_POWER, np.log1p(inside) / safe, numbers)
    return np.exp(np.minimum(log, top))


def found_powers(panel: Panel) -> Array:
    """The power of each series ``(series,)`` by maximum likelihood over `POWERS` (Box and Cox 1964,
    section 3): −n/2 log(variance of the transformed) + (λ − 1) Σ log y. 1, which changes nothing,
    for a series of fewer than LEAST_VALUES different values."""
    begins, values = panel.offsets[:-1], panel.values
    seen = ~np.isnan(values)
    count = np.maximum(np.add.reduceat(seen.astype(np.int64), begins), 1)
    logs = np.log(np.where(seen, values, 1.0))
    mean = np.add.reduceat(logs, begins) / count
    logs = np.where(seen, logs - np.repeat(mean, panel.lengths), 0.0)  # the unit changes nothing
    best, result = np.full(len(panel), -np.inf), np.ones(len(panel))
    for power in POWERS:
        moved = logs if power == 0 else np.expm1(np.minimum(power * logs, 700.0)) / power
        middle = np.add.reduceat(np.where(seen, moved, 0.0), begins) / count
        apart = np.where(seen, moved - np.repeat(middle, panel.lengths), 0.0)
        with np.errstate(over="ignore", divide="ignore"):
            variance = np.add.reduceat(apart * apart, begins) / count
            likelihood = -0.5 * count * np.log(variance)  # Σ log y is 0 of centred logarithms
        better = np.isfinite(likelihood) & (likelihood > best)
        best, result = np.where(better, likelihood, best), np.where(better, power, result)
    series = np.repeat(np.arange(len(panel)), panel.lengths)[seen]
    pairs = np.unique(np.stack([series.astype(float), values[seen]]), axis=1)[0].astype(np.int64)
    different = np.bincount(pairs, minlength=len(panel))
    return np.where(different >= LEAST_VALUES, result, 1.0)
