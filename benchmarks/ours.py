"""rollcast's engine on a workload: the one place that knows which entries it offers."""

import itertools
from collections.abc import Callable

import numpy as np
from workloads import CLIP, RATE, Array, Task, Workload

from rollcast import engine


def start(threads: int, variant: str) -> None:
    """The instruction set comes by the environment; see who.py."""
    engine.set_threads(threads)


def build(work: Workload, mode: str, variant: str) -> Task:
    if mode == "stack":
        return _stack(work)
    if mode == "infer":
        return _infer(work, variant)
    if mode == "one":
        return _one(work)
    return _training(work, mode)


def loss_and_gradient(work: Workload, weights: Array) -> Callable[[Array], float]:
    """A function that writes the gradient by ``weights`` and returns the loss."""
    x, target = work.inputs(), work.targets()
    network = engine.Sequence(
        work.cell,
        work.sizes,
        outputs=None if work.last else 1,
        steps="last" if work.last else "all",
    )
    return lambda gradient: network.gradient(weights, x, target, out=gradient)[0]


def _training(work: Workload, mode: str) -> Task:
    weights = work.weights()
    gradient = np.empty_like(weights)
    learn = loss_and_gradient(work, weights)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    counter = itertools.count(1)

    def train() -> float:
        return learn(gradient)

    def step() -> float:
        loss = learn(gradient)
        engine.adam(weights, gradient, mean, square, next(counter), rate=RATE, clip_norm=CLIP)
        return loss

    def check() -> dict[str, Array]:
        found = {"loss": np.array(train()), "gradient": gradient.copy()}
        if mode == "step":
            found["later losses"] = np.array([step() for _ in range(4)][1:])
        return found

    return Task(step if mode == "step" else train, check)


def _stack(work: Workload) -> Task:
    x, slopes = work.inputs(), work.slopes()
    count = engine.weight_count(work.cell, work.sizes)
    weights = work.weights()[:count]
    dh = [np.zeros((work.batch, units), np.float32) for units in work.sizes[1:-1]]
    dh.append(slopes[-1])

    def run() -> engine.Gradients:
        done = engine.forward(work.cell, work.sizes, weights, x, outputs=not work.last)
        if work.last:
            return engine.backward(done.recording, dh=dh)
        return engine.backward(done.recording, slopes)

    return Task(run, lambda: {"gradient": run().weights})


def _infer(work: Workload, variant: str) -> Task:
    x = work.inputs()
    count = engine.weight_count(work.cell, work.sizes)
    if variant == "bfloat16":
        engine.set_products("bfloat16")
    packed = engine.pack(work.cell, work.sizes, work.weights()[:count])
    if variant == "bfloat16":
        engine.set_products("plain")

    def run() -> Array:
        y = engine.infer(work.cell, work.sizes, packed, x).y
        assert y is not None
        return y

    return Task(run, lambda: {"outputs": run()})


def _one(work: Workload) -> Task:
    count = engine.weight_count(work.cell, work.sizes)
    packed = engine.pack(work.cell, work.sizes, work.weights()[:count])
    inputs = itertools.cycle(list(work.inputs()))
    step = engine.Stream(packed, work.batch).step

    def run() -> Array:
        return step(next(inputs))

    return Task(run, lambda: {"outputs": np.stack([run().copy() for _ in range(3)])})
