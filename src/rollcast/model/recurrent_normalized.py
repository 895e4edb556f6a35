"""A sequence network of LSTM layers with batch normalisation within their recurrence.

Has the face of `SequenceNetwork`, but windows begin with zero states and are of one length, and
there is no stepping on from a state: the statistics belong to steps counted from the beginning.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rollcast import engine
from rollcast.errors import UsageError
from rollcast.model.linear_path import Stepper
from rollcast.model.sequence import SequenceNetwork
from rollcast.model.steps import States, Steps, counted_steps
from rollcast.nn.recurrent_normal import FIRST_GAIN, PARTS, Weights, backward, forward


class RecurrentNormalizedNetwork:
    """The layers of a `SequenceNetwork` of cell lstm, normalised step by step.

    Behind the plain network's weights come, layer by layer, gain ``(9 units,)`` and shift
    ``(units,)``; then mean and variance ``(rows, 9 units)``, which have no gradient and are what
    `settled` has put there.
    """

    def __init__(self, plain: SequenceNetwork, rows: int) -> None:
        if plain.stack.cell != "lstm" or plain.stack.dropout:
            raise UsageError(
                "normalize='recurrent_batch' is for cell='lstm' without dropout, not "
                f"cell={plain.stack.cell!r} and dropout={plain.stack.dropout}."
            )
        self.plain, self.stack, self.outputs = plain, plain.stack, plain.outputs
        self.readout = plain.readout
        self.rows, self.states, self.rows_of = rows, plain.states, plain.rows_of
        self._own = plain.count + (PARTS + 1) * sum(self.stack.hidden)
        self.count = self._own + 2 * PARTS * rows * sum(self.stack.hidden)

    def initial(self, seed: int, dtype: str, scheme: str) -> np.ndarray:
        """First weights (count,): those of the plain network, gain 0.1 and shift 0."""
        rest = np.zeros(self.count - self.plain.count, dtype)
        weights = np.concatenate([self.plain.initial(seed, dtype, scheme), rest])
        for layer in self.layers(weights):
            layer.gain[:] = FIRST_GAIN
        for _, variance in self.statistics(weights):
            variance[:] = 1
        return weights

    def places(self) -> dict[str, slice]:
        """As `SequenceNetwork.places`, then ``gain_l0``, ``shift_l0`` … and ``mean_l0``,
        ``variance_l0`` …"""
        found, start = self.plain.places(), self.plain.count
        own, data = {"gain": PARTS, "shift": 1}, dict.fromkeys(("mean", "variance"), PARTS)
        for parts, rows in ((own, 1), (data, self.rows)):
            for layer, units in enumerate(self.stack.hidden):
                for name, many in parts.items():
                    found[f"{name}_l{layer}"] = slice(start, start + many * rows * units)
                    start += many * rows * units
        return found

    def settled(self, weights: np.ndarray, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
        """The weights with the mean and variance of each step over x ``(rows, windows,
        inputs)``."""
        weights = weights.copy()
        for layer, place in zip(self.layers(weights), self.statistics(weights), strict=True):
            x, _, *found = forward(x, layer, None, None)
            for slot, values in zip(place, found, strict=True):
                slot[:] = values
        return weights

    def gradient(
        self, weights: np.ndarray, steps: Steps, states: States, *, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """As `SequenceNetwork.gradient`, from zero states, through the statistics of this batch."""
        x, layers, kept = steps.x, self.layers(weights), []
        inputs = []
        for layer in layers:
            inputs.append(x)
            x, records, _, _ = forward(x, layer, None, None)
            kept.append(records)
        loss, dy, dhead = self.plain.readout.gradient(weights, x, steps, states)
        gradient = np.zeros_like(weights)
        gradient[self.stack.count : self.plain.count] = dhead
        places = self.layers(gradient)
        for number in reversed(range(len(layers))):
            dy, slopes = backward(dy, inputs[number], layers[number], kept[number])
            for place, slope in zip(places[number], slopes, strict=True):
                place[:] = slope
        return loss, gradient, states

    def loss(self, weights: np.ndarray, steps: Steps, states: States) -> tuple[float, int, States]:
        """As `SequenceNetwork.loss`, by the statistics that `settled` has put there."""
        y, _ = self.outputs_of(weights, steps.x, states, steps.lengths)
        observed = counted_steps(steps, self.plain.last)
        loss, _ = engine.loss(
            "mse", y[..., None], steps.target, observed=observed, need_slope=False
        )
        return loss, steps.target.size if observed is None else int(observed.sum()), states

    def outputs_of(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        states: States,
        lengths: np.ndarray | None = None,
    ) -> tuple[np.ndarray, States]:
        """Outputs ``(time, batch, outputs)`` from zero states; the states come back as they are."""
        top = x
        for layer, place in zip(self.layers(weights), self.statistics(weights), strict=True):
            top = forward(top, layer, *place)[0]
        return self.plain.readout.outputs_of(weights, top, x, states), states

    def roll(self, weights: np.ndarray, x: np.ndarray, fed: np.ndarray) -> np.ndarray:
        """As `SequenceNetwork.roll`: all is read again for each step that is fed."""
        fed = np.broadcast_to(fed.reshape(len(x), -1), x.shape[:2])
        x = x.copy()
        for now in np.flatnonzero(fed.any(axis=1)):
            said = self.outputs_of(weights, x[:now], {})[0][-1]
            x[now, fed[now], : self.outputs] = said[fed[now]]
        return self.outputs_of(weights, x, {})[0]

    def stepper(self, weights: np.ndarray, batch: int) -> Stepper:
        """Not here: raises UsageError."""
        raise UsageError(
            "a network with normalize='recurrent_batch' cannot stream: its statistics belong to "
            "steps counted from the beginning of a window."
        )

    def layers(self, weights: np.ndarray) -> list[Weights]:
        """The weights of each layer, views."""
        found, at, behind = [], 0, self.plain.count
        for inputs, units in pairwise(self.stack.sizes):
            parts = []
            for shape in ((4 * units, inputs), (4 * units, units), (4 * units,), (4 * units,)):
                size = int(np.prod(shape))
                parts.append(weights[at : at + size].reshape(shape))
                at += size
            shift = behind + PARTS * units
            gain_and_shift = weights[behind:shift], weights[shift : shift + units]
            found.append(Weights._make((*parts, *gain_and_shift)))
            behind = shift + units
        return found

    def statistics(self, weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Mean and variance (rows, 9 units) of each layer, views."""
        found, at = [], self._own
        for units in self.stack.hidden:
            size = PARTS * units * self.rows
            pair = weights[at : at + 2 * size].reshape(2, self.rows, -1)
            found.append((pair[0], pair[1]))
            at += 2 * size
        return found
