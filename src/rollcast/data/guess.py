"""Which columns are the time and the id of a table, where the options name none."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.data.column import Column, column_of, identities, numbers
from rollcast.data.frequency import DAY
from rollcast.data.parts import PART_NAMES
from rollcast.data.stamps import Stamps, one_column
from rollcast.data.table import Table
from rollcast.errors import DataError

TIMES = ("ds", "date", "datetime", "date_time", "timestamp", "time", "day", "week", "month", "year")
"""How time columns are named, the likeliest first; case does not matter."""

FEW = 0.5
"""Ids are fewer than this part of the rows."""


def guess_time(table: Table) -> str | None:
    """The time column, or several as a comma list; None where no column looks like one."""
    parts = {}
    for name in table.names:
        for part, known in PART_NAMES.items():
            if name.strip().lower().replace("_", "") in known:
                parts.setdefault(part, name)
    if "year" in parts and ({"month", "quarter"} & set(parts)):
        return ",".join(parts[part] for part in PART_NAMES if part in parts)
    frame = table.load(list(table.names))
    kinds = {name: _stamp_kind(frame, name, table) for name in table.names}
    dated = [name for name, kind in kinds.items() if kind in ("date", "datetime")]
    lower = {name.strip().lower(): name for name in reversed(table.names)}
    named = [lower[name] for name in TIMES if name in lower]
    likely = [name for name in named if name in dated] or dated
    if likely:
        clock = [parts[part] for part in ("hour", "minute") if part in parts]
        return ",".join([likely[0], *(clock if kinds[likely[0]] == "date" else [])])
    whole = [name for name in named if _is_whole(frame, name, table)]
    return whole[0] if whole else None


def _column(frame: Any, name: str, table: Table) -> Column | None:
    try:
        return column_of(frame, name, table.source)
    except DataError:
        return None


def _stamp_kind(frame: Any, name: str, table: Table) -> str | None:
    """Date, datetime or integer, as the first rows are read; None where they are no stamps."""
    column = _column(frame[:1000], name, table)
    if column is None or column.kind not in ("stamp", "text") or column.missing.all():
        return None
    if column.kind == "text" and column.missing.any():
        there = ~column.missing
        column = Column(name, "text", column.values.drop_nulls(), np.zeros(there.sum(), bool))
    if column.missing.any():
        return "datetime"
    try:
        return kind_of(one_column(column, table.source, None, None))
    except DataError:
        return None


def kind_of(stamps: Stamps) -> str:
    """Date, datetime or integer: stamps that all are midnights are dates."""
    if stamps.kind == "integer":
        return "integer"
    return "datetime" if (stamps.values.astype(np.int64) % DAY).any() else "date"


def _is_whole(frame: Any, name: str, table: Table) -> bool:
    column = _column(frame, name, table)
    if column is None or column.missing.any():
        return False
    values, wrong = numbers(column)
    return not wrong.any() and bool((values == np.floor(values)).all())


def part_of_a_stamp(table: Table, times: tuple[str, ...], kind: str) -> str | None:
    """The column that holds the hour of the dates in ``times``, or the month (or quarter) of the
    years; None where there is none."""
    for part in {"date": ("hour",), "integer": ("month", "quarter")}.get(kind, ()):
        for name in table.names:
            known = name.strip().lower().replace("_", "") in PART_NAMES[part]
            if known and name not in times:
                return name
    return None


def guess_id(table: Table, times: np.ndarray, taken: set[str]) -> str | None:
    """A column that tells apart the rows that share a stamp: text first, then whole numbers."""
    names = [name for name in table.names if name not in taken]
    frame = table.load(names) if names else None
    if frame is None or len(frame) != len(times):
        return None
    stamps = np.unique(times, return_inverse=True)[1]
    texts: list[tuple[str, np.ndarray]] = []
    wholes: list[tuple[str, np.ndarray]] = []
    for name in names:
        column = _column(frame, name, table)
        if column is None or column.missing.any() or column.kind == "stamp":
            continue
        if column.kind == "float" and not (column.values == np.floor(column.values)).all():
            continue
        codes, ids = identities(column, table.typed)
        if 1 < len(ids) < FEW * len(times):
            text = isinstance(ids[0], str)
            (texts if text else wholes).append((name, codes * (stamps.max() + 1) + stamps))
    for name, key in (*texts, *wholes):
        if len(np.unique(key)) == len(key):
            return name
    return None
