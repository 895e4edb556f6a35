"""One network of `gradient_flow`: how its gradient flows before training, and how that goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.errors import TrainingError
from rollcast.nn.flow import recurrent_matrices, state_flow
from rollcast.nn.recurrent import Recurrent
from rollcast.recipes.frame import long_frame
from rollcast.train.events import Event, Listener, StepDone
from rollcast.train.watch import GradientHistory, GradientWatch

FOLLOWED = 4
"""Series whose Jacobians are computed; the mean of their logarithms is kept."""


@dataclass(frozen=True, eq=False)
class FlowRun:
    """``logs``: log10 of the norms of ∂h_T/∂h_k before training, for k = 0 … T.
    ``singular_value``: the largest one of the last layer's recurrent matrix. ``losses``: of every
    step; up to step ``diverged``, if training did."""

    logs: np.ndarray
    singular_value: float
    losses: np.ndarray
    gradients: GradientHistory
    diverged: int | None


def flow_run(
    network: str,
    hidden: Sequence[int],
    values: np.ndarray,
    training: Training,
    seed: int,
    listeners: Sequence[Listener],
) -> FlowRun:
    """Train a network, such as ``"lstm torch(forget_bias=1)"``, to say the first value of each of
    ``values (series, rows)`` at its last row."""
    cell, _, initial = network.partition(" ")
    initial = initial or "torch"
    stack = Recurrent(cell, 1, tuple(hidden))
    weights = stack.initial(np.random.default_rng(seed), scheme=initial)
    x = np.ascontiguousarray(values[:FOLLOWED].T[:, :, None])
    logs = state_flow(stack, weights, x).largest().mean(axis=1)
    watch, losses, diverged = GradientWatch(warn=lambda message: None), [], None

    def keep(event: Event) -> None:
        if isinstance(event, StepDone):
            losses.append(event.loss)

    model = SequenceRegressor(
        "value", "first", cell=cell, hidden=hidden, initial=initial, loss_steps="last",
        scaling="none", restore="last", check_every=training.steps, seed=seed, training=training,
    )  # fmt: skip
    first = np.repeat(values[:, :1], values.shape[1], axis=1)
    try:
        model.fit(
            long_frame({"value": values, "first": first}), listeners=[watch, keep, *listeners]
        )
    except TrainingError:
        diverged = watch.runs[0].steps[-1]
    singular = recurrent_matrices(stack, weights)[-1].singular_value
    return FlowRun(logs, singular, np.array(losses), watch.runs[0], diverged)
