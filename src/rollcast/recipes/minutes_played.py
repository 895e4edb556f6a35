"""Eleven points a series: where a network is the wrong tool, and what makes it the right one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import curves
from rollcast.recipes.frame import continued, long_frame, values_of
from rollcast.recipes.notes import Notes, snake
from rollcast.recipes.result import RecipeResult
from rollcast.score.metrics import rmse
from rollcast.train.events import Listener

Array = np.ndarray

PUBLISHED = (7.279, 1.428, 0.572, 0.316, 0.206, 0.159, 0.137, 0.116, 0.090, 0.062)
"""Training loss of the source, step by step, one offset a series."""

TEST = 5
TIME_STEPS = 5000
"""Of the network of time."""
KINDS = {"one offset": False, "noise": True}
"""Whether there is noise at each point."""


def minutes_played(
    *,
    series: int = 100,
    rows: int = 11,
    horizon: int = 11,
    hidden: Sequence[int] = (64, 64),
    cell: str = "lstm",
    dropout: float = 0.0,
    normalize: str | None = None,
    optimizer: str = "lbfgs",
    learning_rate: float = 0.08,
    steps: int = 10,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """Eleven points a series: an LSTM that carries a trend on, beside a straight line.

    y = 1.6 t + 4 + e, with e ~ Normal(10, 1) drawn once a series ("one offset") or at every point
    ("noise"). The first five series are the test. Losses are mean squared errors one step ahead, in
    the unit of y².

    Parameters
    ----------
    series
        How many; five are the test and a quarter chooses the step whose weights are kept
    rows
        Points that are known
    horizon
        Points to forecast in closed loop
    hidden
        Units of each layer
    cell
        lstm, gru, rnn_tanh or rnn_relu
    dropout
        Between the layers
    normalize
        Between the layers: layer or batch
    optimizer
        Of the network: lbfgs, adam, sgd(momentum=0.9) …
    learning_rate
        Its rate
    steps
        Updates; of lbfgs up to 20 each
    seed
        Of the data and the first weights
    published
        Train as published, too: the values themselves instead of their differences
    """
    notes = Notes("minutes-played", locals())
    training = Training(steps=steps, optimizer=optimizer, learning_rate=learning_rate)
    ways: dict[str, tuple[bool | str, str, int]]
    ways = {"rollcast": ("auto", "closed_loop(steps=8)", series // 4)}
    if published:
        ways["as published"] = (False, "last", 0)
    figures, losses = {}, {}
    t = np.arange(rows + horizon)
    for kind, each in KINDS.items():
        noise = np.random.default_rng(seed).normal(10, 1, (series, len(t) if each else 1))
        y = 1.6 * t + 4 + noise
        known, future = y[:, :rows], y[:TEST, rows:]
        said, loss, held = {}, {}, {}
        for name, (difference, restore, judged) in ways.items():
            model = SequenceRegressor(
                "y", "y", ahead=1, scaling="none", difference=difference, restore=restore,
                held_out=judged, check_every=1, training=training, **notes.network,
            ).fit(long_frame({"y": known[TEST:]}), listeners=listeners)  # fmt: skip
            said[name] = values_of(model.generate(long_frame({"y": known[:TEST]}), horizon), TEST)
            loss[name] = model.history_.loss
        name = "network of time"
        said[name], loss[name], held[name] = of_time(known[:TEST], horizon, seed)
        slope, level = np.polyfit(t[:rows], known[:TEST].T, 1)
        said["straight line"] = level[:, None] + slope[:, None] * t[rows:]
        for name, forecast in said.items():
            found = {
                "training loss": float(loss[name][-1]) if name in loss else None,
                "validation loss": held.get(name),
                "RMSE ahead": rmse(future, forecast),
            }
            notes.line({"data": kind, "method": name}, found)
        losses[f"loss, minutes², {kind}"] = {name: loss[name] for name in ways}
        figures[f"forecasts-{snake(kind, sep='-')}"] = continued(
            known, future, said, names=[f"test series {k + 1}" for k in range(TEST)],
            title=f"{rows} points continued: {kind}", unit="minutes", x_title="game",
        )  # fmt: skip
    losses["loss, minutes², one offset"]["figures of the source"] = np.array(PUBLISHED)
    figures["losses"] = curves(losses, title="Training loss, step by step", x_title="step")
    return notes.result(figures)


def of_time(known: Array, horizon: int, seed: int) -> tuple[Array, Array, float]:
    """The network from time to value, one a series: 13 tanh units, plain SGD, the last two points
    to validate. Forecasts, the mean loss on the other points (1,) and on those."""
    # A recurrent layer that starts from zeros at every row is a plain one.
    rows = known.shape[1]
    model = SequenceRegressor(
        "t", "y", cell="rnn_tanh", hidden=(13,), window=1, scaling="none", restore="last",
        training=Training(
            steps=TIME_STEPS, batch_size=rows - 2, optimizer="sgd", learning_rate=1e-3,
            schedule="constant", clip_norm=None,
        ),
        seed=seed,
    )  # fmt: skip
    t = np.arange(rows + horizon, dtype=np.float64)[None]
    said = []
    for row in known:
        model.fit(long_frame({"t": t[:, : rows - 2], "y": row[None, : rows - 2]}))
        said.append(values_of(model.predict(long_frame({"t": t}), window=1), 1)[0])
    outputs = np.array(said)
    square = (outputs[:, :rows] - known) ** 2
    return outputs[:, rows:], square[:, :-2].mean(keepdims=True)[0], float(square[:, -2:].mean())
