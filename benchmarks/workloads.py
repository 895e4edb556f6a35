"""The workloads: shapes, numbers, and the arithmetic they need. All incumbents get the same arrays.

Arrays are float32 and time-major. Weights are one flat vector as in ``torch.nn``: per layer
``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh``, then the linear head's weight and bias.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
GATES = {"rnn_tanh": 1, "lstm": 4, "gru": 3}

# What is timed. train: forward, loss (mean square) and backward. step: that, then clipping by norm
# and Adam, the loss read. infer: the stack's outputs. one: one step on, states kept. stack: forward
# and backward of the stack alone for given gradients of its outputs, without head and loss.
TRAINING = ("train", "step", "stack")
MODES = (*TRAINING, "infer", "one")
CLIP, RATE = 1.0, 1e-3


@dataclass(frozen=True)
class Workload:
    """A stack and the batch it reads. last: only the last step's output is wanted, else a linear
    head reads every step."""

    cell: str
    batch: int
    time: int
    sizes: tuple[int, ...]
    last: bool = False

    def flops(self, mode: str) -> float:
        """Multiplications and additions of the stack's products; a way back is twice a way on."""
        each = sum(
            2 * self.batch * GATES[self.cell] * units * (width + units)
            for width, units in itertools.pairwise(self.sizes)
        )
        return float(each * (1 if mode == "one" else self.time) * (3 if mode in TRAINING else 1))

    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the weights in their order."""
        found: list[tuple[int, ...]] = []
        for width, units in itertools.pairwise(self.sizes):
            rows = GATES[self.cell] * units
            found += [(rows, width), (rows, units), (rows,), (rows,)]
        return found if self.last else [*found, (1, self.sizes[-1]), (1,)]

    def split(self, weights: Array) -> list[Array]:
        """The flat vector's parts, as views."""
        shapes = self.shapes()
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = np.split(weights, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def layers(self, parts: Sequence) -> list[tuple]:
        """The parts of each layer, without the head."""
        return [tuple(parts[4 * k : 4 * k + 4]) for k in range(len(self.sizes) - 1)]

    def weights(self) -> Array:
        """First weights, uniform within ±1/√units as in ``torch.nn``."""
        generator = np.random.default_rng(1)
        bounds = [units**-0.5 for units in self.sizes[1:] for _ in range(4)]
        bounds += [] if self.last else [self.sizes[-1] ** -0.5] * 2
        drawn = [
            generator.uniform(-bound, bound, int(np.prod(shape)))
            for bound, shape in zip(bounds, self.shapes(), strict=True)
        ]
        return np.concatenate(drawn).astype(np.float32)

    def inputs(self) -> Array:
        """x (time, batch, input)."""
        shape = (self.time, self.batch, self.sizes[0])
        return np.random.default_rng(2).standard_normal(shape, np.float32)

    def targets(self) -> Array:
        """(time, batch, 1), or (1, batch, units) where only the last step is wanted."""
        shape = (1, self.batch, self.sizes[-1]) if self.last else (self.time, self.batch, 1)
        return np.random.default_rng(3).standard_normal(shape, np.float32)

    def slopes(self) -> Array:
        """Gradients of the stack's outputs, for mode stack: (time, batch, units)."""
        shape = (self.time, self.batch, self.sizes[-1])
        slopes = np.random.default_rng(4).standard_normal(shape, np.float32)
        if self.last:
            slopes[:-1] = 0.0
        return slopes


WORKLOADS = {
    "W1": Workload("lstm", 97, 999, (1, 64, 64)),
    "W2": Workload("rnn_tanh", 1, 300, (1, 32, 32, 32)),
    "W3": Workload("rnn_tanh", 1, 49, (1, 16)),
    "W4": Workload("lstm", 300, 9, (1, 10, 20, 1), last=True),
    "W5": Workload("lstm", 32, 24, (8, 32, 32)),
    "W6": Workload("lstm", 32, 168, (16, 128, 128)),
    "W7": Workload("gru", 32, 168, (16, 128, 128)),
    "W8": Workload("lstm", 256, 96, (7, 256)),
    "W9": Workload("lstm", 1, 1000, (64, 64, 64)),
    "W10": Workload("lstm", 1, 1, (64, 64, 64)),
    "W11": Workload("gru", 1792, 17, (512, 512)),
    "stream": Workload("lstm", 1, 1000, (1, 64, 64)),
}


@dataclass(frozen=True)
class Task:
    """One implementation of one workload. ``run`` is what is timed and returns when all is done.
    ``check``, called once and before it, computes the same and returns what is compared."""

    run: Callable[[], object]
    check: Callable[[], dict[str, Array]]
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A workload, what of it is timed, and beside whom."""

    workload: str
    mode: str
    beside: tuple[str, ...]


_ALL = ("torch.nn", "JAX", "Keras")
_DROP_IN = ("drop-in", "drop-in (one parameter)")
_STEP = ("torch.nn", "JAX", *_DROP_IN)
CASES = (
    Case("W1", "train", ("torch.nn", "torch cells", "JAX", "Keras", "ours avx2")),
    Case("W2", "train", ("torch.nn", "torch.nn, stepwise head", "JAX", "Keras")),
    Case("W2", "step", ("torch.nn", "torch.nn, stepwise head", "JAX", *_DROP_IN)),
    Case("W3", "train", _ALL),
    Case("W3", "step", _STEP),
    Case("W4", "train", ("torch.nn", "torch cells", "JAX", "Keras")),
    Case("W4", "step", ("torch.nn", "torch cells", "JAX", *_DROP_IN)),
    Case("W5", "train", _ALL),
    Case("W5", "step", _STEP),
    *(Case(name, "train", _ALL) for name in ("W6", "W7", "W8")),
    *(Case(name, "infer", (*_ALL, "ONNX Runtime", "ours bfloat16")) for name in ("W6", "W8")),
    Case("W9", "infer", (*_ALL, "ONNX Runtime")),
    Case("W10", "one", ("torch.nn", "torch cells", "JAX", "Keras", "ONNX Runtime")),
    Case("W11", "step", ("torch.nn",)),
)
# With --prototype: whatever its libraries cover.
PROTOTYPE_CASES = (
    *(Case(f"W{k}", "stack", ("prototype",)) for k in (1, 2, 3, 4, 5, 6, 8)),
    *(Case(f"W{k}", "infer", ("prototype",)) for k in (1, 6, 8, 9)),
    Case("W10", "one", ("prototype",)),
)
