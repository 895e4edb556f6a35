"""How good the weights of a sequence network are: one step ahead, and in closed loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from rollcast.choice import require
from rollcast.errors import UsageError
from rollcast.forecast.sequence.windows import SequenceWindows
from rollcast.model.networks import Network
from rollcast.train.events import Event, FitStarted, StepDone

MOST_WINDOWS = 4096
"""Windows looked at in one score; of more, evenly spaced ones."""

MOST_SERIES = 64
"""Series rolled in one score; of more, evenly spaced ones."""

MOST_NUMBERS = 2**22
"""Steps times rows of one native call."""


FARTHEST = float(np.finfo(np.float32).max)
"""The error of a closed loop that runs away: bad, but those weights may still learn."""


@dataclass(frozen=True)
class Restore:
    """Which weights are kept: the last, or those with the best score ``by`` loss or closed loop.

    ``steps``: rows that are rolled at the end of each series, None = half of it.
    """

    by: str | None
    steps: int | None = None


def _closed_loop(steps: int | None = None) -> Restore:
    """By the root mean squared error of the last rows of each series, rolled from those before."""
    require("steps", steps, steps is None or steps >= 1, "a whole number from 1")
    return Restore("closed_loop", steps)


RESTORE: dict[str, Callable[..., Restore]] = {
    "last": lambda: Restore(None),
    "loss": lambda: Restore("loss"),
    "closed_loop": _closed_loop,
}


@dataclass
class Scores:
    """A score of weights, which keeps what it saw: step, weights and scores of every call.

    loss: mean squared error one step ahead over ``windows``, scaled. closed_loop: see `RESTORE`;
    only where outputs can be fed back.
    """

    network: Network
    windows: SequenceWindows
    restore: Restore
    feeds: bool
    settle: Callable[[np.ndarray], np.ndarray]  # what of the weights depends on the data
    difference: bool = False  # values are sums of what the network says
    step: int = 0  # of the run, kept up to date by `note`
    seen: list[tuple[int, np.ndarray, dict[str, float]]] = field(default_factory=list)

    def note(self, event: Event) -> None:
        """Listen to a run."""
        if isinstance(event, FitStarted | StepDone):
            self.step = event.step

    def __call__(self, weights: np.ndarray) -> float | None:
        """The score that decides, None when the last weights are kept."""
        found = {}
        weights = self.settle(weights)
        if self.restore.by is not None:
            found["loss"] = loss(self.network, weights, self.windows)
            if self.feeds:
                found["closed_loop"] = closed_loop(
                    self.network, weights, self.windows, self.restore.steps, self.difference
                )
        self.seen.append((self.step, weights.copy(), found))
        return None if self.restore.by is None else found[self.restore.by]


def loss(network: Network, weights: np.ndarray, windows: SequenceWindows) -> float:
    """Mean squared error of the windows, true inputs read; states carried on where they are."""
    total, count = 0.0, 0
    states, series = None, np.empty(0, np.intp)
    for group in _groups(windows):
        here = windows.series[group]
        if states is None or not windows.stateful or windows.number[group[0]] == 0:
            states = network.states(len(group), weights.dtype)
        elif len(here) != len(series):
            rows = np.searchsorted(series, here)
            states = network.rows_of(states, rows)
        mean, values, states = network.loss(weights, windows.batch(group), states)
        total, count, series = total + mean * values, count + values, here
    return total / max(1, count)


def _groups(windows: SequenceWindows) -> list[np.ndarray]:
    width = max(1, MOST_NUMBERS // int(windows.lengths.max()))
    if windows.stateful:
        return windows.groups(width)
    chosen = np.unique(np.linspace(0, windows.count - 1, MOST_WINDOWS).round().astype(np.intp))
    return np.split(chosen, range(width, len(chosen), width))


def closed_loop(
    network: Network,
    weights: np.ndarray,
    windows: SequenceWindows,
    steps: int | None,
    difference: bool = False,
) -> float:
    """Root mean squared error, scaled, of the last rows of every series, each read as forecast;
    with ``difference`` that of their sums."""
    panel = windows.panel
    chosen = np.unique(np.linspace(0, len(panel) - 1, MOST_SERIES).round().astype(np.intp))
    lengths = panel.lengths[chosen]
    rolled = lengths // 2 if steps is None else np.full(len(chosen), steps)
    if (rolled >= lengths).any():
        raise UsageError(
            f"restore: {steps} rows cannot be rolled at the end of a series of {lengths.min()}. "
            "Roll fewer."
        )
    x = _side_by_side(windows.x, panel.offsets[chosen], lengths)[:-1]
    truth = _side_by_side(windows.y, panel.offsets[chosen], lengths)[1:]
    time = np.arange(len(x))[:, None]
    fed = time >= lengths - rolled
    counted = (time >= lengths - rolled - 1) & (time < lengths - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        error = network.roll(weights, x, fed) - truth
        if difference:
            error = np.cumsum(np.where(counted[:, :, None], error, 0.0), axis=0)
        found = float(np.sqrt(np.mean(error[counted].astype(np.float64) ** 2)))
    return found if isfinite(found) else FARTHEST


def _side_by_side(rows: np.ndarray, begins: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Series in columns, ``(time, series, …)``; the end of a shorter one is its first row."""
    time = np.arange(int(lengths.max()))[:, None]
    return rows[begins + np.where(time < lengths, time, 0)]
