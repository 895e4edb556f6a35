"""The frequency of a table, found from its stamps."""

from __future__ import annotations

import numpy as np

from rollcast.data.frequency import DAY, HOUR, MINUTE, MONTHS, SECOND, WEEK, WEEKDAYS, weekday


def infer_frequency(times: np.ndarray, offsets: np.ndarray) -> str | int | None:
    """The alias (or integer) most steps of the series have; None when every series has one row.

    ``times (rows,)`` sorted within each series, ``offsets (series + 1,)``. The commonest step
    decides; rows that do not fit it are for the caller to find.

    >>> days = np.array(["2024-01-31", "2024-02-29", "2024-03-31"], "M8[us]")
    >>> infer_frequency(days, np.array([0, 3]))
    'ME'
    """
    inside = np.ones(max(len(times) - 1, 0), bool)
    inside[offsets[1:-1] - 1] = False  # not from the end of one series to the start of the next
    steps = np.diff(times).astype(np.int64)[inside]
    if len(steps) == 0:
        return None
    step = commonest(steps)
    if times.dtype.kind != "M":
        return step
    if step == DAY:
        return _business_or_daily(times, steps)
    if step >= 28 * DAY:
        months = _months(times, inside)
        if months is not None:
            return months
    return _fixed_alias(step, times)


def commonest(values: np.ndarray) -> int:
    """The value met most often, the smallest of several."""
    if (values == values[0]).all():
        return int(values[0])
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def _business_or_daily(times: np.ndarray, steps: np.ndarray) -> str:
    """``B`` when weekends are stepped over and never met."""
    weekends_skipped = (steps == 3 * DAY).any()
    return "B" if weekends_skipped and (weekday(times) < 5).all() else "D"


def _months(times: np.ndarray, inside: np.ndarray) -> str | None:
    """``ME``, ``MS``, ``QE`` … when all stamps share their place in the month, else None."""
    days = times.astype("M8[D]")
    months = times.astype("M8[M]")
    day = (days - months.astype("M8[D]")).astype(np.int64)
    at_end = days + 1 == (months + 1).astype("M8[D]")
    same_day = (day == day[0]).all() and day[0] < 28
    # month ends first: the 28th of February alone is an end
    if not at_end.all() and not same_day:
        return None
    steps = np.diff(months).astype(np.int64)[inside]
    step = commonest(steps)
    if step < 1:
        return None
    letter = "E" if at_end.all() else "S"
    number = months.astype(np.int64)
    for length, name, usual in ((12, "Y", {"S": 0, "E": 11}), (3, "Q", {"S": 0, "E": 2})):
        if step % length:
            continue
        count = str(step // length) if step > length else ""
        phase = number % length
        if (phase != phase[0]).any() or phase[0] == usual[letter] % length:
            return f"{count}{name}{letter}"
        return f"{count}{name}{letter}-{MONTHS[phase[0]]}"
    return f"{step if step > 1 else ''}M{letter}"


def _fixed_alias(step: int, times: np.ndarray) -> str:
    if step % WEEK == 0:
        days = weekday(times)
        if (days == days[0]).all():
            return f"{step // WEEK if step > WEEK else ''}W-{WEEKDAYS[days[0]]}"
    for length, name in ((DAY, "D"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"), (1000, "ms")):
        if step % length == 0:
            return f"{step // length if step > length else ''}{name}"
    return f"{step}us"
