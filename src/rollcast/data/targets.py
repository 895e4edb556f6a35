"""Several targets of one table: each column becomes a series of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from rollcast.data.column import column_of, numbers
from rollcast.data.frame import TARGET_COLUMN
from rollcast.data.opened import DEFAULT_ID, Opened, time_names
from rollcast.data.panel import object_array
from rollcast.data.table import Table
from rollcast.data.where import parse_where
from rollcast.errors import DataError, UsageError

EVERY = "*"
"""As target: every column of numbers that has no other role."""

VALUE_COLUMN = "y"
"""Holds the values of several targets where they stand in one column (`Panel.to_frame`)."""


def target_names(
    target: str | Sequence[str],
    table: Table,
    id: str,
    time: str | Sequence[str],
    where: str | None,
    inputs: Collection[str] = (),
) -> tuple[str, ...]:
    """The target columns of a table: as given, of a comma list, or all columns of numbers."""
    if target == EVERY and EVERY not in table.names:
        taken = {id, *time_names(time, table), *inputs}
        taken |= {clause.column for clause in parse_where(where)} if where is not None else set()
        found = columns_of_numbers(table, [name for name in table.names if name not in taken])
        if not found:
            raise DataError(
                f"{table.source}: target='*' finds no column of numbers without another role. "
                f"Columns found: {', '.join(map(repr, table.names))}."
            )
        return found
    if target == VALUE_COLUMN and len(table.names) == 1:
        return table.names  # one value a row: there is nothing else to forecast
    names = table.split(target)
    if not names or "" in names or len(set(names)) < len(names):
        raise UsageError(f"target={target!r}: expected a column name, or several different ones.")
    return names


def columns_of_numbers(table: Table, names: list[str]) -> tuple[str, ...]:
    """Those that hold a number in every row that is not missing, and in one at least."""
    import narwhals as nw

    found = []
    frame = table.load(names) if names else None
    for name in names:
        assert frame is not None
        if isinstance(frame[name].dtype, nw.Boolean):
            continue
        try:
            column = column_of(frame, name, table.source)
        except DataError:  # neither number, text nor date
            continue
        values, wrong = numbers(column, table.decimal_comma)
        if not wrong.any() and not np.isnan(values).all():
            found.append(name)
    return tuple(found)


def side_by_side(opened: Opened, targets: tuple[str, ...]) -> Opened:
    """The table with one value a row: a series for each (id, target), or each target where there
    is no id. An (id, target) pair without any value is no series."""
    order = sorted(range(len(targets)), key=targets.__getitem__)
    names, count = opened.names, len(targets)
    pairs = names.id is not None
    if pairs and TARGET_COLUMN in (names.id, *names.time):
        raise UsageError(
            f"several targets need a column {TARGET_COLUMN!r} of their own in the result, and the "
            "id or time column has that name. Rename it."
        )
    codes = np.concatenate([opened.codes * count + rank for rank in range(count)])
    values = opened.values[:, order].ravel(order="F")
    stamps = replace(opened.stamps, values=np.tile(opened.stamps.values, count))
    if pairs:
        ids = [(id, targets[place]) for id in opened.ids.tolist() for place in order]
    else:
        ids = [targets[place] for place in order]
    names = replace(
        names,
        id=names.id if pairs else DEFAULT_ID,
        target=VALUE_COLUMN,
        targets=targets,
        pairs=pairs,
    )
    inputs = [(column, np.tile(each, count)) for column, each in opened.inputs]
    seen = np.zeros(len(ids), bool)
    seen[codes[~np.isnan(values)]] = True
    if not seen.all():
        kept = seen[codes]
        codes, values = (np.cumsum(seen) - 1)[codes[kept]], values[kept]
        stamps = replace(stamps, values=stamps.values[kept])
        inputs = [(column, each[kept]) for column, each in inputs]
        ids = [id for id, there in zip(ids, seen.tolist(), strict=True) if there]
    return replace(
        opened,
        codes=codes,
        ids=object_array(ids),
        stamps=stamps,
        values=values[:, None],
        names=names,
        inputs=inputs,
    )
