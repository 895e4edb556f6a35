"""A table looked at as a whole: every fault is found, not only the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rollcast.data import cleaning, regular
from rollcast.data.advice import notices, suggestions
from rollcast.data.facts import facts_of
from rollcast.data.frequency import parse_frequency, steps_between
from rollcast.data.guess import guess_id, guess_time, kind_of, part_of_a_stamp
from rollcast.data.inspect_inputs import commas, inputs_seen
from rollcast.data.inspection import Fault, Inspection, Suggestion
from rollcast.data.opened import DEFAULT_ID, Opened
from rollcast.data.ordered import in_order, is_in_order
from rollcast.data.panel import Columns, Panel
from rollcast.data.season import find_season
from rollcast.data.snap import nearest, snapped
from rollcast.data.stamps import Stamps
from rollcast.data.table import Table, open_table
from rollcast.data.targets import EVERY, columns_of_numbers, side_by_side
from rollcast.data.where import parse_where
from rollcast.errors import DataError, UsageError


def inspect(
    source: Any,
    *,
    id: str = DEFAULT_ID,
    time: str | Sequence[str] = "ds",
    target: str | Sequence[str] = "y",
    freq: str | int | None = None,
    season: int | None = None,
    where: str | None = None,
    duplicates: str = "error",
    snap: bool = False,
    query: str | None = None,
    sheet: str | int | None = None,
    past: str | Sequence[str] = (),
    future: str | Sequence[str] = (),
    static: str | Sequence[str] = (),
    categorical: str | Sequence[str] = (),
    holidays: str | None = None,
) -> Inspection:
    """What a table holds, all of its faults with their remedies, and options that suit it.

    The options, inputs among them, are those of `read`, which stops at the first fault; here each
    is noted and set right as well as can be, and the rest is looked at all the same. Columns that
    are not there are guessed. Raises DataError only for what cannot be opened or has no rows,
    UsageError for options that cannot be.

    >>> import polars as pl
    >>> table = pl.DataFrame({"ds": [1, 2, 2, 3], "y": [1, None, 2, 9]})
    >>> inspect(table).faults[0].what
    '1 row has the stamp of another in its series, first 2. 1 of them has another value.'
    """
    if freq is not None:
        freq = parse_frequency(freq).alias
    given = {"where": where, "freq": freq, "season": season, "query": query, "sheet": sheet}
    given |= {"duplicates": None if duplicates == "error" else duplicates, "snap": snap or None}
    if isinstance(source, Panel):
        look = _Look(source.source, len(source.values), _roles(source.columns), panel=source)
    else:
        table = open_table(source, query, sheet)
        look = _Look(table.source)
        _look_at(look, table, id, time, target, where, duplicates, snap, freq, season)
    inputs = {"past": past, "future": future, "static": static, "categorical": categorical}
    inputs |= {"holidays": holidays}
    if not isinstance(source, Panel):
        inputs_seen(source, given | {"id": id, "time": time, "target": target}, inputs, look.faults)
    panel, facts, advice = look.panel, None, ()
    if panel is not None:
        facts = facts_of(panel)
        advice = suggestions(facts, look.faults)
        look.faults += notices(panel, facts)
    return Inspection(
        source=look.source,
        rows=look.rows,
        columns=look.roles,
        duplicates=look.duplicates,
        gaps=look.gaps,
        panel=panel,
        facts=facts,
        faults=tuple(look.faults),
        suggestions=advice,
        options=tuple(
            Suggestion(name, value if value is True else str(value), "given")
            for name, value in (given | commas(inputs)).items()
            if value is not None
        ),
    )


@dataclass
class _Look:
    """What has been seen so far."""

    source: str
    rows: int = 0
    roles: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0
    gaps: int = 0
    panel: Panel | None = None
    faults: list[Fault] = field(default_factory=list)


def _look_at(
    look: _Look,
    table: Table,
    id: str,
    time: str | Sequence[str],
    target: str | Sequence[str],
    where: str | None,
    duplicates: str,
    snap: bool,
    freq: str | int | None,
    season: int | None,
) -> None:
    faults = look.faults
    frame = table.load(_needed(table, id, time, target, where))
    table = replace(table, load=lambda names: frame[names])
    if len(frame) == 0:
        raise DataError(f"{table.source} has column names but no rows.")
    rows = np.arange(len(frame)) if where is None else cleaning.kept(where, frame, table)
    look.rows = len(rows)
    clauses = parse_where(where) if where is not None else ()
    taken = {id, *table.split(target), *(clause.column for clause in clauses)}
    if is_in_order(table, table.split(time), freq, taken):
        names = table.split(time)
        codes = cleaning.series_of(id if id in table.names else None, table, rows, [])[0]
        stamps = in_order(codes), rows
        what = "No column is the time: rows are taken in their order, numbered from 0."
        faults.append(Fault(what, "If one is, name it: time= (--time).", False))
    else:
        names = _times(time, table, faults)
        if names is None:
            return
        stamps = cleaning.stamps_of(names, table, rows, freq, faults)
    look.roles["time"] = ",".join(names)
    if stamps is None:
        return
    times, rows = stamps
    id_name = _id(id, table, names, times, rows, faults)
    if id_name is not None:
        look.roles = {"id": id_name, **look.roles}
    targets = _targets(target, table, {*names, *([id_name] if id_name else [])}, faults)
    if targets:
        given = table.split(target) == targets
        look.roles["target"] = ",".join(targets) if given or len(targets) == 1 else EVERY
    values, targets = cleaning.values_of(targets, table, rows, faults)
    if not targets:
        return
    codes, ids, kept = cleaning.series_of(id_name, table, rows, faults)
    columns = Columns(
        id=id_name, time=names, target=targets[0], frame=table.kind, stamp=times.kind,
        parts=times.parts, zone=times.zone, utc=times.utc, duplicates=duplicates, snap=snap,
    )  # fmt: skip
    times = replace(times, values=times.values[kept])
    opened = Opened(codes, ids, times, values[kept], columns, table.source)
    if len(targets) > 1:
        opened = side_by_side(opened, targets)
    _regular(look, opened, freq, season)


def _needed(
    table: Table,
    id: str,
    time: str | Sequence[str],
    target: str | Sequence[str],
    where: str | None,
) -> list[str]:
    """The columns to load: those named, or all of them where one must be guessed."""
    named = [*table.split(time), *table.split(target)]
    named += [clause.column for clause in parse_where(where)] if where is not None else []
    if id not in table.names or not set(named) <= set(table.names):
        return list(table.names)
    return list(dict.fromkeys([id, *named]))


def _times(time: str | Sequence[str], table: Table, faults: list[Fault]) -> tuple[str, ...] | None:
    """The time columns named, or those that look like it."""
    names = table.split(time)
    missing = [name for name in names if name not in table.names]
    if not missing:
        return names
    guess = guess_time(table)
    what = f"There is no column {missing[0]!r}, the time of each row."
    if guess is None:
        listed = ", ".join(map(repr, table.names))
        remedy = "Name the one that is (time=, --time), or add one: dates, or 0, 1, 2 …"
        faults.append(Fault(f"{what} Of {listed} none looks like it.", remedy, True))
        return None
    faults.append(Fault(what, f"{guess!r} looks like it: time={guess!r} (--time {guess}).", True))
    return table.split(guess)


def _id(
    id: str, table: Table, names: tuple[str, ...], times: Stamps, rows: np.ndarray,
    faults: list[Fault],
) -> str | None:  # fmt: skip
    if id in table.names:
        return id
    again = len(np.unique(times.values)) < len(times.values)
    part = part_of_a_stamp(table, names, kind_of(times)) if again else None
    if part is not None:
        both = ",".join([*names, part])
        what = f"Stamps appear more than once, and column {part!r} looks like a part of them."
        faults.append(Fault(what, f"If so: time={both!r} (--time {both}).", True))
    chosen = replace(table, load=lambda wanted: table.load(wanted)[rows])
    taken = {*names, *([part] if part else [])}
    guess = guess_id(chosen, times.values, taken) if again else None
    if id != DEFAULT_ID:
        looks = f"{guess!r} looks like it. " if guess else ""
        what = f"There is no column {id!r}, which series a row belongs to."
        faults.append(Fault(what, f"{looks}Name the right one with id= (--id).", True))
    elif guess is not None:
        what = f"Stamps appear more than once, and column {guess!r} tells their rows apart."
        faults.append(Fault(what, f"If it names the series: id={guess!r} (--id {guess}).", True))
    return guess


def _targets(
    target: str | Sequence[str], table: Table, taken: set[str], faults: list[Fault]
) -> tuple[str, ...]:
    free = [name for name in table.names if name not in taken]
    if target == EVERY and EVERY not in table.names:
        found = columns_of_numbers(table, free)
        if not found:
            faults.append(Fault("No column but id and time holds numbers.", "Correct them.", True))
        return found
    names = table.split(target)
    there = tuple(name for name in names if name in free)
    if twice := [name for name in names if name in taken]:
        raise UsageError(f"target={twice[0]!r} is the id or a time column. Name another.")
    if len(there) < len(names):
        absent = next(name for name in names if name not in free)
        what = f"There is no column {absent!r}, the values to forecast."
        found = columns_of_numbers(table, free)
        shown = ", ".join(map(repr, found[:8])) + (" …" if len(found) > 8 else "")
        value = found[0] if len(found) == 1 else EVERY
        text = (
            f"Numbers stand in {shown}: target={value!r} (--target {value!r})."
            if found
            else f"No column holds numbers; found {', '.join(map(repr, free))}."
        )
        faults.append(Fault(what, text, True))
        there = there or found
    return there


def _regular(look: _Look, opened: Opened, freq: str | int | None, season: int | None) -> None:
    """Sorted, without duplicates, on a grid: what does not fit is noted and set right."""
    faults, names = look.faults, opened.names

    def place(code: int) -> str:
        return opened.source if names.id is None else f"series {opened.ids[code]!r}"

    rows = regular.in_order(opened.codes, opened.stamps.values, opened.values[:, 0])
    try:
        if names.snap:
            rows, freq = snapped(rows, len(opened.ids), freq, opened.source)
        rows, look.duplicates = cleaning.without_duplicates(rows, names, place, faults)
        rows, ids = cleaning.without_empty(rows, opened.ids, names, faults)
        offsets = rows.offsets(len(ids))
        found = regular.frequency_of(rows, offsets, freq, place)
        starts = np.repeat(rows.times[offsets[:-1]], np.diff(offsets))
        exact = steps_between(starts, rows.times, found)[1]
        if not exact.all():
            cleaning.note_irregular(rows, exact, found, place, faults)
            moved = nearest(rows, len(ids), parse_frequency(found))
            rows = regular.in_order(rows.codes, moved, rows.values)
            rows = regular.without_duplicates(rows, "first", place)
            offsets = rows.offsets(len(ids))
        values, offsets, times = regular.on_grid(rows, offsets, found, freq is not None, place)
    except DataError as error:
        what, _, remedy = str(error).partition(". ")
        faults.append(Fault(f"{what}.", remedy or "Correct it.", True))
        return
    panel = Panel(values, offsets, times, ids, found, 1, names, opened.source)
    look.panel = replace(panel, season=find_season(panel) if season is None else season)
    look.gaps = len(values) - (len(rows.values) - cleaning.leading(rows, len(ids)))


def _roles(columns: Columns) -> dict[str, str]:
    roles = {"id": columns.id} if columns.id else {}
    target = ",".join(columns.targets) or columns.target
    return roles | {"time": ",".join(columns.time), "target": target}
