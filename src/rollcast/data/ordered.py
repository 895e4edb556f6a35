"""Tables without a time column: their rows in order are the time."""

from __future__ import annotations

import logging
from collections.abc import Collection

import numpy as np

from rollcast.data.column import column_of, numbers
from rollcast.data.guess import guess_time
from rollcast.data.stamps import Stamps
from rollcast.data.table import Table
from rollcast.errors import DataError

LOG = logging.getLogger("rollcast")

DEFAULT_TIME = "ds"


def is_in_order(
    table: Table, times: tuple[str, ...], freq: str | int | None, taken: Collection[str]
) -> bool:
    """Whether the rows of a table are taken as they stand: no time column was named and none can be
    meant. One may be where a column looks like dates or counts up, and where one of text, without
    a part (``taken``) of its own, may say that rows belong to several series."""
    if times != (DEFAULT_TIME,) or DEFAULT_TIME in table.names or table.index:
        return False
    if isinstance(freq, str) or guess_time(table) is not None:
        return False
    free = [name for name in table.names if name not in taken]
    frame = table.load(free) if free else None
    for name in free:
        assert frame is not None
        try:
            column = column_of(frame, name, table.source)
        except DataError:  # lists and the like
            return False
        values, wrong = numbers(column, table.decimal_comma)
        steps = np.diff(values)
        whole = not wrong.any() and bool((values == np.floor(values)).all())
        if wrong.any() or (whole and len(steps) > 0 and bool((steps > 0).all())):
            return False
    return True


def say_in_order(source: str) -> None:
    """A line in the log, for whoever had another column in mind."""
    LOG.warning(
        "%s: no column is the time. Rows are taken in their order, numbered from 0; if one is, "
        "name it: time= (--time).",
        source,
    )


def in_order(codes: np.ndarray) -> Stamps:
    """Stamps 0, 1, 2 … of the rows of each series, ``codes (rows,)``."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    numbered = np.empty(len(codes), np.int64)
    numbered[order] = np.arange(len(codes)) - first
    return Stamps(numbered, "integer")
