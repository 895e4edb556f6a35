"""The closed loop of a network with layer normalisation, and its way back: a call a step.

Between the layers of a step stands what the engine's own loop (`engine.rollout`) knows nothing of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.sequence import States, Steps, counted_steps, flat_states

if TYPE_CHECKING:
    from rollcast.model.normalized import NormalizedNetwork


def loop_gradient(
    network: NormalizedNetwork,
    weights: np.ndarray,
    steps: Steps,
    states: States,
    fed: np.ndarray,
    *,
    seed: int,
    step: int,
) -> tuple[float, np.ndarray, States]:
    """As `SequenceNetwork.fed_gradient`, for statistics of single steps alone."""
    stack, plain, outputs = network.stack, network.plain, network.outputs
    own, (time, batch, _) = network.of_stack(weights), steps.x.shape
    fed = np.broadcast_to(fed.reshape(time, -1), (time, batch))
    h, c = plain.layers_of(states)
    said, runs = np.empty((time, batch, outputs), weights.dtype), []
    for now in range(time):
        x = steps.x[now].copy()
        if fed[now].any():
            x[fed[now], :outputs] = said[now - 1, fed[now]]
        run = stack.forward(own, x[None], h0=h, c0=c, seed=seed, step=step, need_x=True, first=now)
        h, c = run.h, run.c or None
        runs.append(run)
        assert run.y is not None
        said[now] = plain.head_outputs(weights, run.y[0])
    observed = counted_steps(steps, plain.last)
    loss, slope = engine.loss("mse", said[..., None], steps.target, observed=observed)
    assert slope is not None
    gradient, dhead = np.zeros_like(own), np.zeros(plain.count - plain.stack.count, own.dtype)
    dread: np.ndarray | None = None  # the gradient of what the next step read
    dh = dc = None
    for now in reversed(range(time)):
        run, dsaid = runs[now], slope[now, :, :, 0].copy()
        if dread is not None:
            dsaid += np.where(fed[now + 1, :, None], dread[:, :outputs], 0)
        assert run.y is not None
        dtop, part = plain.head_backward(weights, dsaid, run.y[0])
        back = stack.backward(run, dtop[None], dh, dc)
        assert back.x is not None
        gradient += back.weights
        dhead += part
        dread, dh, dc = back.x[0], back.h0, back.c0 or None
    return loss, network.with_head(gradient, dhead), flat_states(runs[-1], states)
