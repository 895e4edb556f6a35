"""Closed loops: waves, and two chaotic systems whose valid prediction time is measured.

The network reads WARM_UP rows and then its own forecasts. The valid prediction time is the time
until the error, each component relative to its deviation, root of the mean of squares, passes 0.5
(Vlachas et al. 2020, "Backpropagation algorithms and reservoir computing in recurrent neural
networks for the forecasting of complex spatiotemporal dynamics", section 3.3); given in Lyapunov
times, the mean over TESTED starts on trajectories of their own.

Mackey-Glass (1977), state the one value x sampled each unit of time: x' = 0.2 x(t − 17) / (1 +
x(t − 17)^10) − 0.1 x. Lorenz (1963), state all three of x, y, z, sampled each 0.02: σ = 10, ρ = 28,
β = 8/3. Both are integrated by Runge and Kutta's fourth order in float64, delays read between steps
by cubic interpolation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import rollcast
from protocols.protocol import Case, Found, Method, Protocol
from rollcast import Training

Array = np.ndarray

SERIES, ROWS = 16, 2000
"""Trajectories to train on, and samples of each; the last two choose the weights that are kept."""

TESTED, WARM_UP, AHEAD = 50, 200, 1500
FAR = 0.5


@dataclass(frozen=True)
class System:
    """``simulate(series, rows, seed)``: trajectories ``(rows, series, components)``, on their
    attractor; ``step``: time between samples; ``lyapunov``: the largest exponent, per time."""

    simulate: Callable[[int, int, int], Array]
    step: float
    lyapunov: float


def lorenz(series: int, rows: int, seed: int, step: float = 0.02, inner: int = 4) -> Array:
    """Trajectories of Lorenz's system, after 40 units of time."""

    def slope(state: Array) -> Array:
        x, y, z = state.T
        return np.stack([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z], axis=1)

    state = np.random.default_rng(seed).normal((0.0, 0.0, 25.0), 5.0, (series, 3))
    before, small = round(40 / step), step / inner
    found = np.empty((rows, series, 3))
    for row in range(-before, rows):
        if row >= 0:
            found[row] = state
        for _ in range(inner):
            one = slope(state)
            two = slope(state + small / 2 * one)
            three = slope(state + small / 2 * two)
            four = slope(state + small * three)
            state = state + small / 6 * (one + 2 * two + 2 * three + four)
    return found


def mackey_glass(series: int, rows: int, seed: int, inner: int = 10) -> Array:
    """Trajectories of Mackey and Glass's equation, after 500 units of time."""
    delay, small = 17 * inner, 1.0 / inner

    def slope(value: Array, delayed: Array) -> Array:
        return 0.2 * delayed / (1.0 + delayed**10) - 0.1 * value

    steps = (500 + rows) * inner
    values = np.empty((delay + 2 + steps, series))
    start = np.random.default_rng(seed).uniform(0.5, 1.3, series)
    values[: delay + 2] = start
    for now in range(delay + 1, delay + 1 + steps):
        back = now - delay
        around = values[back - 1 : back + 3]
        half = (-around[0] + 9 * around[1] + 9 * around[2] - around[3]) / 16
        value = values[now]
        one = slope(value, around[1])
        two = slope(value + small / 2 * one, half)
        three = slope(value + small / 2 * two, half)
        four = slope(value + small * three, around[2])
        values[now + 1] = value + small / 6 * (one + 2 * two + 2 * three + four)
    return values[delay + 2 + 500 * inner :: inner][:rows, :, None]


SYSTEMS = {
    "Mackey-Glass": System(mackey_glass, 1.0, 0.0050),
    "Lorenz": System(lorenz, 0.02, 0.9056),
}
"""Exponents: of Lorenz's system Sprott 2003; of Mackey and Glass's at delay 17 by Benettin's method
with this integrator."""

OPTIONS: dict[str, Any] = {
    "cell": "lstm", "hidden": (64,), "scaling": "standard", "window": 200, "stride": 1,
    "burn_in": 90, "feeding": "free(warm_up=100, first=2, grow=1.0)", "held_out": 2,
    "restore": "closed_loop(steps=50)",
}  # fmt: skip
TRAINING = Training(steps=1500, batch_size=32, learning_rate=3e-3, schedule="cosine(warm_up=0.02)")


def table(values: Array) -> pl.DataFrame:
    """Trajectories ``(rows, series, components)`` as a table."""
    rows, series, components = values.shape
    columns = {f"y{k}": values[:, :, k].T.ravel() for k in range(components)}
    ids = np.repeat(np.arange(series), rows)
    return pl.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(rows), series), **columns})


def valid_steps(truth: Array, forecast: Array, deviation: Array) -> Array:
    """Samples ``(series,)`` before the relative error passes FAR; both ``(rows, series, …)``."""
    error = np.sqrt(np.square((forecast - truth) / deviation).mean(axis=2))
    far = ~(error < FAR)
    return np.where(far.any(axis=0), far.argmax(axis=0), len(truth))


def loop(system: System, case: Case, seed: int) -> Found:
    """Valid prediction time of a network that was trained to run freely."""
    known = system.simulate(SERIES, ROWS, 2 * seed)
    test = system.simulate(TESTED, WARM_UP + AHEAD, 2 * seed + 1)
    names = tuple(f"y{k}" for k in range(known.shape[2]))
    model = rollcast.SequenceRegressor(
        names, names, ahead=1, training=TRAINING, seed=seed, **OPTIONS
    )
    model.fit(table(known))
    made = model.generate(table(test[:WARM_UP]), AHEAD).sort("unique_id", "ds")
    columns = ["rollcast"] if len(names) == 1 else [f"rollcast-{name}" for name in names]
    forecast = made.select(columns).to_numpy().reshape(TESTED, AHEAD, len(names)).swapaxes(0, 1)
    times = valid_steps(test[WARM_UP:], forecast, known.std(axis=(0, 1))) * system.step
    one = float(np.sqrt(model.scores_[-1]["loss"]))
    return {"vpt": float(times.mean() * system.lyapunov), "one step": one}


def waves(system: None, case: Case, seed: int) -> Found:
    """The recipe of sine waves: root mean squared error over 1000 steps, test waves."""
    from rollcast.recipes import RECIPES

    result = RECIPES["sine-forecast"](seed=seed)
    return {"rmse": result.metrics["rollcast_closed_loop_rmse"]}


def load(folder: Path, case: Case) -> System | str:
    return SYSTEMS.get(case.set, case.set)


def run(data: Any, case: Case, seed: int) -> Found:
    return loop(data, case, seed) if isinstance(data, System) else waves(None, case, seed)


def setting(case: Case) -> dict[str, Any]:
    """What the figures of a case depend on."""
    if case.set not in SYSTEMS:
        return {"recipe": "sine-forecast"}
    return {"options": OPTIONS, "training": str(TRAINING)}


PROTOCOL = Protocol(
    about="closed loops: RMSE over 1000 steps; valid prediction time in Lyapunov times",
    cases=[Case("sine waves"), *(Case(name) for name in SYSTEMS)],
    load=load,
    methods={
        "rollcast": Method(run, setting, seeds=True)
    },
    columns={"rmse": ".4f", "vpt": ".2f", "one step": ".5f"},
    published={},
)  # fmt: skip
