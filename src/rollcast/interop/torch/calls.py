"""Calls of the engine on tensors that were checked: outputs, states and gradients, without autograd.

Everything here is time-major; ``Shape.padded`` and ``Shape.restored`` go between that and what the
caller has: batch first, a packed sequence, or one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rollcast import engine
from rollcast.interop.torch.plan import Plan


@dataclass(frozen=True, eq=False)
class Shape:
    """How a caller's sequences lie. batch_sizes: of a packed sequence, rows by falling length;
    step: one step without an axis of time, in input, output and states."""

    batch_first: bool = False
    batch_sizes: Tensor | None = None
    step: bool = False

    def running(self) -> np.ndarray:
        """(time, batch): which steps of a packed sequence there are."""
        assert self.batch_sizes is not None
        sizes = self.batch_sizes.numpy()
        return np.arange(sizes[0]) < sizes[:, None]

    def lengths(self) -> list[int]:
        """Steps of each row of a packed sequence; empty when all have all steps."""
        return [] if self.batch_sizes is None else self.running().sum(axis=0).tolist()

    def padded(self, x: Tensor) -> Tensor:
        """(time, batch, feature), contiguous; rows of a packed sequence filled up with zeros."""
        x = x.detach().resolve_neg()
        if self.batch_sizes is not None:
            running = torch.from_numpy(self.running())
            filled = x.new_zeros((*running.shape, x.shape[1]))
            filled[running] = x
            return filled
        if self.step:
            x = x.unsqueeze(0)
        if self.batch_first:
            x = x.transpose(0, 1)
        return x.contiguous()

    def restored(self, y: Tensor) -> Tensor:
        """The same numbers as the caller's sequences lie."""
        if self.batch_sizes is not None:
            return y[torch.from_numpy(self.running())]
        if self.step:
            return y.squeeze(0)
        return y.transpose(0, 1) if self.batch_first else y

    def results(self, y: Tensor, hn: Tensor, cn: Tensor | None) -> tuple[Tensor, ...]:
        """What the caller gets of a call; of one step the output is the state h."""
        y = self.restored(y)
        if self.step:
            return (y,) if cn is None else (y, cn.squeeze(0))
        return (y, hn) if cn is None else (y, hn, cn)

    def given(self, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of ``results`` as those of y, hn and cn."""
        if self.step:
            return gradients[0], None, gradients[1] if len(gradients) > 1 else None
        return gradients if len(gradients) == 3 else (*gradients, None)


TIME_FIRST = Shape()
BATCH_FIRST = Shape(batch_first=True)
STEP = Shape(step=True)


@dataclass(eq=False)
class Recorded:
    """What a recorded call kept. ``used`` after one ``go_back``, which uses it up."""

    native: Any
    shape: tuple[int, int]
    lengths: list[int]
    need_x: bool
    used: bool = False


@dataclass(frozen=True)
class Drop:
    """Dropout between layers: its probability, and the seed of its numbers."""

    probability: float = 0.0
    seed: int = 0


NO_DROP = Drop()


def run(
    plan: Plan,
    flat: Tensor,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    lengths: list[int],
    drop: Drop = NO_DROP,
    *,
    record: bool,
    need_x: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None, Recorded | None]:
    """y, hn, cn and, with ``record``, what ``go_back`` needs. x: (time, batch, input)."""
    time, batch, _ = x.shape
    y = x.new_empty((time, batch, plan.width))
    hn = x.new_empty(plan.state_shape(plan.hidden, batch))
    cn = x.new_empty(plan.state_shape(plan.sizes[1:], batch)) if plan.has_cell else None
    out = y.numpy(), hn.numpy(), None if cn is None else cn.numpy()
    states = _array(h0), _array(c0)
    if not plan.simple:
        native = _run_by_layers(plan, flat.numpy(), x.numpy(), states, lengths, drop, out, record, need_x)
    elif record:
        native = engine.trusted.record(
            plan.cell, plan.size_list, flat.numpy(), x.numpy(), *states, lengths, *out,
            dropout=drop.probability, seed=drop.seed, need_x=need_x,
        )  # fmt: skip
    else:
        native = None
        engine.trusted.infer(
            plan.cell, plan.size_list, flat.numpy(), x.numpy(), *states, lengths, *out
        )
    recorded = Recorded(native, (time, batch), lengths, need_x) if record else None
    return y, hn, cn, recorded


def go_back(
    plan: Plan,
    recorded: Recorded,
    flat: Tensor,
    dy: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    need_states: bool,
) -> tuple[Tensor | None, Tensor, Tensor | None, Tensor | None]:
    """Gradients of x, of the flat weights, of h0 and of c0. dy: (time, batch, width)."""
    time, batch = recorded.shape
    recorded.used = True
    gradient = flat.new_empty(plan.count)
    dx = flat.new_empty((time, batch, plan.sizes[0])) if recorded.need_x else None
    dh0 = dc0 = None
    if need_states:
        dh0 = flat.new_empty(plan.state_shape(plan.hidden, batch))
        dc0 = flat.new_empty(plan.state_shape(plan.sizes[1:], batch)) if plan.has_cell else None
    given = _array(dy), _array(dhn), _array(dcn)
    out = gradient.numpy(), *(None if t is None else t.numpy() for t in (dx, dh0, dc0))
    if plan.simple:
        engine.trusted.go_back(recorded.native, *given, *out)
    else:
        _back_by_layers(plan, recorded, given, out)
    return dx, gradient, dh0, dc0


def _array(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.detach().resolve_neg().contiguous().numpy()


def _by_layer(plan: Plan, flat: np.ndarray | None, widths: Sequence[int], batch: int):
    """States of each layer and direction (batch, units), as views of one array."""
    if flat is None:
        return None
    flat = flat.reshape(-1)
    states = []
    start = 0
    for width in widths:
        for _ in range(plan.directions):
            states.append(flat[start : start + batch * width].reshape(batch, width))
            start += batch * width
    return states


def _run_by_layers(plan, weights, x, states, lengths, drop, out, record, need_x):
    """Bidirectional and projected stacks, through the engine's checked entries."""
    entries = engine.bidirectional if plan.bidirectional else engine
    options: dict[str, Any] = {"projection": plan.projection} if plan.projection else {}
    if record:
        options |= {"dropout": drop.probability, "seed": drop.seed, "need_x": need_x}
    batch = x.shape[1]
    call = entries.forward if record else entries.infer
    result = call(
        plan.cell,
        plan.sizes,
        weights,
        x,
        h0=_by_layer(plan, states[0], plan.hidden, batch),
        c0=_by_layer(plan, states[1], plan.sizes[1:], batch),
        lengths=np.array(lengths) if lengths else None,
        **options,
    )
    out[0][...] = result.y
    for into, widths, found in zip(
        out[1:], (plan.hidden, plan.sizes[1:]), (result.h, result.c), strict=True
    ):
        for state, value in zip(_by_layer(plan, into, widths, batch) or [], found, strict=True):
            state[...] = value
    return result.recording


def _back_by_layers(plan, recorded, given, out):
    entries = engine.bidirectional if plan.bidirectional else engine
    batch = recorded.shape[1]
    dy, dhn, dcn = given
    found = entries.backward(
        recorded.native,
        dy,
        _by_layer(plan, dhn, plan.hidden, batch),
        _by_layer(plan, dcn, plan.sizes[1:], batch),
    )
    gradient, dx, dh0, dc0 = out
    gradient[...] = found.weights
    if dx is not None:
        dx[...] = found.x
    for into, widths, states in ((dh0, plan.hidden, found.h0), (dc0, plan.sizes[1:], found.c0)):
        for state, value in zip(_by_layer(plan, into, widths, batch) or [], states, strict=False):
            state[...] = value
