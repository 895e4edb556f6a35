"""One layer, the next value, then run free: from 31 true points and from the first one alone."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import WavePicture, curves, waves
from rollcast.recipes.frame import long_frame, values_of
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

Array = np.ndarray

POINTS, SPAN, STARTS = 50, 10.0, 3
"""Points of a window, the time they cover, and from how many integers a window may start."""

STEPS = 49
"""Steps in closed loop."""

FREE = "free(warm_up={known}, least=1, first=1, grow=0.5)"
"""Every other window runs free from its first value, and the free part grows: what is asked of the
network in the end is what it is trained for."""


def closed_loop_sine(
    *,
    known: int = 31,
    hidden: Sequence[int] = (16,),
    cell: str = "rnn_tanh",
    optimizer: str = "adam",
    learning_rate: float = 0.01,
    steps: int = 6000,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """A tanh RNN of 16 units learns the next value of a sine, then runs free for 49 steps.

    A window starts at 0, 1 or 2 and has 50 points over 10 units of time. In closed loop the network
    goes on from 31 true points, and from the first one alone.

    Parameters
    ----------
    known
        True points before the closed loop
    hidden
        Units of each layer
    cell
        rnn_tanh, rnn_relu, lstm or gru
    optimizer
        adam, rmsprop, sgd(momentum=0.9) …
    learning_rate
        Its rate
    steps
        Updates
    seed
        Of the first weights and the order of windows
    published
        Train as published, too: on true values, one window at a time, with the states that the
        window before left, though it started elsewhere; and the same from zero states
    """
    began = perf_counter()
    truth = sines(known + STEPS)
    learnt = long_frame({"y": sines(POINTS)})

    def fit(feeding: str, stateful: bool | str, training: Training) -> SequenceRegressor:
        model = SequenceRegressor(
            "y", "y", ahead=1, cell=cell, hidden=hidden, stateful=stateful, feeding=feeding,
            initial="normal(std=0.001)", scaling="none", restore="last", training=training,
            seed=seed,
        )  # fmt: skip
        return model.fit(learnt, listeners=listeners)

    ours = Training(steps=steps, optimizer=optimizer, learning_rate=learning_rate)
    models = {"rollcast": fit(FREE.format(known=min(known, POINTS - 2)), False, ours)}
    if published:
        theirs = Training(
            steps=steps, batch_size=1, learning_rate=learning_rate, schedule="constant",
            clip_norm=None,
        )  # fmt: skip
        models["as published"] = fit("teacher", "always", theirs)
        models["as published, reset"] = fit("teacher", False, theirs)
    said = {begin: {} for begin in (known, 1)}
    table: list[dict[str, Any]] = []
    for name, model in models.items():
        row: dict[str, Any] = {"method": name, "one-step MSE": one_step(model)}
        for begin, found in said.items():
            table_of_known = long_frame({"y": truth[:, :begin]})
            found[name] = values_of(model.generate(table_of_known, STEPS), STARTS)
            error = found[name] - truth[:, begin : begin + STEPS]
            row[f"RMSE from {points(begin)}"] = float(np.sqrt(np.mean(error**2)))
        table.append(row)
    metrics = {
        f"{row['method'].replace(',', '').replace(' ', '_')}_{key.replace(' ', '_').lower()}": value
        for row in table
        for key, value in row.items()
        if key != "method"
    }
    seconds = perf_counter() - began
    figures = {
        f"from-{points(begin).replace(' ', '-')}": waves(
            _pictures(truth, begin, found),
            title=f"Closed loop from {points(begin)}", x_title="time",
        )
        for begin, found in said.items()
    }  # fmt: skip
    losses = {name: model.history_.loss for name, model in models.items()}
    figures["losses"] = curves({"MSE": losses}, title="Training loss")
    settings = {
        "known": known, "hidden": tuple(hidden), "cell": cell, "optimizer": optimizer,
        "learning_rate": learning_rate, "steps": steps, "seed": seed, "published": published,
    }  # fmt: skip
    return RecipeResult("closed-loop-sine", settings, metrics, figures, table, seconds)


def sines(points: int) -> Array:
    """The sine from each start, ``(starts, points)``."""
    return np.sin(np.arange(STARTS)[:, None] + np.arange(points) * SPAN / (POINTS - 1))


def points(count: int) -> str:
    """How many true points, in words."""
    return "one value" if count == 1 else f"{count} points"


def one_step(model: SequenceRegressor) -> float:
    """Mean squared error of the next value, true ones read, over a window."""
    y = sines(POINTS)
    said = values_of(model.predict(long_frame({"y": y[:, :-1]})), STARTS)
    return float(np.mean((said - y[:, 1:]) ** 2))


def _pictures(truth: Array, begin: int, said: dict[str, Array]) -> list[WavePicture]:
    time = np.arange(truth.shape[1]) * SPAN / (POINTS - 1)
    end = begin + STEPS
    return [
        WavePicture(
            f"start {start}", time[:begin] + start, truth[start, :begin], time[begin:end] + start,
            {name: values[start] for name, values in said.items()}, truth[start, begin:end],
        )
        for start in range(STARTS)
    ]  # fmt: skip
