"""The arrays of one call, checked and in the form that the native module takes."""

from collections.abc import Sequence

import numpy as np

from rollcast.engine.shapes import (
    Array,
    cell_widths,
    fitting,
    flat_states,
    layer_states,
    restore,
    state_widths,
    widths,
)
from rollcast.errors import UsageError


class Call:
    """Arrays of one call: checked, states flattened, rows sorted by falling length."""

    def __init__(
        self,
        cell: str,
        sizes: tuple[int, ...],
        dtype: np.dtype,
        x: Array,
        h0: Sequence[Array] | None,
        c0: Sequence[Array] | None,
        lengths: Array | None,
        outputs: bool,
        projection: int = 0,
    ) -> None:
        if x.ndim != 3 or x.shape[2] != sizes[0] or 0 in x.shape:
            raise UsageError(
                f"x has the shape {x.shape}; expected (time ≥ 1, batch ≥ 1, {sizes[0]})"
            )
        self.time, self.batch = x.shape[:2]
        self.widths = state_widths(cell, sizes, projection)
        self.cells = cell_widths(cell, sizes)
        self.order: Array | None = None
        self.lengths: list[int] = []
        if lengths is not None:
            self.lengths, self.order = self._sorted(lengths)
        self.x = fitting("x", x, dtype, x.shape)
        if self.order is not None:
            self.x = np.ascontiguousarray(self.x[:, self.order])
        if c0 is not None and not self.cells:
            raise UsageError(f"c0 is the cell state of an LSTM; {cell} has none")
        self.h0 = flat_states("h0", h0, self.widths, self.batch, dtype, self.order)
        self.c0 = flat_states("c0", c0, self.cells, self.batch, dtype, self.order)
        shape = (self.time, self.batch, widths(sizes, projection)[-1])
        self.y = np.empty(shape, dtype) if outputs else None
        self.hn = np.empty(self.batch * sum(self.widths), dtype)
        self.cn = np.empty(self.batch * sum(self.cells), dtype) if self.cells else None

    def _sorted(self, lengths: Array) -> tuple[list[int], Array | None]:
        lengths = np.asarray(lengths)
        good = lengths.shape == (self.batch,) and np.issubdtype(lengths.dtype, np.integer)
        if not good or lengths.min() < 1 or lengths.max() > self.time:
            raise UsageError(
                f"lengths must be {self.batch} whole numbers from 1 to {self.time}, one a row of x"
            )
        order = np.argsort(-lengths, kind="stable")
        in_order = bool((order == np.arange(self.batch)).all())
        return lengths[order].tolist(), None if in_order else order

    def results(self) -> tuple[Array | None, list[Array], list[Array]]:
        """y, h and c after the native call, rows back in the caller's order."""
        y = self.y
        if self.order is not None and y is not None:
            y = restore(y, self.order, axis=1)
        h = layer_states(self.hn, self.widths, self.batch, self.order)
        c = [] if self.cn is None else layer_states(self.cn, self.cells, self.batch, self.order)
        return y, h, c
