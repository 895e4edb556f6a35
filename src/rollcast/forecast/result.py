"""Forecasts as a table: the user's id and time columns, the median, the ends of the intervals."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.data.panel import Panel
from rollcast.errors import UsageError
from rollcast.forecast.intervals import Calibration, check_level

LOG = logging.getLogger("rollcast")


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts from the end of every series of ``panel``, in the unit of the target.

    ``median (series, horizon)``; ``bands``: level in percent → ``(low, high)``, shaped alike.
    """

    panel: Panel
    name: str
    median: np.ndarray
    bands: dict[float, tuple[np.ndarray, np.ndarray]]

    @property
    def times(self) -> np.ndarray:
        """The stamps forecast, ``(series, horizon)``."""
        return self.panel.future_times(self.median.shape[1])

    def frame(self) -> Any:
        """The table: a row for every series and step, in the kind of table that came in."""
        series, horizon = self.median.shape
        columns = {self.name: self.median.ravel()}
        for level, (low, high) in self.bands.items():
            columns[f"{self.name}-lo-{level:g}"] = low.ravel()
            columns[f"{self.name}-hi-{level:g}"] = high.ravel()
        index = np.repeat(np.arange(series), horizon)
        return self.panel.frame(index, self.times.ravel(), columns)


class UsualLevels(tuple[float, ...]):
    """Levels that nobody asked for: where the calibration has too few windows for some, the rest
    will do."""


USUAL_LEVELS = UsualLevels((80, 95))


def levels_for(
    level: float | Sequence[float] | None, calibration: Calibration
) -> tuple[float, ...]:
    """`checked_levels`, of usual ones those that this calibration can give; a log line says which
    are left out."""
    levels = checked_levels(level)
    if not isinstance(level, UsualLevels):
        return levels
    had = tuple(each for each in levels if each <= calibration.largest_level)
    for each in levels[len(had) :]:
        LOG.warning("no %g %% interval: the table is too short to calibrate it", each)
    return had


def checked_levels(level: float | Sequence[float] | None) -> tuple[float, ...]:
    """Levels in percent, each once, as they came; raises UsageError for what is no percentage."""
    if level is None:
        return ()
    if isinstance(level, str) or not isinstance(level, Sequence | np.ndarray):
        level = (level,)  # type: ignore[assignment]
    levels: list[float] = []
    for each in level:  # type: ignore[union-attr]
        check_level(each)
        plain = int(each) if float(each).is_integer() else float(each)
        if plain in levels:
            raise UsageError(f"level={tuple(level)!r}: {plain} appears twice.")  # type: ignore[arg-type]
        levels.append(plain)
    return tuple(levels)
