"""At which rows of a panel windows can begin to forecast."""

from __future__ import annotations

import numpy as np

from rollcast.data.panel import Panel


def usable(panel: Panel, context: int, horizon: int, stop: np.ndarray | None) -> np.ndarray:
    """The newest past row of every window with a value in past and target, the target before the
    row ``stop (series,)``; None = the end of each series."""
    rows = np.arange(len(panel.values))
    ends = panel.offsets[1:] if stop is None else stop
    newest = rows[rows + 1 < np.repeat(ends, panel.lengths)]
    if np.isnan(panel.values).any():
        newest = newest[filled(panel, newest, context, horizon, stop)]
    # ten million origins fit in half the memory
    return newest.astype(np.int32) if len(rows) + max(context, horizon) < 2**31 else newest


def filled(
    panel: Panel, newest: np.ndarray, context: int, horizon: int, stop: np.ndarray | None
) -> np.ndarray:
    """Which windows, named by their newest past row, have a value in both parts."""
    seen = np.concatenate([[0], np.cumsum(~np.isnan(panel.values))])
    series = np.searchsorted(panel.offsets, newest, side="right") - 1
    origin = newest.astype(np.int64) + 1
    begin = np.maximum(origin - context, panel.offsets[series])
    ends = panel.offsets[1:] if stop is None else stop
    end = np.minimum(origin + horizon, ends[series])
    return (seen[origin] > seen[begin]) & (seen[end] > seen[origin])
