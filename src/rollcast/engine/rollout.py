"""Closed-loop rollouts: a stack whose linear head's output may be its own next input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.engine.call import Call
from rollcast.engine.cells import kind
from rollcast.engine.rows import _native
from rollcast.engine.shapes import (
    Array,
    cell_widths,
    check_weights,
    fitting,
    flat_states,
    layer_states,
    state_widths,
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
    lags: int
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
    ``(batch, units)`` array a layer; c as in ``engine.Run``.
    """

    y: Array
    h: list[Array]
    c: list[Array]
    recording: RolloutRecording | None = None


@dataclass(frozen=True, eq=False)
class RolloutGradients:
    """Gradients of a loss: flat like the weights, like the head's weight and bias, like x (zero
    where something was fed in its place), like h0 and c0, like lags (empty without) and, given or
    not, like offset ``(time, batch)``."""

    weights: Array
    head_weight: Array
    head_bias: Array
    x: Array
    h0: list[Array]
    c0: list[Array]
    lags: Array
    offset: Array


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
    feed: int | None = None,
    lags: Array | None = None,
    past: Array | None = None,
    offset: Array | None = None,
    record: bool = False,
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
    recompute: str | None = None,
    projection: int = 0,
) -> Rollout:
    """A linear head's output at every step, fed back into the stack where ``fed`` says so.

    head: weight ``(outputs, units of the last layer)`` and bias ``(outputs,)``. x: ``(time, batch,
    input)``. fed: bool ``(time,)`` or ``(time, batch)``; where it is True, the first ``feed``
    features of the input of that step (None: as many as there are outputs) are the first outputs of
    the step before instead of x's, while the others, known covariates, come from x always. The
    first step cannot be fed. So one mechanism serves teacher forcing (nothing fed; Williams and
    Zipser 1989), free running after a warm-up (everything fed from some step on) and scheduled
    sampling (each row by its own draw; Bengio et al. 2015, arXiv 1506.03099, section 2.4).

    lags ``(p,)``: the first output has an autoregressive path beside the stack (Lai et al. 2018,
    arXiv 1703.07015, section 3.6), y_t[0] += Σ_j lags[j] v_{t−j}, where v_t is the first feature of
    the input as step t reads it, fed or not. past ``(p − 1, batch)``: the v before the first step,
    newest last; None is zero. offset ``(time, batch)`` is added to the first output too. Both are
    part of the output that is fed.

    record: keep what ``rollout_backward`` needs, the input as it was read among it. Without it
    nothing but x, fed, offset and y grows with time, and ``weights`` may be packed. dropout, seed,
    step, recompute and projection are those of ``forward``; dropout acts recorded or not.
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
    head_weight, head_bias = _checked_head(head, widths(sizes, projection)[-1], weights.dtype)
    outputs = head_bias.size
    feed = _checked_feed(feed, outputs)
    mask = _checked_fed(fed, call.time, call.batch, feed, sizes[0])
    lags, past = _checked_lags(lags, past, call.batch, weights.dtype)
    if offset is not None:
        offset = fitting("offset", offset, weights.dtype, (call.time, call.batch))
    y = np.empty((call.time, call.batch, outputs), weights.dtype)
    arrays = (
        head_weight, head_bias, call.x, mask, feed, lags, past, offset, call.h0, call.c0, y,
        call.hn, call.cn,
    )  # fmt: skip
    key = (dropout, seed & (2**64 - 1), step)
    recording = None
    if isinstance(weights, Packed) or not record:
        packed = as_packed(cell, sizes, weights, projection, "plain")
        _native.rollout(packed.native, *arrays, *key)
    else:
        native = _native.record_rollout(
            kind(cell, len(sizes) - 1), list(sizes), weights, *arrays, *key, recompute is not None,
            projection,
        )  # fmt: skip
        shape = (call.time, call.batch, outputs)
        count = 0 if lags is None else len(lags)
        recording = RolloutRecording(cell, sizes, projection, shape, count, weights.dtype, native)
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


def _checked_feed(feed: int | None, outputs: int) -> int:
    if feed is not None and not 1 <= feed <= outputs:
        raise UsageError(f"feed={feed}; expected 1 to {outputs}, the outputs of the head")
    return outputs if feed is None else int(feed)


def _checked_lags(
    lags: Array | None, past: Array | None, batch: int, dtype: np.dtype
) -> tuple[Array | None, Array | None]:
    """Both as they are, empty ones as None."""
    count = 0
    if lags is not None:
        lags = fitting("lags", lags, dtype, (lags.size,))
        count = len(lags)
    if past is not None:
        past = fitting("past", past, dtype, (max(count - 1, 0), batch))
    return lags if count else None, past if count > 1 else None


def _checked_fed(fed: Array, time: int, batch: int, feed: int, features: int) -> Array:
    fed = np.asarray(fed)
    if fed.dtype != bool or fed.shape not in ((time,), (time, batch)):
        raise UsageError(
            f"fed is {fed.dtype} {fed.shape}; expected bool ({time},) or ({time}, {batch})"
        )
    if fed[0].any():
        raise UsageError("fed[0] is True, but no output precedes the first step: it must be False")
    if feed > features and fed.any():
        raise UsageError(
            f"{feed} outputs are fed, but an input has only {features} features to feed them to; "
            "pass feed=…"
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
    numbers = state_widths(recording.cell, sizes, recording.projection)
    cells = cell_widths(recording.cell, sizes)
    if dy is not None:
        dy = fitting("dy", dy, dtype, (time, batch, outputs))
    flat_dh = flat_states("dh", dh, numbers, batch, dtype)
    flat_dc = flat_states("dc", dc, cells, batch, dtype) if cells else None
    gradient = np.empty(weight_count(recording.cell, sizes, recording.projection), dtype)
    dweight = np.empty((outputs, widths(sizes, recording.projection)[-1]), dtype)
    dbias = np.empty(outputs, dtype)
    dlags, doffset = np.empty(recording.lags, dtype), np.empty((time, batch), dtype)
    dx = np.empty((time, batch, sizes[0]), dtype)
    dh0 = np.empty(batch * sum(numbers), dtype)
    dc0 = np.empty(batch * sum(cells), dtype) if cells else None
    with once("rollout_backward", "rollout"):
        _native.rollout_backward(
            recording.native, dy, flat_dh, flat_dc, gradient, dweight, dbias, dlags, doffset, dx,
            dh0, dc0,
        )  # fmt: skip
    return RolloutGradients(
        gradient,
        dweight,
        dbias,
        dx,
        layer_states(dh0, numbers, batch),
        layer_states(dc0, cells, batch) if dc0 is not None else [],
        dlags,
        doffset,
    )
