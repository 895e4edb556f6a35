"""What new rows teach a fitted model without training: how wide its intervals must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rollcast.data.frequency import steps_between
from rollcast.data.panel import Panel, count_within
from rollcast.forecast.evaluate import raw_windows
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.intervals import MOST_WINDOWS, NEWEST_ORIGINS, forecast_spread, scores_of


def learnt(fitted: Fitted, before: Panel, now: Panel) -> Fitted:
    """``fitted`` with a calibration that knows the windows whose last truth came with the rows that
    ``now`` has and ``before`` had not.

    Their origins are later than all that was trained on, as far apart as those held out of the fit,
    and have a whole context before them. A window counts when all of its horizon is there.
    """
    series, origins = new_windows(fitted, before, now)
    if len(origins) == 0:
        return fitted
    windows = fitted.windows(now).at(series, origins)
    found, below, above = forecast_spread(
        fitted.network, fitted.weights, windows, blend=fitted.blend
    )
    rows = windows.origin.astype(np.int64)
    _, truth = raw_windows(now, windows.series, rows, 1, windows.horizon)
    scores = scores_of(found.median, below, above, truth)
    stamps = now.times[rows].astype(np.int64)
    return replace(fitted, calibration=fitted.calibration.after(scores, stamps))


def new_windows(fitted: Fitted, before: Panel, now: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Series and origin, in rows of the series, of the windows that became whole."""
    spec = fitted.network.spec
    places = {id: index for index, id in enumerate(before.ids.tolist())}
    known = np.array([places.get(id, -1) for id in now.ids.tolist()], np.int64)
    old = np.where(known >= 0, before.lengths[known], 0)
    # A window is whole when its last row, horizon − 1 after its origin, is there.
    most = min(NEWEST_ORIGINS, -(-MOST_WINDOWS // len(now))) * fitted.holdout.step
    first = np.maximum(old, now.lengths - most) - spec.horizon + 1
    first = np.maximum(first, fitted.reach)
    counts = np.maximum(now.lengths - spec.horizon + 1 - first, 0)
    series = np.repeat(np.arange(len(now)), counts)
    origins = first[series] + count_within(counts)
    stamps = now.times[now.offsets[series] + origins]
    until = np.asarray(fitted.trained_until).astype(now.times.dtype)
    after, _ = steps_between(np.broadcast_to(until, stamps.shape), stamps, fitted.freq)
    chosen = (after >= 1) & ((after - 1) % fitted.holdout.step == 0)
    chosen &= _observed(now, series, origins, spec.context)
    return series[chosen], origins[chosen]


def _observed(panel: Panel, series: np.ndarray, origins: np.ndarray, context: int) -> np.ndarray:
    """Which windows have a value in their context."""
    seen = np.concatenate([[0], np.cumsum(~np.isnan(panel.values))])
    rows = panel.offsets[series] + origins
    return seen[rows] > seen[rows - context]
