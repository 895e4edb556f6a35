"""Time columns, however they are written, as datetime64[us] or integers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from rollcast.data.column import Column, numbers, text_of
from rollcast.data.frequency import DAY, parse_frequency
from rollcast.data.table import row_number
from rollcast.errors import DataError

# year first, then forms that name the month, then those whose order is a habit of the country
DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y-%m",
    "%Y/%m",
    "%d-%B-%Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%B %d %Y",
    "%B-%Y",
    "%B %Y",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
)
CLOCKS = (" %H:%M:%S%.f", " %H:%M", " %I:%M %p", " %I:%M:%S %p")
EXAMPLES = "2024-01-31, 2024-01-31 13:00, 2024-01, 01/31/2024, 2024Q1 or a whole number"
FEW = 0.02
"""Part of the days that may begin late: clocks are changed twice a year at most."""
QUARTER = r"^(?:(?P<year>\d{4})[-\s]?Q(?P<quarter>[1-4])|Q(?P<q>[1-4])[-\s]?(?P<y>\d{4}))$"
WEEK = r"^(\d{4})-?W(\d{2})$"
DIRECTIVES = {
    "%Y": r"\d{4}",
    "%y": r"\d{2}",
    "%m": r"\d{1,2}",
    "%d": r"\d{1,2}",
    "%B": r"[^\W\d]+",
    "%H": r"\d{1,2}",
    "%I": r"\d{1,2}",
    "%M": r"\d{1,2}",
    "%S": r"\d{1,2}",
    "%.f": r"(\.\d+)?",
    "%p": r"[AaPp][Mm]",
    "%#z": r"(Z|[+-]\d\d(:?\d\d)?)",
}


@dataclass(frozen=True)
class Stamps:
    """The stamps of every row, int64 or datetime64[us], and how the user wrote them.

    ``kind`` is integer, date or datetime; ``parts`` names what several time columns hold; ``zone``
    and ``utc`` as in `Columns`.
    """

    values: np.ndarray
    kind: str
    parts: tuple[str, ...] = ()
    zone: str | None = None
    utc: bool = False


def one_column(
    column: Column, source: str, rows: np.ndarray | None, freq: str | int | None
) -> Stamps:
    """The stamps of one time column. Raises `DataError` for the first row that says none."""
    if column.missing.any():
        index = row_number(rows, np.flatnonzero(column.missing)[0])
        raise DataError(
            f"{source}, row {index}: no time in column {column.name!r}. Give it one or drop the "
            "row."
        )
    if column.kind == "stamp":
        return _zoned(column, freq)
    if column.kind == "text":
        if not column.values.unique().str.contains(r"^[+-]?\d+(\.0*)?$").all():
            return _from_text(column, source, rows)
        digits = numbers(column)[0]
    else:
        digits = column.values
    if (digits != np.floor(digits)).any():
        index = int(np.flatnonzero(digits != np.floor(digits))[0])
        raise DataError(
            f"{source}, row {row_number(rows, index)}: time {digits[index]} in column "
            f"{column.name!r} is a fraction. Expected {EXAMPLES}."
        )
    return _from_integers(digits.astype(np.int64), freq)


def _zoned(column: Column, freq: str | int | None) -> Stamps:
    if column.zone is None:
        return Stamps(column.values, "date" if column.date else "datetime")
    # days, weeks and months follow the clock on the wall; hours pass in UTC
    assert column.wall is not None
    wall = _as_if_not_skipped(column.wall, column.zone)
    if freq is not None:
        utc = parse_frequency(freq).shorter_than_a_day
    else:
        clock = wall.astype(np.int64) % DAY
        utc = bool((clock != clock[0]).any())
    values = column.values if utc else wall
    return Stamps(values, "datetime", zone=column.zone, utc=utc)


def _as_if_not_skipped(wall: np.ndarray, zone: str) -> np.ndarray:
    """Stamps of days that begin an hour late, since the clocks skipped the usual time, at it.

    (In some zones summer time begins at midnight: that day begins at one.)
    """
    from zoneinfo import ZoneInfo

    clock = wall.astype(np.int64) % DAY
    usual = int(np.median(clock))
    late = np.flatnonzero(clock != usual)
    if not len(late) or len(late) > max(2, FEW * len(wall)):
        return wall
    place = ZoneInfo(zone)
    wall = wall.copy()
    for index in late:
        meant = wall[index] - (clock[index] - usual).astype("m8[us]")
        moment = meant.astype("M8[us]").item().replace(tzinfo=place)
        shown = moment.astimezone(UTC).astimezone(place).replace(tzinfo=None)
        if np.datetime64(shown, "us") == wall[index]:
            wall[index] = meant
    return wall


def _from_integers(digits: np.ndarray, freq: str | int | None) -> Stamps:
    """Dates for 20240131 and 202401 (all of them must be); else integer time."""
    low, high = digits.min(), digits.max()
    if low >= 1000_01_01 and high <= 2999_12_31:
        year, rest = np.divmod(digits, 10000)
        month, day = np.divmod(rest, 100)
        dates = _date(year, month, day)
        if dates is not None:
            return Stamps(dates, "date")
    if low >= 1500_01 and high <= 2200_12 and len(digits) > 1:
        year, month = np.divmod(digits, 100)
        dates = _date(year, month, np.ones_like(month))
        if dates is not None:
            return Stamps(dates, "date")
    if freq is not None and low >= 1000 and high <= 2999:
        frequency = parse_frequency(freq)
        if frequency.kind == "month" and frequency.step % 12 == 0:
            dates = (digits - 1970).astype("M8[Y]").astype("M8[us]")
            if frequency.end:
                dates = (dates.astype("M8[Y]") + 1).astype("M8[D]").astype("M8[us]") - DAY
            return Stamps(dates, "date")
    return Stamps(digits, "integer")


def _date(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray | None:
    """Stamps of these days, None when one of them does not exist."""
    if (month < 1).any() or (month > 12).any() or (day < 1).any():
        return None
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1)
    if (days.astype("M8[M]") != months).any():
        return None
    return days.astype("M8[us]")


# ----------------------------------------------------------------------------------------- text


def _from_text(column: Column, source: str, rows: np.ndarray | None) -> Stamps:
    import polars as pl

    # many series share few stamps: each is parsed once; the first row stays the first
    shared = column.values.unique(maintain_order=True)
    # "T" before a clock is a space here
    text = shared.str.replace(r"^(\S*\d)T(\d)", "$1 $2")
    tried = {form: parse(text, form) for form in forms_of(text[0])}
    fits = {form: parsed for form, parsed in tried.items() if not parsed.null_count()}
    if not fits:
        raise DataError(_unreadable(column, shared, tried, source, rows))
    form, parsed = next(iter(fits.items()))
    for other in fits.values():
        if not other.equals(parsed):
            row = _row_of(column, shared[int((other != parsed).arg_max() or 0)])
            raise DataError(
                f"{source}, row {row_number(rows, row)}: time {text_of(column, row)} in column "
                f"{column.name!r} can be month/day or day/month, and so can every row. Write the "
                "dates as YYYY-MM-DD."
            )
    zoned = form.endswith("%#z")
    plain = parsed.dt.replace_time_zone(None) if zoned else parsed.cast(pl.Datetime("us"))
    codes = column.values.cast(pl.Enum(shared)).to_physical()
    values = plain.gather(codes).to_numpy().astype("M8[us]")
    if zoned:
        return Stamps(values, "datetime", zone="UTC", utc=True)
    midnight = not (values.astype(np.int64) % DAY).any()
    return Stamps(values, "date" if midnight else "datetime")


def _row_of(column: Column, value: str) -> int:
    """The first row that holds this text."""
    return int((column.values == value).arg_max() or 0)


def forms_of(first: str) -> list[str]:
    """The forms that the first value has."""
    return [form for form, shape in _shapes().items() if shape.fullmatch(first)]


@cache
def _shapes() -> dict[str, re.Pattern[str]]:
    """What a value of each form looks like: to parse in vain takes a hundred times longer."""
    forms = [*DATES, *("".join(pair) for pair in product(DATES, CLOCKS))]
    forms += [f"{form}{space}%#z" for form in forms if "%H" in form for space in ("", " ")]
    shapes = {}
    for form in forms:
        pattern = re.escape(form)
        for directive, text in DIRECTIVES.items():
            pattern = pattern.replace(re.escape(directive), text)
        shapes[form] = re.compile(pattern)
    return shapes | {"quarter": re.compile(QUARTER), "week": re.compile(WEEK)}


def parse(text: Any, form: str) -> Any:
    """Stamps, null where the text has another form."""
    import polars as pl

    if form == "quarter":
        parts = text.str.extract_groups(QUARTER).struct.unnest().cast(pl.Int32)
        year, quarter = pl.coalesce("year", "y"), pl.coalesce("quarter", "q")
        dates = parts.select(pl.date(year, quarter * 3 - 2, 1).alias("date"))["date"]
        return dates.cast(pl.Datetime("us"))
    if form == "week":
        iso = text.str.replace(WEEK, "$1-W$2-1")
        return iso.str.strptime(pl.Datetime("us"), "%G-W%V-%u", strict=False)
    parsed = text.str.strptime(pl.Datetime("us"), form, strict=False)
    if "%Y" in form and not form.startswith("%Y"):  # 1/2/24 is not the year 24
        parsed = parsed.set(parsed.dt.year() < 1000, None)
    return parsed


def _unreadable(
    column: Column, shared: Any, tried: dict[str, Any], source: str, rows: np.ndarray | None
) -> str:
    """A message about the first row that no form, or not the form of the others, fits."""
    if not tried:
        bad, reason = 0, "is not a date or time that can be read"
    else:
        best = min(tried.values(), key=lambda parsed: parsed.null_count())
        bad = _row_of(column, shared[int(best.is_null().arg_max() or 0)])
        reason = f"is no date, or is not written like {text_of(column, 0)} in the first row"
    return (
        f"{source}, row {row_number(rows, bad)}: time {text_of(column, bad)} in column "
        f"{column.name!r} {reason}. Expected one form throughout: {EXAMPLES}."
    )
