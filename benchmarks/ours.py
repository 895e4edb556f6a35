"""rollcast's engine on a workload: the one place that knows which entries it offers."""

import itertools
from collections.abc import Callable

import numpy as np
from workloads import CLIP, RATE, Array, Task, Workload

from rollcast import engine
from rollcast.nn.heads import make_head


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
    x, target = work.inputs(), work.targets()[..., 0]
    observed = np.ones(target.shape, bool)
    head = make_head("mse")
    count = engine.weight_count(work.cell, work.sizes)
    stack, *linear = weights[:count], *work.split(weights)[4 * len(work.sizes) - 4 :]

    def of_last(gradient: Array) -> float:
        run = engine.forward(work.cell, work.sizes, stack, x, outputs=False)
        loss, slope = head.loss_and_gradient(run.h[-1][None], target, observed)
        dh = [*(np.zeros_like(each) for each in run.h[:-1]), slope[0]]
        gradient[:] = engine.backward(run.recording, dh=dh).weights
        return loss

    def of_all(gradient: Array) -> float:
        run = engine.forward(work.cell, work.sizes, stack, x)
        assert run.y is not None
        flat = run.y.reshape(-1, work.sizes[-1])
        output = engine.linear(flat, *linear).reshape(*target.shape, 1)
        loss, slope = head.loss_and_gradient(output, target, observed)
        dy, dweight, dbias = engine.linear_backward(slope.reshape(-1, 1), flat, linear[0])
        assert dy is not None
        gradient[:count] = engine.backward(run.recording, dy.reshape(run.y.shape)).weights
        gradient[count:-1], gradient[-1:] = dweight[0], dbias
        return loss

    return of_last if work.last else of_all


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
        scale = min(1.0, CLIP / (engine.norm(gradient) + 1e-6))
        engine.adam(weights, gradient, mean, square, next(counter), rate=RATE, scale=scale)
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
        engine.set_products("bfloat16")  # type: ignore[attr-defined]
    packed = engine.pack(work.cell, work.sizes, work.weights()[:count])
    if variant == "bfloat16":
        engine.set_products("plain")  # type: ignore[attr-defined]

    def run() -> Array:
        y = engine.infer(work.cell, work.sizes, packed, x).y
        assert y is not None
        return y

    return Task(run, lambda: {"outputs": run()})


def _one(work: Workload) -> Task:
    count = engine.weight_count(work.cell, work.sizes)
    packed = engine.pack(work.cell, work.sizes, work.weights()[:count])
    inputs = itertools.cycle(list(work.inputs()))
    if hasattr(engine, "Stream"):
        step = engine.Stream(packed, work.batch).step  # type: ignore[attr-defined]

        def run() -> Array:
            return step(next(inputs))
    else:
        states = work.batch * sum(work.sizes[1:])
        h = np.zeros(states, np.float32)
        c = np.zeros(states, np.float32) if work.cell == "lstm" else None

        def run() -> Array:
            return engine.step(packed, next(inputs), h, c)

    return Task(run, lambda: {"outputs": np.stack([run().copy() for _ in range(3)])})
