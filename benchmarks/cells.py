"""A training step of every cell beside PyTorch's of the same equations, in one process by turns.

    python benchmarks/cells.py [--threads N] [--seconds 2]

Forward, the mean of squares and backward of a stack of 2 × 64 that reads 96 steps of 8 numbers, 32
rows, float32. Where PyTorch has the cell it is that of torch.nn; the others are a loop over time in
its operations (tests/native/written.py), which is what there is to run. A ratio above 1 says how
many times as long PyTorch takes; the median of each is taken.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from common import header, table

from rollcast import engine
from rollcast.nn.recurrent import Recurrent

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from native.oracle import make_module

TIME, BATCH, INPUT, HIDDEN = 96, 32, 8, (64, 64)
WIRED = ("lstm(dilation=2)", "lstm(residual=true)", "lstm(zoneout=0.1)")


def ours(cell: str, x: np.ndarray) -> Callable[[], object]:
    """A step of the engine."""
    stack = Recurrent(cell, INPUT, HIDDEN)
    weights = stack.initial(np.random.default_rng(0))

    def step() -> object:
        run = stack.forward(weights, x)
        assert run.y is not None
        return stack.backward(run, run.y * np.float32(2 / run.y.size)).weights

    return step


def theirs(cell: str, x: np.ndarray) -> Callable[[], object]:
    """A step of PyTorch."""
    modules = [
        make_module(cell, width, units).float()
        for width, units in zip((INPUT, *HIDDEN), HIDDEN, strict=False)
    ]
    weights = [weight for module in modules for weight in module.parameters()]
    for weight in weights:
        torch.nn.init.uniform_(weight, -0.125, 0.125)
    given = torch.from_numpy(x)

    def step() -> object:
        y = given
        for module in modules:
            y, _ = module(y)
        return torch.autograd.grad((y * y).mean(), weights)

    return step


def medians(steps: list[Callable[[], object]], seconds: float) -> list[float]:
    """The median time of each, run by turns for so long."""
    times: list[list[float]] = [[] for _ in steps]
    for step in steps:
        step()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[-1]) < 5:
        for step, taken in zip(steps, times, strict=True):
            begin = time.perf_counter()
            step()
            taken.append(time.perf_counter() - begin)
    return [float(np.median(taken)) for taken in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    engine.set_threads(options.threads)
    torch.set_num_threads(options.threads)
    x = np.random.default_rng(0).normal(size=(TIME, BATCH, INPUT)).astype("float32")
    rows = []
    for cell in (*engine.CELLS, *WIRED):
        steps = [ours(cell, x)]
        if cell in engine.CELLS:
            steps.append(theirs(cell, x))
        found = medians(steps, options.seconds)
        ratio = (
            [f"{found[1] * 1e3:.2f} ms", f"{found[1] / found[0]:.1f}"] if found[1:] else ["", ""]
        )
        rows.append([cell, f"{found[0] * 1e3:.2f} ms", *ratio])
    print(header("torch", "numpy"))
    print(table(("cell", "rollcast", "PyTorch", "ratio"), rows))


if __name__ == "__main__":
    main()
