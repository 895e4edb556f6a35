"""Irregular stamps moved to the nearest step of a grid."""

from __future__ import annotations

import logging

import numpy as np

from rollcast.data.frequency import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    WEEK,
    WEEKDAYS,
    Frequency,
    parse_frequency,
    weekday,
)
from rollcast.data.infer import infer_frequency
from rollcast.data.panel import stamp_text
from rollcast.data.regular import Rows, in_order, step_text
from rollcast.errors import DataError

LOG = logging.getLogger("rollcast")

# steps that people sample at, in microseconds
USUAL = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    *(DAY, WEEK),
)
MONTHS = ((28, 31, "MS"), (89, 93, "QS"), (364, 367, "YS"))
"""Days that a month, a quarter or a year may have."""

NEAR = 0.1
"""How far, as a part of the step, the median step may be from a usual one."""
UNITS = (DAY, 6 * HOUR, HOUR, 30 * MINUTE, MINUTE, SECOND)
"""Where within a step stamps are likely to lie: the first of these that is near enough."""
TOGETHER = 0.5
"""Mean resultant length from which stamps share a place within the step."""


def snapped(
    rows: Rows, series: int, freq: str | int | None, source: str
) -> tuple[Rows, str | int | None]:
    """The rows, sorted, each at the nearest step of its series' grid; the frequency of the grid.

    The grid of a fixed step has the place within the step that the stamps of the series share
    (12:00 for days measured about noon), else whole steps; months are met at their start or end,
    business days from the weekend by the nearer day. A warning in the log says how many stamps
    moved, and how far. Raises DataError where no ``freq`` is given and no usual step is near.
    """
    if freq is None:
        freq = _usual_step(rows, series, source)
    if freq is None:
        return rows, None
    frequency = parse_frequency(freq)
    if (rows.times.dtype.kind == "M") == (frequency.kind == "integer"):
        return rows, freq  # `frequency_of` says what is wrong
    times = nearest(rows, series, frequency)
    moved = times != rows.times
    if moved.any():
        farthest = int(np.abs(times - rows.times).astype(np.int64).argmax())
        LOG.warning(
            "%s: %d of %d stamps were moved to the nearest step of %r, %s by %s at most.",
            source, moved.sum(), len(times), freq, stamp_text(rows.times[farthest]),
            step_text(abs(times[farthest] - rows.times[farthest])),
        )  # fmt: skip
    return in_order(rows.codes, times, rows.values), freq


def _usual_step(rows: Rows, series: int, source: str) -> str | int | None:
    """The frequency found; where stamps jitter, the usual step nearest to the median one."""
    offsets = rows.offsets(series)
    inside = rows.codes[1:] == rows.codes[:-1]
    steps = np.diff(rows.times).astype(np.int64)[inside]
    steps = steps[steps > 0]
    if len(steps) == 0 or rows.times.dtype.kind != "M":
        return infer_frequency(rows.times, offsets)
    median = float(np.median(steps))
    if 2 * (steps == median).sum() > len(steps) and round(median) in USUAL:
        return infer_frequency(rows.times, offsets)
    for low, high, alias in MONTHS:
        if low * DAY <= median <= high * DAY:
            return alias[0] + "E" if _nearer_to_ends(rows.times) else alias
    nearest = min(USUAL, key=lambda step: abs(step - median))
    if abs(nearest - median) > NEAR * nearest:
        raise DataError(
            f"{source}: snap=True finds no usual step near {step_text(np.timedelta64(int(median)))}"
            ", the median step. Give the step to snap to: freq=, --freq."
        )
    for length, name in ((WEEK, "W"), (DAY, "D"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if nearest % length == 0:
            if name == "W":
                return f"W-{WEEKDAYS[np.bincount(weekday(rows.times)).argmax()]}"
            if nearest == DAY and len(steps) >= 5 and (weekday(rows.times) < 5).all():
                return "B"
            return f"{nearest // length if nearest > length else ''}{name}"
    return None


def _nearer_to_ends(times: np.ndarray) -> bool:
    """Whether most stamps lie in the second half of their month."""
    day = times.astype("M8[D]") - times.astype("M8[M]").astype("M8[D]")
    return bool(np.median(day.astype(np.int64)) > 14)


def nearest(rows: Rows, series: int, frequency: Frequency) -> np.ndarray:
    """The stamps of the rows, each at the nearest step of the grid of its series."""
    if frequency.kind == "month":
        return _nearest_month(rows.times, frequency)
    if frequency.kind == "business":
        days = rows.times.astype("M8[D]")
        late = weekday(rows.times)
        # Saturday is nearer to Friday, Sunday to Monday
        return (days + np.select([late == 5, late == 6], [-1, 1], 0)).astype("M8[us]")
    numbers = rows.times.astype(np.int64)
    if frequency.anchor is not None:  # weekly: 1970-01-01 was a Thursday
        phase = (frequency.anchor - 3) % 7 * DAY
        phases = np.full(series, phase)
    else:
        phases = _phases(rows.codes, numbers, frequency.step, series)
    own = phases[rows.codes]
    step = frequency.step
    found = (numbers - own + step // 2) // step * step + own
    return found.astype(rows.times.dtype) if rows.times.dtype.kind == "M" else found


def _phases(codes: np.ndarray, numbers: np.ndarray, step: int, series: int) -> np.ndarray:
    """Where within the step the stamps of each series lie: the roundest place in their spread."""
    angle = 2 * np.pi * (numbers % step) / step
    east = np.bincount(codes, np.cos(angle), series)
    north = np.bincount(codes, np.sin(angle), series)
    count = np.maximum(np.bincount(codes, minlength=series), 1)
    together = np.minimum(np.hypot(east, north) / count, 1.0)
    place = np.arctan2(north, east) / (2 * np.pi) % 1 * step
    with np.errstate(divide="ignore"):
        # circular standard deviation (Fisher 1993, Statistical analysis of circular data, 2.3)
        spread = np.sqrt(-2 * np.log(together)) / (2 * np.pi) * step
    phases = np.where(together >= TOGETHER, np.round(place), 0).astype(np.int64) % step
    left = together >= TOGETHER
    for unit in (step, *(unit for unit in UNITS if unit < step)):
        rounded = np.round(place / unit).astype(np.int64) * unit
        fits = left & (np.abs(rounded - place) <= spread)
        phases[fits] = rounded[fits] % step
        left &= ~fits
    return phases


def _nearest_month(times: np.ndarray, frequency: Frequency) -> np.ndarray:
    """The nearest start or end of a step of months."""
    step = frequency.step
    anchor = (
        frequency.anchor if frequency.anchor is not None else (step - 1 if frequency.end else 0)
    )
    if frequency.end:  # the end of a month is the start of the next, less a day
        times, anchor = times + np.timedelta64(DAY, "us"), anchor + 1
    months = times.astype("M8[M]").astype(np.int64)
    before = (months - anchor) // step * step + anchor
    begin, after = (m.astype("M8[M]").astype("M8[us]") for m in (before, before + step))
    nearest = np.where(times - begin <= after - times, begin, after)
    return nearest - np.timedelta64(DAY, "us") if frequency.end else nearest
