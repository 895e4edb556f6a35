"""Outputs of a sequence network for a table, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.choice import is_whole, require
from rollcast.data.frequency import advance
from rollcast.data.panel import count_within
from rollcast.errors import UsageError
from rollcast.forecast.sequence.difference import differenced, later_rows, summed
from rollcast.forecast.sequence.fit import read_table, scale
from rollcast.forecast.sequence.future import known_rows
from rollcast.forecast.sequence.plan import FittedSequence
from rollcast.forecast.sequence.windows import Signals

MOST_STEPS = 2**20
"""Steps times rows of one native call."""


def outputs(fitted: FittedSequence, table: Any, window: int | None, where: str | None) -> Any:
    """Open loop; see `SequenceRegressor.predict`."""
    fits = window is None or (is_whole(window) and window >= 1)
    require("window", window, fits, "a whole number from 1, or None")
    read, signals, x = scaled_inputs(fitted, table, where)
    panel, network = signals.panel, fitted.network
    rows = int(panel.lengths.max()) if window is None else window
    counts = -(-panel.lengths // rows)
    series = np.repeat(np.arange(len(panel)), counts)
    starts = panel.offsets[series] + count_within(counts) * rows
    lengths = np.minimum(rows, panel.offsets[series + 1] - starts)
    found = np.empty((len(x), network.outputs), x.dtype)
    width = max(1, MOST_STEPS // rows)
    for first in range(0, len(starts), width):
        chosen = slice(first, first + width)
        here, time = lengths[chosen], np.arange(int(lengths[chosen].max()))[:, None]
        within = time < here
        at = starts[chosen] + np.where(within, time, 0)
        y, _ = network.outputs_of(
            fitted.weights, x[at], network.states(len(here), x.dtype), here.astype(np.int32)
        )
        found[at[within]] = y[within]
    index = np.repeat(np.arange(len(panel)), panel.lengths)
    times = panel.times
    if fitted.params["ahead"]:
        times = advance(times, panel.freq, np.ones(len(times), np.int64))
    values = _unscaled(fitted, signals, index, found)
    if fitted.difference:
        values += read.inputs[later_rows(read.panel)]
    return panel.frame(index, times, _columns(fitted, values))


def continued(
    fitted: FittedSequence, table: Any, steps: int, future: Any, where: str | None
) -> Any:
    """Closed loop; see `SequenceRegressor.generate`."""
    plan = fitted.plan
    require("steps", steps, is_whole(steps) and steps >= 1, "a whole number from 1")
    if not plan.feeds:
        raise UsageError(
            f"generate feeds outputs back as inputs: it needs a model of ahead=1 whose targets are "
            f"among its inputs, not inputs={plan.inputs} and targets={plan.targets}."
        )
    read, signals, x = scaled_inputs(fitted, table, where)
    panel = signals.panel
    # the last output follows from the row before it: its own row is never read
    known = _scaled_future(fitted, signals, known_rows(fitted, panel, future, steps - 1))
    found = np.empty((len(panel), steps, len(plan.targets)), x.dtype)
    width = max(1, MOST_STEPS // (int(panel.lengths.max()) + steps))
    for first in range(0, len(panel), width):
        chosen = slice(first, first + width)
        lengths = panel.lengths[chosen]
        rows = np.arange(len(lengths))
        time = np.arange(int(lengths.max()) + steps - 1)[:, None]
        inputs = x[panel.offsets[:-1][chosen] + np.where(time < lengths, time, 0)]
        after = lengths + np.arange(steps - 1)[:, None]
        inputs[after, rows, len(plan.targets) :] = known[:, chosen]
        y = fitted.network.roll(fitted.weights, inputs, time >= lengths)
        last = lengths - 1 + np.arange(steps)[:, None]
        found[chosen] = y[last, rows].swapaxes(0, 1)
    index = np.repeat(np.arange(len(panel)), steps)
    values = _unscaled(fitted, signals, index, found.reshape(-1, len(plan.targets)))
    if fitted.difference:
        values = summed(read, values, steps)
    times = panel.future_times(steps).ravel()
    return panel.frame(index, times, _columns(fitted, values))


def scaled_inputs(
    fitted: FittedSequence, table: Any, where: str | None
) -> tuple[Signals, Signals, np.ndarray]:
    """The series of a table, they or their differences as learnt, and the network's inputs."""
    inputs = fitted.plan.inputs
    read = signals = read_table(fitted.plan, fitted.reading, table, where, targets=False)
    signals.check(inputs, 1 + fitted.difference)
    if fitted.difference:
        signals = differenced(signals)
    values = signals.inputs
    scaled = scale(fitted.scaling, signals.panel, inputs, values, inputs, values)
    return read, signals, np.ascontiguousarray(scaled, fitted.weights.dtype)


def _scaled_future(fitted: FittedSequence, signals: Signals, known: np.ndarray) -> np.ndarray:
    """Inputs ``(rows, series, inputs)`` of rows to come, scaled as those of their series."""
    plan = fitted.plan
    if not known.size:
        return known
    location, scale = fitted.scaling.statistics(
        signals.panel, plan.inputs, signals.inputs, plan.inputs[len(plan.targets) :]
    )
    return (known - location) / scale


def _unscaled(
    fitted: FittedSequence, signals: Signals, index: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Outputs ``(rows, targets)`` of the series ``index`` in the user's unit."""
    plan = fitted.plan
    location, scale = fitted.scaling.statistics(
        signals.panel, plan.inputs, signals.inputs, plan.targets
    )
    return values * scale[index] + location[index]


def _columns(fitted: FittedSequence, values: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs by the name of their column."""
    targets, name = fitted.plan.targets, fitted.params["name"]
    if len(targets) == 1:
        return {name: values[:, 0]}
    return {f"{name}-{target}": values[:, k] for k, target in enumerate(targets)}
