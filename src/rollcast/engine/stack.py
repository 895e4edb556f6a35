"""Recurrent stacks: forward, backward through time, inference."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.engine.call import Call
from rollcast.engine.cells import TILED, kind, name_of
from rollcast.engine.rows import _native
from rollcast.engine.rows import products as products_in_use
from rollcast.engine.shapes import (
    Array,
    cell_widths,
    check_weights,
    fitting,
    flat_states,
    layer_states,
    restore,
    state_widths,
    weight_count,
    widths,
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
    projection: int = 0

    @property
    def bytes(self) -> int:
        """Memory held for the way back."""
        return self.native.bytes


@dataclass(frozen=True, eq=False)
class Run:
    """What a stack returned.

    y: ``(time, batch, units of the last layer)``, zero past a row's length; None if not wanted.
    h, c: final states, one ``(batch, units)`` array a layer; c holds what a cell has besides h, the
    states of a row side by side ``(batch, states · units)``, and is empty where that is nothing.
    With projection y and h have ``projection`` numbers in place of the units.
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
    """Weights in the form the engine reads, for many calls of ``infer`` and for a ``Stream``."""

    cell: str
    sizes: tuple[int, ...]
    dtype: np.dtype
    native: Any
    projection: int = 0


def pack(
    cell: str,
    sizes: Sequence[int],
    weights: Array,
    *,
    projection: int = 0,
    products: str | None = None,
) -> Packed:
    """Weights packed once for many calls; later changes of ``weights`` do not show in it.

    They are packed for ``products``, by default those in use (``set_products``); float64,
    projected stacks and cells other than rnn, lstm and gru have plain ones only.
    """
    check_weights(cell, sizes, weights, projection)
    wanted = products or products_in_use()
    bfloat16 = wanted == "bfloat16" and weights.dtype == np.float32 and not projection
    bfloat16 = bfloat16 and name_of(cell) in TILED
    try:
        native = _native.pack(
            kind(cell, len(sizes) - 1), list(sizes), weights, projection, bfloat16
        )
    except ValueError as error:  # another row was selected since, or an unknown unit is asked for
        raise EngineError(str(error)) from None
    return Packed(cell, tuple(sizes), weights.dtype, native, projection)


def as_packed(
    cell: str,
    sizes: Sequence[int],
    weights: Array | Packed,
    projection: int = 0,
    products: str | None = None,
) -> Packed:
    """The weights packed, unless they are already."""
    if isinstance(weights, Packed):
        return weights
    return pack(cell, sizes, weights, projection=projection, products=products)


def check_dropout(dropout: float) -> None:
    """Refuse what is no probability of dropping."""
    if not 0.0 <= dropout < 1.0:
        raise UsageError(f"dropout must be in [0, 1), not {dropout}")


def check_recompute(recompute: str | None) -> None:
    """Refuse an unknown way of saving memory."""
    if recompute not in (None, "chunks"):
        raise UsageError(f"recompute={recompute!r}: possible are None and 'chunks'")


@contextmanager
def once(back: str, call: str) -> Iterator[None]:
    """Says of a recording that was used before what to do about it."""
    try:
        yield
    except ValueError as error:
        if "used already" not in str(error):
            raise
        raise NoGradientError(
            f"{back} twice on one recording: its memory is given back after the first. "
            f"Run `{call}` again."
        ) from None


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
    recompute: str | None = None,
    projection: int = 0,
) -> Run:
    """The stack's outputs and final states, recorded for ``backward``.

    x: ``(time, batch, input)``. h0, c0: one ``(batch, units)`` array a layer, None for zero.
    lengths: steps of each row, 1 to time; None when all rows have all steps.
    dropout: probability with which the outputs between layers are dropped, by the counter-based
    generator keyed by (seed, step). outputs=False leaves ``y`` out where only states are wanted.
    need_x: whether ``backward`` shall return the gradient of x.
    projection: numbers of an LSTM's h, made from ``o tanh(c)`` by a matrix ``weight_hr``
    (projection, units) that follows the layer's biases (Sak, Senior & Beaufays 2014, section 2;
    torch's ``proj_size``); h0 then is ``(batch, projection)``. 0 is none.

    Memory: the recording holds k numbers a step, row and unit (units rounded up to whole vectors,
    and by 16 more where they are a multiple of 128, half of that in float64):
    6 for an LSTM, 7 with projection, 5 for a GRU, 1 for an Elman cell. With ``recompute="chunks"``
    (Chen et al. 2016, arXiv 1604.06174, section 4) it holds s numbers of states alone (2 for an
    LSTM, else 1) before every window of S steps, and ``backward`` runs all windows but the last
    again: together S k + s time / S numbers a row and unit, S being √(time s / k) rounded up to
    whole chunks of ⌈96 / R⌉ steps, with R the rows of a slice (8 or fewer; batch / 8 from 64 rows
    on). That is O(√time) for about a third more work, with the same
    gradients: to the bit, but for batches of one row and tiny layers, whose full recording has
    loops of its own and differs by rounding.
    """
    check_weights(cell, sizes, weights, projection)
    sizes = tuple(int(size) for size in sizes)
    check_dropout(dropout)
    check_recompute(recompute)
    call = Call(cell, sizes, weights.dtype, x, h0, c0, lengths, outputs, projection)
    order = [] if call.order is None else call.order.tolist()
    native = _native.forward(
        kind(cell, len(sizes) - 1), list(sizes), weights, call.x,
        call.h0, call.c0, call.lengths, order,
        call.y, call.hn, call.cn, dropout, seed & (2**64 - 1), step, need_x,
        recompute is not None, projection,
    )  # fmt: skip
    recording = Recording(
        cell, sizes, (call.time, call.batch), weights.dtype, native, call.order, need_x, projection
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
    numbers = state_widths(recording.cell, sizes, recording.projection)
    cells = cell_widths(recording.cell, sizes)
    if dy is not None:
        dy = fitting("dy", dy, dtype, (time, batch, widths(sizes, recording.projection)[-1]))
        dy = dy if order is None else np.ascontiguousarray(dy[:, order])
    flat_dh = flat_states("dh", dh, numbers, batch, dtype, order)
    flat_dc = flat_states("dc", dc, cells, batch, dtype, order) if cells else None
    gradient = np.empty(weight_count(recording.cell, sizes, recording.projection), dtype)
    dx = np.empty((time, batch, sizes[0]), dtype) if recording.need_x else None
    dh0 = np.empty(batch * sum(numbers), dtype)
    dc0 = np.empty(batch * sum(cells), dtype) if cells else None
    with once("backward", "forward"):
        _native.backward(recording.native, dy, flat_dh, flat_dc, gradient, dx, dh0, dc0)
    if order is not None and dx is not None:
        dx = restore(dx, order, axis=1)
    return Gradients(
        gradient,
        dx,
        layer_states(dh0, numbers, batch, order),
        layer_states(dc0, cells, batch, order) if dc0 is not None else [],
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
    projection: int = 0,
) -> Run:
    """As ``forward``, but nothing is kept for a way back. ``weights`` may be packed, with the
    projection that they were packed with."""
    packed = as_packed(cell, sizes, weights, projection)
    call = Call(cell, packed.sizes, packed.dtype, x, h0, c0, lengths, outputs, packed.projection)
    _native.infer(packed.native, call.x, call.h0, call.c0, call.lengths, call.y, call.hn, call.cn)
    return Run(*call.results())
