"""Closed-loop rollouts: a stack whose linear head's output may be its own next input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.engine.call import Call
from rollcast.engine.rows import _native
from rollcast.engine.shapes import (
    CELLS,
    Array,
    check_weights,
    fitting,
    flat_states,
    layer_states,
    weight_count,
    widths,
)
from rollcast.engine.stack import Packed, as_packed, check_dropout, check_recompute, once
from rollcast.errors import NoGradientError, UsageError


@dataclass(frozen=True, eq=False)
class RolloutRecording:
    """What a recorded ``rollout`` kept for ``rollout_backward``, which uses it up. Its memory goes
    back when it is dropped."""

    cell: str
    sizes: tuple[int, ...]
    projection: int
    shape: tuple[int, int, int]
    dtype: np.dtype
    native: Any

    @property
    def bytes(self) -> int:
        """Memory held for the way back."""
        return self.native.bytes


@dataclass(frozen=True, eq=False)
class Rollout:
    """What a rollout returned.

    y: the head's output at every step ``(time, batch, outputs)``. h, c: final states, one
    ``(batch, units)`` array a layer; c is empty unless the cell is an LSTM.
    """

    y: Array
    h: list[Array]
    c: list[Array]
    recording: RolloutRecording | None = None


@dataclass(frozen=True, eq=False)
class RolloutGradients:
    """Gradients of a loss: flat like the weights, like the head's weight and bias, like x (zero
    where something was fed in its place), like h0 and c0."""

    weights: Array
    head_weight: Array
    head_bias: Array
    x: Array
    h0: list[Array]
    c0: list[Array]


def rollout(
    cell: str,
    sizes: Sequence[int],
    weights: Array | Packed,
    head: tuple[Array, Array],
    x: Array,
    fed: Array,
    *,
    h0: Sequence[Array] | None = None,
    c0: Sequence[Array] | None = None,
    record: bool = False,
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
    recompute: str | None = None,
    projection: int = 0,
) -> Rollout:
    """A linear head's output at every step, fed back into the stack where ``fed`` says so.

    head: weight ``(outputs, units of the last layer)`` and bias ``(outputs,)``. x: ``(time, batch,
    input)``. fed: bool ``(time,)`` or ``(time, batch)``; where it is True, the first ``outputs``
    features of the input of that step are the head's output of the step before instead of x's,
    while the others, known covariates, come from x always. The first step cannot be fed. So one
    mechanism serves teacher forcing (nothing fed; Williams & Zipser 1989), free running after a
    warm-up (everything fed from some step on) and scheduled sampling (each row by its own draw;
    Bengio et al. 2015, arXiv 1506.03099, section 2.4).

    record: keep what ``rollout_backward`` needs, the input as it was read among it. Without it
    nothing but x, fed and y grows with time, and ``weights`` may be packed. dropout, seed, step,
    recompute and projection are those of ``forward``; dropout acts recorded or not.
    """
    check_dropout(dropout)
    check_recompute(recompute)
    if record and isinstance(weights, Packed):
        raise UsageError("rollout(record=True): packed weights have no gradient; pass them flat")
    if not isinstance(weights, Packed):
        check_weights(cell, sizes, weights, projection)
    sizes, projection = (
        (weights.sizes, weights.projection)
        if isinstance(weights, Packed)
        else (tuple(int(size) for size in sizes), projection)
    )
    call = Call(cell, sizes, weights.dtype, x, h0, c0, None, False, projection)
    head_weight, head_bias = _checked_head(head, call.widths[-1], weights.dtype)
    outputs = head_bias.size
    mask = _checked_fed(fed, call.time, call.batch, outputs, sizes[0])
    y = np.empty((call.time, call.batch, outputs), weights.dtype)
    arrays = (head_weight, head_bias, call.x, mask, call.h0, call.c0, y, call.hn, call.cn)
    key = (dropout, seed & (2**64 - 1), step)
    recording = None
    if isinstance(weights, Packed) or not record:
        packed = as_packed(cell, sizes, weights, projection, "plain")
        _native.rollout(packed.native, *arrays, *key)
    else:
        native = _native.record_rollout(
            CELLS.index(cell), list(sizes), weights, *arrays, *key, recompute is not None,
            projection,
        )  # fmt: skip
        shape = (call.time, call.batch, outputs)
        recording = RolloutRecording(cell, sizes, projection, shape, weights.dtype, native)
    _, h, c = call.results()
    return Rollout(y, h, c, recording)


def _checked_head(head: tuple[Array, Array], width: int, dtype: np.dtype) -> tuple[Array, Array]:
    weight, bias = head
    if weight.ndim != 2 or weight.shape[0] < 1:
        raise UsageError(f"the head's weight has the shape {weight.shape}; expected (≥ 1, {width})")
    outputs = weight.shape[0]
    return (
        fitting("the head's weight", weight, dtype, (outputs, width)),
        fitting("the head's bias", bias, dtype, (outputs,)),
    )


def _checked_fed(fed: Array, time: int, batch: int, outputs: int, features: int) -> Array:
    fed = np.asarray(fed)
    if fed.dtype != bool or fed.shape not in ((time,), (time, batch)):
        raise UsageError(
            f"fed is {fed.dtype} {fed.shape}; expected bool ({time},) or ({time}, {batch})"
        )
    if fed[0].any():
        raise UsageError("fed[0] is True, but no output precedes the first step: it must be False")
    if outputs > features and fed.any():
        raise UsageError(
            f"the head has {outputs} outputs, but an input has only {features} features to feed "
            "them to"
        )
    return np.ascontiguousarray(
        np.broadcast_to(fed.reshape(time, -1), (time, batch)).astype(np.uint8)
    )


def rollout_backward(
    recording: RolloutRecording | None,
    dy: Array | None = None,
    dh: Sequence[Array] | None = None,
    dc: Sequence[Array] | None = None,
) -> RolloutGradients:
    """Exact gradients of a loss whose gradients by y, h and c are given (None is zero), through the
    closed loop: what an output does as a later input counts too.

    Raises NoGradientError for a rollout that was not recorded and for a recording used before.
    """
    if recording is None:
        raise NoGradientError(
            "rollout_backward after a rollout that kept nothing to go back through. Pass "
            "record=True to `rollout` where a gradient is needed."
        )
    time, batch, outputs = recording.shape
    sizes, dtype = recording.sizes, recording.dtype
    units, numbers = sizes[1:], widths(sizes, recording.projection)
    if dy is not None:
        dy = fitting("dy", dy, dtype, (time, batch, outputs))
    has_cell = recording.cell == "lstm"
    flat_dh = flat_states("dh", dh, numbers, batch, dtype)
    flat_dc = flat_states("dc", dc, units, batch, dtype) if has_cell else None
    gradient = np.empty(weight_count(recording.cell, sizes, recording.projection), dtype)
    dweight = np.empty((outputs, numbers[-1]), dtype)
    dbias = np.empty(outputs, dtype)
    dx = np.empty((time, batch, sizes[0]), dtype)
    dh0 = np.empty(batch * sum(numbers), dtype)
    dc0 = np.empty(batch * sum(units), dtype) if has_cell else None
    with once("rollout_backward", "rollout"):
        _native.rollout_backward(
            recording.native, dy, flat_dh, flat_dc, gradient, dweight, dbias, dx, dh0, dc0
        )
    return RolloutGradients(
        gradient,
        dweight,
        dbias,
        dx,
        layer_states(dh0, numbers, batch),
        layer_states(dc0, units, batch) if dc0 is not None else [],
    )
