"""A stack stepped once a call, its states and buffers kept in the native module."""

import numpy as np

from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array, cell_widths, fitting, state_widths, widths
from rollcast.engine.stack import Packed
from rollcast.errors import UsageError


class Stream:
    """Many steps, one at a time: ``output = stream.step(x)``. States begin as zeros.

    packed: weights from ``pack``; later changes of the weights do not show in the stream.
    batch: how many rows step together, each with states of its own.
    head: a linear layer on the last layer's output, ``weight (outputs, units)`` and
    ``bias (outputs,)``; None gives the output itself.

    A stream serves one thread at a time; a second one at the same time is refused (UsageError).
    """

    def __init__(
        self, packed: Packed, batch: int = 1, head: tuple[Array, Array] | None = None
    ) -> None:
        if batch < 1:
            raise UsageError(f"a stream needs at least one row, not {batch}")
        units, dtype = widths(packed.sizes, packed.projection)[-1], packed.dtype
        weight = bias = None
        if head is not None:
            if head[0].ndim != 2 or not len(head[0]):
                raise UsageError(
                    f"head's weight has the shape {head[0].shape}; expected (outputs ≥ 1, {units})"
                )
            weight = fitting("head's weight", head[0], dtype, (len(head[0]), units))
            bias = fitting("head's bias", head[1], dtype, (len(weight),))
        self._packed, self._batch = packed, batch
        y = np.zeros((batch, units if weight is None else len(weight)), dtype)
        self._native = _native.stream(packed.native, batch, weight, bias, y)
        self._step = self._native.step

    def step(self, x: Array) -> Array:
        """The output ``(batch, outputs)``, or ``(batch, units)`` without a head, for x
        ``(batch, input)``, for one row also ``(input,)``.

        It is one array, the same in every call: the next step writes over it. Copy what shall stay.
        """
        try:
            return self._step(x)
        except (TypeError, ValueError, BufferError):
            return self._step(self._fitting(x))
        except RuntimeError:
            raise self._in_use() from None

    @property
    def h(self) -> Array:
        """A copy, not to be written to, of the states: ``batch * sum(units)`` numbers, layer after
        layer, each ``(batch, units)``. Assign an array of this form to go on from it, or 0.0 to
        begin anew."""
        return self._states(cell=False)

    @h.setter
    def h(self, states: Array | float) -> None:
        self._set_states("h", states)

    @property
    def c(self) -> Array | None:
        """The other states, in the form of ``h``, those of a row side by side; None without any."""
        return self._states(cell=True)

    @c.setter
    def c(self, states: Array | float | None) -> None:
        if not cell_widths(self._packed.cell, self._packed.sizes):
            if states is None:
                return
            raise UsageError(f"c is the cell state of an LSTM; {self._packed.cell} has none")
        self._set_states("c", states)

    def _states(self, *, cell: bool) -> Array:
        try:
            return self._native.states(cell)
        except RuntimeError:
            raise self._in_use() from None

    def _set_states(self, name: str, states: Array | float | None) -> None:
        packed = self._packed
        numbers = state_widths(packed.cell, packed.sizes, packed.projection)
        numbers = cell_widths(packed.cell, packed.sizes) if name == "c" else numbers
        count = self._batch * sum(numbers)
        if isinstance(states, int | float) and states == 0:
            states = np.zeros(count, self._packed.dtype)
        if not isinstance(states, np.ndarray):
            raise UsageError(f"{name} of a stream must be an array of {count} numbers or 0")
        try:
            self._native.set_states(
                name == "c", fitting(name, states, self._packed.dtype, (count,))
            )
        except RuntimeError:
            raise self._in_use() from None

    def _fitting(self, x: Array) -> Array:
        """What `step` could not take as it is, in the form that it takes, or refused."""
        width = self._packed.sizes[0]
        if not isinstance(x, np.ndarray):
            raise UsageError(f"x must be an array ({self._batch}, {width}), not {type(x).__name__}")
        shape = (width,) if self._batch == 1 and x.ndim == 1 else (self._batch, width)
        return fitting("x", x, self._packed.dtype, shape)

    @staticmethod
    def _in_use() -> UsageError:
        return UsageError("this stream is in use by another thread; give each thread its own")
