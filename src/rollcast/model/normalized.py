"""A sequence network whose layers hand on normalised outputs.

Has the face of `SequenceNetwork`.
"""

from __future__ import annotations

import numpy as np

from rollcast import engine
from rollcast.model.linear_path import Stepper
from rollcast.model.sequence import SequenceNetwork
from rollcast.model.step_loop import loop_gradient, roll
from rollcast.model.steps import States, Steps, counted_steps
from rollcast.nn.normalized import NormalizedRecurrent


class NormalizedNetwork:
    """A `SequenceNetwork` with normalisation ``kind``, a row of ``NORMALIZE``, between layers.

    Behind the plain network's weights come those of `NormalizedRecurrent` that it has besides.
    """

    def __init__(self, plain: SequenceNetwork, kind: str) -> None:
        self.plain, self.outputs, self.kind = plain, plain.outputs, kind
        self.readout = plain.readout
        self.stack = NormalizedRecurrent(plain.stack, kind)
        self.rows_of, self.states = plain.rows_of, plain.states
        self.count = plain.count + self.stack.count - plain.stack.count

    def initial(self, seed: int, dtype: str, scheme: str) -> np.ndarray:
        """First weights (count,): those of the plain network, gain 1 and shift 0."""
        own = self.stack.initial(np.random.default_rng(seed), dtype, scheme)
        plain = self.plain.initial(seed, dtype, scheme)
        return np.concatenate([plain, own[self.plain.stack.count :]])

    def places(self) -> dict[str, slice]:
        """As `SequenceNetwork.places`, then ``gain_l0``, ``shift_l0`` …"""
        found, before = self.plain.places(), self.plain.count - self.plain.stack.count
        for name, _, place in self.stack.layout():
            if name not in found:
                found[name] = slice(place.start + before, place.stop + before)
        return found

    def settled(self, weights: np.ndarray, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
        """The weights with mean and variance as they are over x ``(time, batch, inputs)``, read
        from zero states; the weights themselves where none are kept."""
        own = self.stack.settled(self.of_stack(weights), x, lengths)
        return np.concatenate([weights[: self.plain.count], own[self.plain.stack.count :]])

    def gradient(
        self, weights: np.ndarray, steps: Steps, states: States, *, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """As `SequenceNetwork.gradient`, through the statistics of this batch."""
        h0, c0 = self.plain.layers_of(states)
        run = self.stack.forward(
            self.of_stack(weights), steps.x, h0=h0, c0=c0,
            lengths=steps.lengths, seed=seed, step=step,
        )  # fmt: skip
        assert run.y is not None
        loss, dy, dhead = self.plain.readout.gradient(weights, run.y, steps, states)
        own = self.stack.backward(run, np.ascontiguousarray(dy)).weights
        return loss, self.with_head(own, dhead), self.plain.carried(run, steps, states)

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
        """As `SequenceNetwork.fed_gradient`, for statistics of single steps alone."""
        own = self.of_stack(weights)
        loss, gradient, dhead, after = loop_gradient(
            self.plain, self.stack, own, weights, steps, states, fed, seed=seed, step=step
        )
        return loss, self.with_head(gradient, dhead), after

    def loss(self, weights: np.ndarray, steps: Steps, states: States) -> tuple[float, int, States]:
        """As `SequenceNetwork.loss`, by the statistics that `settled` has put there."""
        y, final = self.outputs_of(weights, steps.x, states, steps.lengths)
        observed = counted_steps(steps, self.plain.last)
        loss, _ = engine.loss(
            "mse", y[..., None], steps.target, observed=observed, need_slope=False
        )
        count = steps.target.size if observed is None else int(observed.sum())
        return loss, count, final

    def outputs_of(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        states: States,
        lengths: np.ndarray | None = None,
    ) -> tuple[np.ndarray, States]:
        """As `SequenceNetwork.outputs_of`."""
        h0, c0 = self.plain.layers_of(states)
        run = self.stack.infer(
            self.of_stack(weights), x, h0=h0, c0=c0, lengths=lengths,
        )  # fmt: skip
        assert run.y is not None
        after = self.plain.carried(run, Steps(x, x, lengths=lengths), states)
        return self.plain.readout.outputs_of(weights, run.y, x, states), after

    def roll(self, weights: np.ndarray, x: np.ndarray, fed: np.ndarray) -> np.ndarray:
        """As `SequenceNetwork.roll`, step by step."""
        return roll(self.stepper(weights, x.shape[1]), self.outputs, x, fed)

    def stepper(self, weights: np.ndarray, batch: int) -> Stepper:
        """Something that steps the network for so many rows, from zero states."""
        plain = NormalizedStepper(self, weights, batch)
        return self.plain.readout.stepper(plain, weights, batch)

    def of_stack(self, weights: np.ndarray) -> np.ndarray:
        """The weights of the normalised stack, without the head's."""
        return np.concatenate([weights[: self.plain.stack.count], weights[self.plain.count :]])

    def with_head(self, stack: np.ndarray, head: np.ndarray) -> np.ndarray:
        """The weights, or a gradient, of the stack and of the head in their order."""
        split = self.plain.stack.count
        return np.concatenate([stack[:split], head, stack[split:]])


class NormalizedStepper:
    """A `NormalizedNetwork` step by step, with steps and states as those of `engine.Stream`;
    without its linear path."""

    def __init__(self, network: NormalizedNetwork, weights: np.ndarray, batch: int) -> None:
        self._network, self._weights = network, weights
        own = network.of_stack(weights)
        self._betweens = network.stack.between(own)
        self._streams = [
            engine.Stream(engine.pack(network.stack.cell, sizes, layer), batch)
            for layer, sizes in network.stack.layers(own)
        ]
        self._split = network.plain.stack.layers_of

    def step(self, x: np.ndarray) -> np.ndarray:
        """The outputs (batch, outputs) of x (batch, inputs)."""
        network = self._network
        for number, stream in enumerate(self._streams):
            x = stream.step(x)
            if number < len(self._betweens):
                handed = network.stack.handed_on(x[None], self._betweens[number])
                x = np.ascontiguousarray(handed[0])
        return network.plain.readout.of_top(self._weights, x)

    @property
    def h(self) -> np.ndarray:
        """The states, layer after layer (batch, units)."""
        return np.concatenate([stream.h for stream in self._streams])

    @h.setter
    def h(self, states: np.ndarray) -> None:
        for stream, part in zip(self._streams, self._split("h", states), strict=True):
            stream.h = part.ravel()

    @property
    def c(self) -> np.ndarray | None:
        """The other states, alike; None for cells without."""
        parts = [stream.c for stream in self._streams if stream.c is not None]
        return np.concatenate(parts) if parts else None

    @c.setter
    def c(self, states: np.ndarray | None) -> None:
        if states is None:
            return
        for stream, part in zip(self._streams, self._split("c", states), strict=True):
            stream.c = part.ravel()
