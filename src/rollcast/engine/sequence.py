"""A whole step in one call: stack, linear head, loss, and back through all of it.

For small networks the Python between native calls costs more than the arithmetic. Here what stays
the same from call to call is checked once, and each call is one native call on the caller's arrays.
"""

from collections.abc import Sequence as Series
from typing import NoReturn

import numpy as np

from rollcast.engine.cells import kind
from rollcast.engine.loss import FAMILIES
from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array, cell_widths, state_widths, weight_count
from rollcast.errors import UsageError


class Sequence:
    """A stack, a head and a loss, ready to be called with weights and data.

    The head is linear and reads the last layer: at ``steps="all"`` at every step, at ``"last"`` the
    state after the last step of each row. It gives ``outputs`` values, each as many numbers as the
    family of losses wants (one; of family quantile one a level). ``outputs=None`` is no head: the
    units of the last layer are the numbers. ``dropout`` acts between layers, in ``gradient`` only.

    Weights are one flat vector: the stack's, the head's ``(outputs × width, units)``, its bias.
    ``count`` says how many. All arrays are C-contiguous; floats are of the weights' type:

    - x ``(time, batch, input)``; target ``(time, batch, outputs)``, at the last step
      ``(1, batch, outputs)``
    - observed: bool, like target; None when all was. Elsewhere the target may be anything, NaN too
    - weight: float64 ``(batch,)`` or ``(time, batch)``, makes the mean loss a weighted one
    - lengths: int32 ``(batch,)``, steps of each row; what follows does not count
    - h0, c0, hn, cn: states, first and final, flat: layer after layer ``(batch, units)``. None is
      zero, or not wanted. hn may be h0, cn may be c0: then they are carried on in place.

    Arrays that do not fit are refused with ``UsageError``. Nothing is kept between calls, so that
    several threads may use one object.
    """

    def __init__(
        self,
        cell: str,
        sizes: Series[int],
        *,
        outputs: int | None = 1,
        steps: str = "all",
        family: str = "mse",
        levels: Series[float] = (),
        delta: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        stack = weight_count(cell, sizes)
        if steps not in ("all", "last"):
            raise UsageError(f"steps={steps!r}: expected 'all' or 'last'")
        if family not in FAMILIES:
            raise UsageError(f"family={family!r}: expected one of {', '.join(FAMILIES)}")
        if (family == "quantile") != (len(levels) > 0):
            raise UsageError(f"levels={levels!r}: family quantile needs some, the others none")
        if not 0.0 <= dropout < 1.0:
            raise UsageError(f"dropout must be in [0, 1), not {dropout}")
        self.cell, self.sizes, self.steps, self.family = cell, tuple(sizes), steps, family
        width = max(1, len(levels))
        units = self.sizes[-1]
        if outputs is None and units % width:
            raise UsageError(f"without a head, {units} units cannot be {width} numbers a value")
        if outputs is not None and outputs < 1:
            raise UsageError(f"outputs={outputs}: expected at least 1")
        self.outputs = units // width if outputs is None else outputs
        self.numbers = self.outputs * width
        self.stack_count = stack
        self.count = stack + (0 if outputs is None else self.numbers * (units + 1))
        self._native = _native.SequencePlan(
            kind(cell, len(sizes) - 1), list(sizes), self.outputs, outputs is not None,
            steps == "last",
            FAMILIES.index(family), delta, list(levels), dropout,
        )  # fmt: skip

    def gradient(
        self,
        weights: Array,
        x: Array,
        target: Array,
        *,
        observed: Array | None = None,
        weight: Array | None = None,
        lengths: Array | None = None,
        h0: Array | None = None,
        c0: Array | None = None,
        hn: Array | None = None,
        cn: Array | None = None,
        out: Array | None = None,
        seed: int = 0,
        step: int = 0,
    ) -> tuple[float, Array]:
        """The mean loss and its exact gradient, flat like the weights, in ``out`` when given.

        (seed, step) key the dropout. The gradient does not reach back into h0 and c0.
        """
        gradient = np.empty_like(weights) if out is None else out
        try:
            loss = self._native.run(
                weights, x, target, observed, weight, lengths, h0, c0, hn, cn, gradient, None,
                seed, step,
            )  # fmt: skip
        except (ValueError, TypeError) as error:
            self._refuse(
                error, weights, x,
                {"target": target, "observed": observed, "weight": weight, "lengths": lengths,
                 "h0": h0, "c0": c0, "hn": hn, "cn": cn, "out": out},
            )  # fmt: skip
        return loss, gradient

    def loss(
        self,
        weights: Array,
        x: Array,
        target: Array,
        *,
        observed: Array | None = None,
        weight: Array | None = None,
        lengths: Array | None = None,
        h0: Array | None = None,
        c0: Array | None = None,
        hn: Array | None = None,
        cn: Array | None = None,
    ) -> float:
        """The mean loss alone, without dropout; keeps nothing on the way."""
        try:
            return self._native.run(
                weights, x, target, observed, weight, lengths, h0, c0, hn, cn, None, None, 0, 0
            )
        except (ValueError, TypeError) as error:
            self._refuse(
                error, weights, x,
                {"target": target, "observed": observed, "weight": weight, "lengths": lengths,
                 "h0": h0, "c0": c0, "hn": hn, "cn": cn},
            )  # fmt: skip

    def outputs_of(
        self,
        weights: Array,
        x: Array,
        *,
        lengths: Array | None = None,
        h0: Array | None = None,
        c0: Array | None = None,
        hn: Array | None = None,
        cn: Array | None = None,
    ) -> Array:
        """The head's numbers, ``(time or 1, batch, outputs × width)``; past a row's length they
        are the bias alone."""
        shape = (len(x) if self.steps == "all" else 1, *x.shape[1:2], self.numbers)
        output = np.empty(shape, weights.dtype)
        try:
            self._native.run(
                weights, x, None, None, None, lengths, h0, c0, hn, cn, None, output, 0, 0
            )
        except (ValueError, TypeError) as error:
            self._refuse(
                error, weights, x,
                {"lengths": lengths, "h0": h0, "c0": c0, "hn": hn, "cn": cn},
            )  # fmt: skip
        return output

    def _refuse(
        self, error: Exception, weights: Array, x: Array, others: dict[str, Array | None]
    ) -> NoReturn:
        """Say which array does not fit, and what would."""
        dtype = getattr(weights, "dtype", None)
        if dtype not in (np.float32, np.float64):
            raise UsageError(f"weights must be float32 or float64, not {dtype}") from None
        time, batch = x.shape[:2] if np.ndim(x) == 3 else (0, 0)
        answer = (time if self.steps == "all" else 1, batch, self.outputs)
        states = (batch * sum(state_widths(self.cell, self.sizes)),)
        cells = (batch * sum(cell_widths(self.cell, self.sizes) or self.sizes[1:]),)
        wanted = {
            "weights": (dtype, [(self.count,)]),
            "x": (dtype, [(time, batch, self.sizes[0])]),
            "target": (dtype, [answer]),
            "observed": (np.dtype(bool), [answer]),
            "weight": (np.dtype(np.float64), [(batch,), answer[:2]]),
            "lengths": (np.dtype(np.int32), [(batch,)]),
            "out": (dtype, [(self.count,)]),
            "c0": (dtype, [cells]),
            "cn": (dtype, [cells]),
        }
        for name, array in {"weights": weights, "x": x, **others}.items():
            if array is None:
                continue
            kind, shapes = wanted.get(name, (dtype, [states]))
            if array.dtype != kind or array.shape not in shapes or not array.flags.c_contiguous:
                raise UsageError(
                    f"{name} is {array.dtype} {array.shape}; expected a C-contiguous array of "
                    f"{kind} {' or '.join(map(str, shapes))}"
                ) from None
        raise UsageError(str(error)) from None
