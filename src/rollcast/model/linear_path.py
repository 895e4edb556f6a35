"""The linear path of a sequence network: from the newest rows of its inputs past the stack.

    y_t = head(h_t) + gain · Σ_{j<rows} A_j x_{t−j}

as LSTNet's autoregressive part (Lai et al. 2018, arXiv 1703.07015, section 3.6). What a line can
say it says from the first step on, a trend goes on beyond what the bounded units have seen, and the
stack learns the rest. Before the first row that was read the first one is read again, not zeros,
which need not be near any value. ``gain`` makes its weights slow under Adam, whose steps are of one
size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rollcast import engine
from rollcast.choice import require

GAIN = 0.1

MOST_ROWS = 4096


@dataclass(frozen=True)
class Skip:
    """The ``rows`` that a linear path reads, and whether it starts as a ``ridge`` regression."""

    rows: int
    ridge: bool


def _zero(rows: int = 8) -> Skip:
    """A path that says nothing at first."""
    require("rows", rows, 1 <= rows <= MOST_ROWS, f"a whole number from 1 to {MOST_ROWS}")
    return Skip(rows, ridge=False)


def _ridge(rows: int = 8) -> Skip:
    """A path that begins as a regression of the targets on those rows."""
    return Skip(_zero(rows).rows, ridge=True)


SKIPS: dict[str, Callable[..., Skip | None]] = {
    "none": lambda: None,
    "ridge": _ridge,
    "zero": _zero,
}


@dataclass(frozen=True)
class LinearPath:
    """A map of the newest ``rows`` of ``inputs`` numbers to ``outputs``; its weights are
    ``(outputs, rows · inputs)``, those of the newest row first."""

    rows: int
    inputs: int
    outputs: int

    @property
    def count(self) -> int:
        """How many weights there are."""
        return self.outputs * self.rows * self.inputs

    @property
    def kept(self) -> int:
        """Numbers of a series that are read again."""
        return (self.rows - 1) * self.inputs

    def begin(self, batch: int, dtype: np.dtype | str) -> np.ndarray:
        """The rows before the first, flat: NaN, so that the first one stands for them."""
        return np.full(batch * self.kept, np.nan, dtype)

    def layers_of(self, past: np.ndarray) -> list[np.ndarray]:
        """The flat ``past`` as one array (batch, numbers), as of a layer."""
        return [past.reshape(-1, self.kept)] if self.kept else []

    def with_past(self, x: np.ndarray, past: np.ndarray | None) -> np.ndarray:
        """``(rows − 1 + time, batch, inputs)``: x ``(time, batch, inputs)`` after what was read
        before it, flat ``(batch, rows − 1, inputs)``, oldest first."""
        before = np.broadcast_to(x[0], (self.rows - 1, *x.shape[1:]))
        if past is not None and past.size:
            kept = past.reshape(x.shape[1], -1, self.inputs).transpose(1, 0, 2)
            before = np.where(np.isnan(kept), before, kept)
        return np.concatenate([before, x])

    def after(
        self, x: np.ndarray, past: np.ndarray | None, lengths: np.ndarray | None
    ) -> np.ndarray:
        """The flat ``past`` of the rows that follow x, of which each has ``lengths``."""
        extended = self.with_past(x, past)
        ends = np.full(x.shape[1], len(x)) if lengths is None else lengths
        at = ends + np.arange(self.rows - 1)[:, None]
        return np.ascontiguousarray(extended[at, np.arange(x.shape[1])].swapaxes(0, 1)).ravel()

    def read(self, extended: np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """What each step reads ``(time · batch, rows · inputs)``, the newest row first."""
        found = np.lib.stride_tricks.sliding_window_view(extended[..., columns], self.rows, axis=0)
        time, batch, inputs, rows = found.shape
        newest_first = found[..., ::-1].transpose(0, 1, 3, 2)
        return np.ascontiguousarray(newest_first).reshape(time * batch, rows * inputs)

    def weight(self, weights: np.ndarray) -> np.ndarray:
        """The map as it counts, ``(outputs, rows · inputs)``."""
        return weights.dtype.type(GAIN) * weights.reshape(self.outputs, -1)

    def outputs_of(self, weights: np.ndarray, x: np.ndarray, past: np.ndarray | None) -> np.ndarray:
        """What it adds to each output, ``(time, batch, outputs)``."""
        found = engine.linear(self.read(self.with_past(x, past)), self.weight(weights))
        return found.reshape(*x.shape[:2], self.outputs)

    def backward(self, dy: np.ndarray, extended: np.ndarray) -> np.ndarray:
        """The gradient of its weights, flat, by the slope ``dy (time, batch, outputs)`` of what it
        added for what was read ``(rows − 1 + time, batch, inputs)``."""
        flat = np.ascontiguousarray(dy).reshape(-1, self.outputs)
        return self._slope(flat, self.read(extended)).ravel()

    def beside(
        self, weights: np.ndarray, x: np.ndarray, past: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Of a path with one output, what `engine.rollout` needs: ``lags`` of the first input,
        which may be fed, ``past``, and ``offset (time, batch)``, the part of the other inputs."""
        extended, weight = self.with_past(x, past), self._by_row(self.weight(weights))
        offset = np.zeros(x.shape[:2], x.dtype)
        if self.inputs > 1:
            others = np.ascontiguousarray(weight[:, 1:]).reshape(1, -1)
            offset = engine.linear(self.read(extended, slice(1, None)), others).reshape(
                offset.shape
            )
        before = np.ascontiguousarray(extended[: self.rows - 1, :, 0])
        return {"lags": np.ascontiguousarray(weight[:, 0]), "past": before, "offset": offset}

    def beside_backward(
        self, back: engine.RolloutGradients, x: np.ndarray, past: np.ndarray | None
    ) -> np.ndarray:
        """The gradient of its weights, flat, by that loop's."""
        found = np.empty((self.rows, self.inputs), x.dtype)
        found[:, 0] = x.dtype.type(GAIN) * back.lags
        if self.inputs > 1:
            rows = self.read(self.with_past(x, past), slice(1, None))
            others = self._slope(back.offset.reshape(-1, 1), rows)
            found[:, 1:] = others.reshape(self.rows, -1)
        return found.ravel()

    def _by_row(self, weight: np.ndarray) -> np.ndarray:
        return weight.reshape(self.rows, self.inputs)

    @staticmethod
    def _slope(dy: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """By the weights that gave ``dy (steps, outputs)`` of ``rows``."""
        unused = np.zeros((dy.shape[1], rows.shape[1]), rows.dtype)
        _, found, _ = engine.linear_backward(np.ascontiguousarray(dy), rows, unused, need_x=False)
        return found.dtype.type(GAIN) * found


class Stepper(Protocol):
    """What steps some rows, as `engine.Stream`."""

    def step(self, x: np.ndarray, /) -> np.ndarray:
        """The outputs (batch, outputs) of x (batch, inputs)."""
        ...

    @property
    def h(self) -> np.ndarray:
        """The states, flat."""
        ...

    @h.setter
    def h(self, states: np.ndarray, /) -> None: ...

    @property
    def c(self) -> np.ndarray | None:
        """The other states, None for cells without."""
        ...

    @c.setter
    def c(self, states: np.ndarray | None, /) -> None: ...


class PathStepper:
    """A stepper of a network without its path, with the path; its states and ``past``."""

    def __init__(self, plain: Stepper, path: LinearPath, weights: np.ndarray, batch: int) -> None:
        self._plain, self._path = plain, path
        self._map = path.weight(weights)
        self.past = path.begin(batch, weights.dtype)

    def step(self, x: np.ndarray) -> np.ndarray:
        """The outputs (batch, outputs) of x (batch, inputs)."""
        extended = self._path.with_past(x[None], self.past)
        self.past = np.ascontiguousarray(extended[1:].swapaxes(0, 1)).ravel()
        return self._plain.step(x) + engine.linear(self._path.read(extended), self._map)

    @property
    def h(self) -> np.ndarray:
        """The states of the stack."""
        return self._plain.h

    @h.setter
    def h(self, states: np.ndarray) -> None:
        self._plain.h = states

    @property
    def c(self) -> np.ndarray | None:
        """Its other states, None for cells without."""
        return self._plain.c

    @c.setter
    def c(self, states: np.ndarray | None) -> None:
        self._plain.c = states
