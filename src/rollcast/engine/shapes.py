"""What a stack of layers must look like: cells, sizes, weights, states."""

from collections.abc import Sequence

import numpy as np

from rollcast.engine.cells import reaches, shape_of, wiring_of
from rollcast.errors import UsageError

Array = np.ndarray


def weight_count(cell: str, sizes: Sequence[int], projection: int = 0) -> int:
    """How many weights the stack has."""
    check_stack(cell, sizes, projection)
    entering = [sizes[0], *widths(sizes, projection)[:-1]]
    shape = shape_of(cell)
    return sum(
        shape.gates * units * (width + 1 + ((projection or units) + 1 if shape.recurrent else 0))
        + (shape.vectors + projection) * units
        for width, units in zip(entering, sizes[1:], strict=True)
    )


def widths(sizes: Sequence[int], projection: int = 0) -> tuple[int, ...]:
    """The numbers that every layer gives on: its units, or the projection."""
    return tuple(int(projection or units) for units in sizes[1:])


def cell_widths(cell: str, sizes: Sequence[int]) -> tuple[int, ...]:
    """The numbers in c of every layer, which holds all states but h; empty where there are none."""
    cells, steps = shape_of(cell).cells, reaches(cell, len(sizes) - 1)
    if not cells:
        return ()
    return tuple(cells * int(units) * back for units, back in zip(sizes[1:], steps, strict=True))


def state_widths(cell: str, sizes: Sequence[int], projection: int = 0) -> tuple[int, ...]:
    """The numbers in a row of every layer's h: its width, as often as the dilation goes back."""
    steps = reaches(cell, len(sizes) - 1)
    return tuple(width * back for width, back in zip(widths(sizes, projection), steps, strict=True))


def check_stack(cell: str, sizes: Sequence[int], projection: int = 0) -> None:
    """Refuse a cell, sizes or a projection that cannot be."""
    shape_of(cell)
    if not 2 <= len(sizes) <= 65 or any(int(size) < 1 for size in sizes):
        raise UsageError(
            f"sizes must be the input width and the units of 1 to 64 layers, all ≥ 1, not {sizes!r}"
        )
    reaches(cell, len(sizes) - 1)
    lstm = cell.split("(")[0].strip() == "lstm" and not wiring_of(cell).zoneout
    if projection and (not lstm or not 0 < projection < min(sizes[1:])):
        raise UsageError(
            f"projection={projection}: it is for the cell 'lstm' (not {cell!r}) and must be from 1 "
            f"to less than the units of every layer {tuple(sizes[1:])}; 0 is none"
        )


def check_weights(cell: str, sizes: Sequence[int], weights: Array, projection: int = 0) -> None:
    """Refuse weights that are not one float vector of the right size."""
    expected = weight_count(cell, sizes, projection)
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
    numbers: Sequence[int],
    batch: int,
    dtype: np.dtype,
    order: Array | None = None,
) -> Array | None:
    """One flat vector of states given layer by layer, of so many ``numbers`` a row, rows in
    ``order``; None stays None."""
    if states is None:
        return None
    if len(states) != len(numbers):
        raise UsageError(f"{name} must hold one array a layer ({len(numbers)}), not {len(states)}")
    layers = [
        fitting(f"{name}[{layer}]", state, dtype, (batch, count))
        for layer, (state, count) in enumerate(zip(states, numbers, strict=True))
    ]
    if order is not None:
        layers = [state[order] for state in layers]
    return np.concatenate([state.ravel() for state in layers])


def layer_states(
    flat: Array, numbers: Sequence[int], batch: int, order: Array | None = None
) -> list[Array]:
    """The states of each layer ``(batch, numbers)``, rows back from ``order``."""
    layers, end = [], 0
    for count in numbers:
        layers.append(flat[end : end + batch * count].reshape(batch, count))
        end += batch * count
    return layers if order is None else [restore(state, order, axis=0) for state in layers]


def restore(array: Array, order: Array, axis: int) -> Array:
    """Undo ``take(order)`` along an axis."""
    restored = np.empty_like(array)
    if axis == 0:
        restored[order] = array
    else:
        restored[:, order] = array
    return restored
