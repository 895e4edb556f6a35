"""A stack of recurrent layers over a flat vector of weights, equal or unequal in size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.choice import choose
from rollcast.nn.cells import find_cell, layout
from rollcast.nn.initial import INITIAL

PIECE = 1 << 32
"""What sets the seed of one piece of a signal apart from that of the next."""


@dataclass(frozen=True)
class Recurrent:
    """Layers of one cell, each fed by the one below; the lowest by ``input`` features.

    hidden: units of every layer, from below. dropout: probability with which the outputs between
    layers are dropped while training.

    >>> Recurrent("lstm", input=1, hidden=(64, 64)).count
    50432
    """

    cell: str
    input: int
    hidden: tuple[int, ...]
    dropout: float = 0.0

    @property
    def sizes(self) -> tuple[int, ...]:
        """The width of the input, then the units of every layer."""
        return (self.input, *self.hidden)

    @property
    def states(self) -> tuple[int, ...]:
        """Of every layer the numbers of a row in h: its units, more often with dilation."""
        return engine.state_widths(self.cell, self.sizes)

    @property
    def wired(self) -> bool:
        """Whether it is more than layers one on the other, so that h may not be the output."""
        return engine.wiring_of(self.cell) != engine.wiring_of(engine.name_of(self.cell))

    @property
    def cells(self) -> tuple[int, ...]:
        """Of every layer the numbers of a row in all states but h; empty where there are none."""
        return engine.cell_widths(self.cell, self.sizes)

    def layers_of(self, name: str, flat: np.ndarray | None) -> list[np.ndarray]:
        """Flat states, ``h`` or ``c``, as one array (batch, numbers) a layer; none of None."""
        numbers = self.states if name == "h" else self.cells
        if flat is None:
            return []
        batch = flat.size // sum(numbers)
        parts = np.split(flat, np.cumsum(numbers)[:-1] * batch)
        return [part.reshape(batch, -1) for part in parts]

    @property
    def count(self) -> int:
        """How many weights there are."""
        return engine.weight_count(self.cell, self.sizes)

    def layout(self) -> list[tuple[str, tuple[int, ...], slice]]:
        """Names, shapes and places of the weights in their flat vector, as in ``torch.nn``."""
        return layout(self.cell, self.sizes)

    def initial(
        self, generator: np.random.Generator, dtype: str = "float32", scheme: str = "torch"
    ) -> np.ndarray:
        """First weights (count,); ``scheme`` is a row of ``INITIAL`` with its options, such as
        ``"orthogonal(forget_bias=1)"``."""
        initial = choose("initial", scheme, INITIAL)
        gates = find_cell(self.cell).gates
        weights = np.empty(self.count, dtype)
        for name, shape, place in self.layout():
            kind, _, layer = name.rpartition("_l")
            units = self.hidden[int(layer)]
            drawn = initial.draw(generator, kind, shape, len(gates), units)
            if kind.startswith("gain"):
                drawn = np.ones(shape)
            if kind == "bias_ih" and "f" in gates:
                forget = gates.index("f") * units
                drawn[forget : forget + units] += initial.forget_bias
            weights[place] = drawn.ravel()
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
    ) -> engine.Run:
        """Outputs and final states for x (time, batch, input), recorded for ``engine.backward``;
        the arguments are those of ``engine.forward``. ``first``: the time of the first step, where
        a signal is read piece by piece, so that each has dropout of its own."""
        return engine.forward(
            self.cell, self.sizes, weights, x, h0=h0, c0=c0, lengths=lengths,
            dropout=self.dropout, seed=seed ^ (first * PIECE), step=step, outputs=outputs,
            need_x=need_x,
        )  # fmt: skip

    def backward(
        self,
        run: engine.Run,
        dy: np.ndarray | None = None,
        dh: Sequence[np.ndarray] | None = None,
        dc: Sequence[np.ndarray] | None = None,
    ) -> engine.Gradients:
        """The way back from a run of ``forward``; the arguments are those of
        ``engine.backward``."""
        return engine.backward(run.recording, dy, dh, dc)

    def last(self, run: engine.Run) -> np.ndarray:
        """What the last layer gave at the last step (batch, units), of a run with
        ``outputs=recurrent.wired``."""
        return run.h[-1] if run.y is None else run.y[-1]

    def backward_from_last(
        self,
        run: engine.Run,
        dlast: np.ndarray,
        dh: Sequence[np.ndarray] | None = None,
        dc: Sequence[np.ndarray] | None = None,
    ) -> engine.Gradients:
        """As ``backward``, from the gradient of ``last`` and those of the final states."""
        if run.y is not None:
            dy = np.zeros_like(run.y)
            dy[-1] = dlast
            return self.backward(run, dy, dh, dc)
        dh = [np.zeros_like(each) for each in run.h] if dh is None else list(dh)
        return self.backward(run, dh=[*dh[:-1], dh[-1] + dlast], dc=dc)

    def infer(
        self,
        weights: np.ndarray | engine.Packed,
        x: np.ndarray,
        *,
        h0: Sequence[np.ndarray] | None = None,
        c0: Sequence[np.ndarray] | None = None,
        lengths: np.ndarray | None = None,
        outputs: bool = True,
    ) -> engine.Run:
        """Outputs and final states without dropout, nothing kept."""
        return engine.infer(
            self.cell, self.sizes, weights, x, h0=h0, c0=c0, lengths=lengths, outputs=outputs
        )
