"""One signal in, another out, at every step: states carried from window to window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import against, curves
from rollcast.recipes.frame import long_frame, values_of
from rollcast.recipes.notes import Notes
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

LONG = 100
"""Points from which a window is long: what the first of them say must come through all of it, which
orthogonal first weights let it and those of torch do not."""

PUBLISHED_RATE = 1e-3
"""The source names none."""

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
        Between the layers: layer, or batch, which while training goes by the rows of each window
        and later by those of all: it learns (4e-6) what it then cannot say as well (0.06)
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
    notes = Notes("sin-to-cos", locals())
    angle = np.arange(points * windows)[None] * np.pi / points
    table = long_frame({"sin": np.sin(angle), "cos": np.cos(angle)})
    long = points >= LONG
    rate, initial = (5e-4, "orthogonal") if long else (5e-3, "torch")
    schedule = "cosine" if long else "one_cycle(climb=0.05)"
    ours = (optimizer, learning_rate or rate, schedule, initial)
    kinds: dict[str, tuple[bool, str, float, str, str]]
    kinds = {"rollcast": (True, *ours), "states reset": (False, *ours)}
    if published:
        halved = "plateau(patience=10, watch=loss)"
        kinds["as published"] = (True, "adam", PUBLISHED_RATE, halved, "torch")
    notes.settings |= {"learning_rate": ours[1], "initial": initial}
    said, losses, rates, starts = {}, {}, {}, {}
    for name, (stateful, kind, base, plan, first) in kinds.items():
        training = Training(
            steps=windows, batch_size=1, optimizer=kind, learning_rate=base, schedule=plan
        )
        model = SequenceRegressor(
            "sin", "cos", window=points, stateful=stateful, initial=first, scaling="none",
            restore="last", training=training, **notes.network,
        ).fit(table, listeners=listeners)  # fmt: skip
        losses[name], rates[name] = model.history_.loss, model.history_.learning_rate
        said[name] = values_of(model.predict(table, window=None if stateful else points), 1)[0]
        square = ((said[name] - np.cos(angle[0])) ** 2).reshape(windows, points)[-LAST:]
        starts[name] = np.sqrt(square.mean(axis=0))
        found = {
            f"MSE, windows {SETTLED} on": float(losses[name][min(SETTLED, windows - 1) :].mean()),
            f"MSE, last {LAST}": float(losses[name][-LAST:].mean()),
            "after training": float(square.mean()),
            "first point": float(square[:, 0].mean()),
            "last rate": float(rates[name][-1]),
        }
        notes.line({"method": name}, found)
    figures = {
        "outputs": against(
            np.cos(angle[0]), said, title="cos from sin", x_title="windows", step=1.0 / points
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
    return notes.result(figures)
