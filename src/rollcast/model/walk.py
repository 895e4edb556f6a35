"""Series read from their beginning: what a recursive network remembers at any of their rows.

Scaled by series a value looks the same in every window, so that a network can go on from the
state it had instead of reading a window again. A forecast then follows from all of the history,
and a stream, which carries the state from row to row, says the same as a forecast from a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.effects import enter_rows
from rollcast.model.recursive import Memory
from rollcast.model.recursive_read import inputs

if TYPE_CHECKING:
    from rollcast.data.windows import Windows
    from rollcast.model.network import Network

Array = np.ndarray

SERIES_AT_ONCE, ROWS_AT_ONCE = 256, 1024
"""Bounds of what lies in memory at a time."""


def walks(network: Network, windows: Windows) -> bool:
    """Whether forecasts of these windows follow from all rows before them."""
    return network.spec.strategy == "recursive" and windows.by_series


def memories(network: Network, weights: Array, windows: Windows, chosen: Array) -> Memory:
    """The memory before the newest row of each of the windows ``chosen (batch,)``."""
    series, newest = windows.series[chosen], windows.origin[chosen].astype(np.int64) - 1
    count, spec = len(chosen), network.spec
    units = [*network.recurrent.states, *network.recurrent.cells]
    found = [np.empty((count, each), weights.dtype) for each in units]
    views = network.views(weights)
    packed = engine.pack(spec.cell, network.recurrent.sizes, weights[: network.recurrent.count])
    order = np.lexsort((newest, series))
    _, begins, windows_of = np.unique(series[order], return_index=True, return_counts=True)
    for first in range(0, len(begins), SERIES_AT_ONCE):
        group = slice(first, first + SERIES_AT_ONCE)
        head, many = begins[group], windows_of[group]
        which = series[order[head]]
        place = windows.panel.offsets[which]
        states = [np.zeros((len(which), each), weights.dtype) for each in units]
        for turn in range(int(many.max())):
            going = np.flatnonzero(many > turn)
            asked = order[head[going] + turn]
            _read(network, packed, views, windows, which, going, place, newest[asked], states)
            for kept, state in zip(found, states, strict=True):
                kept[asked] = state[going]
    h, c = found[: len(spec.hidden)], found[len(spec.hidden) :]
    return Memory(h, c, *_newest(network, views, windows, series, newest))


def _read(
    network: Network,
    packed: engine.Packed,
    views: dict[str, Array],
    windows: Windows,
    which: Array,
    going: Array,
    place: Array,
    stop: Array,
    states: list[Array],
) -> None:
    """Read the series ``which[going]`` from ``place`` to ``stop``, which moves place and states."""
    layers = len(network.spec.hidden)
    while True:
        left = stop - place[going]
        some = left > 0
        if not some.any():
            return
        now, lengths = going[some], np.minimum(left[some], ROWS_AT_ONCE)
        steps = np.minimum(np.arange(lengths.max())[:, None], lengths - 1)
        rows = windows.rows(which[now], place[now] + steps)
        rows = enter_rows(network.spec, views, rows)
        past = rows.past_inputs if network.spec.past_width else None
        run = engine.infer(
            network.spec.cell,
            network.recurrent.sizes,
            packed,
            inputs(rows.values, rows.age, rows.next_features, past),
            h0=[state[now] for state in states[:layers]],
            c0=[state[now] for state in states[layers:]] or None,
            lengths=lengths,
            outputs=False,
        )
        for state, new in zip(states, [*run.h, *run.c], strict=True):
            state[now] = new
        place[now] += lengths


def _newest(
    network: Network, views: dict[str, Array], windows: Windows, series: Array, newest: Array
) -> tuple[Array, Array, Array, Array | None]:
    """The values before the newest row, that row's value, its age, and the newest past inputs."""
    spec = network.spec
    lags, kept = max(spec.lags, 1), max(spec.input_lags, 1) if spec.past_width else 0
    back = np.arange(1 - max(lags, kept), 1)[:, None]
    begin = windows.panel.offsets[series]
    rows = windows.rows(series, np.maximum(newest + back, begin))
    rows = enter_rows(spec, views, rows)
    inside = newest + back >= begin
    values = np.where(inside, rows.values, 0)[-lags:]
    past = None
    if kept:
        assert rows.past_inputs is not None
        past = np.where(inside[..., None], rows.past_inputs, 0)[-kept:]
    return values[:-1], values[-1], rows.age[-1], past
