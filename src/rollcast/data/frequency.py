"""The step between two rows: written as a pandas alias or an integer, found, and advanced.

Four kinds of step cover every alias: a whole number (integer time), a fixed length (seconds to
weeks), business days, and calendar months (months, quarters and years, at their start or end).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from rollcast.errors import UsageError

SECOND = 1_000_000
"""One second in microseconds, the unit of every stamp."""
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# alias -> (kind, length: microseconds, business days or months; at the end of the month?)
UNITS: dict[str, tuple[str, int, bool]] = {
    "us": ("fixed", 1, False),
    "ms": ("fixed", 1000, False),
    "s": ("fixed", SECOND, False),
    "min": ("fixed", MINUTE, False),
    "h": ("fixed", HOUR, False),
    "D": ("fixed", DAY, False),
    "W": ("fixed", WEEK, False),
    "B": ("business", 1, False),
    "MS": ("month", 1, False),
    "ME": ("month", 1, True),
    "QS": ("month", 3, False),
    "QE": ("month", 3, True),
    "YS": ("month", 12, False),
    "YE": ("month", 12, True),
}

# older pandas spellings, and the lower-case ones polars users write
SYNONYMS = {
    "S": "s",
    "L": "ms",
    "U": "us",
    "T": "min",
    "H": "h",
    "d": "D",
    "w": "W",
    "b": "B",
    "M": "ME",
    "Q": "QE",
    "Y": "YE",
    "A": "YE",
    "AS": "YS",
    "mo": "MS",
    "q": "QS",
    "y": "YS",
}

ALIASES = (
    "h, D, B, W, MS, ME, QS, QE, YS, YE, min, s, with a number in front (15min, 2W) if need be"
)


@dataclass(frozen=True)
class Frequency:
    """One parsed frequency.

    ``kind`` is a row of `KINDS`; ``step`` counts units (integer time), microseconds, business
    days or months; ``end`` says that a month is stamped at its end; ``anchor`` is the weekday
    (0 = Monday) or the month (0 = January) named in the alias, None when it names none: then the
    first stamp of a series decides.
    """

    alias: str | int
    kind: str
    step: int
    end: bool = False
    anchor: int | None = None

    @property
    def shorter_than_a_day(self) -> bool:
        return self.kind == "fixed" and self.step % DAY != 0


@lru_cache(maxsize=256)
def parse_frequency(freq: str | int) -> Frequency:
    """The `Frequency` behind ``"h"``, ``"15min"``, ``"W-SUN"``, ``"MS"`` or an integer.

    Raises `UsageError` for anything else.

    >>> parse_frequency("15min").step
    900000000
    """
    if isinstance(freq, bool) or not isinstance(freq, str | int | np.integer):
        raise UsageError(f"freq={freq!r}: expected a pandas alias ({ALIASES}) or an integer.")
    text = str(freq).strip()
    if re.fullmatch(r"[+-]?\d+", text):
        if int(text) < 1:
            raise UsageError(f"freq={freq!r}: an integer step must be at least 1.")
        return Frequency(int(text), "integer", int(text))
    match = re.fullmatch(r"(\d*)\s*([A-Za-z]+)(?:-([A-Za-z]{3}))?", text)
    name = match[2] if match else ""
    name = SYNONYMS.get(name, name)
    if match is None or name not in UNITS:
        hint = " Write min for minutes, MS or ME for months." if text.endswith("m") else ""
        raise UsageError(f"freq={freq!r} is not known.{hint} Expected {ALIASES}, or an integer.")
    kind, length, end = UNITS[name]
    count = int(match[1] or 1)
    if count < 1:
        raise UsageError(f"freq={freq!r}: the number in front must be at least 1.")
    names = WEEKDAYS if name == "W" else MONTHS if name[0] in "QY" else ()
    anchor = match[3].upper() if match[3] else None
    if anchor is not None and anchor not in names:
        meant = f" Expected one of {', '.join(names)} after the dash." if names else ""
        raise UsageError(f"freq={freq!r}: {name} takes no anchor {anchor!r}.{meant}")
    alias = (match[1] if count > 1 else "") + name + (f"-{anchor}" if anchor else "")
    return Frequency(alias, kind, count * length, end, names.index(anchor) if anchor else None)


def advance(times: Any, freq: str | int, steps: Any) -> np.ndarray:
    """``times`` moved by ``steps`` (an integer or an array; negative goes back), same dtype.

    ``times`` and ``steps`` broadcast. Stamps must lie on the grid of ``freq``: month ends for
    ``ME``, weekdays for ``B``. ``MS``, ``QS`` and ``YS`` keep the day of the month they find.

    >>> advance(np.array(["2024-01-31"], "M8[us]"), "ME", 1).astype("M8[D]")
    array(['2024-02-29'], dtype='datetime64[D]')
    """
    frequency = parse_frequency(freq)
    times = np.asarray(times)
    if times.dtype.kind == "M":
        times = times.astype("M8[us]", copy=False)
    return KINDS[frequency.kind].advance(times, frequency, np.asarray(steps, np.int64))


def steps_between(starts: Any, times: Any, freq: str | int) -> tuple[np.ndarray, np.ndarray]:
    """Whole steps from ``starts`` to ``times``, and whether each is met exactly.

    Both results have the broadcast shape: int64 steps (rounded down) and a boolean array.
    """
    frequency = parse_frequency(freq)
    starts, times = np.asarray(starts), np.asarray(times)
    steps = KINDS[frequency.kind].between(starts, times, frequency)
    exact = advance(starts, freq, steps) == times
    if frequency.anchor is not None:
        exact &= _position(times, frequency) == frequency.anchor
    return steps, exact


def _position(times: np.ndarray, frequency: Frequency) -> np.ndarray:
    """The weekday of a weekly stamp, the month (within the step) of a quarterly or yearly one."""
    if frequency.kind == "fixed":
        return weekday(times)
    months = times.astype("M8[M]").astype(np.int64)
    # every month congruent to the anchor is on the grid: QS-JAN has January, April, July, October
    period = 12 if frequency.step % 12 == 0 else 3
    assert frequency.anchor is not None
    return np.where((months - frequency.anchor) % period == 0, frequency.anchor, -1)


def weekday(times: np.ndarray) -> np.ndarray:
    """Day of the week, 0 = Monday. (1970-01-01 was a Thursday.)"""
    return (times.astype("M8[D]").astype(np.int64) + 3) % 7


# ------------------------------------------------------------------------------- the four kinds


@dataclass(frozen=True)
class Kind:
    """How one kind of step moves a stamp, and counts the steps between two."""

    advance: Callable[[np.ndarray, Frequency, np.ndarray], np.ndarray]
    between: Callable[[np.ndarray, np.ndarray, Frequency], np.ndarray]


def _advance_fixed(times: np.ndarray, frequency: Frequency, steps: np.ndarray) -> np.ndarray:
    moved = steps * frequency.step
    return times + (moved.astype("m8[us]") if times.dtype.kind == "M" else moved)


def _between_fixed(starts: np.ndarray, times: np.ndarray, frequency: Frequency) -> np.ndarray:
    return (times - starts).astype(np.int64) // frequency.step


def _advance_business(times: np.ndarray, frequency: Frequency, steps: np.ndarray) -> np.ndarray:
    index = _business_index(times) + steps * frequency.step
    days = (index // 5 * 7 + index % 5 - 3).astype("M8[D]")
    return days.astype("M8[us]") + (times - times.astype("M8[D]"))


def _between_business(starts: np.ndarray, times: np.ndarray, frequency: Frequency) -> np.ndarray:
    return (_business_index(times) - _business_index(starts)) // frequency.step


def _business_index(times: np.ndarray) -> np.ndarray:
    """Weekdays since Monday 1969-12-29; Saturday and Sunday count as their Friday."""
    days = times.astype("M8[D]").astype(np.int64) + 3
    return days // 7 * 5 + np.minimum(days % 7, 4)


def _advance_month(times: np.ndarray, frequency: Frequency, steps: np.ndarray) -> np.ndarray:
    months = times.astype("M8[M]")
    target = months + (steps * frequency.step).astype("m8[M]")
    last_day = (target + 1).astype("M8[D]") - 1
    if frequency.end:
        days = last_day
    else:
        day = times.astype("M8[D]") - months.astype("M8[D]")
        days = np.minimum(target.astype("M8[D]") + day, last_day)
    return days.astype("M8[us]") + (times - times.astype("M8[D]"))


def _between_month(starts: np.ndarray, times: np.ndarray, frequency: Frequency) -> np.ndarray:
    return (times.astype("M8[M]") - starts.astype("M8[M]")).astype(np.int64) // frequency.step


KINDS: dict[str, Kind] = {
    "integer": Kind(_advance_fixed, _between_fixed),
    "fixed": Kind(_advance_fixed, _between_fixed),
    "business": Kind(_advance_business, _between_business),
    "month": Kind(_advance_month, _between_month),
}
