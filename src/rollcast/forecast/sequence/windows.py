"""The rows of a table as pairs of inputs and targets, scaled, and cut into windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcast.data.panel import Panel, count_within
from rollcast.errors import DataError
from rollcast.model.steps import Steps

MOST_SAMPLED = 256
"""Windows that stand for all."""

MOST_CARRIED = 16, 4096
"""Series that stand for all, and rows of each."""


@dataclass(frozen=True)
class Signals:
    """Series of inputs and targets: ``inputs (rows, inputs)`` and ``targets (rows, targets)``,
    float64, unscaled; a target may be NaN, and where there is none at all ``targets`` has no
    columns."""

    panel: Panel
    inputs: np.ndarray
    targets: np.ndarray

    def check(self, names: tuple[str, ...], least: int) -> None:
        """Raise `DataError` for an input that is missing and for a series that is too short."""
        missing = np.isnan(self.inputs)
        if missing.any():
            row, column = (int(index) for index in np.argwhere(missing)[0])
            series = int(np.searchsorted(self.panel.offsets, row, "right")) - 1
            raise DataError(
                f"{self.panel.place(series)}: input {names[column]!r} is missing at "
                f"{self.panel.times[row]} ({missing.any(axis=1).sum()} such rows). Fill it, or "
                "leave the rows before and after it out."
            )
        short = np.flatnonzero(self.panel.lengths < least)
        if len(short):
            index = int(short[0])
            raise DataError(
                f"{self.panel.place(index)} has {self.panel.lengths[index]} rows; expected at "
                f"least {least}. Leave it out, for example with where."
            )


class SequenceWindows:
    """Windows of ``rows`` inputs of each series, None = all of it.

    With ``stride`` None they follow each other from the first row, and the last of a series may be
    shorter; otherwise one begins every ``stride`` rows, and only a series that is shorter itself
    has one that is. The target of a row is that of the row ``ahead`` rows later. The first
    ``burn_in`` rows of a series or, unless windows are ``stateful``, of each window have no loss;
    with ``last`` only the last has. A window without any is left out, unless it hands on states.
    Raises DataError when none is left.
    """

    def __init__(
        self,
        signals: Signals,
        x: np.ndarray,
        y: np.ndarray,
        *,
        ahead: int,
        rows: int | None,
        stride: int | None,
        burn_in: int,
        stateful: bool,
        last: bool,
    ) -> None:
        """x, y: the inputs and targets of ``signals``, scaled, of the type to compute in."""
        self.x, self.y = x, y
        self.ahead, self.burn_in, self.stateful = ahead, burn_in, stateful
        self.panel = panel = signals.panel
        usable = panel.lengths - ahead
        rows = int(usable.max()) if rows is None else rows
        apart = rows if stride is None else stride
        room = usable if stride is None else np.maximum(usable - rows, 0) + 1
        counts = -(-room // apart)
        self.series = np.repeat(np.arange(len(panel)), counts)
        self.number = count_within(counts)
        self.starts = panel.offsets[self.series] + self.number * apart
        self.lengths = np.minimum(rows, usable[self.series] - self.number * apart)
        learnt = self._learnt(last)
        if not learnt.any():
            raise DataError(
                f"{panel.source}: there is nothing to learn from: every target is missing, or in "
                f"the first burn_in={burn_in} rows. Give longer windows or more targets."
            )
        if not (stateful or learnt.all()):
            for name in ("series", "number", "starts", "lengths"):
                setattr(self, name, getattr(self, name)[learnt])
        self.whole = bool((self.lengths == rows).all() and not np.isnan(y).any())

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.starts)

    def _learnt(self, last: bool) -> np.ndarray:
        """Which windows have a loss, bool (windows,)."""
        seen = np.concatenate([[0], np.cumsum(~np.isnan(self.y).all(axis=1))])
        ends = self.starts + self.lengths
        cold = (self.number == 0) | (not self.stateful)
        begins = np.minimum(self.starts + np.where(cold, self.burn_in, 0), ends)
        if last:
            begins = np.maximum(begins, ends - 1)
        return seen[ends + self.ahead] > seen[begins + self.ahead]

    def batch(self, indices: np.ndarray, most: int | None = None) -> Steps:
        """These windows side by side, their first ``most`` rows."""
        lengths = self.lengths[indices]
        if most is not None:
            lengths = np.minimum(lengths, most)
        time = int(lengths.max())
        within = np.arange(time)[:, None] < lengths
        rows = self.starts[indices] + np.where(within, np.arange(time)[:, None], 0)
        x, target = self.x[rows], self.y[rows + self.ahead]
        burnt = self.burn_in > 0 and not (self.stateful and (self.number[indices] > 0).all())
        if self.whole and not burnt:
            return Steps(x, target)
        observed = ~np.isnan(target) & within[:, :, None]
        if burnt:
            cold = (self.number[indices] == 0) | (not self.stateful)
            observed[: self.burn_in, cold] = False
        ragged = bool((lengths < time).any())
        return Steps(x, target, observed, lengths.astype(np.int32) if ragged else None)

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (time, rows, inputs) that stand for all, and the steps of each row: some windows,
        where states are carried the beginnings of some series."""
        most, longest = MOST_CARRIED if self.stateful else (MOST_SAMPLED, len(self.x))
        begins = np.flatnonzero(self.number == 0) if self.stateful else np.arange(self.count)
        chosen = begins[np.unique(np.linspace(0, len(begins) - 1, most).round().astype(np.intp))]
        lengths = self.panel.lengths[self.series] if self.stateful else self.lengths
        lengths = np.minimum(lengths[chosen], longest)
        time = np.arange(int(lengths.max()))[:, None]
        x = self.x[self.starts[chosen] + np.where(time < lengths, time, 0)]
        return x, lengths.astype(np.int32)

    def groups(self, size: int) -> list[np.ndarray]:
        """The windows of a pass in order: ``size`` series side by side, window after window."""
        group = self.series // size
        order = np.lexsort((self.series, self.number, group))
        new = np.diff(group[order]).astype(bool) | np.diff(self.number[order]).astype(bool)
        return np.split(order, np.flatnonzero(new) + 1)
