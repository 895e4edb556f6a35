"""The linear paths from the window past the recurrent stack, and the gates that mix them.

One map of the window serves all series alike; but some repeat yesterday and some last week. With
several maps S₁ … S_K the final state h decides, step by step, how much each one counts:

    skip = Σ_k softmax_k(G_k h + c_k) S_k z

a mixture of linear experts (Jacobs, Jordan, Nowlan & Hinton 1991) under a recurrent gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.spec import NetworkSpec

if TYPE_CHECKING:
    from rollcast.data.batch import Batch

Array = np.ndarray


def skip_shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights: maps one below the other, steps within a map."""
    if spec.skip == "none":
        return {}
    outputs = spec.maps * spec.horizon
    shapes: dict[str, tuple[int, ...]] = {"skip.weight": (outputs, spec.skip_columns)}
    if spec.maps > 1:
        shapes |= {"gate.weight": (outputs, spec.hidden[-1]), "gate.bias": (outputs,)}
    return shapes


def begin_skip(spec: NetworkSpec, views: dict[str, Array]) -> None:
    """First weights: a naive forecast, which past inputs do not move."""
    if spec.skip != "none":
        start = naive_map(spec, spec.skip) / spec.skip_gain
        maps = views["skip.weight"].reshape(spec.maps, spec.horizon, spec.skip_columns)
        maps[..., : spec.context] = start


def skip_rows(spec: NetworkSpec, past: Array, batch: Batch) -> Array:
    """What the maps read ``(batch, columns)``: the window ``past (context, batch)`` and the newest
    rows of past inputs, input by input."""
    if not spec.input_lags or not spec.past_inputs:
        return np.ascontiguousarray(past.T)
    assert batch.past_inputs is not None
    rows = np.empty((past.shape[1], spec.skip_columns), past.dtype)
    rows[:, : spec.context] = past.T
    newest = batch.past_inputs[spec.context - spec.input_lags :, :, : spec.past_inputs]
    rows[:, spec.context :] = newest.transpose(1, 2, 0).reshape(len(rows), -1)
    return rows


@dataclass(frozen=True, eq=False)
class Skip:
    """What the maps gave: ``mixed (batch, horizon)`` of ``each (batch, maps, horizon)``, by gates
    of the same shape (None with a single map)."""

    mixed: Array
    each: Array
    gates: Array | None


def skip_forward(spec: NetworkSpec, views: dict[str, Array], state: Array, rows: Array) -> Skip:
    """The skip path of windows ``rows (batch, columns)`` under the final ``state``."""
    shape = (len(rows), spec.maps, spec.horizon)
    each = engine.linear(rows, views["skip.weight"]).reshape(shape)
    each *= spec.skip_gain
    if spec.maps == 1:
        return Skip(each[:, 0], each, None)
    gates = engine.linear(state, views["gate.weight"], views["gate.bias"]).reshape(shape)
    gates -= gates.max(axis=1, keepdims=True)
    np.exp(gates, out=gates)
    gates /= gates.sum(axis=1, keepdims=True)
    return Skip((gates * each).sum(axis=1), each, gates)


def skip_backward(
    spec: NetworkSpec,
    views: dict[str, Array],
    parts: dict[str, Array],
    skip: Skip,
    slope: Array,
    state: Array,
    rows: Array,
    dpast: Array | None = None,
) -> Array | None:
    """Gradients of maps and gates into ``parts``, for ``slope (batch, horizon)`` by the mixture;
    returns that of the state, None with a single map; that of the window is added to ``dpast``."""
    dstate = None
    deach = slope * spec.skip_gain
    if skip.gates is not None:
        dgates = skip.each - skip.mixed[:, None]
        dgates *= skip.gates
        dgates *= slope[:, None]
        dstate, parts["gate.weight"][...], parts["gate.bias"][...] = engine.linear_backward(
            dgates.reshape(len(rows), -1), state, views["gate.weight"]
        )
        deach = (skip.gates * deach[:, None]).reshape(len(rows), -1)
    drows, parts["skip.weight"][...], _ = engine.linear_backward(
        deach, rows, views["skip.weight"], need_x=dpast is not None
    )
    if dpast is not None and drows is not None:
        dpast += drows[:, : spec.context].T
    return dstate


def naive_map(spec: NetworkSpec, kind: str) -> Array:
    """Weights ``(horizon, context)`` that repeat the window.

    "naive": the last value; "seasonal_naive": the value one season before each step;
    "seasonal_mean" and "ridge": the mean of that phase over all whole seasons of the window. Where
    the window is shorter than a season, the last value.
    """
    season = 1 if kind == "naive" or spec.season > spec.context else spec.season
    means = kind in ("seasonal_mean", "ridge") and season > 1
    seasons = spec.context // season if means else 1
    weight = np.zeros((spec.horizon, spec.context))
    for back in range(1, seasons + 1):
        weight += lag_map(spec, back * season, season) / seasons
    return weight


def lag_map(spec: NetworkSpec, lag: int, period: int | None = None) -> Array:
    """Weights ``(horizon, context)`` that give the value ``lag`` rows before each step; beyond
    ``period`` steps (None = the lag) the same rows come round again."""
    weight = np.zeros((spec.horizon, spec.context))
    steps = np.arange(spec.horizon)
    weight[steps, spec.context - lag + steps % (period or lag)] = 1.0
    return weight
