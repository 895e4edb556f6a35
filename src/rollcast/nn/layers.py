"""The layers round a recurrent stack: dropout and linear.

Dropout draws no numbers from a stream. Whether an element is kept is a function of where it is:
(seed, step, layer, time, row, unit), hashed link by link with the finaliser of splitmix64 (Steele,
Lea and Flood 2014). So forward and backward agree without keeping a mask, and neither the number
of threads nor a resumed run changes a bit. The native engine computes the same; this is its twin
and its specification.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rollcast import engine

_WORD = (1 << 64) - 1


def _mix(z: np.ndarray) -> np.ndarray:
    """One splitmix64 output; all arithmetic modulo 2⁶⁴."""
    with np.errstate(over="ignore"):  # wrapping round is meant; NumPy warns of it in scalars
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(
    seed: int,
    step: int,
    layer: int,
    time: ArrayLike,
    row: ArrayLike,
    units: int,
) -> np.ndarray:
    """Numbers in [0, 1), multiples of 2⁻²⁴, as float64 shaped (…, units).

    ``time`` and ``row`` may be arrays of integers; they are broadcast to the leading shape. The
    same place always gets the same number, so they need not be asked for together.

    >>> uniform(1, 0, 0, time=3, row=[0, 1], units=4).shape
    (2, 4)
    """
    key = np.asarray(seed & _WORD, np.uint64)
    for place in (step, layer, time, row):
        key = _mix(key) ^ np.asarray(place).astype(np.uint64)
    bits = _mix(_mix(key)[..., None] ^ np.arange(units, dtype=np.uint64))
    return (bits >> np.uint64(40)) * 2.0**-24


def dropout_mask(
    probability: float,
    seed: int,
    step: int,
    layer: int,
    time: ArrayLike,
    row: ArrayLike,
    units: int,
) -> np.ndarray:
    """What dropout multiplies by: 0, or 1 / (1 − probability) for the elements that are kept.

    Shaped like ``uniform`` with the same places. An element is kept when its number is at least
    ``probability``, compared in float64 whatever type the network has.
    """
    keep = uniform(seed, step, layer, time, row, units) >= probability
    return keep / (1.0 - probability)


def zoneout_mask(
    probability: float,
    seed: int,
    step: int,
    layer: int,
    time: ArrayLike,
    row: ArrayLike,
    units: int,
    state: str = "h",
) -> np.ndarray:
    """Where a number of ``state``, ``h`` or ``c``, stays as it was while training with zoneout.

    Bool, shaped like ``uniform``; drawn apart from what dropout draws.
    """
    own = {"h": 0x7A6F6E656F757468, "c": 0x7A6F6E656F757463}[state]
    return uniform(seed ^ own, step, layer, time, row, units) < probability


@dataclass(frozen=True)
class Linear:
    """y = x W' + b over a flat vector of weights, with torch's names, order and first values."""

    input: int
    output: int
    bias: bool = True

    def layout(self) -> list[tuple[str, tuple[int, ...], slice]]:
        """Names, shapes and places of the weights in their flat vector."""
        size = self.output * self.input
        places: list[tuple[str, tuple[int, ...], slice]] = [
            ("weight", (self.output, self.input), slice(0, size))
        ]
        if self.bias:
            places.append(("bias", (self.output,), slice(size, size + self.output)))
        return places

    @property
    def count(self) -> int:
        """How many weights there are."""
        return self.output * (self.input + self.bias)

    def initial(self, generator: np.random.Generator, dtype: str = "float32") -> np.ndarray:
        """First weights (count,), uniform within ±1/√input as in ``torch.nn.Linear``."""
        bound = 1.0 / np.sqrt(max(1, self.input))
        return generator.uniform(-bound, bound, self.count).astype(dtype)

    def forward(self, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
        """y (…, output) of x (…, input)."""
        y = engine.linear(x.reshape(-1, self.input), *self._arrays(weights))
        return y.reshape(*x.shape[:-1], self.output)

    def backward(
        self, weights: np.ndarray, dy: np.ndarray, x: np.ndarray, need_x: bool = True
    ) -> tuple[np.ndarray | None, np.ndarray]:
        """The gradients of x (None unless asked for) and of the weights (count,)."""
        weight, _ = self._arrays(weights)
        dx, dweight, dbias = engine.linear_backward(
            dy.reshape(-1, self.output), x.reshape(-1, self.input), weight, need_x=need_x
        )
        parts = (dweight.ravel(), dbias) if self.bias else (dweight.ravel(),)
        return None if dx is None else dx.reshape(x.shape), np.concatenate(parts)

    def _arrays(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        size = self.output * self.input
        weight = weights[:size].reshape(self.output, self.input)
        return weight, weights[size : self.count] if self.bias else None


FEW = 64
"""Categories whose vectors are trained by a product with their indicators."""


def embed(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The rows of a ``table (categories, width)`` that ``codes (…)`` name, ``(…, width)``."""
    return table.take(codes, axis=0)


def embed_backward(slope: np.ndarray, codes: np.ndarray, categories: int) -> np.ndarray:
    """The gradient of the table ``(categories, width)``: the slopes ``(…, width)`` of each of its
    rows summed, in an order that threads do not change."""
    flat, at = slope.reshape(-1, slope.shape[-1]), codes.reshape(-1)
    if categories <= FEW:  # a product is many times as fast
        chosen = (np.arange(categories)[:, None] == at).astype(slope.dtype)
        return engine.linear(chosen, np.ascontiguousarray(flat.T))
    sums = [np.bincount(at, column, minlength=categories) for column in flat.T]
    return np.stack(sums, axis=1).astype(slope.dtype)


def embedding_width(categories: int) -> int:
    """Numbers that stand for one of so many categories, by rule.

    >>> [embedding_width(n) for n in (2, 7, 1000)]
    [1, 4, 16]
    """
    return min(16, (categories + 1) // 2)
