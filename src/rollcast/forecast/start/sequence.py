"""Where the linear path of a sequence network starts: at a ridge regression of the targets."""

from __future__ import annotations

import numpy as np

from rollcast import engine
from rollcast.forecast.sequence.windows import SequenceWindows
from rollcast.model.linear_path import GAIN, LinearPath
from rollcast.model.steps import counted_steps
from rollcast.score.ridge import ridge

PENALTIES = (1e-6, 1e-4, 1e-2, 1.0)
"""Of squared weights, for each row and unit of variance."""

MOST_WINDOWS = 1024
"""Windows that stand for all."""

HEAD_GAIN = 0.1
"""First weights of the head, as a part of torch's: the regression is not to be drowned."""


def ridge_start(path: LinearPath, windows: SequenceWindows, last: bool) -> np.ndarray:
    """The path's first weights, flat. Half of the windows choose the penalty by the errors of the
    regression of the others."""
    halves = [_products(path, windows, part, last) for part in _halves(windows)]
    gram, cross = halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]
    size = float(np.trace(gram)) / len(gram) or 1.0
    if any(each[2] == 0 for each in halves):
        chosen = PENALTIES[1]
    else:
        errors = [
            sum(_error(ridge(one[0], one[1], size * penalty / 2), other)
                for one, other in (halves, halves[::-1]))
            for penalty in PENALTIES
        ]  # fmt: skip
        chosen = PENALTIES[int(np.argmin(errors))]
    return ridge(gram, cross, size * chosen).T.ravel() / GAIN


def _halves(windows: SequenceWindows) -> list[np.ndarray]:
    """Early and late windows, in the order of series and rows."""
    most = min(windows.count, MOST_WINDOWS)
    chosen = np.unique(np.linspace(0, windows.count - 1, most).round().astype(np.intp))
    return np.array_split(chosen, 2)


def _products(
    path: LinearPath, windows: SequenceWindows, chosen: np.ndarray, last: bool
) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Products of what is read with itself and with the targets, how many rows there were, and the
    sum of squared targets. A row counts where all its targets were seen."""
    columns = path.rows * path.inputs
    gram, cross = np.zeros((columns, columns)), np.zeros((columns, path.outputs))
    count, square = 0, 0.0
    for group in np.array_split(chosen, max(1, len(chosen) // 64)) if len(chosen) else ():
        steps = windows.batch(group)
        rows = path.read(path.with_past(steps.x, None)).astype(np.float64)
        target = steps.target.reshape(-1, path.outputs).astype(np.float64)
        counted = counted_steps(steps, last)
        if counted is not None:
            kept = counted.reshape(-1, path.outputs).all(axis=1)
            rows, target = rows[kept], target[kept]
        if len(rows):
            across = np.ascontiguousarray(rows.T)
            gram += engine.linear(across, across)
            cross += engine.linear(across, np.ascontiguousarray(target.T))
        count, square = count + len(rows), square + float((target**2).sum())
    return gram, cross, count, square


def _error(weights: np.ndarray, part: tuple[np.ndarray, np.ndarray, int, float]) -> float:
    """The mean squared error of the regression over the rows of these products."""
    gram, cross, count, square = part
    fitted = engine.linear(gram, np.ascontiguousarray(weights.T))  # gram is symmetric
    return (square + float((weights * (fitted - 2 * cross)).sum())) / count
