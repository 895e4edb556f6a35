"""The closed loop and its way back, a call a step: for what the engine's own loop knows nothing of.

That is normalisation between the layers of a step, and a linear path of several outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.linear_path import Stepper
from rollcast.model.steps import States, Steps, counted_steps, flat_states

if TYPE_CHECKING:
    from rollcast.model.sequence import SequenceNetwork
    from rollcast.nn.normalized import NormalizedRecurrent
    from rollcast.nn.recurrent import Recurrent


def roll(stepper: Stepper, outputs: int, x: np.ndarray, fed: np.ndarray) -> np.ndarray:
    """Outputs ``(time, batch, outputs)``, fed back where ``fed``, bool (time,) or (time, batch),
    says so."""
    time, batch, _ = x.shape
    said = np.empty((time, batch, outputs), x.dtype)
    fed = np.broadcast_to(fed.reshape(time, -1), (time, batch))
    for now in range(time):
        row = x[now].copy()
        if fed[now].any():
            row[fed[now], :outputs] = said[now - 1, fed[now]]
        said[now] = stepper.step(row)
    return said


def loop_gradient(
    plain: SequenceNetwork,
    stack: Recurrent | NormalizedRecurrent,
    own: np.ndarray,
    weights: np.ndarray,
    steps: Steps,
    states: States,
    fed: np.ndarray,
    *,
    seed: int,
    step: int,
) -> tuple[float, np.ndarray, np.ndarray, States]:
    """As `SequenceNetwork.fed_gradient`, for statistics of single steps alone: the loss, the
    gradients of the ``stack``, whose weights are its ``own``, and of what ``plain`` has behind it,
    and the states."""
    readout, outputs = plain.readout, plain.outputs
    path = readout.path
    time, batch, _ = steps.x.shape
    fed = np.broadcast_to(fed.reshape(time, -1), (time, batch))
    h, c = plain.layers_of(states)
    # what is read, after the rows before the first
    before = path.with_past(steps.x[:1], states.get("past"))[:-1] if path else steps.x[:0]
    lags, read = len(before) + 1, np.concatenate([before, steps.x])
    weight = readout.map(weights)
    across = np.ascontiguousarray(weight.T)
    said, runs = np.empty((time, batch, outputs), weights.dtype), []
    for now in range(time):
        x = read[lags - 1 + now]
        if fed[now].any():
            x[fed[now], :outputs] = said[now - 1, fed[now]]
        run = stack.forward(own, x[None], h0=h, c0=c, seed=seed, step=step, need_x=True, first=now)
        h, c = run.h, run.c or None
        runs.append(run)
        assert run.y is not None
        said[now] = readout.of_top(weights, run.y[0])
        if path:
            said[now] += engine.linear(path.read(read[now : now + lags]), weight)
    observed = counted_steps(steps, plain.last)
    loss, slope = engine.loss("mse", said[..., None], steps.target, observed=observed)
    assert slope is not None
    dsaid = slope[..., 0].copy()
    gradient = np.zeros_like(own)
    dhead = np.zeros(plain.count - plain.stack.count - (path.count if path else 0), own.dtype)
    dread = np.zeros_like(read)
    dh = dc = None
    for now in reversed(range(time)):
        run = runs[now]
        if now + 1 < time:
            later = dread[lags + now, :, :outputs]
            dsaid[now] += np.where(fed[now + 1, :, None], later, 0)
        assert run.y is not None
        dtop, part = readout.backward(weights, dsaid[now], run.y[0])
        back = stack.backward(run, dtop[None], dh, dc)
        assert back.x is not None
        gradient += back.weights
        dhead += part
        dread[lags - 1 + now] += back.x[0]
        if path:
            through = engine.linear(dsaid[now], across).reshape(batch, lags, -1)
            dread[now : now + lags] += through.swapaxes(0, 1)[::-1]
        dh, dc = back.h0, back.c0 or None
    after = flat_states(runs[-1])
    if path:
        dhead = np.concatenate([dhead, path.backward(dsaid, read)])
        after |= readout.after(read[lags - 1 :], states, steps.lengths)
    return loss, gradient, dhead, after
