"""How much of the past a window sees, and which windows are held out of training.

The held-out windows decide when training stops, calibrate the intervals and give the scores that
``fit`` reports. They are the last rolling origins of each series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.data.calendar import calendar_feature_names
from rollcast.data.panel import Panel
from rollcast.errors import UsageError

MOST_SHARE = 0.15
"""Part of a typical series that is held out, unless the horizon itself needs more."""

LARGEST_SHARE = 1 / 3
"""Part that may be held out where a short table would otherwise allow no 95 % interval."""

WANTED_WINDOWS = 256
"""Held-out windows aimed at in all: the coverage they measure is within about 2.5 points."""

LEAST_WINDOWS = 19
"""Held-out windows that a 95 % interval needs."""

LEAST_ORIGINS = 3
"""Origins a series where there is room: with one, every series is judged on a single stretch."""

MOST_HELD = 16_384
"""Windows held out, at most, of rows that are given."""

SEASONS, HORIZONS, MOST_CONTEXT, WINDOWS_PER_ROW = 16, 3, 384, 2
"""Of the rule for the context: see `choose_context`."""

PADDED_SHARE = 0.25
"""Part of the series whose windows may be padded."""

LEAST_FOLD, MOST_FOLD, MOST_RECURRENT, SEGMENTS = 7, 192, 128, 16
"""Steps of the recurrent stack: see `choose_fold`, `choose_recurrent_steps`, `choose_segment`."""


@dataclass(frozen=True)
class Holdout:
    """``origins`` rolling origins a series, ``step`` rows apart: the last ``rows`` rows."""

    origins: int
    step: int
    rows: int


def choose_holdout(panel: Panel, horizon: int) -> Holdout:
    """The rule: as many origins as make WANTED_WINDOWS, at least LEAST_ORIGINS, within MOST_SHARE
    of the median length; spread over that part, at most a horizon apart. Where that makes fewer
    than LEAST_WINDOWS windows, origins one row apart within LARGEST_SHARE.
    """
    series = len(panel)
    length = int(np.median(panel.lengths))
    wanted = max(LEAST_ORIGINS, -(-WANTED_WINDOWS // series))
    room = max(0, int(MOST_SHARE * length) - horizon)  # rows for origins after the first
    step = min(horizon, max(1, room // max(1, wanted - 1)))
    origins = min(wanted, 1 + room // step)
    needed = -(-LEAST_WINDOWS // series)
    if origins < needed:
        room = max(room, int(LARGEST_SHARE * length) - horizon)
        step = 1
        origins = max(1, min(needed, 1 + room))
    return Holdout(origins, step, horizon + (origins - 1) * step)


def given_holdout(panel: Panel, horizon: int, rows: int) -> Holdout:
    """All origins within the last ``rows`` rows of each series; evenly spaced ones where that makes
    more than MOST_HELD windows. Raises UsageError where they are fewer than a horizon."""
    if rows < horizon:
        raise UsageError(
            f"validation={rows}: expected at least the horizon, {horizon}, or None to have the "
            "rows chosen."
        )
    step = -(-(rows - horizon + 1) * len(panel) // MOST_HELD)
    return Holdout(1 + (rows - horizon) // step, step, rows)


def holdout_of(params: Mapping[str, Any], panel: Panel) -> Holdout:
    """That of a `Forecaster` with these arguments: what it was given, or what is chosen."""
    rows, horizon = params["validation"], int(params["horizon"])
    return given_holdout(panel, horizon, rows) if rows else choose_holdout(panel, horizon)


def choose_context(panel: Panel, horizon: int, holdout: Holdout) -> int:
    """How many rows a window sees: sixteen seasons or three horizons, the longer, but at most
    MOST_CONTEXT or two seasons; in whole seasons; fewer where less than WINDOWS_PER_ROW times as
    many whole windows would be left to train on. (With fewer, the linear path from the window has
    more weights than it can learn.) Of a quarter of the series at most is a window padded, unless
    the rule is down to a season or a horizon: whole windows teach little about padded ones.

    Where not even one season fits, or of a long one not two, as a year of days in a table of four
    years, the season is left to the calendar's features and the rule is that of a table without.
    So it is where the calendar knows a season longer than MOST_FOLD of which a table has fewer than
    SEASONS: two of ten years of days are 730 weights learnt from ten years.
    """
    lengths = panel.lengths - holdout.rows - horizon

    def fits(context: int, least: int) -> bool:
        whole = np.maximum(0, lengths + 1 - context).sum()
        common = context <= max(least, horizon, np.quantile(lengths, PADDED_SHARE))
        return bool(common and whole >= WINDOWS_PER_ROW * context)

    few = np.median(panel.lengths) < SEASONS * panel.season
    left = few and panel.season > MOST_FOLD and calendar_feature_names(panel.freq)
    for season in (1,) if left else (panel.season, 1):
        most = max(MOST_CONTEXT, 2 * season)
        context = min(max(SEASONS * season, HORIZONS * horizon), most) // season * season
        least = season if 2 * season <= MOST_CONTEXT else 2 * season
        while context > least and not fits(context, least):
            context -= season
        if fits(context, least):
            return int(context)
    return 1


def choose_fold(context: int, season: int) -> int | None:
    """The rows of a season over which the recurrent stack reads the window folded: one season, or
    as many as make LEAST_FOLD rows. None without a season, with one
    longer than MOST_FOLD, or where the window has not two folds.
    """
    fold = -(-LEAST_FOLD // season) * season
    return fold if season > 1 and 2 * fold <= context and fold <= MOST_FOLD else None


def choose_recurrent_steps(context: int, horizon: int) -> int:
    """How many of the newest rows the recurrent stack reads where the window is not folded. What
    lies further back reaches the forecast through the linear path, which reads the whole window."""
    return min(context, max(horizon, MOST_RECURRENT))


def choose_segment(context: int, season: int) -> int:
    """Rows of a segment: those that make SEGMENTS of the window, in whole seasons or, where a
    season is longer, in a part that divides it, unless all of those are far from it."""
    wanted = max(1, round(context / SEGMENTS))
    if 1 < season <= wanted:
        return round(wanted / season) * season
    near = range((wanted + 1) // 2, min(2 * wanted, context) + 1)
    parts = [rows for rows in near if season > 1 and season % rows == 0]
    return min(parts, key=lambda rows: abs(rows - wanted), default=wanted)


def cut_rows(panel: Panel, holdout: Holdout) -> np.ndarray:
    """The row of the panel, ``(series,)``, before which training targets end.

    A series too short to give a window to both sides is for training only.
    """
    enough = panel.lengths >= holdout.rows + 2
    return panel.offsets[1:] - np.where(enough, holdout.rows, 0)
