"""Faults of rows noted and set right, so that the rest of a table can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rollcast.data import regular
from rollcast.data.checked import LARGEST
from rollcast.data.column import Column, column_of, identities, numbers, text_of
from rollcast.data.inspection import Fault
from rollcast.data.panel import Columns, object_array, stamp_text
from rollcast.data.parts import several_columns
from rollcast.data.stamps import Stamps, forms_of, one_column, parse
from rollcast.data.table import Table
from rollcast.data.where import keep, parse_where
from rollcast.errors import DataError

Place = Callable[[int], str]

MOST_UNREADABLE = 0.5
"""Part of the stamps that may be unreadable: beyond, it is the wrong column."""


def plural(count: int, what: str) -> str:
    """``1 row has``, ``3 rows have``."""
    return f"1 {what} has" if count == 1 else f"{count:,} {what}s have"


def kept(where: str, frame: Any, table: Table) -> np.ndarray:
    """The rows that a filter keeps; raises DataError where there are none."""
    clauses = parse_where(where)
    for clause in clauses:
        table.need(clause.column, "where", "named in where")
    tested = {clause.column: column_of(frame, clause.column, table.source) for clause in clauses}
    found = np.flatnonzero(keep(clauses, tested, table.source))
    if len(found) == 0:
        raise DataError(f"{table.source}: where={where!r} keeps none of {len(frame)} rows.")
    return found


def stamps_of(
    names: tuple[str, ...],
    table: Table,
    rows: np.ndarray,
    freq: str | int | None,
    faults: list[Fault],
) -> tuple[Stamps, np.ndarray] | None:
    """The stamps of the rows that have one, and which rows these are; None where none can be.

    ``rows`` are places in the table."""
    frame = table.load(list(names))[rows]
    columns = [column_of(frame, name, table.source) for name in names]
    absent = np.logical_or.reduce([column.missing for column in columns])
    if absent.any():
        first = int(rows[np.flatnonzero(absent)[0]]) + 1
        what = f"{plural(int(absent.sum()), 'row')} no time, first row {first}."
        faults.append(Fault(what, "Give them one or drop them.", True))
        rows = rows[~absent]
        frame = frame[np.flatnonzero(~absent)]
        columns = [column_of(frame, name, table.source) for name in names]
    if not len(rows):
        return None
    for trial in (1, 2):
        try:
            if len(names) > 1:
                return several_columns(columns, table.source, rows), rows
            return one_column(columns[0], table.source, rows, freq), rows
        except DataError as error:
            bad = _unreadable(columns[0]) if trial == 1 and len(names) == 1 else None
            what, _, remedy = str(error).partition(". ")
            if bad is None or bad.mean() > MOST_UNREADABLE:
                faults.append(Fault(f"{what}.", remedy, True))
                return None
            more = f" {bad.sum():,} such rows." if bad.sum() > 1 else ""
            faults.append(Fault(f"{what}.{more}", remedy, True))
            rows = rows[~bad]
            columns = [column_of(frame[np.flatnonzero(~bad)], columns[0].name, table.source)]
    return None


def _unreadable(column: Column) -> np.ndarray | None:
    """Which stamps the form that fits most of them does not fit; None where no form fits any."""
    if column.kind != "text":
        return None
    forms = {form for text in column.values.head(20) for form in forms_of(text)}
    shared = column.values.unique(maintain_order=True)
    text = shared.str.replace(r"^(\S*\d)T(\d)", "$1 $2")
    parsed = [parse(text, form) for form in sorted(forms)]
    if not parsed:
        return None
    best = min(parsed, key=lambda stamps: stamps.null_count())
    wrong = set(shared.filter(best.is_null()).to_list())
    return np.asarray(column.values.is_in(list(wrong)).to_numpy(), bool)


def values_of(
    targets: tuple[str, ...], table: Table, rows: np.ndarray, faults: list[Fault]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The target columns ``(rows, columns)``, what is no number missing; and those left."""
    frame = table.load(list(targets))[rows] if targets else None
    found: list[np.ndarray] = []
    left: list[str] = []
    for name in targets:
        assert frame is not None
        try:
            column = column_of(frame, name, table.source)
        except DataError as error:
            faults.append(Fault(str(error), "Name another target.", True))
            continue
        values, wrong = numbers(column, table.decimal_comma)
        far = np.isinf(values) | (np.abs(values) > LARGEST)
        for bad, what in ((wrong, "no number"), (far, "an infinite or immense value")):
            if bad.any():
                first = int(np.flatnonzero(bad)[0])
                what = f"{plural(int(bad.sum()), 'row')} {what} in target column {name!r}"
                what += f", first row {rows[first] + 1}: {text_of(column, first)}."
                faults.append(Fault(what, "Make them missing (empty) or correct them.", True))
        values = np.where(far, np.nan, values)
        if np.isnan(values).all():
            what = f"All values of target column {name!r} are missing."
            faults.append(Fault(what, "Name another target.", True))
            continue
        found.append(values)
        left.append(name)
    return (np.stack(found, 1) if found else np.empty((len(rows), 0))), tuple(left)


def series_of(
    name: str | None, table: Table, rows: np.ndarray, faults: list[Fault]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes and ids of the rows left, and which of the rows given these are."""
    if name is None:
        ids = object_array([table.source.partition(".")[0]])
        return np.zeros(len(rows), np.int64), ids, np.ones(len(rows), bool)
    frame = table.load([name])[rows]
    absent = column_of(frame, name, table.source).missing
    if absent.any():
        first = int(rows[np.flatnonzero(absent)[0]]) + 1
        what = f"{plural(int(absent.sum()), 'row')} no id, first row {first}."
        faults.append(Fault(what, "Give them one or drop them.", True))
        frame = frame[np.flatnonzero(~absent)]
    codes, ids = identities(column_of(frame, name, table.source), table.typed)
    return codes, ids, ~absent


def without_duplicates(
    rows: regular.Rows, names: Columns, place: Place, faults: list[Fault]
) -> tuple[regular.Rows, int]:
    """The rows by the rule for duplicates (the first where that is an error), and how many there
    were too many."""
    again = (rows.codes[1:] == rows.codes[:-1]) & (rows.times[1:] == rows.times[:-1])
    count = int(again.sum())
    if count and names.duplicates == "error":
        first = int(np.flatnonzero(again)[0])
        before, after = rows.values[:-1][again], rows.values[1:][again]
        differ = int((~((before == after) | (np.isnan(before) & np.isnan(after)))).sum())
        of = f" ({place(int(rows.codes[first]))})" if names.id is not None else ""
        what = (
            f"{plural(count, 'row')} the stamp of another in its series, first "
            f"{stamp_text(rows.times[first])}{of}. "
        )
        what += f"{differ:,} of them {'has' if differ == 1 else 'have'} another value."
        if not differ:
            what = what.removesuffix("0 of them have another value.") + "The values are the same."
        clocks = regular.end_of_summer_time(rows.times[first])
        faults.append(
            Fault(what, f'Drop them, or duplicates="mean" ("first", "last").{clocks}', True)
        )
    rule = "first" if names.duplicates == "error" else names.duplicates
    return regular.without_duplicates(rows, rule, place), count


def without_empty(
    rows: regular.Rows, ids: np.ndarray, names: Columns, faults: list[Fault]
) -> tuple[regular.Rows, np.ndarray]:
    """The series that hold a value."""
    seen = np.bincount(rows.codes[~np.isnan(rows.values)], minlength=len(ids)) > 0
    if seen.all():
        return rows, ids
    empty = ids[~seen].tolist()
    shown = ", ".join(map(repr, empty[:3])) + (" …" if len(empty) > 3 else "")
    what = f"{len(empty):,} series without any value: {shown}."
    faults.append(Fault(what, "Leave them out, for example with where= (--where).", True))
    kept = seen[rows.codes]
    codes = (np.cumsum(seen) - 1)[rows.codes[kept]]
    return regular.Rows(codes, rows.times[kept], rows.values[kept]), ids[seen]


def note_irregular(
    rows: regular.Rows, exact: np.ndarray, freq: str | int, place: Place, faults: list[Fault]
) -> None:
    """How many stamps lie between two steps."""
    first = int(np.flatnonzero(~exact)[0])
    what = (
        f"{(~exact).sum():,} of {len(exact):,} stamps lie between two steps of {freq!r}, first "
        f"{stamp_text(rows.times[first])} ({place(int(rows.codes[first]))})."
    )
    remedy = "Give the step that fits all (freq=, --freq), or move them: snap=True (--snap)."
    faults.append(Fault(what, remedy, True))


def leading(rows: regular.Rows, series: int) -> int:
    """Rows before the first value of their series."""
    offsets = rows.offsets(series)
    numbered = np.where(np.isnan(rows.values), len(rows.values), np.arange(len(rows.values)))
    first = np.minimum.reduceat(numbered, offsets[:-1])
    return int((first - offsets[:-1]).sum())
