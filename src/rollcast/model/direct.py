"""The direct network: the final state and the known future give every step at once.

    h = the recurrent stack's final state after reading the window (value, indicator, calendar),
        row by row, or folded: one step for each row of the last season, all seasons side by side
    output = D h + e                                       decoder, one row of D per step and output
           + Σ_k softmax_k(G_k h + c_k) S_k z              skip: linear in the scaled window z,
                                                           one map or several under gates
           + O tanh(A h + B f_k + E_k)                     future: step k's calendar and inputs f_k
           + e_k                                           what inputs do, see effects.py

Every step sees the whole of h, and so the newest value. (To read the last steps' hidden states as
the steps of the forecast, as some libraries do, hides it from all but one of them.) The skip path
is that of linear forecasters (Zeng et al. 2023); see skip.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast import engine
from rollcast.model.dropout import state_dropout
from rollcast.model.effects import Slopes, filled_backward
from rollcast.model.inputs import filled
from rollcast.model.skip import (
    Skip,
    begin_skip,
    skip_backward,
    skip_forward,
    skip_rows,
    skip_shapes,
)
from rollcast.model.spec import NetworkSpec

if TYPE_CHECKING:
    from rollcast.data.windows import Batch
    from rollcast.model.network import Network

Array = np.ndarray


def shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights behind those of the recurrent stack."""
    width = spec.make_head().width
    result: dict[str, tuple[int, ...]] = {
        "decoder.weight": (spec.horizon * width, spec.hidden[-1]),
        "decoder.bias": (spec.horizon * width,),
    }
    if spec.row_features:
        result |= {
            "future.state": (spec.future_units, spec.hidden[-1]),
            "future.calendar": (spec.future_units, spec.row_features),
            "future.step": (spec.horizon, spec.future_units),
            "future.output": (width, spec.future_units),
        }
    return result | skip_shapes(spec)


def begin(spec: NetworkSpec, views: dict[str, Array], generator: np.random.Generator) -> None:
    """First weights, into ``views`` of zeros: torch's for the linear parts, a naive skip."""
    bound = 1.0 / np.sqrt(spec.hidden[-1])
    for name in ("decoder.weight", "decoder.bias"):
        drawn = generator.uniform(-bound, bound, views[name].shape)
        views[name][...] = spec.decoder_gain * drawn
    if spec.row_features:
        inputs = {"state": spec.hidden[-1], "calendar": spec.row_features}
        for name, width in inputs.items():
            view = views[f"future.{name}"]
            view[...] = generator.uniform(-1, 1, view.shape) / np.sqrt(width)
        # The output starts at zero, so that the untrained path adds nothing.
        view = views["future.step"]
        view[...] = generator.uniform(-1, 1, view.shape) / np.sqrt(spec.hidden[-1])
    if spec.maps > 1:
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
    spec, views = network.spec, network.views(weights)
    past = filled(batch.past, batch.observed)
    run: Any = network.recurrent.forward(  # what its own backward takes
        weights[: network.recurrent.count],
        read(network, past, batch),
        seed=seed,
        step=step,
        outputs=network.recurrent.wired,
        need_x=slopes is not None,
    )
    state = network.recurrent.last(run)
    dropped = state_dropout(spec, seed, step, 1, len(state), state.dtype)
    if dropped is not None:
        state = state * dropped
    rows = skip_rows(spec, past, batch)
    hidden = _future_hidden(network, views, state, batch)
    skip = _skip(network, views, state, rows)
    output = _output(network, views, state, skip, hidden, batch)
    loss, slope = network.head.loss_and_gradient(
        output, batch.target, batch.target_observed, row_weight, batch.location, batch.scale
    )
    gradient = np.empty_like(weights)
    parts = network.views(gradient)
    # Rows of the decoder and of the skip path are batch rows: (batch, horizon × width).
    by_row = np.ascontiguousarray(slope.transpose(1, 0, 2))
    flat = by_row.reshape(len(rows), -1)
    dstate, parts["decoder.weight"][...], parts["decoder.bias"][...] = engine.linear_backward(
        flat, state, views["decoder.weight"]
    )
    assert dstate is not None
    dpast = np.zeros_like(past) if slopes is not None else None
    if skip is not None:
        by_location = by_row[..., : network.head.locations].sum(axis=2)
        dgates = skip_backward(spec, views, parts, skip, by_location, state, rows, dpast)
        if dgates is not None:
            dstate += dgates
    if hidden is not None:
        dstate += _future_backward(network, views, parts, slope, hidden, state, batch, slopes)
    if dropped is not None:
        dstate *= dropped
    back = network.recurrent.backward_from_last(run, dstate)
    gradient[: network.recurrent.count] = back.weights
    if slopes is not None and dpast is not None:
        slopes.added += by_row[..., : network.head.locations].sum(axis=2).T
        _read_backward(spec, back.x, dpast, slopes)
        slopes.past += filled_backward(dpast, batch.observed)
    return loss, gradient


def outputs(network: Network, weights: Array, batch: Batch) -> Array:
    """The head's numbers ``(horizon, batch, width)``, in scaled units; keeps nothing."""
    views = network.views(weights)
    past = filled(batch.past, batch.observed)
    run: Any = network.recurrent.infer(
        weights[: network.recurrent.count], read(network, past, batch),
        outputs=network.recurrent.wired,
    )  # fmt: skip
    state = network.recurrent.last(run)
    hidden = _future_hidden(network, views, state, batch)
    skip = _skip(network, views, state, skip_rows(network.spec, past, batch))
    return _output(network, views, state, skip, hidden, batch)


def read(network: Network, past: Array, batch: Batch) -> Array:
    """What the stack reads, ``(steps, batch, inputs)``; ``past`` has no gaps."""
    spec = network.spec
    newest = slice(spec.context - spec.steps, None)
    inputs = np.empty((spec.steps, past.shape[1], spec.inputs), past.dtype)
    if spec.fold:
        seasons = past[spec.context - spec.folds * spec.fold :]
        seasons = seasons.reshape(spec.folds, spec.fold, past.shape[1])
        inputs[..., : spec.folds] = seasons.transpose(1, 2, 0)
    else:
        inputs[..., 0] = past[newest]
    if spec.indicator:
        inputs[..., spec.folds] = batch.observed[newest]
    if spec.past_width:
        assert batch.past_inputs is not None
        at = spec.folds + int(spec.indicator)
        for back in range(spec.input_folds):
            rows = _rows_of_fold(spec, back)
            inputs[..., at : at + spec.past_width] = batch.past_inputs[rows]
            at += spec.past_width
    if spec.row_features:
        inputs[..., spec.inputs - spec.row_features :] = batch.past_features[newest]
    return inputs


def _rows_of_fold(spec: NetworkSpec, back: int) -> slice:
    """The rows of the window that recurrent steps read, ``back`` folds earlier."""
    end = spec.context - back * spec.steps
    return slice(end - spec.steps, end)


def _read_backward(spec: NetworkSpec, dx: Array | None, dpast: Array, slopes: Slopes) -> None:
    """Gradients of what ``read`` read, into the window's and the other slopes."""
    assert dx is not None
    for fold in range(spec.folds if spec.fold else 1):
        back = spec.folds - 1 - fold if spec.fold else 0
        dpast[_rows_of_fold(spec, back)] += dx[..., fold]
    at = spec.folds + int(spec.indicator)
    for back in range(spec.input_folds if spec.past_width else 0):
        slopes.past_inputs[_rows_of_fold(spec, back)] += dx[..., at : at + spec.past_width]
        at += spec.past_width
    if spec.row_features:
        slopes.past_features[_rows_of_fold(spec, 0)] += dx[..., spec.inputs - spec.row_features :]


def _skip(network: Network, views: dict[str, Array], state: Array, rows: Array) -> Skip | None:
    return None if network.spec.skip == "none" else skip_forward(network.spec, views, state, rows)


def _output(
    network: Network,
    views: dict[str, Array],
    state: Array,
    skip: Skip | None,
    hidden: Array | None,
    batch: Batch,
) -> Array:
    spec, width = network.spec, network.head.width
    shape = (spec.horizon, len(state), width)
    decoded = engine.linear(state, views["decoder.weight"], views["decoder.bias"])
    decoded = decoded.reshape(len(state), spec.horizon, width).transpose(1, 0, 2)
    if hidden is None:
        output = np.empty(shape, state.dtype)
    else:
        output = engine.linear(hidden.reshape(-1, spec.future_units), views["future.output"])
        output = output.reshape(shape)
        decoded = np.add(decoded, output, out=output)
    linear = batch.added if skip is None else skip.mixed.T
    if linear is not None and skip is not None and batch.added is not None:
        linear = linear + batch.added
    if linear is None:
        return np.ascontiguousarray(decoded)
    output[...] = decoded
    output[..., : network.head.locations] += linear[:, :, None]
    return output


def _future_hidden(
    network: Network, views: dict[str, Array], state: Array, batch: Batch
) -> Array | None:
    """tanh(A h + B f + E), ``(horizon, batch, units)``; None without features."""
    spec = network.spec
    if not spec.row_features:
        return None
    calendar = np.ascontiguousarray(batch.future_features).reshape(-1, spec.row_features)
    hidden = engine.linear(calendar, views["future.calendar"])
    hidden = hidden.reshape(spec.horizon, len(state), spec.future_units)
    hidden += engine.linear(state, views["future.state"])
    hidden += views["future.step"][:, None]
    return np.tanh(hidden, out=hidden)


def _future_backward(
    network: Network,
    views: dict[str, Array],
    parts: dict[str, Array],
    slope: Array,
    hidden: Array,
    state: Array,
    batch: Batch,
    slopes: Slopes | None,
) -> Array:
    """Gradients of the path from the known future into ``parts``; returns that of the state."""
    spec = network.spec
    flat = hidden.reshape(-1, spec.future_units)
    dhidden, parts["future.output"][...], _ = engine.linear_backward(
        slope.reshape(len(flat), -1), flat, views["future.output"]
    )
    assert dhidden is not None
    np.multiply(flat, flat, out=flat)
    np.subtract(1.0, flat, out=flat)
    dhidden *= flat
    calendar = np.ascontiguousarray(batch.future_features).reshape(-1, spec.row_features)
    dcalendar, parts["future.calendar"][...], _ = engine.linear_backward(
        dhidden, calendar, views["future.calendar"], need_x=slopes is not None
    )
    if slopes is not None and dcalendar is not None:
        slopes.future_features += dcalendar.reshape(slopes.future_features.shape)
    steps = dhidden.reshape(hidden.shape)
    steps.sum(axis=1, out=parts["future.step"])
    dstate, parts["future.state"][...], _ = engine.linear_backward(
        steps.sum(axis=0), state, views["future.state"]
    )
    assert dstate is not None
    return dstate
