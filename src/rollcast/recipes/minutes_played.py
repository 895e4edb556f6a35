"""Eleven points a series: where a network is the wrong tool, and what makes it the right one."""

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

PUBLISHED = (7.279, 1.428, 0.572, 0.316, 0.206, 0.159, 0.137, 0.116, 0.090, 0.062)
"""Training loss of the source, step by step, one offset a series."""

ROWS, TEST = 11, 5
KINDS = {"one offset": False, "noise": True}


def minutes_played(
    *,
    series: int = 100,
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
    ("noise"). The first five
    series are the test. Losses are mean squared errors one step ahead, in the unit of y².

    Parameters
    ----------
    series
        How many; five are the test and a quarter chooses the step whose weights are kept
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
    started = perf_counter()
    training = Training(steps=steps, optimizer=optimizer, learning_rate=learning_rate)
    table: list[dict[str, Any]] = []
    losses: dict[str, dict[str, Array]] = {kind: {} for kind in KINDS}
    figures, metrics = {}, {}

    def network(known: Array, difference: bool | str, restore: str) -> tuple[Array, Array]:
        """Train on the other series: forecasts of the test (TEST, horizon), loss of each step."""
        judged = 0 if restore == "last" else series // 4
        model = SequenceRegressor(
            "y", "y", ahead=1, cell=cell, hidden=hidden, dropout=dropout, normalize=normalize,
            scaling="none", difference=difference, restore=restore, held_out=judged, check_every=1,
            training=training, seed=seed,
        )  # fmt: skip
        model.fit(long_frame({"y": known[TEST:]}), listeners=listeners)
        forecasts = model.generate(long_frame({"y": known[:TEST]}), horizon)
        return values_of(forecasts, TEST), model.history_.loss

    for kind, each in KINDS.items():
        y = lines(series, ROWS + horizon, each, seed)
        known, future = y[:, :ROWS], y[:TEST, ROWS:]
        found, loss = {}, losses[kind]
        found["rollcast"], loss["rollcast"] = network(known, "auto", "closed_loop(steps=8)")
        if published:
            found["as published"], loss["as published"] = network(known, False, "last")
        fitted, fit_loss, held_loss = of_time(known[:TEST], horizon, seed)
        found |= {"network of time": fitted, "straight line": line(known[:TEST], horizon)}
        short = kind.replace(" ", "_")
        for method, forecast in found.items():
            row: dict[str, Any] = {"data": kind, "method": method, "training loss": None}
            row |= {"validation loss": None, "RMSE ahead": rmse(forecast, future)}
            if method in loss:
                row["training loss"] = float(loss[method][-1])
            if method == "network of time":
                row |= {"training loss": fit_loss, "validation loss": held_loss}
            table.append(row)
            key = method.replace(" ", "_")
            metrics[f"{key}_rmse_{short}"] = row["RMSE ahead"]
            if row["training loss"] is not None:
                metrics[f"{key}_loss_{short}"] = row["training loss"]
        t = np.arange(ROWS + horizon)
        pictures = [
            WavePicture(
                f"test series {k + 1}", t[:ROWS], known[k], t[ROWS:],
                {method: forecast[k] for method, forecast in found.items()}, future[k],
            )
            for k in range(TEST)
        ]  # fmt: skip
        figures[f"forecasts-{kind.replace(' ', '-')}"] = waves(
            pictures, title=f"Eleven points continued: {kind}", unit="minutes", x_title="game"
        )
    seconds = perf_counter() - started
    losses["one offset"]["figures of the source"] = np.array(PUBLISHED)
    panels = {f"loss, minutes², {kind}": each for kind, each in losses.items()}
    figures["losses"] = curves(panels, title="Training loss, step by step", x_title="step")
    settings = {
        "series": series, "horizon": horizon, "hidden": tuple(hidden), "cell": cell,
        "dropout": dropout, "normalize": normalize, "optimizer": optimizer,
        "learning_rate": learning_rate, "steps": steps, "seed": seed, "published": published,
    }  # fmt: skip
    return RecipeResult("minutes-played", settings, metrics, figures, table, seconds)


def lines(series: int, rows: int, each: bool, seed: int) -> Array:
    """y (series, rows), with noise at each point or one offset a series."""
    noise = np.random.default_rng(seed).normal(10, 1, (series, rows if each else 1))
    return 1.6 * np.arange(rows) + 4 + noise


def of_time(known: Array, horizon: int, seed: int) -> tuple[Array, float, float]:
    """The network from time to value, one a series: 13 tanh units, 9 points to train on, 2 to
    validate, plain SGD. Forecasts, and the mean loss on both kinds of points."""
    # A recurrent layer that starts from zeros at every row is a plain one.
    model = SequenceRegressor(
        "t", "y", cell="rnn_tanh", hidden=(13,), window=1, scaling="none", restore="last",
        training=Training(
            steps=5000, batch_size=9, optimizer="sgd", learning_rate=1e-3, schedule="constant",
            clip_norm=None,
        ),
        seed=seed,
    )  # fmt: skip
    t = np.arange(ROWS + horizon, dtype=np.float64)[None]
    said = []
    for row in known:
        model.fit(long_frame({"t": t[:, : ROWS - 2], "y": row[None, : ROWS - 2]}))
        said.append(values_of(model.predict(long_frame({"t": t}), window=1), 1)[0])
    outputs = np.array(said)
    square = (outputs[:, :ROWS] - known) ** 2
    return outputs[:, ROWS:], float(square[:, :-2].mean()), float(square[:, -2:].mean())


def line(known: Array, horizon: int) -> Array:
    """The straight line of least squares through each series, carried on."""
    slope, level = np.polyfit(np.arange(ROWS), known.T, 1)
    return level[:, None] + slope[:, None] * np.arange(ROWS, ROWS + horizon)


def rmse(forecast: Array, truth: Array) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.mean((forecast - truth) ** 2)))
