"""Series that are learnt as their differences from row to row, so that a trend goes on.

A recurrent unit is bounded: fed its own forecasts of a line, it bends the line. The differences of
a line are a constant (Box and Jenkins 1970, section 4.1).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rollcast.data.panel import Panel
from rollcast.errors import UsageError
from rollcast.forecast.sequence.windows import Signals

JUDGED = 3  # the last third of each series says which is better


def check(choice: bool | str, feeds: bool, inputs: int, targets: int) -> None:
    """Raise `UsageError` for differences of what cannot be summed again."""
    if choice is True and not (feeds and inputs == targets):
        raise UsageError(
            "difference=True sums up forecasts of differences: it needs ahead=1 and inputs that "
            "are the targets."
        )


def chosen(choice: bool | str, signals: Signals, feeds: bool) -> bool:
    """Whether differences are learnt. ``auto``: where the last third of the series lies closer to
    the line through the ends of what is before it, carried on, than to the mean of that; never for
    columns that cannot be fed back or series of fewer than three rows."""
    if choice != "auto":
        return bool(choice)
    if not feeds or signals.inputs.shape[1] != signals.targets.shape[1]:
        return False
    line = mean = 0.0
    for begin, end in zip(signals.panel.offsets[:-1], signals.panel.offsets[1:], strict=True):
        rows = signals.inputs[begin:end]
        cut = len(rows) - len(rows) // JUDGED
        if cut < 2 or cut == len(rows):
            continue
        seen, then = rows[:cut], rows[cut:]
        slope = (seen[-1] - seen[0]) / (cut - 1)
        ahead = np.arange(1, len(then) + 1)[:, None]
        line += float(np.sum((then - seen[-1] - ahead * slope) ** 2))
        mean += float(np.sum((then - seen.mean(axis=0)) ** 2))
    return line < mean


def later_rows(panel: Panel) -> np.ndarray:
    """All rows but the first of each series."""
    kept = np.ones(len(panel.values), bool)
    kept[panel.offsets[:-1]] = False
    return np.flatnonzero(kept)


def differenced(signals: Signals) -> Signals:
    """The differences of each row from the one before; the first row of each series goes."""
    panel = signals.panel
    later = later_rows(panel)
    shorter: Panel = replace(
        panel,
        values=panel.values[later],
        times=panel.times[later],
        offsets=panel.offsets - np.arange(len(panel) + 1),
    )
    inputs, targets = signals.inputs, signals.targets
    return Signals(
        shorter,
        inputs[later] - inputs[later - 1],
        targets[later] - targets[later - 1],
    )


def summed(signals: Signals, differences: np.ndarray, steps: int) -> np.ndarray:
    """Values ``(series * steps, targets)`` from forecasts, shaped alike, of differences after the
    last rows of the ``signals`` as they were."""
    last = signals.inputs[signals.panel.offsets[1:] - 1]
    path = differences.reshape(len(last), steps, -1).cumsum(axis=1)
    return (path + last[:, None]).reshape(differences.shape)
