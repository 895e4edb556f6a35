"""A stack of recurrent layers that hand on normalised outputs: layer by layer, with the way back.

Has the face of `Recurrent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rollcast import engine
from rollcast.errors import UsageError
from rollcast.nn.layers import dropout_mask
from rollcast.nn.normal import NORMALIZE, spread_of
from rollcast.nn.recurrent import Recurrent

Layer = tuple[np.ndarray, tuple[int, int]]
"""The weights of one layer, a view, and its sizes."""


@dataclass(frozen=True, eq=False)
class NormalizedRun:
    """What `NormalizedRecurrent.forward` gives: y, h and c as those of `engine.Run`, and what the
    way back needs: weights, the run of each layer, what stood between them, which steps there
    are."""

    y: np.ndarray | None
    h: list[np.ndarray]
    c: list[np.ndarray]
    weights: np.ndarray
    layers: list[engine.Run]
    between: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]  # scaled, spread, dropout
    valid: np.ndarray | None


class NormalizedRecurrent:
    """The layers of ``plain`` with normalisation ``kind``, a row of ``NORMALIZE``, between them.

    Behind the plain stack's weights come, for every layer but the last, gain and shift (Ioffe and
    Szegedy 2015, equation 4) and where they are needed mean and variance of the training data:
    these have no gradient, and are what `settled` has put there.
    """

    def __init__(self, plain: Recurrent, kind: str) -> None:
        self.plain, self.normal = plain, NORMALIZE[kind]
        self.cell, self.hidden, self.dropout = plain.cell, plain.hidden, plain.dropout
        if plain.wired:
            raise UsageError(
                f"cell={plain.cell!r}: layers that are normalised between have no options. Leave "
                "out either."
            )
        self.sizes, self.cells, self.states = plain.sizes, plain.cells, plain.states
        self.layers_of, self.wired = plain.layers_of, False
        self.names = ("gain", "shift", "mean", "variance")[: 4 if self.normal.population else 2]
        self.count = plain.count + len(self.names) * sum(self.hidden[:-1])

    def layout(self) -> list[tuple[str, tuple[int, ...], slice]]:
        """As `Recurrent.layout`, then ``gain_l0``, ``shift_l0`` …"""
        found, start = self.plain.layout(), self.plain.count
        for layer, units in enumerate(self.hidden[:-1]):
            for name in self.names:
                found.append((f"{name}_l{layer}", (units,), slice(start, start + units)))
                start += units
        return found

    def initial(
        self, generator: np.random.Generator, dtype: str = "float32", scheme: str = "torch"
    ) -> np.ndarray:
        """First weights (count,): those of the plain stack, gain 1 and shift 0."""
        rest = np.zeros(self.count - self.plain.count, dtype)
        weights = np.concatenate([self.plain.initial(generator, dtype, scheme), rest])
        for between in self.between(weights):
            between["gain"][:] = 1
            if "variance" in between:
                between["variance"][:] = 1
        return weights

    def forward(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        *,
        h0: Sequence[np.ndarray] | None = None,
        c0: Sequence[np.ndarray] | None = None,
        lengths: np.ndarray | None = None,
        seed: int = 0,
        step: int = 0,
        outputs: bool = True,
        need_x: bool = False,
        first: int = 0,
    ) -> NormalizedRun:
        """As `Recurrent.forward`, by the statistics of this batch, for ``backward``. ``first``: the
        time of the first step, for dropout."""
        valid, betweens = _valid(x, lengths), self.between(weights)
        runs, kept = [], []
        for number, (layer, sizes) in enumerate(self.layers(weights)):
            last = number == len(betweens)
            run = engine.forward(
                self.cell, sizes, layer, x, h0=_one(h0, number), c0=_one(c0, number),
                lengths=lengths, need_x=need_x or number > 0, outputs=outputs or not last,
            )  # fmt: skip
            runs.append(run)
            if last:
                break
            assert run.y is not None
            mean, variance = self.normal.statistics(run.y, valid)
            spread = spread_of(variance)
            scaled, mask = (run.y - mean) / spread, None
            if self.dropout:
                time, row = first + np.arange(len(x))[:, None], np.arange(x.shape[1])
                mask = dropout_mask(self.dropout, seed, step, number, time, row, sizes[-1])
                mask = mask.astype(x.dtype)
            kept.append((scaled, spread, mask))
            x = scaled * betweens[number]["gain"] + betweens[number]["shift"]
            x = x if mask is None else x * mask
        return NormalizedRun(runs[-1].y, *_ends(runs), weights, runs, kept, valid)

    def backward(
        self,
        run: NormalizedRun,
        dy: np.ndarray | None = None,
        dh: Sequence[np.ndarray] | None = None,
        dc: Sequence[np.ndarray] | None = None,
    ) -> engine.Gradients:
        """As `Recurrent.backward`, through the statistics of the batch of ``forward``."""
        gradient = np.zeros_like(run.weights)
        places, slots = self.layers(gradient), self.between(gradient)
        betweens, backs = self.between(run.weights), []
        for number in reversed(range(len(places))):
            recording = run.layers[number].recording
            back = engine.backward(recording, dy, _one(dh, number), _one(dc, number))
            backs.append(back)
            places[number][0][:] = back.weights
            if number == 0:
                break
            scaled, spread, mask = run.between[number - 1]
            assert back.x is not None
            dz = back.x if mask is None else back.x * mask
            slot, gain = slots[number - 1], betweens[number - 1]["gain"]
            slot["gain"][:] = (dz * scaled).sum(axis=(0, 1), dtype=np.float64)
            slot["shift"][:] = dz.sum(axis=(0, 1), dtype=np.float64)
            dy = np.ascontiguousarray(self.normal.back(dz * gain, scaled, spread, run.valid))
        backs.reverse()
        h0 = [each for back in backs for each in back.h0]
        c0 = [each for back in backs for each in back.c0]
        return engine.Gradients(gradient, backs[0].x, h0, c0)

    def last(self, run: NormalizedRun | engine.Run) -> np.ndarray:
        """As `Recurrent.last`."""
        return run.h[-1]

    def backward_from_last(self, run: NormalizedRun, dlast: np.ndarray) -> engine.Gradients:
        """As `Recurrent.backward_from_last`."""
        return self.backward(run, dh=[*(np.zeros_like(each) for each in run.h[:-1]), dlast])

    def infer(
        self,
        weights: np.ndarray,
        x: np.ndarray,
        *,
        h0: Sequence[np.ndarray] | None = None,
        c0: Sequence[np.ndarray] | None = None,
        lengths: np.ndarray | None = None,
        outputs: bool = True,
    ) -> engine.Run:
        """As `Recurrent.infer`, by the statistics that `settled` has put there."""
        runs, betweens = [], self.between(weights)
        for number, (layer, sizes) in enumerate(self.layers(weights)):
            last = number == len(betweens)
            run = engine.infer(
                self.cell, sizes, layer, x, h0=_one(h0, number), c0=_one(c0, number),
                lengths=lengths, outputs=outputs or not last,
            )  # fmt: skip
            runs.append(run)
            if not last:
                assert run.y is not None
                x = self.handed_on(run.y, betweens[number])
        return engine.Run(runs[-1].y, *_ends(runs))

    def settled(
        self, weights: np.ndarray, x: np.ndarray, lengths: np.ndarray | None = None
    ) -> np.ndarray:
        """The weights with mean and variance as they are over x ``(time, batch, input)``, read from
        zero states; the weights themselves where none are kept."""
        if not self.normal.population:
            return weights
        weights, valid = weights.copy(), _valid(x, lengths)
        betweens = self.between(weights)
        for (layer, sizes), between in zip(self.layers(weights)[:-1], betweens, strict=True):
            run = engine.infer(self.cell, sizes, layer, x, lengths=lengths)
            assert run.y is not None
            mean, variance = self.normal.statistics(run.y, valid)
            between["mean"][:], between["variance"][:] = mean.ravel(), variance.ravel()
            x = self.handed_on(run.y, between)
        return weights

    def handed_on(self, y: np.ndarray, between: dict[str, np.ndarray]) -> np.ndarray:
        """What the layer above reads of y (time, batch, units), without dropout."""
        if self.normal.population:
            mean, variance = between["mean"], between["variance"]
        else:
            mean, variance = self.normal.statistics(y)
        return (y - mean) / spread_of(variance) * between["gain"] + between["shift"]

    def layers(self, weights: np.ndarray) -> list[Layer]:
        """The weights of each layer and its sizes."""
        found, at = [], 0
        for sizes in pairwise(self.sizes):
            count = engine.weight_count(self.cell, sizes)
            found.append((weights[at : at + count], sizes))
            at += count
        return found

    def between(self, weights: np.ndarray) -> list[dict[str, np.ndarray]]:
        """What stands behind each layer but the last, views by name."""
        found, at = [], self.plain.count
        for units in self.hidden[:-1]:
            found.append({})
            for name in self.names:
                found[-1][name] = weights[at : at + units]
                at += units
        return found


def _one(states: Sequence[np.ndarray] | None, number: int) -> list[np.ndarray] | None:
    """Of the states of all layers those of one."""
    return None if states is None else [states[number]]


def _ends(runs: Sequence[engine.Run]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The final states h and c of single layers, in one list each."""
    return [run.h[0] for run in runs], [each for run in runs for each in run.c]


def _valid(x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray | None:
    """Which steps there are, (time, batch, 1); None = all."""
    return None if lengths is None else (np.arange(len(x))[:, None] < lengths)[:, :, None]
