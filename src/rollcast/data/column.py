"""One column of a table in plain arrays, whatever library it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.data.panel import object_array
from rollcast.errors import DataError

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", ".", "?", "-")
"""How people write a value that is not there."""


@dataclass(frozen=True)
class Column:
    """A column in one of four kinds.

    ``values`` holds a polars text series (``text``, missing spellings are null), int64
    (``integer``), float64 (``float``, NaN where missing) or datetime64[us] (``stamp``; UTC when
    ``zone`` names a time zone). ``missing (rows,)`` marks nulls. ``wall`` holds zoned stamps as
    their clock shows them. ``date`` says that the stamps had no time of day.
    """

    name: str
    kind: str
    values: Any
    missing: np.ndarray
    zone: str | None = None
    wall: np.ndarray | None = None
    date: bool = False


def column_of(frame: Any, name: str, source: str) -> Column:
    """Column ``name`` of a narwhals frame. Raises `DataError` for kinds that say nothing here."""
    import narwhals as nw

    series = frame[name]
    dtype = series.dtype
    missing = np.asarray(series.is_null().to_numpy(), bool)
    if getattr(getattr(series.to_native(), "dtype", None), "tz", None) is not None:
        return _pandas_zoned_column(name, series.to_native(), missing)
    if isinstance(dtype, nw.Categorical | nw.Enum):
        series, dtype = series.cast(nw.String), nw.String()
    if isinstance(dtype, nw.Boolean) or dtype.is_integer():
        if missing.any():
            return Column(name, "float", _floats(series, missing), missing)
        return Column(name, "integer", series.to_numpy().astype(np.int64), missing)
    if dtype.is_numeric():
        values = _floats(series, missing)
        return Column(name, "float", values, np.isnan(values))
    if isinstance(dtype, nw.Datetime | nw.Date):
        return _stamp_column(name, series, dtype, missing)
    if isinstance(dtype, nw.String):
        return _text_column(name, series, missing)
    if isinstance(dtype, nw.Object):
        return _object_column(name, series, missing, source)
    hint = " Convert it with .dt.to_timestamp()." if "period" in str(dtype).lower() else ""
    raise DataError(
        f"{source}: column {name!r} holds {dtype}, which is neither number, text nor date.{hint}"
    )


def _floats(series: Any, missing: np.ndarray) -> np.ndarray:
    if missing.any():
        filled = series.fill_null(0).to_numpy().astype(np.float64)
        filled[missing] = np.nan
        return filled
    return series.to_numpy().astype(np.float64)


def _stamp_column(name: str, series: Any, dtype: Any, missing: np.ndarray) -> Column:
    import narwhals as nw

    zone = getattr(dtype, "time_zone", None)
    wall = None
    if zone is not None:
        wall = series.dt.replace_time_zone(None).to_numpy().astype("M8[us]")
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    values = series.to_numpy().astype("M8[us]")
    date = isinstance(dtype, nw.Date)
    return _zoned_column(name, values, wall, zone, missing, date)


def _pandas_zoned_column(name: str, native: Any, missing: np.ndarray) -> Column:
    """Zoned pandas stamps, whose zones narwhals does not all know."""
    wall = native.dt.tz_localize(None).to_numpy().astype("M8[us]")
    values = native.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("M8[us]")
    return _zoned_column(name, values, wall, str(native.dtype.tz), missing, False)


def _zoned_column(
    name: str,
    values: np.ndarray,
    wall: np.ndarray | None,
    zone: str | None,
    missing: np.ndarray,
    date: bool,
) -> Column:
    """A stamp column; zones without a name in the tz database (``+01:00``) become UTC."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    missing = missing | np.isnat(values)
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone, wall = "UTC", values
    return Column(name, "stamp", values, missing, zone, wall, date)


def _text_column(name: str, series: Any, missing: np.ndarray) -> Column:
    import polars as pl

    if series.implementation.is_polars():
        text = series.to_native()
    else:
        values = np.array(series.to_numpy(), object)
        values[missing] = None
        text = pl.Series(name, values, dtype=pl.String)
    return _cleaned(name, text)


def _cleaned(name: str, text: Any) -> Column:
    import polars as pl

    text = text.str.strip_chars()
    gone = text.is_in(MISSING)
    if gone.any():
        text = text.to_frame().select(pl.when(~gone).then(pl.col(text.name)))[text.name]
    return Column(name, "text", text, text.is_null().to_numpy())


def _object_column(name: str, series: Any, missing: np.ndarray, source: str) -> Column:
    """Python objects (pandas): dates, numbers or text; mixtures are read as text."""
    import datetime as dt

    import polars as pl

    values = np.array(series.to_numpy(), object)
    values[missing] = None
    present = values[~missing]
    kinds = {type(value) for value in present}
    if kinds and all(issubclass(kind, dt.date) for kind in kinds):
        if any(getattr(value, "tzinfo", None) for value in present):
            raise DataError(
                f"{source}: column {name!r} holds Python datetimes with time zones. Convert it "
                "with pandas.to_datetime(…, utc=True)."
            )
        stamps = np.array(values, "M8[us]")
        return Column(name, "stamp", stamps, missing, date=dt.datetime not in kinds)
    if kinds and all(issubclass(kind, int | np.integer) for kind in kinds) and not missing.any():
        return Column(name, "integer", values.astype(np.int64), missing)
    if kinds and all(_is_number(kind) for kind in kinds):
        floats = np.array([np.nan if v is None else float(v) for v in values])
        return Column(name, "float", floats, np.isnan(floats))
    text = [None if value is None else str(value) for value in values]
    return _cleaned(name, pl.Series(name, text, dtype=pl.String))


def _is_number(kind: type) -> bool:
    from decimal import Decimal

    return issubclass(kind, int | float | Decimal | np.number)


def numbers(column: Column, decimal_comma: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The column as float64, NaN where missing, and a mask of what is there but no number."""
    import polars as pl

    if column.kind == "stamp":
        return np.full(len(column.missing), np.nan), ~column.missing
    if column.kind != "text":
        return column.values.astype(np.float64), np.zeros(len(column.missing), bool)
    found = column.values.cast(pl.Float64, strict=False)
    if found.null_count() > int(column.missing.sum()):
        found = _with_commas(column.values, decimal_comma).cast(pl.Float64, strict=False)
    wrong = found.is_null().to_numpy() & ~column.missing
    return found.fill_null(np.nan).to_numpy().astype(np.float64), wrong


DECIMAL = r"^[+-]?\d+(,\d+)?$"
DECIMAL_GROUPS = r"^[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?$"
GROUPS = r"^[+-]?(\d+|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?$"


def _with_commas(text: Any, decimal_comma: bool) -> Any:
    """Numbers with commas as Python writes them, where the whole column says what commas mean.

    ``1,5`` and ``1.234,5`` have decimal commas, ``1,234,567`` and ``1,234.5`` groups of three. Only
    ``decimal_comma`` tells what ``1,234`` is; without it such a column stays as it is.
    """
    present = text.drop_nulls()
    grouped = present.str.contains(GROUPS).all()
    if present.str.contains(DECIMAL_GROUPS).all() and (decimal_comma or not grouped):
        return text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    if decimal_comma:  # both kinds of point in one column
        return text.str.replace(r"^([+-]?\d+),(\d+)$", "$1.$2")
    if grouped and not present.str.contains(DECIMAL).all():
        return text.str.replace_all(",", "", literal=True)
    return text


def identities(column: Column, typed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which series each row belongs to: codes int64 ``(rows,)`` and the sorted ids ``(series,)``.

    No row may be missing. Text from an untyped file whose every id is a plain integer gives
    integers (``007`` stays text).
    """
    import polars as pl

    if column.kind == "text":
        text = column.values
        if not typed and text.str.contains(r"^(0|-?[1-9]\d{0,17})$").all():
            return identities(
                Column(column.name, "integer", text.cast(pl.Int64).to_numpy(), column.missing),
                True,
            )
        names = text.unique().sort()
        codes = text.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
        return codes, object_array(names.to_list())
    values = column.values
    if column.kind == "float" and (values == np.floor(values)).all():
        values = values.astype(np.int64)  # integers that pandas made floats
    if column.kind == "stamp":
        values = np.datetime_as_string(values, unit="auto")
    found, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.int64), object_array(found.tolist())


def text_of(column: Column, index: Any) -> str:
    """One value as a message shows it."""
    value = column.values[int(index)]
    return repr(value if column.kind == "text" else str(value))
