"""Calls of the engine on tensors that were checked: outputs, states, gradients; no autograd.

Everything here is time-major; ``Shape.padded`` and ``Shape.restored`` go between that and what the
caller has: batch first, a packed sequence, or one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, from_numpy

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
        x = _plain(x)
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
    dtype: np.dtype
    need_x: bool
    used: bool = False


@dataclass(frozen=True)
class Drop:
    """Dropout between layers: its probability, and the seed of its numbers."""

    probability: float = 0.0
    seed: int = 0


NO_DROP = Drop()
# What the engine computes in. Results are NumPy's arrays seen as tensors: made in half the time.
TYPES = {torch.float32: np.dtype("float32"), torch.float64: np.dtype("float64")}


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
    empty, dtype = np.empty, TYPES[x.dtype]
    y = empty((time, batch, plan.width), dtype)
    hn = empty(plan.state_shape(plan.hidden, batch), dtype)
    cn = empty(plan.state_shape(plan.sizes[1:], batch), dtype) if plan.has_cell else None
    given = x.numpy(), _array(h0), _array(c0), lengths
    native = None
    if not plan.simple:
        native = _run_by_layers(plan, flat.numpy(), given, drop, (y, hn, cn), record, need_x)
    elif record:
        native = engine.trusted.record(
            plan.cell, plan.size_list, flat.numpy(), *given, y, hn, cn,
            dropout=drop.probability, seed=drop.seed, need_x=need_x,
        )  # fmt: skip
    else:
        engine.trusted.infer(plan.cell, plan.size_list, flat.numpy(), *given, y, hn, cn)
    recorded = Recorded(native, (time, batch), dtype, need_x) if record else None
    return from_numpy(y), from_numpy(hn), None if cn is None else from_numpy(cn), recorded


def go_back(
    plan: Plan,
    recorded: Recorded,
    dy: Tensor | None,
    dhn: Tensor | None,
    dcn: Tensor | None,
    need_states: bool,
) -> tuple[Tensor | None, np.ndarray, Tensor | None, Tensor | None]:
    """Gradients of x, of the flat weights, of h0 and of c0. dy: (time, batch, width)."""
    (time, batch), dtype, empty = recorded.shape, recorded.dtype, np.empty
    recorded.used = True
    gradient = empty(plan.count, dtype)
    dx = empty((time, batch, plan.sizes[0]), dtype) if recorded.need_x else None
    dh0 = dc0 = None
    if need_states:
        dh0 = empty(plan.state_shape(plan.hidden, batch), dtype)
        dc0 = empty(plan.state_shape(plan.sizes[1:], batch), dtype) if plan.has_cell else None
    given = _array(dy), _array(dhn), _array(dcn)
    if plan.simple:
        engine.trusted.go_back(recorded.native, *given, gradient, dx, dh0, dc0)
    else:
        _back_by_layers(plan, recorded, given, (gradient, dx, dh0, dc0))
    dx, dh0, dc0 = (None if array is None else from_numpy(array) for array in (dx, dh0, dc0))
    return dx, gradient, dh0, dc0


def _array(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else _plain(tensor).contiguous().numpy()


def _plain(tensor: Tensor) -> Tensor:
    """The numbers alone, as NumPy can take them."""
    return tensor.detach().resolve_neg() if tensor.requires_grad or tensor.is_neg() else tensor


def _by_layer(
    plan: Plan, flat: np.ndarray | None, widths: Sequence[int], batch: int
) -> list[np.ndarray] | None:
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


def _run_by_layers(
    plan: Plan,
    weights: np.ndarray,
    given: tuple,
    drop: Drop,
    out: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    record: bool,
    need_x: bool,
) -> Any:
    """Bidirectional and projected stacks, through the engine's checked entries."""
    x, h0, c0, lengths = given
    entries: Any = engine.bidirectional if plan.bidirectional else engine
    options: dict[str, Any] = {"projection": plan.projection} if plan.projection else {}
    if record:
        options |= {"dropout": drop.probability, "seed": drop.seed, "need_x": need_x}
    batch = x.shape[1]
    result = (entries.forward if record else entries.infer)(
        plan.cell,
        plan.sizes,
        weights,
        x,
        h0=_by_layer(plan, h0, plan.hidden, batch),
        c0=_by_layer(plan, c0, plan.sizes[1:], batch),
        lengths=np.array(lengths) if lengths else None,
        **options,
    )
    out[0][...] = result.y
    _fill(plan, out[1], plan.hidden, batch, result.h)
    _fill(plan, out[2], plan.sizes[1:], batch, result.c)
    return result.recording


def _back_by_layers(plan: Plan, recorded: Recorded, given: tuple, out: tuple) -> None:
    entries: Any = engine.bidirectional if plan.bidirectional else engine
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
    _fill(plan, dh0, plan.hidden, batch, found.h0)
    _fill(plan, dc0, plan.sizes[1:], batch, found.c0)


def _fill(
    plan: Plan, into: np.ndarray | None, widths: Sequence[int], batch: int, found: list[np.ndarray]
) -> None:
    for state, value in zip(_by_layer(plan, into, widths, batch) or [], found):  # noqa: B905
        state[...] = value
