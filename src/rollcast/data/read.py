"""From a file or a frame to a `Panel`: the only place that knows column names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rollcast.data import regular
from rollcast.data.checked import checked_numbers, input_column
from rollcast.data.column import Column, column_of, identities, text_of
from rollcast.data.frequency import parse_frequency
from rollcast.data.holidays import check_holidays
from rollcast.data.inputs import ROLES, Input, asked_inputs, with_inputs
from rollcast.data.panel import Columns, Panel, object_array
from rollcast.data.parts import several_columns
from rollcast.data.season import find_season
from rollcast.data.stamps import Stamps, one_column
from rollcast.data.table import Table, open_table, row_number
from rollcast.data.where import keep, parse_where
from rollcast.errors import DataError, UsageError

DEFAULT_ID = "unique_id"

TARGET = ("target", "the values to forecast")


def read(
    source: Any,
    *,
    id: str = DEFAULT_ID,
    time: str | Sequence[str] = "ds",
    target: str = "y",
    freq: str | int | None = None,
    season: int | None = None,
    where: str | None = None,
    duplicates: str = "error",
    past: str | Sequence[str | Input] = (),
    future: str | Sequence[str | Input] = (),
    static: str | Sequence[str | Input] = (),
    categorical: str | Sequence[str] = (),
    holidays: str | None = None,
) -> Panel:
    """A `Panel` of the series in a table: sorted, regular, gaps filled with NaN.

    ``source`` is a path (CSV also gzipped, TSV, Parquet, Arrow) or a pandas, polars or Arrow
    table; a `Panel` is returned as it is. Rows may come in any order, series may have different
    lengths; a table without the default id column is one series.

    Parameters
    ----------
    id, time, target
        Column names. ``time`` may name several: ``"year,month,day,hour"``. Times are dates,
        stamps or integers (``20240131`` and ``202401`` are dates); zoned stamps come back in
        their zone.
    freq
        A pandas alias (``h``, ``D``, ``MS``) or an integer for integer time; None = found.
    season
        Rows in a season, 1 = none; None = found.
    where
        A filter on rows: ``"split = train and year >= 2015"``.
    duplicates
        What to do when a stamp appears twice in a series: error, first, last or mean.
    past, future, static
        Columns that help to forecast: known up to the newest row, known of rows to come as well,
        or one value a series (the id column too). Text and booleans are categories. With ``future``
        inputs, rows after a series' last value are its future.
    categorical
        Those of them that are categories though they look like numbers.
    holidays
        A country, ``"DE"`` or ``"DE-BY"``: its holidays are inputs. Needs the extra ``[holidays]``.

    Raises
    ------
    DataError
        For each fault of the table, with its place and a remedy.
    UsageError
        For options that cannot be.

    >>> import polars as pl
    >>> read(pl.DataFrame({"ds": ["2024-01", "2024-02", "2024-04"], "y": [1, 2, 4]}))
    Panel(polars table: 1 series, 4 rows, freq='MS', season=1, 2024-01-01 to 2024-04-01)
    """
    if isinstance(source, Panel):
        return source
    if freq is not None:
        freq = parse_frequency(freq).alias
    if season is not None and (isinstance(season, bool) or season < 1 or season != int(season)):
        raise UsageError(f"season={season!r}: expected a whole number of rows, 1 for none.")
    named = dict.fromkeys([time] if isinstance(time, str) else time, "time") | {target: "target"}
    inputs = asked_inputs(past, future, static, categorical, named)
    opened = open_rows(source, id, time, {target: TARGET}, where, freq, duplicates, inputs)
    panel = opened.panel(opened.values[:, 0], freq, season)
    if holidays is not None:
        check_holidays(holidays, panel.freq)
    if not inputs and holidays is None:
        return panel
    return with_inputs(panel, opened.codes, opened.stamps.values, opened.inputs, holidays)


def read_signals(
    source: Any,
    columns: Mapping[str, tuple[str, str]],
    *,
    id: str = DEFAULT_ID,
    time: str | Sequence[str] = "ds",
    freq: str | int | None = None,
    where: str | None = None,
) -> tuple[Panel, np.ndarray]:
    """As ``read``, but several columns: a `Panel` of the first, and all of them side by side.

    ``columns`` maps each name to the option that named it and what it is for, for messages. The
    values are float64 ``(rows of the panel, columns)``, NaN where missing. No row is left
    out, whatever is missing in it; gaps between stamps become rows of NaN.
    """
    if isinstance(source, Panel):
        raise UsageError("a Panel holds one column; give the table that it was read from.")
    if freq is not None:
        freq = parse_frequency(freq).alias
    opened = open_rows(source, id, time, columns, where, freq, "error")
    # a panel of row numbers says where each row of the table went, and where there was none
    panel = opened.panel(np.arange(len(opened.values), dtype=np.float64), freq, 1)
    there = ~np.isnan(panel.values)
    values = np.full((len(there), len(columns)), np.nan)
    values[there] = opened.values[panel.values[there].astype(np.int64)]
    return replace(panel, values=np.ascontiguousarray(values[:, 0])), values


@dataclass(frozen=True)
class _Opened:
    """A table that has been read, its rows in any order."""

    codes: np.ndarray
    ids: np.ndarray
    stamps: Stamps
    values: np.ndarray  # (rows, columns)
    names: Columns
    source: str
    inputs: list[tuple[Input, np.ndarray]]

    def panel(self, values: np.ndarray, freq: str | int | None, season: int | None) -> Panel:
        return _panel(
            self.codes, self.ids, self.stamps, values, self.names, self.source, freq, season
        )


def open_rows(
    source: Any,
    id: str,
    time: str | Sequence[str],
    columns: Mapping[str, tuple[str, str]],
    where: str | None,
    freq: str | int | None,
    duplicates: str,
    inputs: Sequence[Input] = (),
) -> _Opened:
    clauses = parse_where(where) if where is not None else ()
    table = open_table(source)
    time_names = _time_names(time, table)
    id_name = _checked_names(table, id, time_names, columns)
    for clause in clauses:
        table.need(clause.column, "where", "named in where")
    for each in inputs:
        table.need(each.name, each.role, ROLES[each.role])
    named = [*([id_name] if id_name else []), *time_names, *columns, *(i.name for i in inputs)]
    wanted = [*named, *(clause.column for clause in clauses)]
    frame = table.load(list(dict.fromkeys(wanted)))
    if len(frame) == 0:
        raise DataError(f"{table.source} has column names but no rows.")
    rows = None
    if clauses:
        tested = {c.column: column_of(frame, c.column, table.source) for c in clauses}
        rows = np.flatnonzero(keep(clauses, tested, table.source))
        if len(rows) == 0:
            raise DataError(
                f"{table.source}: where={where!r} keeps none of {len(frame)} rows."
                + "".join(_some_values(tested[c.column]) for c in clauses[:1])
            )
        frame = frame[rows]
    found = {name: column_of(frame, name, table.source) for name in [*time_names, *columns]}
    numeric = [
        checked_numbers(found[name], option, table, rows) for name, (option, _) in columns.items()
    ]
    values = np.stack(numeric, axis=1) if numeric else np.zeros((len(frame), 0))
    if len(time_names) == 1:
        stamps = one_column(found[time_names[0]], table.source, rows, freq)
    else:
        stamps = several_columns([found[name] for name in time_names], table.source, rows)
    codes, ids = _series(frame, id_name, table, rows)
    names = Columns(
        id=id_name,
        time=time_names,
        target=next(iter(columns), ""),
        frame=table.kind,
        stamp=stamps.kind,
        parts=stamps.parts,
        zone=stamps.zone,
        utc=stamps.utc,
        duplicates=duplicates,
    )
    besides = [input_column(frame, each, table, rows) for each in inputs]
    return _Opened(codes, ids, stamps, values, names, table.source, besides)


def _time_names(time: str | Sequence[str], table: Table) -> tuple[str, ...]:
    """One name, or those of a comma list (unless a column has the whole of it as its name)."""
    if not isinstance(time, str):
        names = tuple(time)
    elif time in table.names:
        names = (time,)
    else:
        names = tuple(name.strip() for name in time.split(","))
    if not names or "" in names or len(set(names)) < len(names):
        raise UsageError(f"time={time!r}: expected a column name, or several different ones.")
    return names


def _checked_names(
    table: Table, id: str, time: tuple[str, ...], columns: Mapping[str, tuple[str, str]]
) -> str | None:
    """The id column, None when the table is one series. Raises for absent or repeated names."""
    for name in time:
        table.need(name, "time", "the time of each row")
    for name, (option, why) in columns.items():
        table.need(name, option, why)
    if id != DEFAULT_ID:
        table.need(id, "id", "which series a row belongs to")
    found = id if id in table.names else None
    named = [*time, *columns, *([found] if found else [])]
    if len(set(named)) < len(named):
        roles = " and ".join(f"{option}={name!r}" for name, (option, _) in columns.items())
        raise UsageError(
            f"id={id!r}, time={','.join(time)!r} and {roles} name a column twice. "
            "Each must be a column of its own."
        )
    return found


def _some_values(column: Column) -> str:
    present = np.flatnonzero(~column.missing)
    shown = list(dict.fromkeys(text_of(column, i) for i in present[:1000]))[:5]
    return f" Column {column.name!r} holds {', '.join(shown) or 'nothing'}, …" if shown else ""


def _series(
    frame: Any, name: str | None, table: Table, rows: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Which series each row belongs to, and the ids."""
    if name is None:
        return np.zeros(len(frame), np.int64), object_array([table.source.partition(".")[0]])
    column = column_of(frame, name, table.source)
    if column.missing.any():
        index = row_number(rows, np.flatnonzero(column.missing)[0])
        raise DataError(
            f"{table.source}, row {index}: no id in column {name!r}. Give it one or drop the row."
        )
    return identities(column, table.typed)


def _panel(
    codes: np.ndarray,
    ids: np.ndarray,
    stamps: Stamps,
    values: np.ndarray,
    names: Columns,
    source: str,
    freq: str | int | None,
    season: int | None,
) -> Panel:
    def place(code: int) -> str:
        return source if names.id is None else f"{source}, series {ids[code]!r}"

    rows = regular.in_order(codes, stamps.values, values)
    rows = regular.without_duplicates(rows, names.duplicates, place)
    offsets = rows.offsets(len(ids))
    _refuse_empty_series(rows, offsets, place)
    found = regular.frequency_of(rows, offsets, freq, place)
    values, offsets, times = regular.on_grid(rows, offsets, found, freq is not None, place)
    if names.stamp == "date" and parse_frequency(found).shorter_than_a_day:
        names = replace(names, stamp="datetime")
    panel = Panel(values, offsets, times, ids, found, 1, names, source)
    return replace(panel, season=season if season is not None else find_season(panel))


def _refuse_empty_series(
    rows: regular.Rows, offsets: np.ndarray, place: Callable[[int], str]
) -> None:
    counts = np.add.reduceat((~np.isnan(rows.values)).astype(np.int64), offsets[:-1])
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        more = f" ({len(empty)} such series)" if len(empty) > 1 else ""
        raise DataError(
            f"{place(int(empty[0]))}: all values are missing{more}. Leave it out, for example "
            "with where."
        )
