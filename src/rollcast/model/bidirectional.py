"""A sequence network whose layers read every row from both ends: each output knows all of it.

Has the face of `SequenceNetwork`, but for signals that are all there: no state is handed on, and
nothing can be fed back, since what was said changes what was read before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast import engine
from rollcast.engine import bidirectional
from rollcast.errors import UsageError
from rollcast.model.linear_path import Stepper
from rollcast.model.readout import Readout
from rollcast.model.steps import States, Steps, counted_steps
from rollcast.nn.recurrent import Recurrent


class BidirectionalNetwork:
    """Layers of ``hidden`` units in either direction (Schuster and Paliwal 1997), side by side, and
    a linear head at every step; arguments as of `SequenceNetwork`.

    The weights are one flat vector: per layer those of the forward, then those of the reverse
    direction, as in ``torch.nn``; then those of the `Readout`.
    """

    def __init__(
        self,
        cell: str,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        dropout: float = 0.0,
        last: bool = False,
        skip: int = 0,
    ) -> None:
        self.cell, self.sizes = cell, (inputs, *(int(units) for units in hidden))
        self.outputs, self.dropout = outputs, dropout
        stack = bidirectional.weight_count_of(cell, self.sizes)
        self.readout = Readout(stack, 2 * self.sizes[-1], outputs, True, inputs, skip, last)
        self.count = self.readout.end
        pairs = bidirectional.layer_sizes(self.sizes)
        self._layers = [Recurrent(cell, width, (units,)) for width, units in pairs]

    def initial(self, seed: int, dtype: str, scheme: str) -> np.ndarray:
        """First weights (count,): each direction by ``scheme``, the head as in torch."""
        generator = np.random.default_rng(seed)
        parts = [
            layer.initial(generator, dtype, scheme) for layer in self._layers for _ in range(2)
        ]
        return np.concatenate([*parts, *self.readout.initial(generator, dtype)])

    def places(self) -> dict[str, slice]:
        """As `SequenceNetwork.places`; the reverse direction's end in ``_reverse``."""
        found, start = {}, 0
        for number, layer in enumerate(self._layers):
            for ending in ("", "_reverse"):
                for name, _, place in layer.layout():
                    kind = name.rpartition("_l")[0]
                    found[f"{kind}_l{number}{ending}"] = slice(
                        start + place.start, start + place.stop
                    )
                start += layer.count
        return found | self.readout.places()

    def states(self, batch: int, dtype: np.dtype | str) -> States:
        """None but those of a linear path: rows begin with zeros at both ends."""
        return self.readout.beginning(batch, dtype)

    def rows_of(self, states: States, rows: np.ndarray) -> States:
        """The states of these rows alone: none are handed on."""
        return {}

    def settled(self, weights: np.ndarray, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
        """The weights: this network keeps nothing that depends on the data."""
        return weights

    def gradient(
        self, weights: np.ndarray, steps: Steps, states: States, *, seed: int, step: int
    ) -> tuple[float, np.ndarray, States]:
        """As `SequenceNetwork.gradient`, from zeros at both ends."""
        run = bidirectional.forward(
            self.cell, self.sizes, self._stack(weights), steps.x, lengths=steps.lengths,
            dropout=self.dropout, seed=seed, step=step,
        )  # fmt: skip
        loss, dy, dhead = self.readout.gradient(weights, run.y, steps, states)
        back = bidirectional.backward(run.recording, dy)
        return loss, np.concatenate([back.weights, dhead]), states

    def loss(self, weights: np.ndarray, steps: Steps, states: States) -> tuple[float, int, States]:
        """As `SequenceNetwork.loss`."""
        y, _ = self.outputs_of(weights, steps.x, states, steps.lengths)
        observed = counted_steps(steps, self.readout.last)
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
        """Outputs ``(time, batch, outputs)``; the states come back as they are."""
        run = bidirectional.infer(self.cell, self.sizes, self._stack(weights), x, lengths=lengths)
        return self.readout.outputs_of(weights, run.y, x, states), states

    def roll(self, weights: np.ndarray, x: np.ndarray, fed: np.ndarray) -> np.ndarray:
        """Not here: raises UsageError."""
        raise UsageError("a network with bidirectional=True cannot be fed what it says.")

    def stepper(self, weights: np.ndarray, batch: int) -> Stepper:
        """Not here: raises UsageError."""
        raise UsageError(
            "a network with bidirectional=True cannot stream: it reads the rows that follow, too."
        )

    def _stack(self, weights: np.ndarray) -> np.ndarray:
        return weights[: bidirectional.weight_count_of(self.cell, self.sizes)]
