"""How far outputs are from a target, and the slope: see ``rollcast.nn.heads`` for the formulas."""

import numpy as np

from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array
from rollcast.errors import UsageError

# In the order of `Family` in native/engine.h.
FAMILIES = ("mse", "mae", "huber", "quantile")


def loss(
    family: str,
    output: Array,
    target: Array,
    *,
    observed: Array | None = None,
    weight: Array | None = None,
    levels: tuple[float, ...] = (),
    delta: float = 1.0,
    need_slope: bool = True,
) -> tuple[float, Array | None]:
    """The mean loss and its gradient, shaped like ``output`` (None unless needed).

    ``output (…, width)`` float32 or float64, a number for each level of family quantile, otherwise
    one; ``target (…)``, ``observed (…)`` bool, None where all of it was observed: elsewhere the
    target may be anything, and the slope is 0. ``weight``, float64, is spread over the leading
    axes: one for each index of as many of the last axes of the target as it has. It makes the mean
    a weighted one. With nothing observed, loss and slope are 0. Sums are float64, in a fixed order.
    """
    output = np.ascontiguousarray(output)
    target = np.ascontiguousarray(target, output.dtype)
    width = len(levels) if family == "quantile" else 1
    if family not in FAMILIES or output.shape != (*target.shape, width) or not target.size:
        raise UsageError(
            f"loss {family!r} of an output {output.shape} and a target {target.shape}: expected "
            f"one of {', '.join(FAMILIES)}, and for each element of the target {width} numbers"
        )
    if observed is not None:
        observed = np.ascontiguousarray(observed, bool)
    if weight is not None:
        weight = np.ascontiguousarray(weight, np.float64)
        if weight.shape != target.shape[target.ndim - weight.ndim :]:
            raise UsageError(
                f"weight has the shape {weight.shape}; expected the last axes of {target.shape}"
            )
    slope = np.empty_like(output) if need_slope else None
    value = _native.loss(
        FAMILIES.index(family), delta, levels, output, target, observed, weight, slope
    )
    return value, slope
