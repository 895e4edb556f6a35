"""Outputs of a sequence network for a table, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.choice import require
from rollcast.data.frequency import advance
from rollcast.data.panel import count_within
from rollcast.errors import UsageError
from rollcast.forecast.sequence_difference import differenced, later_rows, summed
from rollcast.forecast.sequence_fit import read_table, scale
from rollcast.forecast.sequence_plan import FittedSequence
from rollcast.forecast.sequence_windows import Signals

MOST_STEPS = 2**20
"""Steps times rows of one native call."""


def outputs(
    fitted: FittedSequence,
    name: str,
    ahead: int,
    table: Any,
    window: int | None,
    where: str | None,
) -> Any:
    """Open loop; see `SequenceRegressor.predict`."""
    require("window", window, window is None or window >= 1, "a whole number from 1, or None")
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
    if ahead:
        times = advance(times, panel.freq, np.full(len(times), ahead))
    values = _unscaled(fitted, signals, index, found)
    if fitted.difference:
        values += read.inputs[later_rows(read.panel)]
    return panel.frame(index, times, _columns(fitted, name, values))


def continued(fitted: FittedSequence, name: str, table: Any, steps: int, where: str | None) -> Any:
    """Closed loop; see `SequenceRegressor.generate`."""
    require("steps", steps, steps >= 1, "a whole number from 1")
    plan = fitted.plan
    if not plan.feeds or len(plan.inputs) > len(plan.targets):
        raise UsageError(
            f"generate feeds outputs back as inputs: inputs={plan.inputs} and "
            f"targets={plan.targets} must be the same columns, and ahead=1."
        )
    read, signals, x = scaled_inputs(fitted, table, where)
    panel = signals.panel
    found = np.empty((len(panel), steps, len(plan.targets)), x.dtype)
    width = max(1, MOST_STEPS // (int(panel.lengths.max()) + steps))
    for first in range(0, len(panel), width):
        chosen = slice(first, first + width)
        lengths = panel.lengths[chosen]
        time = np.arange(int(lengths.max()) + steps - 1)[:, None]
        at = panel.offsets[:-1][chosen] + np.where(time < lengths, time, 0)
        y = fitted.network.roll(fitted.weights, x[at], time >= lengths)
        last = lengths - 1 + np.arange(steps)[:, None]
        found[chosen] = y[last, np.arange(len(lengths))].swapaxes(0, 1)
    index = np.repeat(np.arange(len(panel)), steps)
    values = _unscaled(fitted, signals, index, found.reshape(-1, len(plan.targets)))
    if fitted.difference:
        values = summed(read, values, steps)
    times = panel.future_times(steps).ravel()
    return panel.frame(index, times, _columns(fitted, name, values))


def scaled_inputs(
    fitted: FittedSequence, table: Any, where: str | None
) -> tuple[Signals, Signals, np.ndarray]:
    """The series of a table, they or their differences as learnt, and the network's inputs."""
    inputs = fitted.plan.inputs
    read = signals = read_table(fitted.plan, fitted.options, table, where, targets=False)
    signals.check(inputs, 1 + fitted.difference)
    if fitted.difference:
        signals = differenced(signals)
    values = signals.inputs
    scaled = scale(fitted.scaling, signals.panel, inputs, values, inputs, values)
    return read, signals, np.ascontiguousarray(scaled, fitted.weights.dtype)


def _unscaled(
    fitted: FittedSequence, signals: Signals, index: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Outputs ``(rows, targets)`` of the series ``index`` in the user's unit."""
    plan = fitted.plan
    location, scale = fitted.scaling.statistics(
        signals.panel, plan.inputs, signals.inputs, plan.targets
    )
    return values * scale[index] + location[index]


def _columns(fitted: FittedSequence, name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs by the name of their column."""
    targets = fitted.plan.targets
    if len(targets) == 1:
        return {name: values[:, 0]}
    return {f"{name}-{target}": values[:, k] for k, target in enumerate(targets)}
