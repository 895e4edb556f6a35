"""Location and scale: what is taken away from values before the network sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rollcast.choice import choose, require, written
from rollcast.data.panel import Panel

Array = np.ndarray

CONSTANT = 1e-9
"""A spread smaller than this part of the level is rounding, not spread."""

DEVIATIONS = 1.3489795003921634
"""Deviations of a normal distribution between its quartiles."""


@dataclass(frozen=True)
class Scaling:
    """``by_series``: one location and scale for each series, else for each window. ``measure``: a
    row of `MEASURES`, None = values stay as they are."""

    by_series: bool
    measure: str | None

    @property
    def of(self) -> str:
        """``"series"`` or ``"window"``: inputs are scaled by the same, always by deviation."""
        return "series" if self.by_series else "window"


MEASURES: dict[str, str] = {
    "deviation": "mean and standard deviation",
    "median": "median and interquartile range, which outliers do not move",
    "last": "the newest value and the standard deviation",
    "mean": "0 and the mean absolute value, for what is naturally counted from 0",
}
"""What location and scale are; the engine's names."""


def _window(by: str = "deviation") -> Scaling:
    require("by", by, by in MEASURES, f"one of {', '.join(MEASURES)}")
    return Scaling(False, by)


def _series(by: str = "deviation") -> Scaling:
    require("by", by, by in MEASURES, f"one of {', '.join(MEASURES)}")
    return Scaling(True, by)


SCALINGS: dict[str, Callable[..., Scaling]] = {
    "window": _window,  # follows a level that moves
    "series": _series,  # keeps the level as information
    "none": lambda: Scaling(True, None),
}
"""Kinds of scaling: ``"window"``, ``"series(median)"`` …"""


def make_scaling(text: str) -> Scaling:
    """The scaling that a text names; raises ``UsageError``."""
    return choose("scaling", text, SCALINGS)


def scaling_text(text: str) -> str:
    """The text as it is written once it has been checked; raises ``UsageError``."""
    return written("scaling", text, SCALINGS)


def series_statistics(panel: Panel, measure: str | None = "deviation") -> tuple[Array, Array]:
    """Location and scale of each series, by a row of `MEASURES`: two float64 ``(series,)``.

    Pass the training part only. A series without spread gets its level as scale (a step of 5 from a
    constant 100 is 0.05), one without level either gets 1; the engine scales windows alike.
    """
    begins = panel.offsets[:-1]
    if measure is None:
        return np.zeros(len(panel)), np.ones(len(panel))
    observed = ~np.isnan(panel.values)
    known = np.where(observed, panel.values, 0.0)
    count = np.maximum(np.add.reduceat(observed.astype(np.int64), begins), 1)
    if measure == "mean":
        level = np.add.reduceat(np.abs(known), begins) / count
        return np.zeros(len(panel)), np.where(level > 0, level, 1.0)
    location = np.add.reduceat(known, begins) / count
    centred = np.where(observed, panel.values - np.repeat(location, panel.lengths), 0.0)
    spread = np.sqrt(np.add.reduceat(centred * centred, begins) / count)
    if measure == "median":
        location, spread = _median(panel, location, spread)
    if measure == "last":
        rows = np.where(observed, np.arange(len(panel.values)), -1)
        newest = np.maximum.reduceat(rows, begins)
        location = np.where(newest >= begins, panel.values[np.maximum(newest, 0)], location)
    return location, floored(location, spread)


def _median(panel: Panel, location: Array, spread: Array) -> tuple[Array, Array]:
    """Median and interquartile range in deviations; the given ones where there is nothing, and the
    given spread where half of the values are alike."""
    series = np.repeat(np.arange(len(panel)), panel.lengths)
    ordered = panel.values[np.lexsort((panel.values, series))]  # NaN last in its series
    count = np.add.reduceat((~np.isnan(ordered)).astype(np.int64), panel.offsets[:-1])
    some = count > 0

    def at(share: float) -> Array:
        place = share * (np.maximum(count, 1) - 1)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(count, 1) - 1)
        low, high = (ordered[panel.offsets[:-1] + each] for each in (below, above))
        return low + (place - below) * (high - low)

    location = np.where(some, at(0.5), location)
    wide = at(0.75) - at(0.25)
    apart = some & (wide > CONSTANT * np.abs(location))
    return location, np.where(apart, wide / DEVIATIONS, spread)


def floored(location: Array, spread: Array) -> Array:
    """``spread`` where there is any, else the level, else 1."""
    level = np.abs(location)
    constant = spread <= CONSTANT * level
    return np.where(constant, np.where(level > 0, level, 1.0), spread)
