"""The inputs of two panels, one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rollcast.data.frequency import steps_between
from rollcast.data.inputs import Inputs, runs
from rollcast.data.panel import Panel

Array = np.ndarray


def appended(older: Panel, newer: Panel, joined: Panel) -> Inputs | None:
    """The inputs of ``joined``, a panel of the series of both: those of ``older``, over them those
    of ``newer`` where they are known. Both panels have the same columns."""
    first, second = older.inputs, newer.inputs
    if first is None or second is None:
        return None
    places = {id: index for index, id in enumerate(joined.ids.tolist())}
    starts = joined.times[joined.offsets[:-1]]
    at, begins = [], []
    for panel in (older, newer):
        which = np.array([places[id] for id in panel.ids.tolist()], np.int64)
        steps, _ = steps_between(starts[which], panel.times[panel.offsets[:-1]], joined.freq)
        at.append(which)
        begins.append(steps)
    known = joined.lengths.copy()
    for inputs, which, begin in zip((first, second), at, begins, strict=True):
        np.maximum.at(known, which, begin + inputs.lengths)
    offsets = np.concatenate([[0], np.cumsum(known)])
    past = blank(first, "past", len(joined.values))
    future, static = blank(first, "future", int(offsets[-1])), blank(first, "static", len(joined))
    for panel, inputs, which, begin in zip(
        (older, newer), (first, second), at, begins, strict=True
    ):
        _over(past, runs(joined.offsets[which] + begin, panel.lengths), inputs.past, first, "past")
        rows = runs(offsets[which] + begin, inputs.lengths)
        _over(future, rows, inputs.future, first, "future")
        _over(static, which, inputs.static, first, "static")
    return replace(first, past=past, future=future, offsets=offsets, static=static)


def blank(inputs: Inputs, role: str, rows: int) -> Array:
    """Nothing known: NaN, of categories 0."""
    blank = [np.nan if each.categories is None else 0.0 for each in inputs.of_role(role)]
    return np.tile(np.array(blank), (rows, 1))


def _over(into: Array, rows: Array, values: Array, inputs: Inputs, role: str) -> None:
    """Values over those that are there, where they are known."""
    for index, column in enumerate(inputs.of_role(role)):
        one = values[:, index]
        known = ~np.isnan(one) if column.categories is None else one > 0
        into[rows[known], index] = one[known]
