"""A stack in PyTorch's own operations, layer by layer: for everything the engine does not compute.

That is other devices and types for layers of unequal size, and the derivative of a derivative.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rollcast.interop.torch.calls import Drop, Shape
from rollcast.interop.torch.plan import Plan
from rollcast.nn.layers import dropout_mask

LAYERS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "rnn_tanh": torch.rnn_tanh,
    "rnn_relu": torch.rnn_relu,
    "lstm": torch.lstm,
    "gru": torch.gru,
}


def stack(
    plan: Plan,
    shape: Shape,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    between: Callable[[int, Tensor], Tensor],
) -> tuple[Tensor, ...]:
    """y, hn and, of an LSTM, cn, each of all layers together.

    ``between(layer, y)`` drops what a layer hands to the next.
    """
    weights = plan.by_name(weights)
    kinds = len(weights) // plan.layers
    if shape.step:
        x = x.unsqueeze(0)
    batch = _batch(shape, x)
    starts = [by_layer(h0, plan, plan.hidden, batch, x)]
    if plan.has_cell:
        starts.append(by_layer(c0, plan, plan.sizes[1:], batch, x))
    finals: list[list[Tensor]] = [[] for _ in starts]
    for layer in range(plan.layers):
        own = list(weights[layer * kinds : (layer + 1) * kinds])
        states = [state[layer] for state in starts]
        given = states if plan.has_cell else states[0]
        call = LAYERS[plan.cell]
        options = (own, plan.bias, 1, 0.0, False, plan.bidirectional)
        if shape.batch_sizes is not None:
            x, *after = call(x, shape.batch_sizes, given, *options)
        else:
            x, *after = call(x, given, *options, shape.batch_first)
        for final, state in zip(finals, after, strict=True):
            final.append(state)
        if layer + 1 < plan.layers:
            x = between(layer, x)
    states = [joined(final, plan, kind, batch) for kind, final in enumerate(finals)]
    if shape.step:
        return tuple(state.squeeze(0) for state in (x, *states))
    return x, *states


def _batch(shape: Shape, x: Tensor) -> int:
    if shape.batch_sizes is not None:
        return int(shape.batch_sizes[0])
    return x.shape[0 if shape.batch_first else 1]


def by_layer(
    states: Tensor | None, plan: Plan, widths: Sequence[int], batch: int, like: Tensor
) -> list[Tensor]:
    """States of each layer (directions, batch, width); zeros for None."""
    if states is None:
        return [like.new_zeros(plan.directions, batch, width) for width in widths]
    sizes = [plan.directions * batch * width for width in widths]
    parts = states.reshape(-1).split(sizes)
    return [
        part.view(plan.directions, batch, width) for part, width in zip(parts, widths, strict=True)
    ]


def results(
    plan: Plan, shape: Shape, y: Tensor, hn: Tensor, cn: Tensor | None = None
) -> tuple[Tensor, ...]:
    """Outputs and states of a call as ``Shape.results`` has them, but for one step."""
    if not shape.by_layer:
        return (y, hn) if cn is None else (y, hn, cn)
    batch = hn.numel() // (plan.directions * sum(plan.hidden))
    h = by_layer(hn, plan, plan.hidden, batch, y)
    return y, *h, *([] if cn is None else by_layer(cn, plan, plan.sizes[1:], batch, y))


def joined(states: Sequence[Tensor], plan: Plan, kind: int, batch: int) -> Tensor:
    """The states of all layers in one tensor, as the engine's calls return them."""
    if plan.same[kind]:
        return torch.cat(list(states))
    return torch.cat([state.reshape(-1) for state in states])


def dropped(plan: Plan, shape: Shape, drop: Drop) -> Callable[[int, Tensor], Tensor]:
    """Dropout between layers with the engine's own numbers."""

    def between(layer: int, y: Tensor) -> Tensor:
        if not drop.probability:
            return y
        if shape.batch_sizes is not None:
            time, batch = shape.running().shape
        else:
            time, batch = (y.shape[1], y.shape[0]) if shape.batch_first else y.shape[:2]
        steps, rows = torch.arange(time)[:, None].numpy(), torch.arange(batch).numpy()
        mask = dropout_mask(drop.probability, drop.seed, 0, layer, steps, rows, y.shape[-1])
        return y * torch.from_numpy(shape.restored(mask)).to(y.dtype)

    return between


def gradients(
    plan: Plan,
    shape: Shape,
    drop: Drop,
    inputs: Sequence[Tensor | None],
    needed: Sequence[bool],
    given: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of (x, h0, c0, *weights) where needed, with a graph of their own.

    given: gradients of (y, hn, cn), None for zero.
    """
    with torch.enable_grad():
        # Other names for the same numbers: an input that was computed from another one, or stands
        # in two places, must not be counted twice.
        own = [None if tensor is None else tensor.view_as(tensor) for tensor in inputs]
        # In float64: oneDNN's LSTM, which PyTorch takes in float32, has no second derivative.
        x, h0, c0, *weights = [None if tensor is None else tensor.double() for tensor in own]
        assert x is not None
        found = stack(plan, shape, x, h0, c0, weights, dropped(plan, shape, drop))  # type: ignore
        pairs = [(y, above.double()) for y, above in zip(found, given) if above is not None]  # noqa: B905
        wanted = [t for t, need in zip(own, needed, strict=True) if t is not None and need]
        if not pairs or not wanted:
            return [None] * len(own)
        outputs, above = zip(*pairs, strict=True)
        results = iter(
            torch.autograd.grad(outputs, wanted, above, create_graph=True, allow_unused=True)
        )
    return [next(results) if need else None for need in needed]
