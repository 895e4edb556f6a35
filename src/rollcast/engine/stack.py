"""Recurrent stacks: forward, backward through time, inference, one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.engine.call import Call
from rollcast.engine.rows import _native, products
from rollcast.engine.shapes import (
    CELLS,
    Array,
    check_weights,
    fitting,
    flat_states,
    layer_states,
    restore,
    weight_count,
)
from rollcast.errors import EngineError, NoGradientError, UsageError


@dataclass(frozen=True, eq=False)
class Recording:
    """What a recorded ``forward`` kept for ``backward``, which uses it up. Its memory goes back
    when it is dropped. The input array must not be changed before ``backward``."""

    cell: str
    sizes: tuple[int, ...]
    shape: tuple[int, int]
    dtype: np.dtype
    native: Any
    order: Array | None
    need_x: bool

    @property
    def bytes(self) -> int:
        """Memory held for the way back."""
        return self.native.bytes


@dataclass(frozen=True, eq=False)
class Run:
    """What a stack returned.

    y: ``(time, batch, units of the last layer)``, zero past a row's length; None if not wanted.
    h, c: final states, one ``(batch, units)`` array a layer; c is empty unless the cell is an LSTM.
    """

    y: Array | None
    h: list[Array]
    c: list[Array]
    recording: Recording | None = None


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of a loss: flat like the weights, like x (None if not wanted), like h0 and c0."""

    weights: Array
    x: Array | None
    h0: list[Array]
    c0: list[Array]


@dataclass(frozen=True, eq=False)
class Packed:
    """Weights in the form the engine reads, for many calls of ``infer`` and ``step``."""

    cell: str
    sizes: tuple[int, ...]
    dtype: np.dtype
    native: Any


def pack(cell: str, sizes: Sequence[int], weights: Array) -> Packed:
    """Weights packed once for many calls; later changes of ``weights`` do not show in it.

    They are packed for the products in use (``set_products``)."""
    check_weights(cell, sizes, weights)
    bfloat16 = products() == "bfloat16" and weights.dtype == np.float32
    try:
        native = _native.pack(CELLS.index(cell), list(sizes), weights, bfloat16)
    except ValueError as error:  # another row was selected since, or an unknown unit is asked for
        raise EngineError(str(error)) from None
    return Packed(cell, tuple(sizes), weights.dtype, native)


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
    outputs: bool = True,
    need_x: bool = False,
) -> Run:
    """The stack's outputs and final states, recorded for ``backward``.

    x: ``(time, batch, input)``. h0, c0: one ``(batch, units)`` array a layer, None for zero.
    lengths: steps of each row, 1 to time; None when all rows have all steps.
    dropout: probability with which the outputs between layers are dropped, by the counter-based
    generator keyed by (seed, step). outputs=False leaves ``y`` out where only states are wanted.
    need_x: whether ``backward`` shall return the gradient of x.
    """
    check_weights(cell, sizes, weights)
    sizes = tuple(int(size) for size in sizes)
    if not 0.0 <= dropout < 1.0:
        raise UsageError(f"dropout must be in [0, 1), not {dropout}")
    call = Call(cell, sizes, weights.dtype, x, h0, c0, lengths, outputs)
    order = [] if call.order is None else call.order.tolist()
    native = _native.forward(
        CELLS.index(cell), list(sizes), weights, call.x, call.h0, call.c0, call.lengths, order,
        call.y, call.hn, call.cn, dropout, seed & (2**64 - 1), step, need_x,
    )  # fmt: skip
    recording = Recording(
        cell, sizes, (call.time, call.batch), weights.dtype, native, call.order, need_x
    )
    return Run(*call.results(), recording)


def backward(
    recording: Recording | None,
    dy: Array | None = None,
    dh: Sequence[Array] | None = None,
    dc: Sequence[Array] | None = None,
) -> Gradients:
    """Exact gradients of a loss whose gradients by y, h and c are given (None is zero).

    Back-propagation through time (Werbos 1990) over the whole recorded call. Raises NoGradientError
    for a call that was not recorded and for a recording used before.
    """
    if recording is None:
        raise NoGradientError(
            "backward after `infer`: inference keeps nothing to go back through. Call `forward`, "
            "which records, for the steps that need a gradient."
        )
    time, batch = recording.shape
    sizes, dtype, order = recording.sizes, recording.dtype, recording.order
    if dy is not None:
        dy = fitting("dy", dy, dtype, (time, batch, sizes[-1]))
        dy = dy if order is None else np.ascontiguousarray(dy[:, order])
    has_cell = recording.cell == "lstm"
    flat_dh = flat_states("dh", dh, sizes, batch, dtype, order)
    flat_dc = flat_states("dc", dc, sizes, batch, dtype, order) if has_cell else None
    gradient = np.empty(weight_count(recording.cell, sizes), dtype)
    dx = np.empty((time, batch, sizes[0]), dtype) if recording.need_x else None
    dh0 = np.empty(batch * sum(sizes[1:]), dtype)
    dc0 = np.empty_like(dh0) if has_cell else None
    try:
        _native.backward(recording.native, dy, flat_dh, flat_dc, gradient, dx, dh0, dc0)
    except ValueError as error:
        if "used already" not in str(error):
            raise
        raise NoGradientError(
            "backward twice on one recording: its memory is given back after the first. "
            "Run `forward` again."
        ) from None
    if order is not None and dx is not None:
        dx = restore(dx, order, axis=1)
    return Gradients(
        gradient,
        dx,
        layer_states(dh0, sizes, batch, order),
        layer_states(dc0, sizes, batch, order) if dc0 is not None else [],
    )


def infer(
    cell: str,
    sizes: Sequence[int],
    weights: Array | Packed,
    x: Array,
    *,
    h0: Sequence[Array] | None = None,
    c0: Sequence[Array] | None = None,
    lengths: Array | None = None,
    outputs: bool = True,
) -> Run:
    """As ``forward``, but nothing is kept for a way back. ``weights`` may be packed."""
    packed = weights if isinstance(weights, Packed) else pack(cell, sizes, weights)
    call = Call(cell, packed.sizes, packed.dtype, x, h0, c0, lengths, outputs)
    _native.infer(packed.native, call.x, call.h0, call.c0, call.lengths, call.y, call.hn, call.cn)
    return Run(*call.results())


def step(packed: Packed, x: Array, h: Array, c: Array | None = None) -> Array:
    """One step: the last layer's output ``(batch, units)`` for ``x (batch, input)``.

    h and c, flat vectors of ``batch * sum(units)`` numbers (layer after layer), are updated in
    place; start them as zeros. c is None unless the cell is an LSTM.
    """
    batch = x.shape[0]
    y = np.empty((1, batch, packed.sizes[-1]), packed.dtype)
    if (c is None) == (packed.cell == "lstm"):
        wanted = "needed" if c is None else "not for"
        raise UsageError(f"step: a cell state c is {wanted} {packed.cell}")
    x = fitting("x", x, packed.dtype, (batch, packed.sizes[0]))
    _native.infer(packed.native, x[None], h, c, [], y, h, c)
    return y[0]
