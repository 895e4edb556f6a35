"""JAX: ``lax.scan`` over a cell of torch's layout, compiled whole, with optax.

The inputs' product is taken out of the loop, which is unrolled by 1 or 8, whichever is faster.
"""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.nn import sigmoid
from workloads import CLIP, RATE, Array, Task, Workload

UNROLLS = (1, 8)


def start(threads: int, variant: str) -> None:
    """XLA's threads follow the processors granted, which were set before it was imported."""
    jax.config.update("jax_platforms", "cpu")


def cell_step(cell: str, parts: tuple, state: tuple, projected: jax.Array) -> tuple:
    """The state after one step; ``projected`` is weight_ih x + bias_ih (+ bias_hh but for GRU)."""
    h = state[0]
    back = h @ parts[1].T
    if cell == "rnn_tanh":
        return (jnp.tanh(projected + back),)
    if cell == "gru":
        xr, xz, xn = jnp.split(projected, 3, -1)
        hr, hz, hn = jnp.split(back + parts[3], 3, -1)
        z = sigmoid(xz + hz)
        return ((1 - z) * jnp.tanh(xn + sigmoid(xr + hr) * hn) + z * h,)
    i, f, g, o = jnp.split(projected + back, 4, -1)
    c = sigmoid(f) * state[1] + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def project(cell: str, parts: tuple, x: jax.Array) -> jax.Array:
    return x @ parts[0].T + (parts[2] if cell == "gru" else parts[2] + parts[3])


def zeros(work: Workload) -> list[tuple]:
    kinds = 2 if work.cell == "lstm" else 1
    return [(jnp.zeros((work.batch, units)),) * kinds for units in work.sizes[1:]]


def stack(work: Workload, parts: list, x: jax.Array, unroll: int) -> jax.Array:
    for layer, state in zip(work.layers(parts), zeros(work), strict=True):

        def body(state: tuple, value: jax.Array, layer: tuple = layer) -> tuple:
            state = cell_step(work.cell, layer, state, value)
            return state, state[0]

        _, x = jax.lax.scan(body, state, project(work.cell, layer, x), unroll=unroll)
    return x


def build(work: Workload, mode: str, variant: str) -> Task:
    parts = [jnp.asarray(part) for part in work.split(work.weights())]
    if mode == "one":
        return _one(work, parts)
    x, target = jnp.asarray(work.inputs()), jnp.asarray(work.targets())
    unrolls = [unroll for unroll in UNROLLS if unroll <= work.time]
    if mode == "infer":
        return _best(unrolls, lambda unroll: _infer(work, parts, x, unroll))
    return _best(unrolls, lambda unroll: _training(work, mode, parts, x, target, unroll))


def _best(unrolls: list[int], make: Callable[[int], Task]) -> Task:
    from incumbents import fastest

    tasks = {f"unroll {unroll}": make(unroll) for unroll in unrolls}
    chosen = fastest({name: task.run for name, task in tasks.items()})
    unroll = int(chosen.split()[1])
    return Task(**{**vars(make(unroll)), "note": chosen})  # afresh: the trial moved its weights


def _infer(work: Workload, parts: list, x: jax.Array, unroll: int) -> Task:
    forward = jax.jit(lambda parts, x: stack(work, parts, x, unroll))

    def run() -> jax.Array:
        return forward(parts, x).block_until_ready()

    return Task(run, lambda: {"outputs": np.asarray(run())})


def _one(work: Workload, parts: list) -> Task:
    @jax.jit
    def on(parts: list, states: list, x: jax.Array) -> tuple[list, jax.Array]:
        after = []
        for layer, state in zip(work.layers(parts), states, strict=True):
            after.append(cell_step(work.cell, layer, state, project(work.cell, layer, x)))
            x = after[-1][0]
        return after, x

    states = zeros(work)
    inputs = itertools.cycle(list(work.inputs()))

    def run() -> np.ndarray:
        nonlocal states
        states, y = on(parts, states, next(inputs))
        return np.asarray(y)

    return Task(run, lambda: {"outputs": np.stack([run() for _ in range(3)])})


def _training(
    work: Workload, mode: str, parts: list, x: jax.Array, target: jax.Array, unroll: int
) -> Task:
    def loss_of(parts: list) -> jax.Array:
        y = stack(work, parts, x, unroll)
        output = y[-1:] if work.last else y @ parts[-2].T + parts[-1]
        return jnp.mean((output - target) ** 2)

    learn = jax.jit(jax.value_and_grad(loss_of))
    rule = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(RATE))

    def update(parts: list, kept: optax.OptState) -> tuple:
        loss, gradient = jax.value_and_grad(loss_of)(parts)
        change, kept = rule.update(gradient, kept)
        return optax.apply_updates(parts, change), kept, loss

    updated = jax.jit(update, donate_argnums=(0, 1))
    now = [part.copy() for part in parts]
    kept = rule.init(now)

    def train() -> tuple:
        return jax.block_until_ready(learn(parts))

    def step() -> float:
        nonlocal now, kept
        now, kept, loss = updated(now, kept)
        jax.block_until_ready(now)
        return float(loss)

    def check() -> dict[str, Array]:
        loss, gradient = train()
        flat = np.concatenate([np.asarray(part).ravel() for part in gradient])
        found = {"loss": np.asarray(loss), "gradient": flat}
        if mode == "step":
            found["later losses"] = np.array([step() for _ in range(4)][1:])
        return found

    return Task(step if mode == "step" else train, check)
