"""Calls of the engine on tensors that were checked; no autograd. Outputs, states and gradients are
NumPy's arrays, of which tensors are made in half the time that PyTorch takes for its own.

Everything here is time-major; ``Shape.padded`` and ``Shape.restored`` go between that and what the
caller has: batch first, a packed sequence, or one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, from_numpy

from rollcast import engine
from rollcast.engine.shapes import Array
from rollcast.interop.torch.plan import Plan


@dataclass(frozen=True, eq=False)
class Shape:
    """How a caller's sequences lie. batch_sizes: of a packed sequence, rows by falling length;
    step: one step without an axis of time, in input, output and states; by_layer: states are one
    tensor (directions, batch, units) a layer."""

    batch_first: bool = False
    batch_sizes: Tensor | None = None
    step: bool = False
    by_layer: bool = False

    def running(self) -> Array:
        """(time, batch): which steps of a packed sequence there are."""
        assert self.batch_sizes is not None
        sizes = self.batch_sizes.numpy()
        return np.arange(sizes[0]) < sizes[:, None]

    def lengths(self) -> list[int]:
        """Steps of each row of a packed sequence; empty when all have all steps."""
        return [] if self.batch_sizes is None else self.running().sum(axis=0).tolist()

    def padded(self, x: Tensor) -> Tensor:
        """(time, batch, feature), contiguous; rows of a packed sequence filled up with zeros."""
        if x.requires_grad or x.is_neg():  # the numbers alone, as NumPy can take them
            x = x.detach().resolve_neg()
        if self.batch_sizes is not None:
            running = from_numpy(self.running())
            filled = x.new_zeros((*running.shape, x.shape[1]))
            filled[running] = x
            return filled
        if self.step:
            x = x.unsqueeze(0)
        if self.batch_first:
            x = x.transpose(0, 1)
        return x.contiguous()

    def restored(self, y: Array) -> Array:
        """The same numbers as the caller's sequences lie."""
        if self.batch_sizes is not None:
            return y[self.running()]
        if self.step:
            return y[0]
        return y.swapaxes(0, 1) if self.batch_first else y

    def results(self, plan: Plan, y: Array, hn: Array, cn: Array | None) -> tuple[Tensor, ...]:
        """What the caller gets of a call; of one step the output is the state h."""
        if self.step:
            states = () if cn is None else (cn[0],)
        elif self.by_layer:
            states = parted(plan, hn, plan.hidden) + parted(plan, cn, plan.sizes[1:])
        else:
            states = (hn,) if cn is None else (hn, cn)
        return from_numpy(self.restored(y)), *map(from_numpy, states)

    def given(self, plan: Plan, above: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        """Gradients of ``results`` as those of y, hn and cn."""
        if self.step:
            return above[0], None, above[1] if len(above) > 1 else None
        if self.by_layer:
            h, c = above[1 : 1 + plan.layers], above[1 + plan.layers :]
            return above[0], _joined(plan, h, 0), _joined(plan, c, 1)
        return above if len(above) == 3 else (*above, None)


TIME_FIRST = Shape()
STEP = Shape(step=True)


@dataclass(eq=False, slots=True)
class Recorded:
    """What a recorded call kept. ``used`` after one ``go_back``, which uses it up."""

    native: Any
    shape: tuple[int, int]
    dtype: np.dtype
    need_x: bool
    used: bool = False


@dataclass(frozen=True)
class Drop:
    """Dropout between layers: its probability, and the seed of its numbers."""

    probability: float = 0.0
    seed: int = 0


NO_DROP = Drop()
# What the engine computes in.
TYPES = {torch.float32: np.dtype("float32"), torch.float64: np.dtype("float64")}


def run(
    plan: Plan,
    flat: Array,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    lengths: list[int],
    drop: Drop = NO_DROP,
    *,
    record: bool,
    need_x: bool = False,
) -> tuple[Array, Array, Array | None, Recorded | None]:
    """y, hn, cn and, with ``record``, what ``go_back`` needs. x: (time, batch, input)."""
    time, batch, _ = x.shape
    empty, dtype = np.empty, TYPES[x.dtype]
    y = empty((time, batch, plan.width), dtype)
    hn = empty(plan.state_shape(0, batch), dtype)
    cn = empty(plan.state_shape(1, batch), dtype) if plan.has_cell else None
    given = x.numpy(), _array(h0), _array(c0), lengths
    native = None
    if not plan.simple:
        native = _run_by_layers(plan, flat, given, drop, (y, hn, cn), record, need_x)
    elif record:
        native = engine.trusted.record(
            plan.cell, plan.size_list, flat, *given, y, hn, cn,
            dropout=drop.probability, seed=drop.seed, need_x=need_x,
        )  # fmt: skip
    else:
        engine.trusted.infer(plan.cell, plan.size_list, flat, *given, y, hn, cn)
    return y, hn, cn, Recorded(native, (time, batch), dtype, need_x) if record else None


def go_back(
    plan: Plan,
    recorded: Recorded,
    dy: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    need_states: bool,
) -> tuple[Array | None, Array, Array | None, Array | None]:
    """Gradients of x, of the flat weights, of h0 and of c0. dy: (time, batch, width)."""
    (time, batch), dtype, empty = recorded.shape, recorded.dtype, np.empty
    recorded.used = True
    gradient = empty(plan.count, dtype)
    dx = empty((time, batch, plan.sizes[0]), dtype) if recorded.need_x else None
    dh0 = dc0 = None
    if need_states:
        dh0 = empty(plan.state_shape(0, batch), dtype)
        dc0 = empty(plan.state_shape(1, batch), dtype) if plan.has_cell else None
    given = _array(dy), _array(dhn), _array(dcn)
    if plan.simple:
        engine.trusted.go_back(recorded.native, *given, gradient, dx, dh0, dc0)
    else:
        _back_by_layers(plan, recorded, given, (gradient, dx, dh0, dc0))
    for cut in plan.absent:
        gradient[cut] = 0.0
    return dx, gradient, dh0, dc0


def _array(tensor: Tensor | None) -> Array | None:
    return None if tensor is None else TIME_FIRST.padded(tensor).numpy()


def parted(plan: Plan, states: Array | None, widths: Sequence[int]) -> list[Array]:
    """States of each layer (directions, batch, width), as views of one array; none of None."""
    if states is None:
        return []
    rows = states.size // sum(widths)  # of all directions
    flat = states.reshape(-1)
    ends = accumulate(widths, initial=0)
    return [
        flat[rows * a : rows * b].reshape(plan.directions, -1, b - a) for a, b in pairwise(ends)
    ]


def _joined(plan: Plan, states: Sequence[Tensor | None], kind: int) -> Tensor | None:
    """Gradients of all layers' states in one tensor, zero where there is none."""
    found = [state is not None for state in states]
    if True not in found:
        return None
    place, widths = found.index(True), plan.sizes[1:] if kind else plan.hidden
    like: Any = states[place]
    rows = like.numel() // widths[place]
    flat = [
        like.new_zeros(rows * width) if state is None else state.reshape(-1)
        for state, width in zip(states, widths, strict=True)
    ]
    return torch.cat(flat).view(plan.state_shape(kind, rows // plan.directions))


def _by_layer(plan: Plan, states: Array | None, widths: Sequence[int]) -> list[Array] | None:
    """States of each layer and direction (batch, width), as views of one array."""
    if states is None:
        return None
    return [state for layer in parted(plan, states, widths) for state in layer]


def _run_by_layers(
    plan: Plan,
    weights: Array,
    given: tuple,
    drop: Drop,
    out: tuple[Array, Array, Array | None],
    record: bool,
    need_x: bool,
) -> Any:
    """Bidirectional and projected stacks, through the engine's checked entries."""
    x, h0, c0, lengths = given
    entries: Any = engine.bidirectional if plan.bidirectional else engine
    options: dict[str, Any] = {"projection": plan.projection} if plan.projection else {}
    if record:
        options |= {"dropout": drop.probability, "seed": drop.seed, "need_x": need_x}
    result = (entries.forward if record else entries.infer)(
        plan.cell,
        plan.sizes,
        weights,
        x,
        h0=_by_layer(plan, h0, plan.hidden),
        c0=_by_layer(plan, c0, plan.sizes[1:]),
        lengths=np.array(lengths) if lengths else None,
        **options,
    )
    out[0][...] = result.y
    _fill(plan, out[1], plan.hidden, result.h)
    _fill(plan, out[2], plan.sizes[1:], result.c)
    return result.recording


def _back_by_layers(plan: Plan, recorded: Recorded, given: tuple, out: tuple) -> None:
    entries: Any = engine.bidirectional if plan.bidirectional else engine
    dy, dhn, dcn = given
    found = entries.backward(
        recorded.native,
        dy,
        _by_layer(plan, dhn, plan.hidden),
        _by_layer(plan, dcn, plan.sizes[1:]),
    )
    gradient, dx, dh0, dc0 = out
    gradient[...] = found.weights
    if dx is not None:
        dx[...] = found.x
    _fill(plan, dh0, plan.hidden, found.h0)
    _fill(plan, dc0, plan.sizes[1:], found.c0)


def _fill(plan: Plan, into: Array | None, widths: Sequence[int], found: list[Array]) -> None:
    for state, value in zip(_by_layer(plan, into, widths) or [], found):  # noqa: B905
        state[...] = value
