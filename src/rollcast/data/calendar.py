"""What a stamp says by itself: the hour, the weekday and the season of the year, as waves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast.data.frequency import (
    DAY,
    WEEK,
    Frequency,
    advance,
    parse_frequency,
    steps_between,
)
from rollcast.data.holidays import holiday_features

if TYPE_CHECKING:
    from rollcast.data.panel import Panel

TWO_PI = 2 * np.pi


def _part_of_day(times: np.ndarray) -> np.ndarray:
    return times.astype("M8[us]").astype(np.int64) % DAY / DAY


def _part_of_week(times: np.ndarray) -> np.ndarray:
    # 1970-01-01 was a Thursday: three days after a Monday
    return (times.astype("M8[us]").astype(np.int64) + 3 * DAY) % WEEK / WEEK


def _part_of_year(times: np.ndarray) -> np.ndarray:
    years = times.astype("M8[Y]")
    begin, end = years.astype("M8[us]"), (years + 1).astype("M8[us]")
    return (times - begin) / (end - begin)


def _month_of_year(times: np.ndarray) -> np.ndarray:
    return times.astype("M8[M]").astype(np.int64) % 12 / 12


# cycle -> where in it a stamp lies, from 0 to 1
CYCLES = {
    "day": _part_of_day,
    "week": _part_of_week,
    "year": _part_of_year,
    "month": _month_of_year,
}


def _waves(frequency: Frequency) -> tuple[tuple[str, int], ...]:
    """The cycles a frequency can tell apart, each with its number of waves.

    A second wave draws the two humps of a day and sets the weekend apart.
    """
    if frequency.kind == "integer":
        return ()
    if frequency.kind == "month":
        waves = {1: 2, 2: 2, 3: 1, 4: 1}.get(frequency.step, 0)
        return (("month", waves),) if waves else ()
    if frequency.kind == "business":
        return (("week", 2), ("year", 1))
    cycles: list[tuple[str, int]] = []
    if frequency.step < DAY:
        cycles.append(("day", 2 if frequency.step <= DAY // 6 else 1))
    if frequency.step < WEEK:
        cycles.append(("week", 2))
    if frequency.step < 26 * WEEK:
        cycles.append(("year", 1))
    return tuple(cycles)


def calendar_feature_names(freq: str | int) -> tuple[str, ...]:
    """One name for each column of `calendar_features`; none for integer or yearly time.

    >>> calendar_feature_names("W")
    ('sin_year_1', 'cos_year_1')
    """
    return tuple(
        f"{wave}_{cycle}_{number}"
        for cycle, count in _waves(parse_frequency(freq))
        for number in range(1, count + 1)
        for wave in ("sin", "cos")
    )


def calendar_features(times: np.ndarray, freq: str | int) -> np.ndarray:
    """``(rows, features)`` float32 in [-1, 1], known for any stamp, past or future.

    Sine and cosine of the place in the day, the week and the year: those that ``freq`` can tell
    apart. ``times (rows,)`` is by the clock on the wall (`Panel.local`).
    """
    columns = []
    for cycle, count in _waves(parse_frequency(freq)):
        angle = TWO_PI * CYCLES[cycle](times)
        for number in range(1, count + 1):
            columns += [np.sin(number * angle), np.cos(number * angle)]
    if not columns:
        return np.zeros((len(times), 0), np.float32)
    return np.stack(columns, axis=1).astype(np.float32)


MOST_GRIDS = 16
"""Grids looked for among the series of a panel; series beyond get rows of their own."""


def feature_table(panel: Panel, before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of every stamp from ``before`` rows ahead of each series to ``after`` rows past it.

    A table ``(stamps, features)`` and the row of it ``(series,)`` where each series begins. Series
    on the same grid share one run of rows, so a hundred thousand series of the same year cost no
    more than one.
    """
    lengths = panel.lengths
    first = np.zeros(len(panel), np.int64)
    if not calendar_feature_names(panel.freq):
        return np.zeros((0, 0), np.float32), first
    starts = panel.times[panel.offsets[:-1]]
    begins: list[Any] = []
    sizes: list[int] = []
    left = np.arange(len(starts))
    while len(left) and len(begins) < MOST_GRIDS:
        begin = starts[left].min()
        slots, shared = steps_between(begin, starts[left], panel.freq)
        chosen = left[shared]
        first[chosen] = sum(sizes) + before + slots[shared]
        begins.append(begin)
        sizes.append(int((slots[shared] + lengths[chosen]).max()) + before + after)
        left = left[~shared]
    alone = lengths[left] + before + after
    first[left] = sum(sizes) + before + np.cumsum(alone) - alone
    runs = np.concatenate([np.array(sizes, np.int64), alone])
    heads = np.concatenate([np.array(begins, starts.dtype), starts[left]])
    offsets = np.cumsum(runs) - runs
    steps = np.arange(runs.sum()) - np.repeat(offsets, runs) - before
    times = advance(np.repeat(heads, runs), panel.freq, steps)
    local = panel.local(times)
    found = calendar_features(local, panel.freq)
    if panel.inputs is not None and panel.inputs.holidays is not None:
        found = np.concatenate([found, holiday_features(local, panel.inputs.holidays)], axis=1)
    return found, first
