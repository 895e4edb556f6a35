"""A stack as one node of autograd's graph."""

from typing import Any

import torch
from torch import Tensor

from rollcast.interop.torch import calls, reference
from rollcast.interop.torch.calls import Drop, Shape
from rollcast.interop.torch.plan import Plan


class Stack(torch.autograd.Function):
    """y, hn and, of an LSTM, cn of ``apply(plan, shape, drop, flat, x, h0, c0, *weights)``.

    flat: the weights in one vector, which nothing flows back to, or None when they do not lie so.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        plan: Plan,
        shape: Shape,
        drop: Drop,
        flat: Tensor | None,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        *weights: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, c0, *weights)
        ctx.plan, ctx.shape, ctx.drop = plan, shape, drop
        flat = plan.join(weights) if flat is None else flat
        y, hn, cn, ctx.recorded = calls.run(
            plan, flat, shape.padded(x), h0, c0, shape.lengths(), drop,
            record=True, need_x=ctx.needs_input_grad[4],
        )  # fmt: skip
        return shape.results(y, hn, cn)

    @staticmethod
    def backward(ctx: Any, *above: Tensor | None) -> tuple[Tensor | None, ...]:
        plan, shape = ctx.plan, ctx.shape
        inputs = ctx.saved_tensors  # raises where one was changed in place or the graph is gone
        needed = ctx.needs_input_grad[4:]
        given = shape.given(*above)
        nothing = (None, None, None, None)
        if torch.is_grad_enabled():  # a graph of the backward is asked for
            return *nothing, *reference.gradients(plan, shape, ctx.drop, inputs, needed, given)
        x, h0, c0, *weights = inputs
        recorded = ctx.recorded
        if recorded.used:  # a second time through a graph that was retained
            *_, recorded = calls.run(
                plan, plan.join(weights), shape.padded(x), h0, c0, shape.lengths(), ctx.drop,
                record=True, need_x=needed[0],
            )  # fmt: skip
        assert recorded is not None
        dy, dhn, dcn = given
        dx, gradient, dh0, dc0 = calls.go_back(
            plan, recorded, None if dy is None else shape.padded(dy), dhn, dcn,
            need_states=needed[1] or needed[2],
        )  # fmt: skip
        return (
            *nothing,
            None if dx is None else shape.restored(dx),
            dh0.view_as(h0) if dh0 is not None and needed[1] else None,
            dc0.view_as(c0) if dc0 is not None and needed[2] else None,
            *plan.gradients(gradient, needed[3:]),
        )
