"""Windows of long series, gathered side by side and scaled."""

import numpy as np

from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array

# In the order of `Measure` in native/windows.h.
MEASURES = ("deviation", "median", "last", "mean")


def gather(
    values: Array,
    begin: Array,
    shape: tuple[int, int],
    dtype: np.dtype,
    *,
    stop: Array | None = None,
    statistics: tuple[Array, Array] | None = None,
    constant: float = 0.0,
    measure: str = "deviation",
) -> tuple[Array, Array, Array, Array]:
    """Windows of ``shape = (context, horizon)`` rows, beginning at ``values[begin]``.

    Returns ``(value - location) / scale`` of type ``dtype``, 0 where not observed, and what was
    observed, both ``(context + horizon, windows)``; location and scale, float64 ``(windows,)``.

    values: float64, NaN where missing. begin, stop: int64 ``(windows,)``; a window's rows from
    ``stop`` on do not count as observed. statistics: location and scale when they are known.
    Without them they are found in what was observed of the context, by ``measure``: mean and
    standard deviation; median and interquartile range, in deviations of a normal distribution (the
    standard deviation where half of the values are alike); the newest value and the standard
    deviation; or 0 and the mean absolute value. A spread that is at most ``constant`` times the
    level gives way to the level, and a level of 0 to 1.
    """
    context, horizon = shape
    find = statistics is None
    if statistics is None:
        statistics = np.empty(len(begin)), np.empty(len(begin))
    location, scale = (np.ascontiguousarray(each, np.float64) for each in statistics)
    scaled = np.empty((context + horizon, len(begin)), dtype)
    observed = np.empty(scaled.shape, bool)
    _native.gather(
        values, begin, stop, context, constant, find, MEASURES.index(measure), location, scale,
        scaled, observed,
    )  # fmt: skip
    return scaled, observed, location, scale
