"""What a stack of layers must look like: cells, sizes, weights, states."""

import itertools
from collections.abc import Sequence

import numpy as np

from rollcast.errors import UsageError

Array = np.ndarray
# In the order of `Cell` in native/engine.h.
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}
CELLS = tuple(GATES)


def weight_count(cell: str, sizes: Sequence[int]) -> int:
    """How many weights the stack has."""
    check_stack(cell, sizes)
    return sum(
        GATES[cell] * units * (width + units + 2) for width, units in itertools.pairwise(sizes)
    )


def check_stack(cell: str, sizes: Sequence[int]) -> None:
    """Refuse a cell or sizes that cannot be."""
    if cell not in CELLS:
        raise UsageError(f"unknown cell {cell!r}; possible: {', '.join(CELLS)}")
    if not 2 <= len(sizes) <= 65 or any(int(size) < 1 for size in sizes):
        raise UsageError(
            f"sizes must be the input width and the units of 1 to 64 layers, all ≥ 1, not {sizes!r}"
        )


def check_weights(cell: str, sizes: Sequence[int], weights: Array) -> None:
    """Refuse weights that are not one float vector of the right size."""
    expected = weight_count(cell, sizes)
    if weights.shape != (expected,) or weights.dtype not in (np.float32, np.float64):
        raise UsageError(
            f"weights of {cell} {tuple(sizes)} must be {expected} float32 or float64 numbers in "
            f"one vector, not {weights.dtype} {weights.shape}"
        )


def fitting(name: str, array: Array, dtype: np.dtype, shape: tuple[int, ...]) -> Array:
    """The array C-contiguous; refused unless of this type and shape."""
    if array.shape != shape or array.dtype != dtype:
        raise UsageError(
            f"{name} is {array.dtype} {array.shape}; expected {dtype} {shape}, like the weights"
        )
    return np.ascontiguousarray(array)


def flat_states(
    name: str,
    states: Sequence[Array] | None,
    sizes: tuple[int, ...],
    batch: int,
    dtype: np.dtype,
    order: Array | None,
) -> Array | None:
    """One flat vector of states given layer by layer, rows in ``order``; None stays None."""
    if states is None:
        return None
    if len(states) != len(sizes) - 1:
        raise UsageError(
            f"{name} must hold one array a layer ({len(sizes) - 1}), not {len(states)}"
        )
    layers = [
        fitting(f"{name}[{layer}]", state, dtype, (batch, units))
        for layer, (state, units) in enumerate(zip(states, sizes[1:], strict=True))
    ]
    if order is not None:
        layers = [state[order] for state in layers]
    return np.concatenate([state.ravel() for state in layers])


def layer_states(
    flat: Array, sizes: tuple[int, ...], batch: int, order: Array | None
) -> list[Array]:
    """The states of each layer ``(batch, units)``, rows back from ``order``."""
    ends = np.cumsum([batch * units for units in sizes[1:]])
    layers = [
        part.reshape(batch, units)
        for part, units in zip(np.split(flat, ends[:-1]), sizes[1:], strict=True)
    ]
    return layers if order is None else [restore(state, order, axis=0) for state in layers]


def restore(array: Array, order: Array, axis: int) -> Array:
    """Undo ``take(order)`` along an axis."""
    restored = np.empty_like(array)
    if axis == 0:
        restored[order] = array
    else:
        restored[:, order] = array
    return restored
