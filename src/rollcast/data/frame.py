"""A table built in the kind that came in: polars, pandas or Arrow, in the user's time zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast.data.panel import object_array
from rollcast.data.parts import PARTS
from rollcast.errors import UsageError

if TYPE_CHECKING:
    from rollcast.data.panel import Columns

TARGET_COLUMN = "target"
"""Names the target of each row where a table has both an id column and several targets."""


def build_frame(
    columns: Columns,
    ids: np.ndarray,
    index: np.ndarray,
    times: np.ndarray,
    values: Mapping[str, np.ndarray],
) -> Any:
    """Id and time columns as the user had them, then ``values``; see `Panel.frame`."""
    # repeated names would overwrite each other in silence
    named = [*columns.time, *([columns.id] if columns.id else [])]
    taken = {*named, *([TARGET_COLUMN] if columns.pairs else [])} & set(values)
    if taken:
        raise UsageError(f"column {taken.pop()!r} is both an id or time column and a result.")
    table: dict[str, Any] = id_columns(columns, ids, index)
    if columns.parts:
        for name, part in zip(columns.time, columns.parts, strict=True):
            table[name] = PARTS[part](times)
    else:
        table[columns.time[0]] = times
    stamp = None if columns.parts else columns.time[0]
    table.update(values)
    return FRAMES[columns.frame](table, stamp, columns)


def id_columns(columns: Columns, ids: np.ndarray, index: np.ndarray) -> dict[str, np.ndarray]:
    """The columns that name the series ``index (rows,)``; none where the table has no ids."""
    if columns.id is None:
        return {}
    if not columns.pairs:
        return {columns.id: ids[index]}
    return {
        name: object_array([id[part] for id in ids.tolist()])[index]
        for name, part in ((columns.id, 0), (TARGET_COLUMN, 1))
    }


def plain_frame(columns: Columns, table: dict[str, np.ndarray]) -> Any:
    """A table of the kind that came in with just these columns."""
    return FRAMES[columns.frame](dict(table), None, columns)


def to_wall_clock(times: np.ndarray, zone: str) -> np.ndarray:
    """UTC stamps as the clock in ``zone`` shows them (without a zone)."""
    import polars as pl

    wall = pl.Series(times).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return wall.dt.replace_time_zone(None).to_numpy().astype("M8[us]")


def _zoned(times: np.ndarray, columns: Columns) -> Any:
    """A polars series of panel times in the user's zone."""
    import polars as pl

    assert columns.zone is not None
    if columns.utc:
        return pl.Series(times).dt.replace_time_zone("UTC").dt.convert_time_zone(columns.zone)
    # a wall clock can show an hour twice (take the first) or never (take the hour after)
    zoned, later = (
        pl.Series(stamps).dt.replace_time_zone(
            columns.zone, ambiguous="earliest", non_existent="null"
        )
        for stamps in (times, times + np.timedelta64(1, "h"))
    )
    return zoned.fill_null(later)


def _polars(table: dict[str, Any], stamp: str | None, columns: Columns) -> Any:
    import polars as pl

    def column(name: str, values: np.ndarray) -> Any:
        if name == stamp and columns.zone:
            return _zoned(values, columns)
        if name == stamp and columns.stamp == "date":
            return pl.Series(values.astype("M8[D]"))
        if values.dtype.kind == "f":
            return pl.Series(values, nan_to_null=True)
        if values.dtype == object:
            return pl.Series(values.tolist())
        return pl.Series(values)

    return pl.DataFrame({name: column(name, values) for name, values in table.items()})


def _pandas(table: dict[str, Any], stamp: str | None, columns: Columns) -> Any:
    import pandas as pd

    frame = {}
    for name, values in table.items():
        if name == stamp and columns.zone:
            frame[name] = _pandas_zoned(pd.Series(values), columns)
        elif values.dtype == object:
            frame[name] = pd.Series(values.tolist())
        else:
            frame[name] = values
    return pd.DataFrame(frame)


def _pandas_zoned(stamps: Any, columns: Columns) -> Any:
    if columns.utc:
        return stamps.dt.tz_localize("UTC").dt.tz_convert(columns.zone)
    first = np.ones(len(stamps), bool)
    return stamps.dt.tz_localize(columns.zone, ambiguous=first, nonexistent="shift_forward")


def _arrow(table: dict[str, Any], stamp: str | None, columns: Columns) -> Any:
    return _polars(table, stamp, columns).to_arrow()


# table kind -> how to build one
FRAMES: dict[str, Callable[[dict[str, Any], str | None, Columns], Any]] = {
    "polars": _polars,
    "pandas": _pandas,
    "pyarrow": _arrow,
}
