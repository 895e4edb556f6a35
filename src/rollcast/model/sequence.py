"""A network that says something at every step: a recurrent stack and a linear readout, or none.

Teacher-forced steps are one native call (`engine.Sequence`); where outputs are fed back, training
goes through the closed loop (`engine.rollout`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast import engine
from rollcast.model.linear_path import Stepper
from rollcast.model.readout import Readout
from rollcast.model.step_loop import loop_gradient, roll
from rollcast.model.steps import States, Steps, counted_steps, flat_states
from rollcast.nn.normalized import NormalizedRun
from rollcast.nn.recurrent import Recurrent


class SequenceNetwork:
    """A stack of ``hidden`` layers over ``inputs`` numbers a step, and ``outputs`` numbers out.

    readout: a linear head at every step; without it the last layer's units are the outputs. last:
    the loss counts the last step of each row alone. recompute: as in `engine.forward`. skip: rows
    that a `LinearPath` reads, 0 = none. The weights are one flat vector: the stack's, then the
    head's weight ``(outputs, units)`` and bias, then the path's.

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
        skip: int = 0,
    ) -> None:
        self.stack = Recurrent(cell, inputs, tuple(int(units) for units in hidden), dropout)
        self.outputs, self.last, self.recompute = outputs, last, recompute
        units = self.stack.hidden[-1]
        self.readout = Readout(self.stack.count, units, outputs, readout, inputs, skip, last)
        self._every, self._scored = (
            engine.Sequence(
                cell, self.stack.sizes, outputs=outputs if readout else None, steps=steps,
                dropout=dropout,
            )
            for steps in ("all", "last" if last else "all")
        )  # fmt: skip
        self.count = self.readout.end

    def initial(self, seed: int, dtype: str, scheme: str) -> np.ndarray:
        """First weights (count,): the stack by ``scheme``, the head as in torch."""
        generator = np.random.default_rng(seed)
        stack = self.stack.initial(generator, dtype, scheme)
        return np.concatenate([stack, *self.readout.initial(generator, dtype)])

    def places(self) -> dict[str, slice]:
        """Where each weight lies in the flat vector, by name: ``weight_ih_l0`` …, ``head.weight``,
        ``head.bias``, ``skip.weight``."""
        found = {name: place for name, _, place in self.stack.layout()}
        return found | self.readout.places()

    def states(self, batch: int, dtype: np.dtype | str) -> States:
        """Zero states for so many rows, and no rows before the first."""
        numbers = {"h": self.stack.states, "c": self.stack.cells}
        found = {name: np.zeros(batch * sum(each), dtype) for name, each in numbers.items() if each}
        return found | self.readout.beginning(batch, dtype)

    def gradient(
        self, weights: np.ndarray, steps: Steps, states: States, *, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """Mean squared error, its exact gradient, and the states after the steps.

        True inputs are read at every step; the gradient does not reach back into ``states``.
        """
        if self.recompute is not None or self.readout.path:
            return self._gradient_apart(weights, steps, states, seed, step)
        final = _empty(states)
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
        readout, target = self.readout, steps.target
        if readout.path:  # what the path does not say is what the stack is to say
            target = target - readout.added(weights, steps.x, states)
        final = _empty(states)
        target, observed = self._counted(replace(steps, target=target))
        loss = self._scored.loss(
            weights[: self._every.count], steps.x, target, observed=observed,
            lengths=steps.lengths, h0=states["h"], c0=states.get("c"), hn=final["h"],
            cn=final.get("c"),
        )  # fmt: skip
        final |= readout.after(steps.x, states, steps.lengths)
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
        key: dict[str, Any] = {"seed": seed, "step": step}
        path = self.readout.path
        if path and self.outputs > 1:
            loss, *parts, after = loop_gradient(
                self, self.stack, stack, weights, steps, states, fed, **key
            )
            return loss, np.concatenate(parts), after
        h0, c0 = self.layers_of(states)
        beside = self.readout.beside(weights, steps.x, states)
        run = engine.rollout(
            self.stack.cell, self.stack.sizes, stack, head, steps.x, fed,
            h0=h0, c0=c0, feed=self.outputs, **beside, record=True,
            dropout=self.stack.dropout, **key,
        )  # fmt: skip
        observed = counted_steps(steps, self.last)
        loss, slope = engine.loss(
            "mse", run.y[..., None], steps.target, observed=observed
        )  # fmt: skip
        assert slope is not None
        back = engine.rollout_backward(run.recording, slope[..., 0])
        parts = [back.weights]
        if self.readout.head is not None:
            parts += [back.head_weight.ravel(), back.head_bias]
        after = flat_states(run)
        if path:
            parts.append(path.beside_backward(back, steps.x, states.get("past")))
            read, each = steps.x.copy(), np.broadcast_to(fed.reshape(len(fed), -1), run.y.shape[:2])
            read[1:, :, 0] = np.where(each[1:], run.y[:-1, :, 0], read[1:, :, 0])
            after |= self.readout.after(read, states, None)
        return loss, np.concatenate(parts), after

    def _gradient_apart(
        self, weights: np.ndarray, steps: Steps, states: States, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """As ``gradient``, call by call: with a linear path, or with little kept on the way and run
        again on the way back."""
        h0, c0 = self.layers_of(states)
        stack = weights[: self.stack.count]
        run = engine.forward(
            self.stack.cell, self.stack.sizes, stack, steps.x, h0=h0, c0=c0,
            lengths=steps.lengths, dropout=self.stack.dropout,
            seed=seed, step=step, recompute=self.recompute,
        )  # fmt: skip
        assert run.y is not None
        loss, dy, dhead = self.readout.gradient(weights, run.y, steps, states)
        back = engine.backward(run.recording, dy)
        return loss, np.concatenate([back.weights, dhead]), self.carried(run, steps, states)

    def outputs_of(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        states: States,
        lengths: np.ndarray | None = None,
    ) -> tuple[np.ndarray, States]:
        """Outputs ``(time, batch, outputs)`` of the true inputs, and the states after them; no
        dropout, nothing kept."""
        final = _empty(states)
        y = self._every.outputs_of(
            weights[: self._every.count], x, lengths=lengths, h0=states["h"], c0=states.get("c"),
            hn=final["h"], cn=final.get("c"),
        )  # fmt: skip
        if self.readout.path:
            y += self.readout.added(weights, x, states)
        return y, final | self.readout.after(x, states, lengths)

    def roll(self, weights: np.ndarray, x: np.ndarray, fed: np.ndarray) -> np.ndarray:
        """Outputs ``(time, batch, outputs)`` from zero states, fed back where ``fed`` says so."""
        if self.readout.path and self.outputs > 1:
            return roll(self.stepper(weights, x.shape[1]), self.outputs, x, fed)
        stack, head = self._parts(weights)
        return engine.rollout(
            self.stack.cell, self.stack.sizes, stack, head, x, fed, feed=self.outputs,
            **self.readout.beside(weights, x, {}),
        ).y  # fmt: skip

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

    def settled(self, weights: np.ndarray, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
        """The weights: this network keeps nothing that depends on the data."""
        return weights

    def stepper(self, weights: np.ndarray, batch: int) -> Stepper:
        """Something that steps the network for so many rows, from zero states."""
        stack, head = self._parts(weights)
        plain = engine.Stream(engine.pack(self.stack.cell, self.stack.sizes, stack), batch, head)
        return self.readout.stepper(plain, weights, batch)

    def carried(self, run: engine.Run | NormalizedRun, steps: Steps, states: States) -> States:
        """The states after a run of these steps."""
        return flat_states(run) | self.readout.after(steps.x, states, steps.lengths)

    def _parts(self, weights: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """The stack's weights and the head; without one, the identity."""
        return weights[: self.stack.count], self.readout.matrix(weights)

    def rows_of(self, states: States, rows: np.ndarray) -> States:
        """The states of these rows alone."""
        found = {}
        for name, flat in states.items():
            path = self.readout.path if name == "past" else None
            layers = path.layers_of(flat) if path else self.stack.layers_of(name, flat)
            found[name] = np.concatenate([flat[:0], *(each[rows].ravel() for each in layers)])
        return found

    def layers_of(self, states: States) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
        """The states h0 and c0 of a call, as one array (batch, numbers) a layer."""
        h, c = (self.stack.layers_of(name, states.get(name)) for name in ("h", "c"))
        return h, c or None


def _empty(states: States) -> States:
    """Room for the states of the stack after a call."""
    return {name: np.empty_like(states[name]) for name in states if name != "past"}
