"""What is known of the rows to come: inputs that are not forecast, from a table of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.data.frequency import steps_between
from rollcast.data.panel import Panel, stamp_text
from rollcast.data.read import read_signals
from rollcast.errors import DataError, UsageError
from rollcast.forecast.sequence.plan import FittedSequence


def known_rows(fitted: FittedSequence, panel: Panel, future: Any, rows: int) -> np.ndarray:
    """Inputs ``(rows, series, inputs that are no targets)`` at the next rows of every series of
    ``panel``, unscaled.

    Raises UsageError for a table that is needed and not there, or there and not needed; DataError
    for one that lacks a series, a row or a value. Rows before and after those are not looked at.
    """
    plan = fitted.plan
    names = plan.inputs[len(plan.targets) :]
    if not names:
        if future is not None:
            raise UsageError(
                f"generate: a future is given, but all inputs are forecast: {plan.inputs}. Leave "
                "it out."
            )
        return np.empty((rows, len(panel), 0))
    if rows == 0:
        return np.empty((0, len(panel), len(names)))
    if future is None:
        raise UsageError(
            f"generate reads {', '.join(map(repr, names))} at rows to come, which is not forecast. "
            f"Give future: a table of its next {rows} rows."
        )
    wanted = dict.fromkeys(names, ("future", "read at rows to come"))
    given, values = read_signals(future, wanted, **fitted.reading)
    single = given.columns.id is None and panel.columns.id is None
    places = {id: index for index, id in enumerate(given.ids.tolist())}
    at = np.array([0 if single else places.get(id, -1) for id in panel.ids.tolist()])
    if (at < 0).any():
        absent = panel.ids[int(np.flatnonzero(at < 0)[0])]
        raise DataError(
            f"{given.source}: no row of series {absent!r}, which is to go on. Give every series a "
            "future."
        )
    times = panel.future_times(rows)
    begins, ends = given.offsets[at], given.offsets[at + 1]
    skipped, exact = steps_between(given.times[begins], times[:, 0], fitted.freq)
    outside = ~exact | (skipped < 0) | (begins + skipped + rows > ends)
    if outside.any():
        index = int(np.flatnonzero(outside)[0])
        here, last = given.times[begins[index]], given.times[ends[index] - 1]
        first, until = (stamp_text(time) for time in times[index, [0, -1]])
        raise DataError(
            f"{given.place(int(at[index]))}: has rows from {stamp_text(here)} to "
            f"{stamp_text(last)}; expected all from {first} to {until}, which follow the table."
        )
    found = values[begins + skipped + np.arange(rows)[:, None]]
    missing = np.argwhere(np.isnan(found))
    if len(missing):
        row, index, column = missing[0].tolist()
        raise DataError(
            f"{given.place(int(at[index]))}: input {names[column]!r} is missing at "
            f"{stamp_text(times[index, row])}. Fill it."
        )
    return found
