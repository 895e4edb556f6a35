"""A call outside ``torch.compile``: recorded when a gradient can flow, else keeping nothing."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rollcast.interop.torch import calls
from rollcast.interop.torch.calls import NO_DROP, STEP, Drop, Shape
from rollcast.interop.torch.flat import Store
from rollcast.interop.torch.function import Stack
from rollcast.interop.torch.plan import Plan


def run(
    plan: Plan,
    shape: Shape,
    drop: Drop,
    flat: np.ndarray | None,
    x: Tensor,
    starts: Sequence[Tensor | None],
    weights: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """y, hn and, of an LSTM, cn; of ``shape.by_layer`` these layer after layer.

    flat: the weights in one vector, or None.
    """
    h0, c0 = starts
    if torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (*weights, x, h0, c0)
    ):
        return Stack.apply((plan, shape, drop, flat), x, h0, c0, *weights)  # type: ignore
    flat = plan.join(weights).numpy() if flat is None else flat
    record = drop.probability > 0  # the engine drops in recorded calls alone
    y, hn, cn, _ = calls.run(
        plan, flat, shape.padded(x), h0, c0, shape.lengths(), drop, record=record
    )
    return shape.results(plan, y, hn, cn)


def step(
    plan: Plan,
    store: Store,
    x: Tensor,
    starts: Sequence[Tensor | None],
    weights: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """h and, of an LSTM, c after one step. x: (batch, input); states (batch, units)."""
    return run(plan, STEP, NO_DROP, store.current(weights), x, starts, weights)
