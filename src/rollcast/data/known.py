"""Inputs known of rows to come, from a table of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.appended import blank
from rollcast.data.frequency import steps_between
from rollcast.data.inputs import Input, Inputs, missing_future, runs
from rollcast.data.opened import DEFAULT_ID, Opened, opened
from rollcast.data.panel import Panel, stamp_text
from rollcast.data.table import open_table
from rollcast.errors import DataError, UsageError


def with_known(panel: Panel, table: Any, horizon: int, where: str | None = None) -> Panel:
    """The panel with what ``table`` says of its next ``horizon`` rows: its columns of id and time,
    and the inputs known ahead. Rows before and after those, and other series, are not looked at.

    Raises DataError for rows off the panel's grid and for the same stamp twice.
    """
    inputs = panel.inputs
    columns = inputs.of_role("future") if inputs else ()
    if inputs is None or not columns:
        raise UsageError(
            "future: a table is given, but this model has no inputs known ahead. Leave it out, or "
            "fit with future= and their names."
        )
    names = panel.columns
    found = opened(
        open_table(table),
        DEFAULT_ID if names.id is None else names.id,
        names.time,
        {},
        where,
        panel.freq,
        "error",
        columns,
        ordered=False,
    )
    rows, series = _rows_of_series(panel, found)
    times = found.stamps.values[rows]
    if times.dtype.kind != panel.times.dtype.kind:
        raise DataError(f"{found.source}: its stamps are not of the kind of those of the model.")
    starts = panel.times[panel.offsets[:-1]][series]
    slots, exact = steps_between(starts, times, panel.freq)
    ahead = slots - panel.lengths[series]
    wanted = (ahead >= 0) & (ahead < horizon)
    off = np.flatnonzero(~exact & (ahead >= -1) & (ahead < horizon))
    if len(off):
        row = off[0]
        raise DataError(
            f"{found.source}, series {panel.ids[series[row]]!r}: {stamp_text(times[row])} is no "
            f"whole number of steps ({panel.freq}) after the last row. Give stamps on that grid."
        )
    there, ahead = np.flatnonzero(wanted), ahead[wanted]
    grown = longer(panel, horizon)
    assert grown.inputs is not None
    at = grown.inputs.offsets[series[there]] + panel.lengths[series[there]] + ahead
    if len(np.unique(at)) < len(at):
        _, counts = np.unique(at, return_counts=True)
        row = there[int(np.flatnonzero(np.isin(at, np.unique(at)[counts > 1]))[0])]
        raise DataError(
            f"{found.source}, series {panel.ids[series[row]]!r}: {stamp_text(times[row])} appears "
            "twice. Give every row once."
        )
    future = grown.inputs.future.copy()
    for index, (column, values) in enumerate(found.inputs):
        new = values[rows[there]]
        keep = ~np.isnan(new) if column.categories is None else new > 0
        future[at[keep], index] = new[keep]
    return replace(grown, inputs=replace(grown.inputs, future=future))


def _rows_of_series(panel: Panel, found: Opened) -> tuple[np.ndarray, np.ndarray]:
    """The rows of an opened table that each series of a panel goes by, and which series: those of
    its id, or all of them where series are columns of one table, or there is but one."""
    names, ids = panel.columns, panel.ids.tolist()
    shared = names.id is None or (bool(names.targets) and not names.pairs)
    if shared and found.names.id is None:
        codes = np.zeros(len(panel), np.int64)
    else:
        places = {id: code for code, id in enumerate(found.ids.tolist())}
        keys = [id[0] for id in ids] if names.pairs else ids
        codes = np.array([places.get(key, -1) for key in keys], np.int64)
    known = np.flatnonzero(codes >= 0)
    order = np.argsort(found.codes, kind="stable")
    bounds = np.searchsorted(found.codes[order], np.arange(len(found.ids) + 1))
    counts = np.diff(bounds)[codes[known]]
    return order[runs(bounds[codes[known]], counts)], np.repeat(known, counts)


def longer(panel: Panel, horizon: int) -> Panel:
    """The panel with room for what is known of its next ``horizon`` rows; numbers NaN, codes 0."""
    inputs = panel.inputs
    assert inputs is not None
    lengths = np.maximum(inputs.lengths, panel.lengths + horizon)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    future = blank(inputs, "future", int(offsets[-1]))
    future[runs(offsets[:-1], inputs.lengths)] = inputs.future
    return replace(panel, inputs=replace(inputs, future=future, offsets=offsets))


def check_known(panel: Panel, horizon: int) -> None:
    """Raise DataError where an input known ahead is missing in the next ``horizon`` rows."""
    lacking = missing_future(panel, horizon, stamp_text)
    if lacking is not None:
        series, stamp, column = lacking
        raise DataError(
            f"{panel.place(series)}: input {column!r} is not known at {stamp}. Forecasts need it "
            f"for the next {horizon} rows of every series: give them in future= (--future FILE of "
            "predict, --future-table FILE of forecast), or as rows after the last value."
        )


def recoded(inputs: Inputs, columns: Sequence[Input], source: str) -> Inputs:
    """Inputs with the categories of ``columns``; raises DataError where they are others."""
    own = {each.name: each for each in inputs.columns}
    for column in columns:
        found = own.get(column.name)
        kinds = found is not None and (found.categories is None) == (column.categories is None)
        if found is None or found.role != column.role or not kinds:
            raise DataError(
                f"{source}: the model has the {column.role} input {column.name!r}, this panel has "
                f"not. Read it with the same options as the table of fit."
            )
    arrays = {}
    for role in ("past", "future", "static"):
        values = getattr(inputs, role)
        order = [each.name for each in inputs.of_role(role)]
        parts = [np.zeros((len(values), 0))]
        for column in (each for each in columns if each.role == role):
            one = values[:, order.index(column.name)]
            before = own[column.name].categories
            if column.categories is not None and before is not None:
                known = {name: code for code, name in enumerate(column.categories, 1)}
                codes = np.array([0.0, *(known.get(name, 0) for name in before)])
                one = codes[one.astype(np.int64)]
            parts.append(one[:, None])
        arrays[role] = np.concatenate(parts, axis=1)
    return replace(inputs, columns=tuple(columns), **arrays)
