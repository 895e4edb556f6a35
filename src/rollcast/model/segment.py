"""The segment network: a segment of rows a recurrent step, and all segments of the future at once.

    z   = the window less its newest value, cut into n segments of w rows (the newest n w rows)
    x_j = relu(W z_j + b + A f_j + B u_j)  f_j: the calendar of the segment's first row, the mean of
                                           inputs known ahead, vectors of the series' categories;
                                           u_j: the mean of past inputs
    h   = the recurrent stack's states after x_1 … x_n
    d_k = those after one step more from h that reads P_k + C f_k, for each future segment k
    output of segment k = D d_k + e_k      one row of e per step and output
           + Σ softmax(G h + c) S past     skip: linear in the whole window, see skip.py

Without a skip path the newest value is added instead. A window of 720 rows is read in 15 steps of
48, and no forecast feeds another: decoding in parallel (Lin et al. 2023, arXiv 2308.11200, section
4). Every step sees all of h, and so the newest value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.dropout import state_dropout
from rollcast.model.effects import Slopes
from rollcast.model.segment_read import (
    Read,
    known_backward,
    of_segments_backward,
    read_backward,
    read_batch,
)
from rollcast.model.skip import Skip, begin_skip, skip_backward, skip_forward, skip_shapes
from rollcast.model.spec import NetworkSpec
from rollcast.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from rollcast.data.windows import Batch
    from rollcast.model.network import Network

Array = np.ndarray


def shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights behind those of the recurrent stack."""
    width, units, rows = spec.make_head().width, spec.inputs, spec.segment_rows
    result: dict[str, tuple[int, ...]] = {
        "segment.weight": (units, rows * (2 if spec.indicator else 1)),
        "segment.bias": (units,),
        "position": (spec.segments_ahead, units),
        "decoder.weight": (rows * width, spec.hidden[-1]),
        "decoder.bias": (spec.horizon * width,),
    }
    if spec.row_features:
        result |= {
            "past.calendar": (units, spec.row_features),
            "future.calendar": (units, spec.row_features),
        }
    if spec.past_width:
        result["past.inputs"] = (units, spec.past_width)
    return result | skip_shapes(spec)


def begin(spec: NetworkSpec, views: dict[str, Array], generator: np.random.Generator) -> None:
    """First weights, into ``views`` of zeros: torch's for the linear parts, a naive skip."""
    wide = spec.inputs
    widths = {"segment.weight": views["segment.weight"].shape[1], "segment.bias": wide,
              "decoder.weight": spec.hidden[-1]}  # fmt: skip
    for name, width in widths.items():
        gain = spec.decoder_gain if name.startswith("decoder") else 1.0
        views[name][...] = gain * generator.uniform(-1, 1, views[name].shape) / np.sqrt(width)
    views["position"][...] = generator.normal(size=views["position"].shape)
    for name in ("past.calendar", "future.calendar", "past.inputs"):
        if name in views:
            drawn = generator.uniform(-1, 1, views[name].shape)
            views[name][...] = drawn / np.sqrt(views[name].shape[1])
    if spec.maps > 1:
        bound = 1.0 / np.sqrt(spec.hidden[-1])
        drawn = generator.uniform(-bound, bound, views["gate.weight"].shape)
        views["gate.weight"][...] = drawn
    begin_skip(spec, views)


def loss_and_gradient(
    network: Network,
    weights: Array,
    batch: Batch,
    *,
    seed: int = 0,
    step: int = 0,
    row_weight: Array | None = None,
    slopes: Slopes | None = None,
) -> tuple[float, Array]:
    """The head's mean loss over the batch and its gradient ``(count,)``.

    (seed, step) key the dropout; ``row_weight (batch,)`` makes it a weighted mean; the gradient by
    what is read of the batch is added to ``slopes``.
    """
    spec, views, stack = network.spec, network.views(weights), _stack(network)
    read, rows = read_batch(spec, views, batch), len(batch)
    gradient = np.empty_like(weights)
    parts = network.views(gradient)
    recurrent = weights[: stack.count]

    x = _embedded(spec, views, read)
    seen = stack.forward(recurrent, x, seed=seed, step=step, outputs=stack.wired, need_x=True)
    queries = _queries(spec, views, read, rows)
    ahead = spec.segments_ahead
    told = stack.forward(
        recurrent, queries, h0=_repeated(seen.h, ahead), c0=_repeated(seen.c, ahead) or None,
        seed=seed + 1, step=step, outputs=stack.wired, need_x=True,
    )  # fmt: skip
    state, top = stack.last(seen), stack.last(told)
    dropped = state_dropout(spec, seed, step, spec.segments_ahead, rows, top.dtype)
    if dropped is not None:
        top = top * dropped
    skip = _skip(spec, views, state, read)
    loss, slope = network.head.loss_and_gradient(
        _output(network, views, top, skip, read, batch.added),
        batch.target, batch.target_observed, row_weight, batch.location, batch.scale,
    )  # fmt: skip

    dtold = _segments_of(spec, slope)
    dtop, parts["decoder.weight"][...], _ = engine.linear_backward(
        dtold, np.ascontiguousarray(top), views["decoder.weight"]
    )
    parts["decoder.bias"].reshape(spec.horizon, -1)[...] = slope.sum(axis=1)
    assert dtop is not None
    if dropped is not None:
        dtop *= dropped
    back = stack.backward_from_last(told, dtop)
    parts_of_stack = back.weights
    assert back.x is not None
    dqueries = back.x.reshape(ahead, rows, -1)
    parts["position"][...] = dqueries.sum(axis=1)
    dfuture, wanted = None, slopes is not None
    if read.future_calendar is not None:
        dfuture, parts["future.calendar"][...], _ = engine.linear_backward(
            dqueries.reshape(ahead * rows, -1), read.future_calendar, views["future.calendar"],
            need_x=wanted or bool(spec.static_codes),
        )  # fmt: skip
        if slopes is not None and dfuture is not None:
            of_segments_backward(spec, dfuture, slopes.future_features, spec.calendar)
    dpast = np.zeros_like(read.past) if slopes is not None else None
    dh, dc, dlast = _summed(back.h0, ahead), _summed(back.c0, ahead), np.zeros_like(state)
    if skip is not None:
        by_row = np.ascontiguousarray(slope[..., : network.head.locations].sum(axis=2).T)
        dgates = skip_backward(spec, views, parts, skip, by_row, state, read.rows, dpast)
        if dgates is not None:
            dlast += dgates
    back = stack.backward_from_last(seen, dlast, dh, dc or None)
    parts_of_stack += back.weights
    gradient[: stack.count] = parts_of_stack
    assert back.x is not None
    dx = back.x
    dx *= x > 0.0
    flat = dx.reshape(-1, spec.inputs)
    dsegments, parts["segment.weight"][...], parts["segment.bias"][...] = engine.linear_backward(
        flat, read.segments, views["segment.weight"], need_x=wanted
    )
    found: dict[str, Array | None] = {}
    for name, known in (("past.calendar", read.past_calendar), ("past.inputs", read.inputs)):
        if known is not None:
            found[name], parts[name][...], _ = engine.linear_backward(
                flat, known, views[name], need_x=wanted or bool(spec.static_codes)
            )
    if spec.static_codes:
        known_backward(spec, parts, batch, found["past.calendar"], dfuture)
    if slopes is not None and dpast is not None and dsegments is not None:
        located = slope[..., : network.head.locations].sum(axis=2)
        slopes.added += located
        if skip is None:
            dpast[-1] += located.sum(axis=0)
        known_slopes = found.get("past.calendar"), found.get("past.inputs")
        read_backward(spec, batch, dsegments, *known_slopes, dpast, slopes)
    return loss, gradient


def outputs(network: Network, weights: Array, batch: Batch) -> Array:
    """The head's numbers ``(horizon, batch, width)``, in scaled units; keeps nothing."""
    spec, views, stack = network.spec, network.views(weights), _stack(network)
    read = read_batch(spec, views, batch)
    packed = engine.pack(stack.cell, stack.sizes, weights[: stack.count])
    seen = stack.infer(packed, _embedded(spec, views, read), outputs=stack.wired)
    ahead = spec.segments_ahead
    told = stack.infer(
        packed, _queries(spec, views, read, len(batch)), h0=_repeated(seen.h, ahead),
        c0=_repeated(seen.c, ahead) or None, outputs=stack.wired,
    )  # fmt: skip
    skip = _skip(spec, views, stack.last(seen), read)
    return _output(network, views, stack.last(told), skip, read, batch.added)


def _stack(network: Network) -> Recurrent:
    """The stack, which a spec of this strategy leaves plain."""
    assert isinstance(network.recurrent, Recurrent)
    return network.recurrent


def _embedded(spec: NetworkSpec, views: dict[str, Array], read: Read) -> Array:
    """What the stack reads, ``(n, batch, units)``."""
    x = engine.linear(read.segments, views["segment.weight"], views["segment.bias"])
    if read.past_calendar is not None:
        x += engine.linear(read.past_calendar, views["past.calendar"])
    if read.inputs is not None:
        x += engine.linear(read.inputs, views["past.inputs"])
    return np.maximum(x, 0.0, out=x).reshape(spec.steps, -1, spec.inputs)


def _queries(spec: NetworkSpec, views: dict[str, Array], read: Read, rows: int) -> Array:
    """What is asked of the future: one step for all its segments, ``(1, ahead · batch, units)``."""
    asked = np.repeat(views["position"], rows, axis=0)
    if read.future_calendar is not None:
        asked += engine.linear(read.future_calendar, views["future.calendar"])
    return asked[None]


def _output(
    network: Network,
    views: dict[str, Array],
    top: Array,
    skip: Skip | None,
    read: Read,
    added: Array | None,
) -> Array:
    """The head's numbers of the future segments' last states ``top (ahead · batch, units)``."""
    spec, width = network.spec, network.head.width
    told = engine.linear(np.ascontiguousarray(top), views["decoder.weight"])
    told = told.reshape(spec.segments_ahead, -1, spec.segment_rows, width).transpose(0, 2, 1, 3)
    output = told.reshape(-1, told.shape[2], width)[: spec.horizon]
    output += views["decoder.bias"].reshape(spec.horizon, 1, width)
    linear = read.past[-1] if skip is None else skip.mixed.T
    if added is not None:
        linear = linear + added
    output[..., : network.head.locations] += linear[..., None]
    return np.ascontiguousarray(output)


def _segments_of(spec: NetworkSpec, slope: Array) -> Array:
    """A slope ``(horizon, batch, width)`` as that of what the decoder gives, ``(ahead · batch,
    rows · width)``: zero where the last segment reaches past the horizon."""
    horizon, batch, width = slope.shape
    whole = np.zeros((spec.segments_ahead * spec.segment_rows, batch, width), slope.dtype)
    whole[:horizon] = slope
    whole = whole.reshape(spec.segments_ahead, spec.segment_rows, batch, width)
    return np.ascontiguousarray(whole.transpose(0, 2, 1, 3)).reshape(
        spec.segments_ahead * batch, spec.segment_rows * width
    )


def _skip(spec: NetworkSpec, views: dict[str, Array], state: Array, read: Read) -> Skip | None:
    if spec.skip == "none":
        return None
    return skip_forward(spec, views, state, read.rows)


def _repeated(states: list[Array], times: int) -> list[Array]:
    return [np.tile(state, (times, 1)) for state in states]


def _summed(states: list[Array], times: int) -> list[Array]:
    return [state.reshape(times, -1, state.shape[-1]).sum(axis=0) for state in states]
