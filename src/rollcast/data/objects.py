"""Columns of Python objects, as JSON and database drivers give them, as a polars frame."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rollcast.data.table import must_differ


def frame_of(columns: Mapping[str, Sequence[Any]], source: str) -> Any:
    """A polars frame; raises DataError where two columns share a name."""
    import polars as pl

    must_differ(list(columns), source)
    return pl.DataFrame([series_of(name, values) for name, values in columns.items()])


def series_of(name: str, values: Sequence[Any]) -> Any:
    """One column: numbers, dates or stamps where all of it is so, else text."""
    import polars as pl

    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pl.Series(name, [None] * len(values), dtype=pl.String)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds <= {int, float, Decimal, bool}:
        floats = [None if value is None else float(value) for value in values]
        return pl.Series(name, floats, dtype=pl.Float64)
    if kinds <= {dt.date, dt.datetime}:
        return _stamps(name, values, kinds)
    text = [
        None if value is None else value if type(value) is str else str(value) for value in values
    ]
    return pl.Series(name, text, dtype=pl.String)


def _stamps(name: str, values: Sequence[Any], kinds: set[type]) -> Any:
    """Dates, stamps, or zoned stamps in the zone of the first."""
    import polars as pl

    if kinds == {dt.date}:
        return pl.Series(name, values, dtype=pl.Date)
    first = next(value for value in values if isinstance(value, dt.datetime))
    if first.tzinfo is None:
        return pl.Series(name, values, dtype=pl.Datetime("us"), strict=False)
    zone = getattr(first.tzinfo, "key", None)
    moments = [None if value is None else value.astimezone(dt.UTC) for value in values]
    series = pl.Series(name, moments, dtype=pl.Datetime("us", "UTC"))
    return series if zone is None else series.dt.convert_time_zone(zone)
