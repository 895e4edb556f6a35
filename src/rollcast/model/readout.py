"""What stands behind the stack of a sequence network: a linear head, or none, and a linear path."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast import engine
from rollcast.model.linear_path import LinearPath, PathStepper, Stepper
from rollcast.model.steps import States, Steps, counted_steps
from rollcast.nn.layers import Linear


class Readout:
    """From the last layer's ``units`` to ``outputs``: by a linear ``head``, else the units as they
    are; and from the newest ``rows`` of ``inputs`` past the stack, 0 = no path.

    Its weights lie behind the stack's, which ends at ``start`` of the flat vector: the head's
    weight ``(outputs, units)`` and bias, then the path's. ``last``: the loss counts last steps
    alone.
    """

    def __init__(
        self, start: int, units: int, outputs: int, head: bool, inputs: int, rows: int, last: bool
    ) -> None:
        self.head = Linear(units, outputs) if head else None
        self.outputs, self.last = outputs, last
        middle = start + (outputs * (units + 1) if head else 0)
        path = LinearPath(rows, inputs, outputs) if rows else None
        self.path, self.end = path, middle + (path.count if path else 0)
        self._head, self._path = slice(start, middle), slice(middle, self.end)

    def initial(self, generator: np.random.Generator, dtype: str) -> list[np.ndarray]:
        """First weights: torch's for the head, a path that says nothing."""
        drawn = [] if self.head is None else [self.head.initial(generator, dtype)]
        return [*drawn, np.zeros(self._path.stop - self._path.start, dtype)]

    def places(self) -> dict[str, slice]:
        """Where its weights lie in the flat vector, by name."""
        found, start = {}, self._head.start
        for name, _, place in [] if self.head is None else self.head.layout():
            found[f"head.{name}"] = slice(start + place.start, start + place.stop)
        return found | ({"skip.weight": self._path} if self.path else {})

    def outputs_of(
        self, weights: np.ndarray, top: np.ndarray, x: np.ndarray, states: States
    ) -> np.ndarray:
        """Outputs of the last layer's ``top (time, batch, units)``, and of the path for x."""
        y = self.of_top(weights, top)
        return y + self.added(weights, x, states) if self.path else y

    def of_top(self, weights: np.ndarray, top: np.ndarray) -> np.ndarray:
        """Outputs of ``top (…, units)`` without those of the path."""
        return top if self.head is None else self.head.forward(weights[self._head], top)

    def added(self, weights: np.ndarray, x: np.ndarray, states: States) -> Any:
        """What the path adds to each output, ``(time, batch, outputs)``; 0 without one."""
        if self.path is None:
            return 0
        return self.path.outputs_of(weights[self._path], x, states.get("past"))

    def gradient(
        self, weights: np.ndarray, top: np.ndarray, steps: Steps, states: States
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """The loss of what the last layer says, its slope by ``top`` and by the weights here."""
        y = self.outputs_of(weights, top, steps.x, states)
        observed = counted_steps(steps, self.last)
        loss, slope = engine.loss("mse", y[..., None], steps.target, observed=observed)
        assert slope is not None
        slope = np.ascontiguousarray(slope[..., 0])
        dtop, dhead = self.backward(weights, slope, top)
        if self.path:
            extended = self.path.with_past(steps.x, states.get("past"))
            dhead = np.concatenate([dhead, self.path.backward(slope, extended)])
        return loss, dtop, dhead

    def backward(
        self, weights: np.ndarray, slope: np.ndarray, top: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The slope of ``of_top`` by ``top`` and by the head's weights."""
        part = weights[self._head]
        if self.head is None:
            return slope, part
        dtop, dhead = self.head.backward(part, slope, top)
        assert dtop is not None
        return dtop, dhead

    def matrix(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias of the head; without one, the identity."""
        if self.head is None:
            identity = np.eye(self.outputs, dtype=weights.dtype)
            return identity, np.zeros(self.outputs, weights.dtype)
        part, split = weights[self._head], self.head.output * self.head.input
        return part[:split].reshape(self.head.output, -1), part[split:]

    def map(self, weights: np.ndarray) -> np.ndarray:
        """The path's map as it counts ``(outputs, rows · inputs)``, of no rows without one."""
        return self.path.weight(weights[self._path]) if self.path else weights[:0, None]

    def beside(self, weights: np.ndarray, x: np.ndarray, states: States) -> dict[str, Any]:
        """What `engine.rollout` needs of a path with one output; nothing without one."""
        if self.path is None:
            return {}
        return self.path.beside(weights[self._path], x, states.get("past"))

    def beginning(self, batch: int, dtype: np.dtype | str) -> States:
        """The states of the path before the first row."""
        return {"past": self.path.begin(batch, dtype)} if self.path else {}

    def after(self, x: np.ndarray, states: States, lengths: np.ndarray | None) -> States:
        """The states of the path after x."""
        if self.path is None:
            return {}
        return {"past": self.path.after(x, states.get("past"), lengths)}

    def stepper(self, plain: Stepper, weights: np.ndarray, batch: int) -> Stepper:
        """What steps stack and head, with the path beside it."""
        if self.path is None:
            return plain
        return PathStepper(plain, self.path, weights[self._path], batch)
