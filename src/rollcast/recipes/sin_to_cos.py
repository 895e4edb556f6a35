"""One signal in, another out, at every step: states carried from window to window."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import against, curves
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray

LONG = 100
"""Points from which a window is long: what the first of them say must come through all of it, which
orthogonal first weights let it and those of torch do not."""

PUBLISHED = {"learning_rate": 1e-3, "schedule": "plateau(patience=10, watch=loss)"}
"""The source names no learning rate."""

SETTLED, LAST = 100, 100
"""Windows until it should have converged; windows at the end."""


def sin_to_cos(
    *,
    points: int = 30,
    windows: int = 500,
    hidden: Sequence[int] = (32, 32, 32),
    cell: str = "rnn_tanh",
    dropout: float = 0.0,
    normalize: str | None = None,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """Three tanh RNN layers turn sin into cos, states carried from window to window.

    Window k covers k pi to (k + 1) pi; each is trained on once, in order. sin alone does not
    determine cos: its sign shows only in whether sin rises or falls, so where a window begins with
    empty states its first outputs are guesses.

    Parameters
    ----------
    points
        Of a window; the source has 300, and 30 in another place
    windows
        How many
    hidden
        Units of each layer
    cell
        rnn_tanh, rnn_relu, lstm or gru
    dropout
        Between the layers
    normalize
        Between the layers: layer or batch
    optimizer
        adam, rmsprop, sgd(momentum=0.9) …
    learning_rate
        Its rate (default: 0.005, and 0.0005 for windows of 100 points or more)
    seed
        Of the first weights
    published
        Train as published, too: weights of torch, the rate halved after 10 windows without a
        better loss
    """
    began = perf_counter()
    table = signals(points, windows)
    long = points >= LONG
    rate = learning_rate or (5e-4 if long else 5e-3)
    ours = Training(
        steps=windows, batch_size=1, optimizer=optimizer, learning_rate=rate, clip_norm=1.0,
        schedule="cosine" if long else "one_cycle(climb=0.05)",
    )  # fmt: skip
    theirs = Training(
        steps=windows, batch_size=1, clip_norm=1.0,
        learning_rate=PUBLISHED["learning_rate"], schedule=PUBLISHED["schedule"],
    )  # fmt: skip
    initial = "orthogonal" if long else "torch"
    kinds = {"rollcast": (True, ours, initial), "states reset": (False, ours, initial)}
    if published:
        kinds["as published"] = (True, theirs, "torch")
    rows: list[dict[str, Any]] = []
    said, losses, rates, starts = {}, {}, {}, {}
    truth = table["cos"].to_numpy()
    for name, (stateful, training, first) in kinds.items():
        model = SequenceRegressor(
            "sin", "cos", cell=cell, hidden=hidden, window=points, stateful=stateful,
            dropout=dropout, normalize=normalize, initial=first, scaling="none", restore="last",
            training=training, seed=seed,
        ).fit(table, listeners=listeners)  # fmt: skip
        losses[name], rates[name] = model.history_.loss, model.history_.learning_rate
        outputs = model.predict(table, window=None if stateful else points)
        said[name] = outputs["rollcast"].to_numpy()
        square = ((said[name] - truth) ** 2).reshape(windows, points)[-LAST:]
        starts[name] = np.sqrt(square.mean(axis=0))
        rows.append(
            {
                "method": name,
                f"MSE, windows {SETTLED} on": _mean(losses[name][SETTLED:]),
                f"MSE, last {LAST}": _mean(losses[name][-LAST:]),
                "after training": float(square.mean()),
                "first point": float(square[:, 0].mean()),
                "last rate": float(rates[name][-1]),
            }
        )
    keys = ("settled_mse", "last_mse", "trained_mse", "first_point_mse", "last_rate")
    metrics = {
        f"{row['method'].replace(' ', '_')}_{key}": value
        for row in rows
        for key, value in zip(keys, list(row.values())[1:], strict=True)
    }
    seconds = perf_counter() - began
    figures = {
        "outputs": against(
            truth, {name: said[name] for name in kinds}, title="cos from sin",
            x_title="windows", step=1.0 / points,
        ),
        "losses": curves(
            {"MSE": losses, "learning rate": rates}, title="Losses and learning rates",
            x_title="window", log=True,
        ),
        "window-starts": curves(
            {"RMSE": starts}, title="Where a window begins with empty states, cos is a guess",
            x_title="point of the window", log=True,
        ),
    }  # fmt: skip
    settings = {
        "points": points, "windows": windows, "hidden": tuple(hidden), "cell": cell,
        "dropout": dropout, "normalize": normalize, "optimizer": optimizer,
        "learning_rate": rate, "initial": initial, "seed": seed, "published": published,
    }  # fmt: skip
    return RecipeResult("sin-to-cos", settings, metrics, figures, rows, seconds)


def signals(points: int, windows: int) -> pl.DataFrame:
    """sin and cos over so many windows of half a turn, one series."""
    import polars as pl

    rows = np.arange(points * windows)
    angle = rows * np.pi / points
    return pl.DataFrame({"ds": rows, "sin": np.sin(angle), "cos": np.cos(angle)})


def _mean(losses: Array) -> float:
    return float(losses.mean()) if len(losses) else float("nan")
