"""A network that says something at every step: a recurrent stack and a linear readout, or none.

Teacher-forced steps are one native call (`engine.Sequence`); where outputs are fed back, training
goes through the closed loop (`engine.rollout`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.nn.layers import Linear
from rollcast.nn.normalized import NormalizedRun
from rollcast.nn.recurrent import Recurrent

States = dict[str, np.ndarray]
"""h, and for an LSTM c: flat, layer after layer ``(batch, units)``."""


@dataclass(frozen=True)
class Steps:
    """A batch to learn from, time first, scaled.

    x ``(time, batch, inputs)``; target ``(time, batch, outputs)``; observed, bool like target, says
    where there is a loss, None = everywhere; lengths int32 ``(batch,)``, None = all rows have all
    steps.
    """

    x: np.ndarray
    target: np.ndarray
    observed: np.ndarray | None = None
    lengths: np.ndarray | None = None

    def after(self, rows: int) -> Steps:
        """The same without the first ``rows``."""
        x, target, observed = (
            None if each is None else np.ascontiguousarray(each[rows:])
            for each in (self.x, self.target, self.observed)
        )
        lengths = self.lengths
        if lengths is not None:
            lengths = np.maximum(lengths - np.int32(rows), 1, dtype=np.int32)
        assert x is not None and target is not None
        return Steps(x, target, observed, lengths)


class SequenceNetwork:
    """A stack of ``hidden`` layers over ``inputs`` numbers a step, and ``outputs`` numbers out.

    readout: a linear head at every step; without it the last layer's units are the outputs. last:
    the loss counts the last step of each row alone. recompute: as in `engine.forward`. The weights
    are one flat vector: the stack's, then the head's weight ``(outputs, units)`` and bias.

    >>> SequenceNetwork("lstm", 1, (10, 20, 1), 1, readout=False).count
    3212
    """

    def __init__(
        self,
        cell: str,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        readout: bool = True,
        dropout: float = 0.0,
        last: bool = False,
        recompute: str | None = None,
    ) -> None:
        self.stack = Recurrent(cell, inputs, tuple(int(units) for units in hidden), dropout)
        self.outputs, self.last, self.recompute = outputs, last, recompute
        self.head = Linear(self.stack.hidden[-1], outputs) if readout else None
        self._every, self._scored = (
            engine.Sequence(
                cell, self.stack.sizes, outputs=outputs if readout else None, steps=steps,
                dropout=dropout,
            )
            for steps in ("all", "last" if last else "all")
        )  # fmt: skip
        self.count = self._every.count

    def initial(self, seed: int, dtype: str, scheme: str) -> np.ndarray:
        """First weights (count,): the stack by ``scheme``, the head as in torch."""
        generator = np.random.default_rng(seed)
        parts = [self.stack.initial(generator, dtype, scheme)]
        if self.head is not None:
            parts.append(self.head.initial(generator, dtype))
        return np.concatenate(parts)

    def places(self) -> dict[str, slice]:
        """Where each weight lies in the flat vector, by name: ``weight_ih_l0`` …, ``head.weight``,
        ``head.bias``."""
        found = {name: place for name, _, place in self.stack.layout()}
        for name, _, place in [] if self.head is None else self.head.layout():
            start = self.stack.count
            found[f"head.{name}"] = slice(start + place.start, start + place.stop)
        return found

    def states(self, batch: int, dtype: np.dtype | str) -> States:
        """Zero states for so many rows."""
        numbers = {"h": self.stack.states, "c": self.stack.cells}
        return {name: np.zeros(batch * sum(each), dtype) for name, each in numbers.items() if each}

    def gradient(
        self, weights: np.ndarray, steps: Steps, states: States, *, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """Mean squared error, its exact gradient, and the states after the steps.

        True inputs are read at every step; the gradient does not reach back into ``states``.
        """
        if self.recompute is not None:
            return self._recomputed_gradient(weights, steps, states, seed, step)
        final = {name: np.empty_like(state) for name, state in states.items()}
        target, observed = self._counted(steps)
        loss, gradient = self._scored.gradient(
            weights, steps.x, target, observed=observed, lengths=steps.lengths,
            h0=states["h"], c0=states.get("c"), hn=final["h"], cn=final.get("c"),
            seed=seed, step=step,
        )  # fmt: skip
        return loss, gradient, final

    def loss(self, weights: np.ndarray, steps: Steps, states: States) -> tuple[float, int, States]:
        """As ``gradient`` without dropout: the loss, of how many values it is the mean, and the
        states after the steps."""
        final = {name: np.empty_like(state) for name, state in states.items()}
        target, observed = self._counted(steps)
        loss = self._scored.loss(
            weights, steps.x, target, observed=observed, lengths=steps.lengths,
            h0=states["h"], c0=states.get("c"), hn=final["h"], cn=final.get("c"),
        )  # fmt: skip
        return loss, target.size if observed is None else int(observed.sum()), final

    def fed_gradient(
        self,
        weights: np.ndarray,
        steps: Steps,
        states: States,
        fed: np.ndarray,
        *,
        seed: int,
        step: int,
    ) -> tuple[float, np.ndarray, States]:
        """As ``gradient``, but where ``fed``, bool (time,) or (time, batch), says so, the first
        inputs are the outputs of the step before; the gradient goes through this loop."""
        stack, head = self._parts(weights)
        h0, c0 = self.layers_of(states)
        run = engine.rollout(
            self.stack.cell, self.stack.sizes, stack, head, steps.x, fed,
            h0=h0, c0=c0, feed=self.outputs,
            record=True, dropout=self.stack.dropout, seed=seed, step=step,
        )  # fmt: skip
        observed = counted_steps(steps, self.last)
        loss, slope = engine.loss(
            "mse", run.y[..., None], steps.target, observed=observed
        )  # fmt: skip
        assert slope is not None
        back = engine.rollout_backward(run.recording, slope[..., 0])
        parts = [back.weights]
        if self.head is not None:
            parts += [back.head_weight.ravel(), back.head_bias]
        return loss, np.concatenate(parts), flat_states(run, states)

    def _recomputed_gradient(
        self, weights: np.ndarray, steps: Steps, states: States, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """As ``gradient``, with little kept on the way and run again on the way back."""
        h0, c0 = self.layers_of(states)
        stack = weights[: self.stack.count]
        run = engine.forward(
            self.stack.cell, self.stack.sizes, stack, steps.x, h0=h0, c0=c0,
            lengths=steps.lengths, dropout=self.stack.dropout,
            seed=seed, step=step, recompute=self.recompute,
        )  # fmt: skip
        assert run.y is not None
        loss, dy, dhead = self.head_gradient(weights, run.y, steps)
        back = engine.backward(run.recording, dy)
        return loss, np.concatenate([back.weights, dhead]), flat_states(run, states)

    def outputs_of(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        states: States,
        lengths: np.ndarray | None = None,
    ) -> tuple[np.ndarray, States]:
        """Outputs ``(time, batch, outputs)`` of the true inputs, and the states after them; no
        dropout, nothing kept."""
        final = {name: np.empty_like(state) for name, state in states.items()}
        y = self._every.outputs_of(
            weights, x, lengths=lengths, h0=states["h"], c0=states.get("c"), hn=final["h"],
            cn=final.get("c"),
        )  # fmt: skip
        return y, final

    def roll(self, weights: np.ndarray, x: np.ndarray, fed: np.ndarray) -> np.ndarray:
        """Outputs ``(time, batch, outputs)`` from zero states, fed back where ``fed`` says so."""
        stack, head = self._parts(weights)
        return engine.rollout(
            self.stack.cell, self.stack.sizes, stack, head, x, fed, feed=self.outputs
        ).y

    def _counted(self, steps: Steps) -> tuple[np.ndarray, np.ndarray | None]:
        """The targets that count, and where they were observed."""
        if not self.last:
            return steps.target, steps.observed
        if steps.lengths is None:
            at = len(steps.x) - 1, slice(None)
        else:
            at = steps.lengths - 1, np.arange(len(steps.lengths))
        observed = None if steps.observed is None else steps.observed[at][None]
        return np.ascontiguousarray(steps.target[at][None]), observed

    def head_outputs(self, weights: np.ndarray, top: np.ndarray) -> np.ndarray:
        """Outputs of the last layer's ``top (…, units)``."""
        if self.head is None:
            return top
        return self.head.forward(weights[self.stack.count : self.count], top)

    def head_gradient(
        self, weights: np.ndarray, top: np.ndarray, steps: Steps
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """The loss of what the last layer says, its slope by ``top`` and by the head's weights."""
        y, observed = self.head_outputs(weights, top), counted_steps(steps, self.last)
        loss, slope = engine.loss("mse", y[..., None], steps.target, observed=observed)
        assert slope is not None
        return loss, *self.head_backward(weights, np.ascontiguousarray(slope[..., 0]), top)

    def head_backward(
        self, weights: np.ndarray, slope: np.ndarray, top: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The slope of ``head_outputs`` by ``top`` and by the head's weights."""
        part = weights[self.stack.count : self.count]
        if self.head is None:
            return slope, part
        dy, dhead = self.head.backward(part, slope, top)
        assert dy is not None
        return dy, dhead

    def settled(self, weights: np.ndarray, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
        """The weights: this network keeps nothing that depends on the data."""
        return weights

    def stepper(self, weights: np.ndarray, batch: int) -> engine.Stream:
        """Something that steps the network for so many rows, from zero states."""
        stack, head = self._parts(weights)
        return engine.Stream(engine.pack(self.stack.cell, self.stack.sizes, stack), batch, head)

    def _parts(self, weights: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """The stack's weights and the head; without one, the identity."""
        stack = weights[: self.stack.count]
        if self.head is None:
            identity = np.eye(self.outputs, dtype=weights.dtype)
            return stack, (identity, np.zeros(self.outputs, weights.dtype))
        rest = weights[self.stack.count :]
        split = self.head.output * self.head.input
        return stack, (rest[:split].reshape(self.head.output, -1), rest[split:])

    def rows_of(self, states: States, rows: np.ndarray) -> States:
        """The states of these rows alone."""
        return {
            name: np.concatenate([each[rows].ravel() for each in self.stack.layers_of(name, flat)])
            for name, flat in states.items()
        }

    def layers_of(self, states: States) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
        """The states h0 and c0 of a call, as one array (batch, numbers) a layer."""
        h, c = (self.stack.layers_of(name, states.get(name)) for name in ("h", "c"))
        return h, c or None


def flat_states(run: engine.Run | engine.Rollout | NormalizedRun, states: States) -> States:
    """The final states of a run, like those that it began with."""
    found = {"h": run.h, "c": run.c}
    return {name: np.concatenate([layer.ravel() for layer in found[name]]) for name in states}


def counted_steps(steps: Steps, last: bool) -> np.ndarray | None:
    """Where there is a loss, bool like the target: within each row, ``last`` at its last step
    alone; None = everywhere."""
    time, batch = steps.x.shape[:2]
    ends = np.full(batch, time) if steps.lengths is None else steps.lengths
    if not last and steps.lengths is None:
        return steps.observed
    at = np.arange(time)[:, None]
    counted = (at == ends - 1 if last else at < ends)[:, :, None]
    observed = counted & (True if steps.observed is None else steps.observed)
    return np.ascontiguousarray(np.broadcast_to(observed, steps.target.shape))
