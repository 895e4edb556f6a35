"""Rows in any order made regular: sorted, without duplicates, gaps filled, fronts trimmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rollcast.data.frequency import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    advance,
    parse_frequency,
    steps_between,
)
from rollcast.data.infer import infer_frequency
from rollcast.data.panel import count_within, stamp_text
from rollcast.errors import DataError, UsageError

DUPLICATES = ("error", "first", "last", "mean")
"""What may be done with rows of one series that share a stamp."""

MOST_GAPS = 1000
MANY_STEPS = 10
"""Steps between rows that say for sure that a frequency is too fine, if none of them is one."""
"""Rows a filled table may have for each row that came in; more is a wrong stamp, not a gap."""


@dataclass(frozen=True)
class Rows:
    """Rows sorted by series and time: ``codes``, ``times``, ``values`` each ``(rows,)``."""

    codes: np.ndarray
    times: np.ndarray
    values: np.ndarray

    def offsets(self, series: int) -> np.ndarray:
        return np.searchsorted(self.codes, np.arange(series + 1))


def in_order(codes: np.ndarray, times: np.ndarray, values: np.ndarray) -> Rows:
    """The rows by series, then time; rows that share both keep their order."""
    following = codes[1:] == codes[:-1]
    ordered = (codes[1:] > codes[:-1]) | (following & (times[1:] >= times[:-1]))
    if not ordered.all():
        order = _order(codes, times)
        codes, times, values = codes[order], times[order], values[order]
    return Rows(codes, times, values)


def _order(codes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The order by code, then time, then row."""
    numbers = times.astype(np.int64)
    low = int(numbers.min())
    unit = int(np.gcd.reduce(numbers - low)) or 1
    span = (int(numbers.max()) - low) // unit + 1
    if span * (int(codes.max()) + 1) >= 2**63:
        return np.lexsort((times, codes))
    # one key sorts five times faster than two
    key = codes * span + (numbers - low) // unit
    order = np.argsort(key)
    ordered = key[order]
    if (ordered[1:] == ordered[:-1]).any():
        return np.argsort(key, kind="stable")
    return order


def without_duplicates(rows: Rows, rule: str, place: Callable[[int], str]) -> Rows:
    """One row for each stamp of a series: the first, the last, the mean, or an error."""
    if rule not in DUPLICATES:
        raise UsageError(f"duplicates={rule!r}: expected one of {', '.join(DUPLICATES)}.")
    again = (rows.codes[1:] == rows.codes[:-1]) & (rows.times[1:] == rows.times[:-1])
    if not again.any():
        return rows
    if rule == "error":
        index = int(np.flatnonzero(again)[0])
        stamp = rows.times[index]
        times = "twice" if again.sum() == 1 else f"twice (and so do {again.sum() - 1} more rows)"
        raise DataError(
            f"{place(int(rows.codes[index]))}: {stamp_text(stamp)} appears {times}. Drop one, or "
            f'pass duplicates="mean" (or "first", "last").{end_of_summer_time(stamp)}'
        )
    begins = np.flatnonzero(np.concatenate([[True], ~again]))
    if rule == "mean":
        there = ~np.isnan(rows.values)
        total = np.add.reduceat(np.where(there, rows.values, 0.0), begins)
        counts = np.add.reduceat(there.astype(np.float64), begins)
        means = np.divide(total, counts, out=np.full(len(total), np.nan), where=counts > 0)
        return Rows(rows.codes[begins], rows.times[begins], means)
    chosen = begins if rule == "first" else np.append(begins[1:], len(rows.codes)) - 1
    return Rows(rows.codes[chosen], rows.times[chosen], rows.values[chosen])


def end_of_summer_time(stamp: np.datetime64 | np.int64) -> str:
    """A hint when clocks were set back in this very hour."""
    if not isinstance(stamp, np.datetime64):
        return ""
    moment = stamp.astype("M8[us]").item()
    autumn = moment.month in (3, 4, 10, 11) and moment.weekday() == 6 and moment.hour <= 3
    hint = " Clocks may have been set back in this hour: stamps with a time zone tell them apart."
    return hint if autumn else ""


def frequency_of(
    rows: Rows, offsets: np.ndarray, freq: str | int | None, place: Callable[[int], str]
) -> str | int:
    """The given frequency, checked against the kind of time, or the one found."""
    integer = rows.times.dtype.kind != "M"
    if freq is not None:
        frequency = parse_frequency(freq)
        if integer != (frequency.kind == "integer"):
            found = f"whole numbers ({rows.times[0]} …)" if integer else "dates"
            expected = "an integer such as freq=1" if integer else "an alias such as freq='D'"
            raise DataError(
                f"{place(0)}: freq={freq!r} does not go with stamps that are {found}. "
                f"Expected {expected}."
            )
        return frequency.alias
    found = infer_frequency(rows.times, offsets)
    if found is None:
        if integer:
            return 1
        raise DataError(
            f"{place(0)}: one row a series shows no frequency. Give it: freq='D' "
            "(--freq D on the command line)."
        )
    return found


def on_grid(
    rows: Rows,
    offsets: np.ndarray,
    freq: str | int,
    given: bool,
    place: Callable[[int], str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, offsets and times with a row for every step, NaN where there was none.

    Rows before the first value of a series are left out. Raises `DataError` for a stamp between
    two steps, and for a gap so long that a stamp must be wrong.
    """
    starts = np.repeat(rows.times[offsets[:-1]], np.diff(offsets))
    slots, exact = steps_between(starts, rows.times, freq)
    if not exact.all():
        _refuse(rows, int(np.flatnonzero(~exact)[0]), freq, given, place)
    if given:
        _refuse_too_fine(rows, slots, freq, place)
    longest = int(slots[offsets[1:] - 1].max())
    total = int((slots[offsets[1:] - 1] + 1).sum())
    if total > MOST_GAPS * len(rows.times) and total > 1_000_000:
        index = int(np.diff(slots, prepend=0).argmax())
        raise DataError(
            f"{place(int(rows.codes[index]))}: {stamp_text(rows.times[index])} comes "
            f"{longest} steps of {freq!r} after the start. Correct the stamp, or give a longer "
            "step (freq=)."
        )
    # the grid starts at the first value of a series, not at its first row
    there = ~np.isnan(rows.values)
    numbered = np.where(there, np.arange(len(there)), len(there))
    first = np.minimum.reduceat(numbered, offsets[:-1])
    begin = slots[first]
    lengths = slots[offsets[1:] - 1] - begin + 1
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    kept = np.arange(len(there)) >= first[rows.codes]
    values = np.full(bounds[-1], np.nan)
    codes = rows.codes[kept]
    values[bounds[codes] + slots[kept] - begin[codes]] = rows.values[kept]
    if kept.all() and len(values) == len(kept):  # no row more, none less
        times = rows.times
    else:
        times = advance(np.repeat(rows.times[first], lengths), freq, count_within(lengths))
    return values, bounds, times


def _refuse_too_fine(
    rows: Rows, slots: np.ndarray, freq: str | int, place: Callable[[int], str]
) -> None:
    """Raise DataError where no row is one step of the frequency given after the one before."""
    inside = np.flatnonzero(rows.codes[1:] == rows.codes[:-1])
    steps = np.diff(slots)[inside]
    if len(steps) >= MANY_STEPS and steps.min() > 1:
        index = int(inside[steps.argmin()])
        raise DataError(
            f"{place(int(rows.codes[index]))}: freq={freq!r} is too fine: no two rows are nearer "
            f"than {step_text(rows.times[index + 1] - rows.times[index])}, {steps.min()} such "
            "steps. Give the true step, or leave freq out to have it found."
        )


def _refuse(
    rows: Rows, index: int, freq: str | int, given: bool, place: Callable[[int], str]
) -> None:
    """Say which stamp does not fit, and what the steps round it are."""
    name = place(int(rows.codes[index]))
    stamp = stamp_text(rows.times[index])
    same = index > 0 and rows.codes[index - 1] == rows.codes[index]
    if not same:
        raise DataError(
            f"{name}: its first stamp {stamp} is not on the grid of freq={freq!r}"
            + (f"{_weekend(rows.times[index])}." if given else ", which most series have.")
            + " Give the freq that all series have, or correct the stamps."
        )
    before = stamp_text(rows.times[index - 1])
    step = step_text(rows.times[index] - rows.times[index - 1])
    if given:
        raise DataError(
            f"{name}: freq={freq!r} contradicts the stamps: {before} is followed by {stamp}, "
            f"{step} later. Give the true step, leave freq out to have it found, or move each "
            "stamp to the nearest step: snap=True (--snap)."
        )
    raise DataError(
        f"{name}: irregular stamps: {before} is followed by {stamp}, {step} later, where most "
        f"steps are {freq!r}. Give the step that fits all of them (freq=, --freq), or move each "
        "stamp to the nearest step: snap=True (--snap)."
    )


def _weekend(stamp: np.datetime64 | np.int64) -> str:
    if not isinstance(stamp, np.datetime64):
        return ""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return f" (it is a {names[stamp.astype('M8[us]').item().weekday()]})"


def step_text(step: np.timedelta64 | np.int64) -> str:
    """A length of time in the largest unit that is whole: ``90 min``, ``2 days``."""
    if not isinstance(step, np.timedelta64):
        return str(step)
    length = int(step.astype("m8[us]").astype(np.int64))
    for unit, name in ((DAY, "day"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if length % unit == 0:
            count = length // unit
            return f"{count} {name}{'s' if name == 'day' and count != 1 else ''}"
    return f"{length} µs"
