"""Stacks for callers that have checked their arrays: the native entries with nothing in between.

A call of ``engine.forward`` looks at every array and parts the states by layers; for a network of a
few hundred weights that takes as long as the arithmetic. Here states are flat vectors, layer after
layer (``(layers, batch, units)`` for equal layers), and results are written into the caller's
arrays. The native module still refuses sizes that do not fit.
"""

from typing import Any

from rollcast.engine.cells import kind
from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array


def record(
    cell: str,
    sizes: list[int],
    weights: Array,
    x: Array,
    h0: Array | None,
    c0: Array | None,
    lengths: list[int],
    y: Array | None,
    hn: Array,
    cn: Array | None,
    *,
    dropout: float,
    seed: int,
    need_x: bool,
) -> Any:
    """Fills y, hn and cn; returns what ``go_back`` uses up. Rows lie by falling length."""
    return _native.forward(
        kind(cell, len(sizes) - 1), sizes, weights, x, h0, c0, lengths, [],
        y, hn, cn, dropout, seed, 0, need_x,
    )  # fmt: skip


def infer(
    cell: str,
    sizes: list[int],
    weights: Array,
    x: Array,
    h0: Array | None,
    c0: Array | None,
    lengths: list[int],
    y: Array | None,
    hn: Array,
    cn: Array | None,
) -> None:
    """Fills y, hn and cn and keeps nothing."""
    packed = _native.pack(kind(cell, len(sizes) - 1), sizes, weights)
    _native.infer(packed, x, h0, c0, lengths, y, hn, cn)


def go_back(
    recording: Any,
    dy: Array | None,
    dhn: Array | None,
    dcn: Array | None,
    gradient: Array,
    dx: Array | None,
    dh0: Array | None,
    dc0: Array | None,
) -> None:
    """Fills the gradients that are not None from those of y, hn and cn (None is zero)."""
    _native.backward(recording, dy, dhn, dcn, gradient, dx, dh0, dc0)
