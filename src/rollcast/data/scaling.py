"""Location and scale: what is taken away from values before the network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rollcast.data.panel import Panel

SCALINGS: dict[str, str] = {
    "window": "mean and standard deviation of each window: follows a level that moves",
    "series": "mean and standard deviation of each series: keeps the level as information",
}
"""Kinds of scaling and what they are for."""

CONSTANT = 1e-9
"""A spread smaller than this part of the level is rounding, not spread."""


def series_statistics(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each series: two float64 ``(series,)``.

    Pass the training part only. A series without spread gets its level as scale (a step of 5 from a
    constant 100 is 0.05), one without level either gets 1; the engine scales windows alike.
    """
    begins = panel.offsets[:-1]
    observed = ~np.isnan(panel.values)
    count = np.maximum(np.add.reduceat(observed.astype(np.int64), begins), 1)
    location = np.add.reduceat(np.where(observed, panel.values, 0.0), begins) / count
    centred = np.where(observed, panel.values - np.repeat(location, panel.lengths), 0.0)
    spread = np.sqrt(np.add.reduceat(centred * centred, begins) / count)
    return location, floored(location, spread)


def floored(location: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """``spread`` where there is any, else the level, else 1."""
    level = np.abs(location)
    constant = spread <= CONSTANT * level
    return np.where(constant, np.where(level > 0, level, 1.0), spread)
