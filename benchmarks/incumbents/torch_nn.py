"""PyTorch: ``torch.nn`` modules, loops over its cells, and rollcast's drop-in modules in its place.

Variants: ``modules``; ``stepwise`` (the linear head called step by step, as tutorials do);
``cells``; ``drop-in`` (``rollcast.interop.torch`` with torch's own head, clipping and optimizer);
``one parameter`` (that, with ``as_one_parameter``).
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from workloads import CLIP, RATE, Array, Task, Workload

CELLS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn_tanh": nn.RNNCell}
NAMES = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN"}


def start(threads: int, variant: str) -> None:
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)


class Modules(nn.Module):
    """One module over all layers where they are equal, else one a layer."""

    def __init__(self, work: Workload, variant: str) -> None:
        super().__init__()
        ours = variant in ("drop-in", "one parameter")
        if ours:
            from rollcast.interop import torch as house  # type: ignore[attr-defined]
        else:
            house = nn
        kind = getattr(house, NAMES[work.cell])
        first, *units = work.sizes
        if len(set(units)) == 1:
            stacks = [kind(first, units[0], len(units))]
        elif ours:
            stacks = [kind(first, units)]  # what torch.nn has not: layers of unequal sizes
        else:
            stacks = [kind(a, b) for a, b in itertools.pairwise(work.sizes)]
        self.stacks = nn.ModuleList(stacks)

    def forward(self, x: Tensor, states: list | None = None) -> tuple[Tensor, list]:
        after = []
        for index, stack in enumerate(self.stacks):
            x, state = stack(x, states[index] if states else None)
            after.append(state)
        return x, after


class Cells(nn.Module):
    """Layer by layer within a loop over time, as hand-written networks do."""

    def __init__(self, work: Workload) -> None:
        super().__init__()
        kind = CELLS[work.cell]
        self.cells = nn.ModuleList(kind(a, b) for a, b in itertools.pairwise(work.sizes))

    def forward(self, x: Tensor, states: list | None = None) -> tuple[Tensor, list]:
        after = list(states) if states else [None] * len(self.cells)
        outputs = []
        for value in x.unbind(0):
            for index, cell in enumerate(self.cells):
                after[index] = cell(value, after[index])
                value = after[index][0] if isinstance(after[index], tuple) else after[index]
            outputs.append(value)
        return torch.stack(outputs), after


def build(work: Workload, mode: str, variant: str) -> Task:
    net = Cells(work) if variant == "cells" else Modules(work, variant)
    linear = nn.Linear(work.sizes[-1], 1)
    head = [] if work.last else list(linear.parameters())
    order = [*net.parameters(), *head]
    with torch.no_grad():
        for parameter, part in zip(order, work.split(work.weights()), strict=True):
            parameter.copy_(torch.from_numpy(part))
    if variant == "one parameter":
        for stack in net.stacks:  # type: ignore[union-attr]
            stack.as_one_parameter()
        order = [*net.parameters(), *head]
    x = torch.from_numpy(work.inputs())
    if mode in ("infer", "one"):
        return _forward(net, x, mode)

    def output() -> Tensor:
        y, _ = net(x)
        if work.last:
            return y[-1:]
        if variant == "stepwise":
            return torch.stack([linear(each) for each in y.unbind(0)])
        return linear(y)

    return _training(output, order, torch.from_numpy(work.targets()), mode)


def _forward(net: nn.Module, x: Tensor, mode: str) -> Task:
    states: list = []
    inputs = itertools.cycle(list(x.split(1)))

    @torch.inference_mode()
    def infer() -> Tensor:
        return net(x)[0]

    @torch.inference_mode()
    def one() -> Tensor:
        nonlocal states
        y, states = net(next(inputs), states)
        return y[0]

    if mode == "infer":
        return Task(infer, lambda: {"outputs": infer().numpy()})
    return Task(one, lambda: {"outputs": np.stack([one().numpy() for _ in range(3)])})


def _training(
    output: Callable[[], Tensor], order: list[nn.Parameter], target: Tensor, mode: str
) -> Task:
    optimizer = torch.optim.Adam(order, RATE)

    def train() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(output(), target)
        loss.backward()
        return loss

    def step() -> float:
        loss = train()
        nn.utils.clip_grad_norm_(order, CLIP)
        optimizer.step()
        return loss.item()

    def check() -> dict[str, Array]:
        loss = train().item()
        flat = torch.cat([p.grad.reshape(-1) for p in order if p.grad is not None])
        found = {"loss": np.array(loss), "gradient": flat.numpy().copy()}
        if mode == "step":
            found["later losses"] = np.array([step() for _ in range(4)][1:])
        return found

    return Task(step if mode == "step" else train, check)
