"""A stack as one node of autograd's graph."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, from_numpy

from rollcast.interop.torch import calls, reference
from rollcast.interop.torch.calls import Drop, Shape
from rollcast.interop.torch.plan import Plan


class Stack(torch.autograd.Function):
    """y, hn and, of an LSTM, cn of ``apply((plan, shape, drop, flat), x, h0, c0, *weights)``.

    flat: the weights in one vector, or None when they do not lie so.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        call: tuple[Plan, Shape, Drop, np.ndarray | None],
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        *weights: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h0, c0, *weights)
        plan, shape, drop, flat = ctx.call = call
        y, hn, cn, ctx.recorded = calls.run(
            plan, plan.join(weights).numpy() if flat is None else flat, shape.padded(x), h0, c0,
            shape.lengths(), drop, record=True, need_x=ctx.needs_input_grad[1],
        )  # fmt: skip
        return shape.results(plan, y, hn, cn)

    @staticmethod
    def backward(ctx: Any, *above: Tensor | None) -> tuple[Tensor | None, ...]:
        plan, shape, drop, _ = ctx.call
        inputs = ctx.saved_tensors  # raises where one was changed in place or the graph is gone
        _, *needed = ctx.needs_input_grad
        given = shape.given(plan, above)
        if torch.is_grad_enabled():  # a graph of the backward is asked for
            return None, *reference.gradients(plan, shape, drop, inputs, needed, given)
        x, h0, c0, *weights = inputs
        recorded = ctx.recorded
        if recorded.used:  # a second time through a graph that was retained
            *_, recorded = calls.run(
                plan, plan.join(weights).numpy(), shape.padded(x), h0, c0, shape.lengths(), drop,
                record=True, need_x=needed[0],
            )  # fmt: skip
        assert recorded is not None
        dy, dhn, dcn = given
        dx, gradient, dh0, dc0 = calls.go_back(
            plan, recorded, None if dy is None else shape.padded(dy), dhn, dcn,
            need_states=needed[1] or needed[2],
        )  # fmt: skip
        return (
            None,
            None if dx is None else from_numpy(shape.restored(dx)),
            from_numpy(dh0.reshape(h0.shape)) if dh0 is not None and needed[1] else None,
            from_numpy(dc0.reshape(c0.shape)) if dc0 is not None and needed[2] else None,
            *plan.gradients(gradient, needed[3:]),
        )
