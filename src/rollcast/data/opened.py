"""A table read column by column: numbers, stamps and series of its rows, in any order yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rollcast.data import regular
from rollcast.data.checked import input_column, values_of
from rollcast.data.column import Column, column_of, identities, text_of
from rollcast.data.frequency import parse_frequency
from rollcast.data.inputs import ROLES, Input
from rollcast.data.ordered import in_order, is_in_order, say_in_order
from rollcast.data.panel import Columns, Panel, object_array
from rollcast.data.parts import several_columns
from rollcast.data.season import find_season
from rollcast.data.snap import snapped
from rollcast.data.stamps import Stamps, one_column
from rollcast.data.table import Table, row_number
from rollcast.data.where import keep, parse_where
from rollcast.errors import DataError, UsageError

DEFAULT_ID = "unique_id"


@dataclass(frozen=True)
class Opened:
    """A table that has been read, its rows in any order.

    ``codes (rows,)`` says which of ``ids`` a row belongs to; ``values (rows, columns)`` float64,
    NaN where missing.
    """

    codes: np.ndarray
    ids: np.ndarray
    stamps: Stamps
    values: np.ndarray
    names: Columns
    source: str
    inputs: list[tuple[Input, np.ndarray]] = field(default_factory=list)

    def panel(self, values: np.ndarray, freq: str | int | None, season: int | None) -> Panel:
        """The rows with one value each, ``(rows,)``, as a panel; None = freq and season found."""
        names = self.names

        def place(code: int) -> str:
            return self.source if names.id is None else f"{self.source}, series {self.ids[code]!r}"

        rows = regular.in_order(self.codes, self.stamps.values, values)
        if names.snap:
            rows, freq = snapped(rows, len(self.ids), freq, self.source)
        rows = regular.without_duplicates(rows, names.duplicates, place)
        offsets = rows.offsets(len(self.ids))
        refuse_empty_series(rows, offsets, place)
        found = regular.frequency_of(rows, offsets, freq, place)
        given = freq is not None
        values, offsets, times = regular.on_grid(rows, offsets, found, given, place)
        if names.stamp == "date" and parse_frequency(found).shorter_than_a_day:
            names = replace(names, stamp="datetime")
        panel = Panel(values, offsets, times, self.ids, found, 1, names, self.source)
        return replace(panel, season=season if season is not None else find_season(panel))


def opened(
    table: Table,
    id: str,
    time: str | Sequence[str],
    columns: Mapping[str, tuple[str, str]],
    where: str | None,
    freq: str | int | None,
    duplicates: str,
    inputs: Sequence[Input] = (),
    ordered: bool = True,
) -> Opened:
    """The rows of a table that ``where`` keeps, with the named columns as numbers.

    ``columns`` maps each name to the option that named it and what it is for, for messages. Where
    no column can be the time the order of the rows is, if it may be (``ordered``). Raises
    DataError for the first fault of the table, UsageError for options that cannot be.
    """
    clauses = parse_where(where) if where is not None else ()
    times = time_names(time, table)
    beside = [*(clause.column for clause in clauses), *(each.name for each in inputs)]
    rows_alone = ordered and is_in_order(table, times, freq, {id, *columns, *beside})
    id_name = checked_names(table, id, () if rows_alone else times, columns)
    for clause in clauses:
        table.need(clause.column, "where", "named in where")
    for each in inputs:
        table.need(each.name, each.role, ROLES[each.role])
    wanted = [*([id_name] if id_name else []), *(() if rows_alone else times), *columns, *beside]
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
    values = np.empty((len(frame), len(columns)), order="F")
    for place, (name, (option, _)) in enumerate(columns.items()):
        values[:, place] = values_of(column_of(frame, name, table.source), option, table, rows)
    codes, ids = series_of(frame, id_name, table, rows)
    found = [] if rows_alone else [column_of(frame, name, table.source) for name in times]
    if rows_alone:
        stamps = in_order(codes)
        say_in_order(table.source)
    elif len(times) == 1:
        stamps = one_column(found[0], table.source, rows, freq)
    else:
        stamps = several_columns(found, table.source, rows)
    names = Columns(
        id=id_name,
        time=times,
        target=next(iter(columns), ""),
        frame=table.kind,
        stamp=stamps.kind,
        parts=stamps.parts,
        zone=stamps.zone,
        utc=stamps.utc,
        duplicates=duplicates,
    )
    besides = [input_column(frame, each, table, rows) for each in inputs]
    return Opened(codes, ids, stamps, values, names, table.source, besides)


def time_names(time: str | Sequence[str], table: Table) -> tuple[str, ...]:
    """The names of the time columns."""
    names = table.split(time)
    if not names or "" in names or len(set(names)) < len(names):
        raise UsageError(f"time={time!r}: expected a column name, or several different ones.")
    return names


def checked_names(
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


def series_of(
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


def refuse_empty_series(
    rows: regular.Rows, offsets: np.ndarray, place: Callable[[int], str]
) -> None:
    """Raise DataError for a series without a value."""
    counts = np.add.reduceat((~np.isnan(rows.values)).astype(np.int64), offsets[:-1])
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        more = f" ({len(empty)} such series)" if len(empty) > 1 else ""
        raise DataError(
            f"{place(int(empty[0]))}: all values are missing{more}. Leave it out, for example "
            "with where."
        )
