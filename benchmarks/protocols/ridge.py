"""One linear map of a window's rows, less the newest, to all steps: the same for all series.

Ridge regression in closed form on windows of the training part (Toner & Darlow 2024, "An analysis
of linear time series forecasting models"); the penalty is that with the least squared error on the
validation part.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rollcast.score.ridge import ridge

PENALTIES = (0.1, 0.3, 1.0, 3.0)
"""Per window."""

MOST_WINDOWS, AT_ONCE = 20_000, 4000


def windows_of(
    values: np.ndarray, begin: int, end: int, context: int, horizon: int, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Series and origins of all windows whose targets lie from ``begin`` to ``end``, series by
    series; of more than ``most`` evenly spaced ones."""
    origins = np.arange(max(begin, context), end - horizon + 1)
    if most is not None:
        origins = origins[:: max(1, len(origins) * values.shape[1] // most)]
    which = np.repeat(np.arange(values.shape[1]), len(origins))
    return which, np.tile(origins, values.shape[1])


def cut(
    values: np.ndarray, which: np.ndarray, origins: np.ndarray, context: int, horizon: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pasts and targets less the newest value, and that value ``(windows, 1)``."""
    rows = values[origins[:, None] + np.arange(-context, horizon), which[:, None]]
    newest = rows[:, context - 1 : context]
    return rows[:, :context] - newest, rows[:, context:] - newest, newest


def ridge_forecasts(
    values: np.ndarray, ends: tuple[int, int, int], context: int, horizon: int
) -> list[np.ndarray]:
    """Forecasts of all windows of the validation and of the test part ``(windows, horizon)``, of
    ``values (rows, series)`` whose parts end at ``ends``."""
    chosen = windows_of(values, 0, ends[0], context, horizon, MOST_WINDOWS)
    past, target, _ = cut(values, *chosen, context, horizon)
    gram, cross = past.T @ past, past.T @ target
    maps = [ridge(gram, cross, penalty * len(past)) for penalty in PENALTIES]
    judged = windows_of(values, ends[0], ends[1], context, horizon, MOST_WINDOWS)
    past, target, _ = cut(values, *judged, context, horizon)
    best = min(maps, key=lambda found: float(np.square(past @ found - target).mean()))
    made = []
    for begin, end in pairwise(ends):
        which, origins = windows_of(values, begin, end, context, horizon)
        found = np.empty((len(which), horizon), np.float32)
        for start in range(0, len(which), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            past, _, newest = cut(values, which[some], origins[some], context, horizon)
            found[some] = past @ best + newest
        made.append(found)
    return made
