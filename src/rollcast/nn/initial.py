"""First weights of a recurrent stack.

A row of ``INITIAL`` makes an `Initial` from its options; all have ``forget_bias``, what is added to
the bias of an LSTM's forget gate (Gers et al. 2000; Jozefowicz et al. 2015, section 2.2): 1 or 2
lets it remember from the start, 0 is torch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rollcast.choice import require

# generator, the weight's name without its layer, its shape, the gates in it, units of its layer
Draw = Callable[[np.random.Generator, str, tuple[int, ...], int, int], np.ndarray]


@dataclass(frozen=True)
class Initial:
    """How each array is drawn, and what the forget gate's bias gets besides."""

    draw: Draw
    forget_bias: float = 0.0

    def __post_init__(self) -> None:
        name, value = "forget_bias", self.forget_bias
        require(name, value, -1e3 <= value <= 1e3, "a number of some size")


def torch(forget_bias: float = 0.0) -> Initial:
    """Uniform within ±1/√units of the layer, as ``torch.nn`` has it."""
    return Initial(_uniform, forget_bias)


def orthogonal(gain: float = 1.0, forget_bias: float = 0.0) -> Initial:
    """Recurrent matrices orthogonal, gate by gate, times ``gain`` (Saxe et al. 2014): what they
    carry through time neither vanishes nor explodes at first. The rest as in ``torch``."""
    require("gain", gain, 0.0 < gain < 1e3, "a number above 0")

    def draw(generator, name, shape, gates, units):
        if name != "weight_hh":
            return _uniform(generator, name, shape, gates, units)
        rows, columns = shape[0] // gates, shape[1]
        return gain * np.concatenate([_orthogonal(generator, rows, columns) for _ in range(gates)])

    return Initial(draw, forget_bias)


def normal(std: float = 0.01, forget_bias: float = 0.0) -> Initial:
    """All from a normal distribution of mean 0 and this deviation, biases too."""
    require("std", std, 0.0 <= std < 1e3, "a number from 0")

    def draw(generator, name, shape, gates, units):
        return generator.normal(0.0, std, shape)

    return Initial(draw, forget_bias)


def _uniform(
    generator: np.random.Generator, name: str, shape: tuple[int, ...], gates: int, units: int
) -> np.ndarray:
    bound = 1.0 / np.sqrt(units)
    return generator.uniform(-bound, bound, shape)


def _orthogonal(generator: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Orthonormal rows, or columns where there are fewer, evenly over all such matrices.

    Vectors of a normal distribution are made orthogonal one by one (modified Gram-Schmidt); not by
    LAPACK, whose bits may depend on its threads.
    """
    q = generator.standard_normal((min(rows, columns), max(rows, columns)))
    for k, row in enumerate(q):
        row /= np.sqrt((row * row).sum())
        rest = q[k + 1 :]
        rest -= (rest * row).sum(axis=1, keepdims=True) * row
    return q if rows <= columns else np.ascontiguousarray(q.T)


INITIAL: dict[str, Callable[..., Initial]] = {
    "torch": torch,
    "orthogonal": orthogonal,
    "normal": normal,
}
