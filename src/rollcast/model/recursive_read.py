"""What a recursive network reads of each row, what the known future adds to a step, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.effects import Slopes, filled_backward
from rollcast.model.spec import NetworkSpec

if TYPE_CHECKING:
    from rollcast.data.windows import Batch

Array = np.ndarray


def inputs(values: Array, age: Array, next_features: Array, past: Array | None = None) -> Array:
    """What the stack reads: ``(time, batch, 2 + features + past)`` of ``values`` and ``age (time,
    batch)``, the features of each next row, and the past inputs of each row, if there are any."""
    at = 2 + next_features.shape[2]
    wide = at + (0 if past is None else past.shape[2])
    x = np.empty((*values.shape, wide), values.dtype)
    x[..., 0] = values
    x[..., 1] = 1.0 / (1.0 + age)
    x[..., 2:at] = next_features
    if past is not None:
        x[..., at:] = past
    return x


def held(past: Array | None, steps: int) -> Array | None:
    """Past inputs at the rows of a forecast: those of the newest row, again and again."""
    return None if past is None else np.broadcast_to(past[-1], (steps, *past.shape[1:]))


def known(spec: NetworkSpec, views: dict[str, Array], features: Array, past: Array | None) -> Array:
    """What features of the steps ``(steps, batch, features)`` and the newest past inputs add to
    each step's forecast, ``(steps, batch)``."""
    gain, shape = features.dtype.type(spec.skip_gain), features.shape[:2]
    found = np.zeros(shape, features.dtype)
    if spec.row_features:
        flat = np.ascontiguousarray(features).reshape(-1, spec.row_features)
        found = engine.linear(flat, (gain * views["calendar.weight"])[None]).reshape(shape)
    if spec.input_lags and spec.past_inputs and past is not None:
        rows = lagged(spec, past, len(features)).reshape(found.size, -1)
        weight = np.ascontiguousarray(gain * views["inputs.weight"]).reshape(1, -1)
        found = found + engine.linear(np.ascontiguousarray(rows), weight).reshape(shape)
    return found


def lagged(spec: NetworkSpec, past: Array, steps: int) -> Array:
    """The newest numbers of past inputs as each step sees them, ``(steps, batch, lags · inputs)``,
    newest row first; 0 beyond the newest one, which says no more about a step that far ahead."""
    count = spec.input_lags
    rows = np.zeros((count + steps - 1, past.shape[1], spec.past_inputs), past.dtype)
    rows[:count] = past[len(past) - count :, :, : spec.past_inputs]
    at = np.arange(steps)[:, None] + np.arange(count)[::-1]
    return rows[at].transpose(0, 2, 1, 3).reshape(steps, past.shape[1], -1)


def known_backward(
    spec: NetworkSpec,
    views: dict[str, Array],
    parts: dict[str, Array],
    doffset: Array,
    batch: Batch,
    past: Array | None,
    slopes: Slopes | None,
) -> None:
    """Gradients of ``known`` for its slope ``doffset (steps, batch)``."""
    gain = doffset.dtype.type(spec.skip_gain)
    flat = np.ascontiguousarray(doffset.reshape(-1, 1))
    if spec.row_features:
        features = np.ascontiguousarray(batch.future_features).reshape(-1, spec.row_features)
        weight = np.ascontiguousarray(views["calendar.weight"][None])
        dfeatures, found, _ = engine.linear_backward(
            flat, features, weight, need_x=slopes is not None
        )
        np.multiply(found[0], gain, out=parts["calendar.weight"])
        if slopes is not None and dfeatures is not None:
            slopes.future_features += gain * dfeatures.reshape(slopes.future_features.shape)
    if spec.input_lags and spec.past_inputs and past is not None:
        rows = np.ascontiguousarray(lagged(spec, past, len(doffset))).reshape(len(flat), -1)
        weight = np.ascontiguousarray(views["inputs.weight"].reshape(1, -1))
        _, found, _ = engine.linear_backward(flat, rows, weight, need_x=False)
        np.multiply(found.reshape(parts["inputs.weight"].shape), gain, out=parts["inputs.weight"])


def window_backward(
    spec: NetworkSpec,
    lags: Array | None,
    batch: Batch,
    dseen: Array | None,
    drolled: Array,
    doffset: Array,
    slopes: Slopes,
) -> None:
    """Adds to ``slopes`` the gradients by what was read: ``dseen`` by the rows of the window before
    the newest one, ``drolled`` by those of the loop; ``lags`` are the weights of the newest values.
    """
    wide, newest = spec.row_features, spec.context - 1
    slopes.future_features += drolled[..., 2 : 2 + wide]
    dpast = np.zeros_like(slopes.past)
    dpast[-1] += drolled[0, :, 0]  # through the lags too
    if spec.past_width:
        slopes.past_inputs[-1] += drolled[..., 2 + wide :].sum(axis=0)
    if lags is not None:
        for back in range(1, len(lags)):  # value t − back is lag k + back of step k
            steps = min(len(doffset), len(lags) - back)
            dpast[newest - back] += (doffset[:steps] * lags[back : back + steps, None]).sum(axis=0)
    if dseen is not None:
        first = spec.context - spec.steps
        dpast[first:newest] += dseen[..., 0]
        following = dseen[..., 2 : 2 + wide]
        slopes.past_features[first + 1 :] += following
        if spec.past_width:
            slopes.past_inputs[first:newest] += dseen[..., 2 + wide :]
    slopes.past += filled_backward(dpast, batch.observed)
