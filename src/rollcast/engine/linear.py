"""Linear layers on the engine's own products, so that no BLAS runs inside training."""

import numpy as np

from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """``x weight' + bias``: x ``(rows, input)``, weight ``(output, input)``, bias ``(output,)``."""
    y = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    _native.linear(x, weight, bias, y)
    return y


def linear_backward(
    dy: Array, x: Array, weight: Array, *, need_x: bool = True
) -> tuple[Array | None, Array, Array]:
    """Gradients by x (None unless needed), weight and bias of ``linear``."""
    dx = np.empty_like(x) if need_x else None
    dweight = np.empty_like(weight)
    dbias = np.empty(weight.shape[0], weight.dtype)
    _native.linear_backward(dy, x, weight, dx, dweight, dbias)
    return dx, dweight, dbias
