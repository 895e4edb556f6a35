"""The same call as an operator of PyTorch's own kind, which ``torch.compile`` takes into its graph.

Outside of it the autograd function is used, which costs a third of the time round the engine.
What a recorded call keeps for its way back belongs to the memory of one of the operator's outputs,
``kept``, and is found by the address of that; it goes when that goes. Where a compiler copied the
output, nothing is found and the call is made again.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor, from_numpy

from rollcast.interop.torch import calls, reference
from rollcast.interop.torch.calls import TIME_FIRST, Drop, Recorded, Shape
from rollcast.interop.torch.flat import Store
from rollcast.interop.torch.plan import Plan, plan_of


class _Keeper(np.ndarray):
    """Memory of ``kept``, with what was recorded."""

    recorded: Recorded


_keepers: WeakValueDictionary[int, _Keeper] = WeakValueDictionary()


def _keep(recorded: Recorded | None) -> Tensor:
    if recorded is None:
        return torch.empty(0, dtype=torch.uint8)
    keeper = np.zeros(1, np.uint8).view(_Keeper)
    keeper.recorded = recorded
    kept = from_numpy(keeper)
    _keepers[kept.data_ptr()] = keeper
    return kept


def _tensor(array: np.ndarray | None, like: Tensor) -> Tensor:
    """Operators return tensors alone: an empty one for None."""
    return like.new_empty(0) if array is None else from_numpy(array)


def _plan(cell: str, sizes: Sequence[int], traits: Sequence[int]) -> Plan:
    bias, bidirectional, projection, whole = traits
    return plan_of(cell, tuple(sizes), bool(bias), bool(bidirectional), projection, bool(whole))


@torch.library.custom_op("rollcast::stack", mutates_args=(), device_types="cpu")
def stack(
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    seed: Tensor,
    cell: str,
    sizes: Sequence[int],
    traits: Sequence[int],
    dropout: float,
    record: bool,
    need_x: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """y, hn, cn (empty unless an LSTM) and kept. x: (time, batch, input)."""
    plan = _plan(cell, sizes, traits)
    record = record or dropout > 0
    y, hn, cn, recorded = calls.run(
        plan, plan.join(weights).numpy(), x.contiguous(), h0, c0, [], Drop(dropout, int(seed)),
        record=record, need_x=need_x,
    )  # fmt: skip
    return from_numpy(y), from_numpy(hn), _tensor(cn, x), _keep(recorded)


@stack.register_fake
def _(x, h0, c0, weights, seed, cell, sizes, traits, dropout, record, need_x):
    plan = _plan(cell, sizes, traits)
    time, batch, _ = x.shape
    cn = plan.state_shape(1, batch) if plan.has_cell else (0,)
    return (
        x.new_empty((time, batch, plan.width)),
        x.new_empty(plan.state_shape(0, batch)),
        x.new_empty(cn),
        x.new_empty(1 if record or dropout > 0 else 0, dtype=torch.uint8),
    )


@torch.library.custom_op("rollcast::stack_backward", mutates_args=(), device_types="cpu")
def stack_backward(
    kept: Tensor,
    dy: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    seed: Tensor,
    cell: str,
    sizes: Sequence[int],
    traits: Sequence[int],
    dropout: float,
    need_x: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of the flat weights, x, h0 and c0; the last three are empty unless wanted."""
    plan = _plan(cell, sizes, traits)
    keeper = _keepers.get(kept.data_ptr())
    if keeper is None or keeper.recorded.used:
        _, _, _, recorded = calls.run(
            plan, plan.join(weights).numpy(), x.contiguous(), h0, c0, [],
            Drop(dropout, int(seed)), record=True, need_x=need_x,
        )  # fmt: skip
    else:
        recorded = keeper.recorded
    assert recorded is not None
    need_states = h0 is not None or c0 is not None
    dy = None if dy is None else dy.contiguous()
    dx, gradient, dh0, dc0 = calls.go_back(plan, recorded, dy, dhn, dcn, need_states)
    return from_numpy(gradient), _tensor(dx, x), _tensor(dh0, x), _tensor(dc0, x)


@stack_backward.register_fake
def _(
    kept, dy, dhn, dcn, x, h0, c0, weights, seed, cell, sizes, traits, dropout, need_x
):  # fmt: skip
    plan = _plan(cell, sizes, traits)
    batch = x.shape[1]
    need_states = h0 is not None or c0 is not None
    states = plan.state_shape(0, batch) if need_states else (0,)
    cells = plan.state_shape(1, batch) if need_states and plan.has_cell else (0,)
    return (
        x.new_empty(plan.count),
        x.new_empty(x.shape if need_x else (0,)),
        x.new_empty(states),
        x.new_empty(cells),
    )


def _remember(ctx: Any, inputs: tuple, output: tuple[Tensor, ...]) -> None:
    x, h0, c0, weights, seed, cell, sizes, traits, dropout, _, need_x = inputs
    ctx.save_for_backward(x, h0, c0, seed, output[3], *weights)
    ctx.rest = cell, sizes, traits, dropout, need_x
    ctx.has_states = h0 is not None, c0 is not None


def _backward(ctx: Any, dy: Tensor, dhn: Tensor, dcn: Tensor, dkept: Tensor) -> tuple:
    x, h0, c0, seed, kept, *weights = ctx.saved_tensors
    cell, sizes, traits, _, need_x = ctx.rest
    plan = _plan(cell, sizes, traits)
    gradient, dx, dh0, dc0 = torch.ops.rollcast.stack_backward(
        kept, dy, dhn, dcn if plan.has_cell else None, x, h0, c0, weights, seed, *ctx.rest
    )
    return (
        dx if need_x else None,
        dh0 if ctx.has_states[0] else None,
        dc0 if ctx.has_states[1] else None,
        plan.part(gradient),
        *(None,) * 7,
    )


stack.register_autograd(_backward, setup_context=_remember)


def run(
    plan: Plan,
    shape: Shape,
    dropout: float,
    x: Tensor,
    starts: Sequence[Tensor | None],
    weights: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """y, hn and, of an LSTM, cn; of ``shape.by_layer`` these layer after layer."""
    h0, c0 = starts
    record = torch.is_grad_enabled()
    seed = torch.randint(2**62, ()) if dropout else torch.zeros((), dtype=torch.int64)
    y, hn, cn, _ = torch.ops.rollcast.stack(
        x.transpose(0, 1) if shape.batch_first else x, h0, c0, weights, seed, plan.cell,
        list(plan.sizes), [plan.bias, plan.bidirectional, plan.projection, plan.whole], dropout,
        record, record and x.requires_grad,
    )  # fmt: skip
    y = y.transpose(0, 1) if shape.batch_first else y
    return reference.results(plan, shape, y, hn, cn if plan.has_cell else None)


def step(
    plan: Plan,
    _: Store,
    x: Tensor,
    starts: Sequence[Tensor | None],
    weights: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """h and, of an LSTM, c after one step. x: (batch, input); states (batch, units)."""
    lifted = [None if state is None else state.unsqueeze(0) for state in starts]
    found = run(plan, TIME_FIRST, 0.0, x.unsqueeze(0), lifted, weights)
    return tuple(state.squeeze(0) for state in found[1:])
