"""Bidirectional stacks: every layer reads its input forwards and backwards in time (Schuster and
Paliwal 1997) and hands on both outputs side by side.

``sizes = (input, units of layer 0, …)`` as for ``stack``; a layer's output is twice its units wide.
Weights are one flat vector: per layer those of the forward, then those of the reverse direction.
States are one ``(batch, units)`` array a layer and direction, in that order, as in ``torch.nn``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rollcast.engine import stack
from rollcast.engine.cells import name_of
from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array, cell_widths, check_stack, weight_count
from rollcast.errors import UsageError


@dataclass(frozen=True, eq=False)
class BidirectionalRecording:
    """What a recorded ``forward`` kept for ``backward``, which uses it up."""

    parts: list[stack.Recording]  # of each layer the forward, then the reverse direction
    lengths: Array | None
    dropout: float
    seed: int
    step: int

    @property
    def bytes(self) -> int:
        """Memory held for the way back."""
        return sum(part.bytes for part in self.parts)


@dataclass(frozen=True, eq=False)
class BidirectionalRun:
    """What a stack returned: y ``(time, batch, 2 * units of the last layer)``; h and c, one array a
    layer and direction, c as in ``engine.Run``."""

    y: Array
    h: list[Array]
    c: list[Array]
    recording: BidirectionalRecording | None = None


def layer_sizes(sizes: Sequence[int], projection: int = 0) -> list[tuple[int, int]]:
    """Width of the input and units of every layer."""
    return [
        (sizes[layer] if layer == 0 else 2 * (projection or sizes[layer]), sizes[layer + 1])
        for layer in range(len(sizes) - 1)
    ]


def weight_count_of(cell: str, sizes: Sequence[int], projection: int = 0) -> int:
    """How many weights the stack has, both directions together."""
    if name_of(cell) != cell:
        raise UsageError(f"cell={cell!r}: a bidirectional stack has no options.")
    check_stack(cell, sizes, projection=projection)
    return sum(
        2 * weight_count(cell, pair, projection=projection)
        for pair in layer_sizes(sizes, projection)
    )


def forward(
    cell: str,
    sizes: Sequence[int],
    weights: Array,
    x: Array,
    *,
    h0: Sequence[Array] | None = None,
    c0: Sequence[Array] | None = None,
    lengths: Array | None = None,
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
    need_x: bool = False,
    projection: int = 0,
) -> BidirectionalRun:
    """Outputs ``(time, batch, 2 * units)`` and final states, recorded for ``backward``.

    As ``engine.forward``; the reverse direction of a row starts at its own last step.
    """
    if not 0.0 <= dropout < 1.0:
        raise UsageError(f"dropout must be in [0, 1), not {dropout}")
    parts: list[stack.Recording] = []

    def run(pair: tuple[int, int], part: Array, x: Array, h: list | None, c: list | None):
        result = stack.forward(
            cell, pair, part, x, h0=h, c0=c, lengths=lengths, need_x=need_x or len(parts) > 1,
            projection=projection,
        )  # fmt: skip
        assert result.recording is not None
        parts.append(result.recording)
        return result

    key = (dropout, seed, step)
    y, h, c = _layers(cell, sizes, weights, x, h0, c0, lengths, run, key, projection)
    return BidirectionalRun(y, h, c, BidirectionalRecording(parts, lengths, dropout, seed, step))


def infer(
    cell: str,
    sizes: Sequence[int],
    weights: Array,
    x: Array,
    *,
    h0: Sequence[Array] | None = None,
    c0: Sequence[Array] | None = None,
    lengths: Array | None = None,
    projection: int = 0,
) -> BidirectionalRun:
    """As ``forward``, but nothing is kept for a way back."""

    def run(pair: tuple[int, int], part: Array, x: Array, h: list | None, c: list | None):
        return stack.infer(cell, pair, part, x, h0=h, c0=c, lengths=lengths, projection=projection)

    return BidirectionalRun(
        *_layers(cell, sizes, weights, x, h0, c0, lengths, run, (0.0, 0, 0), projection)
    )


def _layers(
    cell: str,
    sizes: Sequence[int],
    weights: Array,
    x: Array,
    h0: Sequence[Array] | None,
    c0: Sequence[Array] | None,
    lengths: Array | None,
    run: Callable[..., stack.Run],
    dropout: tuple[float, int, int],
    projection: int,
) -> tuple[Array, list[Array], list[Array]]:
    """Outputs and states of all layers; ``run`` goes through one direction of one of them."""
    expected = weight_count_of(cell, sizes, projection)
    if weights.shape != (expected,):
        raise UsageError(
            f"weights of a bidirectional {cell} {tuple(sizes)} must be {expected} numbers in one "
            f"vector, not {weights.shape}"
        )
    pairs = layer_sizes(sizes, projection)
    for name, states in (("h0", h0), ("c0", c0)):
        if states is not None and len(states) != 2 * len(pairs):
            raise UsageError(
                f"{name} must hold one array a layer and direction ({2 * len(pairs)}), "
                f"not {len(states)}"
            )
    h: list[Array] = []
    c: list[Array] = []
    start = 0
    for layer, pair in enumerate(pairs):
        count = weight_count(cell, pair, projection=projection)
        outputs = []
        for direction in (0, 1):
            part = weights[start : start + count]
            start += count
            place = 2 * layer + direction
            result = run(
                pair,
                part,
                turned(x, lengths) if direction else x,
                None if h0 is None else [h0[place]],
                None if c0 is None else [c0[place]],
            )
            assert result.y is not None
            outputs.append(turned(result.y, lengths) if direction else result.y)
            h += result.h
            c += result.c
        x = np.concatenate(outputs, axis=2)
        if layer + 1 < len(pairs):
            _drop(x, dropout, layer)
    return x, h, c


def backward(
    recording: BidirectionalRecording | None,
    dy: Array | None = None,
    dh: Sequence[Array] | None = None,
    dc: Sequence[Array] | None = None,
) -> stack.Gradients:
    """Exact gradients of a loss whose gradients by y, h and c are given; as ``engine.backward``."""
    if recording is None:
        return stack.backward(None)  # says that inference keeps nothing
    parts, lengths = recording.parts, recording.lengths
    key = (recording.dropout, recording.seed, recording.step)
    gradients: list[Array] = [np.empty(0)] * len(parts)
    dh0: list[Array] = [np.empty(0)] * len(parts)
    dc0: list[Array] = []
    has_cell = bool(cell_widths(parts[0].cell, parts[0].sizes))
    if has_cell:
        dc0 = [np.empty(0)] * len(parts)
    dx: Array | None = None
    for layer in range(len(parts) // 2 - 1, -1, -1):
        units = parts[2 * layer].sizes[-1] if dy is None else dy.shape[2] // 2
        dx = None
        for direction in (0, 1):
            place = 2 * layer + direction
            part = None if dy is None else dy[:, :, direction * units : (direction + 1) * units]
            if part is not None and direction:
                part = turned(part, lengths)
            result = stack.backward(
                parts[place],
                part,
                None if dh is None else [dh[place]],
                None if dc is None else [dc[place]],
            )
            gradients[place] = result.weights
            dh0[place] = result.h0[0]
            if has_cell:
                dc0[place] = result.c0[0]
            if result.x is not None:
                dx = turned(result.x, lengths) + dx if direction and dx is not None else result.x
        if dx is not None and layer > 0:
            _drop(dx, key, layer - 1)
        dy = dx
    return stack.Gradients(np.concatenate(gradients), dx, dh0, dc0)


def turned(array: Array, lengths: Array | None) -> Array:
    """Every row of ``(time, batch, …)`` from its last step to its first; past its length, as is.

    >>> turned(np.arange(3).reshape(3, 1, 1), np.array([2])).ravel().tolist()
    [1, 0, 2]
    """
    if lengths is None:
        return np.ascontiguousarray(array[::-1])
    steps = np.arange(array.shape[0])[:, None]
    places = np.where(steps < lengths, np.asarray(lengths) - 1 - steps, steps)
    return array[places, np.arange(array.shape[1])]


def _drop(values: Array, dropout: tuple[float, int, int], layer: int) -> None:
    """Dropout in place; the same call on a gradient is its backward."""
    probability, seed, step = dropout
    if probability > 0:
        _native.drop(values, probability, seed & (2**64 - 1), step, layer, [])
