"""Stamps spread over several columns (year, month, day, hour): put together and taken apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rollcast.data.column import Column, numbers, text_of
from rollcast.data.stamps import Stamps, one_column
from rollcast.data.table import row_number
from rollcast.errors import DataError

PART_NAMES = {
    "year": ("year", "yr", "yyyy"),
    "quarter": ("quarter", "qtr"),
    "month": ("month", "mo", "mon", "mm"),
    "day": ("day", "dd", "dayofmonth", "mday"),
    "hour": ("hour", "hr", "hh"),
    "minute": ("minute", "min"),
    "second": ("second", "sec"),
}
"""Which column names stand for which part of a stamp (case does not matter)."""

LIMITS = {"quarter": (1, 4), "month": (1, 12), "day": (1, 31), "hour": (0, 23)}
LIMITS |= {"minute": (0, 59), "second": (0, 59), "year": (1, 9999)}


def several_columns(columns: list[Column], source: str, rows: np.ndarray | None) -> Stamps:
    """Stamps put together from year, month, day, hour … or from a date and the rest."""
    parts = tuple(_part(column, first=not i) for i, column in enumerate(columns))
    if any(part is None for part in parts) or parts[0] not in ("year", "date"):
        names = ", ".join(repr(column.name) for column in columns)
        raise DataError(
            f"{source}: cannot put a stamp together from {names}. Expected a date or year first, "
            "then columns named month or quarter, day, hour, minute, second."
        )
    if parts[0] == "date":
        stamps = one_column(columns[0], source, rows, "D").values.astype("M8[us]")
        found = {}
    else:
        found = {str(parts[0]): _whole(columns[0], "year", source, rows)}
        stamps = (found["year"] - 1970).astype("M8[Y]").astype("M8[us]")
    for column, part in zip(columns[1:], parts[1:], strict=True):
        found[str(part)] = _whole(column, str(part), source, rows)
    if "quarter" in found:
        stamps = stamps.astype("M8[M]") + (found["quarter"] - 1) * 3
    if "month" in found:
        stamps = stamps.astype("M8[M]") + (found["month"] - 1)
    months = stamps.astype("M8[M]")
    if "day" in found:
        stamps = stamps.astype("M8[D]") + (found["day"] - 1)
        late = np.flatnonzero(stamps.astype("M8[M]") != months)
        if len(late):
            day = columns[parts.index("day")]
            raise DataError(
                f"{source}, row {row_number(rows, late[0])}: there is no day "
                f"{text_of(day, late[0])} in {months[late[0]]}. Correct it or drop the row."
            )
    stamps = stamps.astype("M8[us]")
    for part, unit in (("hour", "h"), ("minute", "m"), ("second", "s")):
        if part in found:
            stamps = stamps + found[part].astype(f"m8[{unit}]")
    return Stamps(stamps, "datetime", tuple(str(part) for part in parts))


def _part(column: Column, first: bool) -> str | None:
    name = column.name.strip().lower().replace("_", "")
    for part, names in PART_NAMES.items():
        if name in names:
            return part
    whole = column.kind in ("integer", "float")
    return "date" if first and not whole else None


def _whole(column: Column, part: str, source: str, rows: np.ndarray | None) -> np.ndarray:
    """Whole numbers within the limits of a part."""
    values, wrong = numbers(column)
    low, high = LIMITS[part]
    bad = wrong | column.missing | (values != np.floor(values)) | (values < low) | (values > high)
    if bad.any():
        index = int(np.flatnonzero(bad)[0])
        found = "nothing" if column.missing[index] else text_of(column, index)
        raise DataError(
            f"{source}, row {row_number(rows, index)}: {found} in column {column.name!r} is no "
            f"{part}. Expected a whole number from {low} to {high}."
        )
    return values.astype(np.int64)


# ----------------------------------------------------------------------------------- taken apart


def _within(larger: str, smaller: str, first: int) -> Callable[[np.ndarray], np.ndarray]:
    def part(times: np.ndarray) -> np.ndarray:
        begin = times.astype(f"M8[{larger}]").astype("M8[us]")
        return ((times - begin) // np.timedelta64(1, smaller)).astype(np.int64) + first

    return part


def _month(times: np.ndarray) -> np.ndarray:
    return times.astype("M8[M]").astype(np.int64) % 12 + 1


# part of a stamp -> its number, counted as people do (January = 1, midnight = 0)
PARTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "year": lambda times: times.astype("M8[Y]").astype(np.int64) + 1970,
    "quarter": lambda times: (_month(times) + 2) // 3,
    "month": _month,
    "day": _within("M", "D", 1),
    "hour": _within("D", "h", 0),
    "minute": _within("h", "m", 0),
    "second": _within("m", "s", 0),
    "date": lambda times: times.astype("M8[D]"),
}
