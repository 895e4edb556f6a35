"""What the modules take and return, and what the engine's calls do: one made of the other."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils.rnn import PackedSequence

from rollcast.interop.torch import reference
from rollcast.interop.torch.calls import Shape
from rollcast.interop.torch.plan import Plan

PADDED = {
    (batch_first, by_layer): Shape(batch_first=batch_first, by_layer=by_layer)
    for batch_first in (False, True)
    for by_layer in (False, True)
}
Prepared = tuple[Tensor, Shape, tuple[Tensor | None, Tensor | None], Callable[..., tuple[Any, Any]]]


def prepared(
    plan: Plan, input: Any, hx: Any, *, batch_first: bool, uneven: bool, refuse: bool = False
) -> Prepared | None:
    """(sequences, how they lie, (h0, c0), what makes the module's results of a call's).

    None where a state is not as it must be; with ``refuse`` the error that says so.
    """
    order = back = None
    batched = True
    if isinstance(input, PackedSequence):
        x, sizes, order, back = input
        shape, batch = Shape(batch_sizes=sizes, by_layer=uneven), int(sizes[0])
    elif input.dim() == 3:
        x, batch, shape = input, input.shape[0 if batch_first else 1], PADDED[batch_first, uneven]
    else:
        x, shape, batch, batched = input.unsqueeze(1), PADDED[False, uneven], 1, False
    starts: list[Tensor | None] = [None, None]
    if hx is not None:
        given = hx if plan.has_cell else (hx,)
        if len(given) != (2 if plan.has_cell else 1):
            return _no(refuse, "hx must be a pair (h, c)")
        for kind, (state, widths) in enumerate(zip(given, (plan.hidden, plan.sizes[1:]))):  # noqa: B905
            layers = state if uneven else (state,)
            if uneven and (not isinstance(state, tuple | list) or len(state) != plan.layers):
                return _no(refuse, f"hx must hold one tensor a layer ({plan.layers})")
            rows = plan.directions if uneven else plan.directions * plan.layers
            for layer, width in zip(layers, widths):  # noqa: B905
                expected = (rows, batch, width) if batched else (rows, width)
                if not fits(layer, expected, x):
                    return _no(
                        refuse, f"Expected hidden size {expected} in {x.dtype} on {x.device}"
                    )
            if not batched:
                layers = [layer.unsqueeze(1) for layer in layers]
            if order is not None:
                layers = [layer.index_select(1, order) for layer in layers]
            starts[kind] = reference.joined(layers, plan, kind, batch) if uneven else layers[0]

    def finish(y: Tensor, *states: Tensor) -> tuple[Any, Any]:
        results: Any = y
        if shape.batch_sizes is not None:
            results = PackedSequence(y, shape.batch_sizes, order, back)
            if back is not None:
                states = tuple(state.index_select(1, back) for state in states)
        elif not batched:
            results, states = y.squeeze(1), tuple(state.squeeze(1) for state in states)
        if not uneven:
            return results, states if plan.has_cell else states[0]
        h, c = states[: plan.layers], states[plan.layers :]
        return results, (h, c) if plan.has_cell else h

    return x, shape, (starts[0], starts[1]), finish


def fits(state: Any, shape: tuple[int, ...], x: Tensor) -> bool:
    """Whether a state has this shape, and the type and place of the input."""
    return (
        type(state) in (Tensor, Parameter)
        and tuple(state.shape) == shape
        and state.dtype == x.dtype
        and state.device == x.device
    )


def _no(refuse: bool, message: str) -> None:
    if refuse:
        raise RuntimeError(message)


def suits(plan: Plan, x: Any, weight: Tensor, dimensions: tuple[int, ...]) -> bool:
    """Whether the engine computes on this input with these weights."""
    return (
        type(x) in (Tensor, Parameter)
        and x.is_cpu
        and weight.is_cpu
        and x.dtype == weight.dtype
        and x.dtype in (torch.float32, torch.float64)
        and x.dim() in dimensions
        and x.shape[-1] == plan.sizes[0]
        and x.numel() > 0
        and plan.computed
        and not torch.is_autocast_enabled("cpu")
    )
