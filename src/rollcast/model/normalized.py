"""A sequence network whose layers hand on normalised outputs: the stack layer by layer.

Has the face of `SequenceNetwork`. Outputs cannot be fed back in training: there each layer reads
the whole of a window before the next begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from rollcast import engine
from rollcast.model.sequence import SequenceNetwork, States, Steps, counted_steps
from rollcast.nn.layers import dropout_mask
from rollcast.nn.normal import NORMALIZE, spread_of


class NormalizedNetwork:
    """A `SequenceNetwork` with normalisation ``kind``, a row of ``NORMALIZE``, between layers.

    Behind the plain network's weights come, for every layer but the last, gain and shift (Ioffe and
    Szegedy 2015, equation 4) and where they are needed mean and variance of the training data:
    these have no gradient, and are what `settled` has put there.
    """

    def __init__(self, plain: SequenceNetwork, kind: str) -> None:
        self.plain, self.stack, self.outputs = plain, plain.stack, plain.outputs
        self.kind, self.normal = kind, NORMALIZE[kind]
        self.rows_of, self.states = plain.rows_of, plain.states
        units = self.stack.hidden[:-1]
        self._names = ("gain", "shift", "mean", "variance")[: 4 if self.normal.population else 2]
        self.count = plain.count + len(self._names) * sum(units)

    def initial(self, seed: int, dtype: str, scheme: str) -> np.ndarray:
        """First weights (count,): those of the plain network, gain 1 and shift 0."""
        rest = np.zeros(self.count - self.plain.count, dtype)
        weights = np.concatenate([self.plain.initial(seed, dtype, scheme), rest])
        for between in self._between(weights):
            between["gain"][:] = 1
            if "variance" in between:
                between["variance"][:] = 1
        return weights

    def places(self) -> dict[str, slice]:
        """As `SequenceNetwork.places`, then ``gain_l0``, ``shift_l0`` …"""
        found, start = self.plain.places(), self.plain.count
        for layer, units in enumerate(self.stack.hidden[:-1]):
            for name in self._names:
                found[f"{name}_l{layer}"] = slice(start, start + units)
                start += units
        return found

    def settled(self, weights: np.ndarray, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
        """The weights with mean and variance as they are over x ``(time, batch, inputs)``, read
        from zero states; the weights themselves where none are kept."""
        if not self.normal.population:
            return weights
        weights = weights.copy()
        valid = _valid(x, lengths)
        for (layer, sizes), between in zip(
            self._layers(weights)[:-1], self._between(weights), strict=True
        ):
            run = engine.infer(self.stack.cell, sizes, layer, x, lengths=lengths)
            assert run.y is not None
            mean, variance = self.normal.statistics(run.y, valid)
            between["mean"][:], between["variance"][:] = mean.ravel(), variance.ravel()
            x = self._normalised(run.y, between)
        return weights

    def gradient(
        self, weights: np.ndarray, steps: Steps, states: States, *, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """As `SequenceNetwork.gradient`, through the statistics of this batch."""
        x, valid, dropout = steps.x, _valid(steps.x, steps.lengths), self.stack.dropout
        layers, betweens = self._layers(weights), self._between(weights)
        starts, runs, kept = self._starts(states), [], []
        for number, (layer, sizes) in enumerate(layers):
            h0, c0 = starts[number]
            run = engine.forward(
                self.stack.cell, sizes, layer, x, h0=h0, c0=c0, lengths=steps.lengths,
                need_x=number > 0,
            )  # fmt: skip
            runs.append(run)
            assert run.y is not None
            if number == len(betweens):
                continue
            mean, variance = self.normal.statistics(run.y, valid)
            spread = spread_of(variance)
            scaled = (run.y - mean) / spread
            time, row = np.arange(len(x))[:, None], np.arange(x.shape[1])
            mask = None
            if dropout:
                mask = dropout_mask(dropout, seed, step, number, time, row, sizes[-1])
                mask = mask.astype(x.dtype)
            kept.append((scaled, spread, mask))
            x = scaled * betweens[number]["gain"] + betweens[number]["shift"]
            x = x if mask is None else x * mask
        top = runs[-1].y
        loss, dy, head_gradient = self.plain.head_gradient(weights, top, steps)
        gradient = np.zeros_like(weights)
        gradient[self.stack.count : self.plain.count] = head_gradient
        places, slots = self._layers(gradient), self._between(gradient)
        for number in reversed(range(len(layers))):
            back = engine.backward(runs[number].recording, np.ascontiguousarray(dy))
            places[number][0][:] = back.weights
            if number == 0:
                break
            scaled, spread, mask = kept[number - 1]
            assert back.x is not None
            dz = back.x if mask is None else back.x * mask
            slot, gain = slots[number - 1], betweens[number - 1]["gain"]
            slot["gain"][:] = (dz * scaled).sum(axis=(0, 1), dtype=np.float64)
            slot["shift"][:] = dz.sum(axis=(0, 1), dtype=np.float64)
            dy = self.normal.back(dz * gain, scaled, spread, valid)
        return loss, gradient, _flat(states, runs)

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
        runs, betweens = [], self._between(weights)
        for number, (layer, sizes) in enumerate(self._layers(weights)):
            h0, c0 = self._starts(states)[number]
            run = engine.infer(self.stack.cell, sizes, layer, x, h0=h0, c0=c0, lengths=lengths)
            runs.append(run)
            assert run.y is not None
            x = run.y if number == len(betweens) else self._normalised(run.y, betweens[number])
        return self.plain.head_outputs(weights, x), _flat(states, runs)

    def roll(self, weights: np.ndarray, x: np.ndarray, fed: np.ndarray) -> np.ndarray:
        """As `SequenceNetwork.roll`, step by step."""
        time, batch, _ = x.shape
        stepper, said = self.stepper(weights, batch), np.empty((time, batch, self.outputs), x.dtype)
        fed = np.broadcast_to(fed.reshape(time, -1), (time, batch))
        for now in range(time):
            row = x[now].copy()
            if fed[now].any():
                row[fed[now], : self.outputs] = said[now - 1, fed[now]]
            said[now] = stepper.step(row)
        return said

    def stepper(self, weights: np.ndarray, batch: int) -> NormalizedStepper:
        """Something that steps the network for so many rows, from zero states."""
        return NormalizedStepper(self, weights, batch)

    def _normalised(self, y: np.ndarray, between: dict[str, np.ndarray]) -> np.ndarray:
        if self.normal.population:
            mean, variance = between["mean"], between["variance"]
        else:
            mean, variance = self.normal.statistics(y)
        return (y - mean) / spread_of(variance) * between["gain"] + between["shift"]

    def _layers(self, weights: np.ndarray) -> list[tuple[np.ndarray, tuple[int, int]]]:
        """The weights of each layer, views, and its sizes."""
        found, at = [], 0
        for sizes in pairwise(self.stack.sizes):
            count = engine.weight_count(self.stack.cell, sizes)
            found.append((weights[at : at + count], sizes))
            at += count
        return found

    def _between(self, weights: np.ndarray) -> list[dict[str, np.ndarray]]:
        """What stands behind each layer but the last, views by name."""
        found, at = [], self.plain.count
        for units in self.stack.hidden[:-1]:
            ends = at + units * np.arange(len(self._names) + 1)
            found.append(
                {
                    name: weights[begin:end]
                    for name, (begin, end) in zip(self._names, pairwise(ends), strict=True)
                }
            )
            at = int(ends[-1])
        return found

    def _starts(
        self, states: States
    ) -> list[tuple[Sequence[np.ndarray], Sequence[np.ndarray] | None]]:
        """h0 and c0 of each layer."""
        h, c = self.plain.layers_of(states["h"]), self.plain.layers_of(states.get("c"))
        assert h is not None
        return [([h[k]], None if c is None else [c[k]]) for k in range(len(h))]


class NormalizedStepper:
    """A `NormalizedNetwork` step by step, with steps and states as those of `engine.Stream`."""

    def __init__(self, network: NormalizedNetwork, weights: np.ndarray, batch: int) -> None:
        self._network, self._weights = network, weights
        self._betweens = network._between(weights)
        self._streams = [
            engine.Stream(engine.pack(network.stack.cell, sizes, layer), batch)
            for layer, sizes in network._layers(weights)
        ]
        self._ends = np.cumsum(network.stack.hidden)[:-1] * batch

    def step(self, x: np.ndarray) -> np.ndarray:
        """The outputs (batch, outputs) of x (batch, inputs)."""
        network = self._network
        for number, stream in enumerate(self._streams):
            x = stream.step(x)
            if number < len(self._betweens):
                x = np.ascontiguousarray(network._normalised(x[None], self._betweens[number])[0])
        return network.plain.head_outputs(self._weights, x)

    @property
    def h(self) -> np.ndarray:
        """The states, layer after layer (batch, units)."""
        return np.concatenate([stream.h for stream in self._streams])

    @h.setter
    def h(self, states: np.ndarray) -> None:
        for stream, part in zip(self._streams, np.split(states, self._ends), strict=True):
            stream.h = np.ascontiguousarray(part)

    @property
    def c(self) -> np.ndarray | None:
        """The cell states of an LSTM, alike; None for other cells."""
        parts = [stream.c for stream in self._streams if stream.c is not None]
        return np.concatenate(parts) if parts else None

    @c.setter
    def c(self, states: np.ndarray | None) -> None:
        if states is None:
            return
        for stream, part in zip(self._streams, np.split(states, self._ends), strict=True):
            stream.c = np.ascontiguousarray(part)


def _valid(x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray | None:
    """Which steps there are, (time, batch, 1); None = all."""
    return None if lengths is None else (np.arange(len(x))[:, None] < lengths)[:, :, None]


def _flat(states: States, runs: list[engine.Run]) -> States:
    """The final states of single layers, flat as the ones they began with."""
    ends = {"h": [run.h for run in runs], "c": [run.c for run in runs]}
    return {name: np.concatenate([each[0].ravel() for each in ends[name]]) for name in states}
