"""One layer, the next value, then run free: from 31 true points and from the first one alone."""

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

APART, STARTS = 10.0 / 49.0, 3
"""The time between points, and from how many integers a window may start."""

FREE = "free(warm_up={known}, least=1, first=1, grow=0.5)"
"""Every other window runs free from its first value, and the free part grows: what is asked of the
network in the end is what it is trained for."""


def closed_loop_sine(
    *,
    points: int = 50,
    known: int = 31,
    horizon: int = 49,
    hidden: Sequence[int] = (16,),
    cell: str = "rnn_tanh",
    dropout: float = 0.0,
    normalize: str | None = None,
    optimizer: str = "adam",
    learning_rate: float = 0.01,
    steps: int = 6000,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """A tanh RNN of 16 units learns the next value of a sine, then runs free for 49 steps.

    A window starts at 0, 1 or 2 and its 50 points cover 10 units of time. In closed loop the
    network goes on from 31 true points, and from the first one alone.

    Parameters
    ----------
    points
        Of a window that is trained on
    known
        True points before the closed loop
    horizon
        Steps of the closed loop
    hidden
        Units of each layer
    cell
        rnn_tanh, rnn_relu, lstm or gru
    dropout
        Between the layers, of which there must then be two
    normalize
        layer or batch, between the layers, of which there must then be two; such a network is
        trained on true values alone, and layer is lost from one value (0.7)
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
    notes = Notes("closed-loop-sine", locals())
    time = np.arange(STARTS)[:, None] + APART * np.arange(max(points, known + horizon))
    truth = np.sin(time)
    learnt = long_frame({"y": truth[:, :points]})
    free = FREE.format(known=max(1, min(known, points - 2)))
    ours = Training(steps=steps, optimizer=optimizer, learning_rate=learning_rate)
    theirs = Training(
        steps=steps, batch_size=1, learning_rate=0.01, schedule="constant", clip_norm=None
    )
    kinds: dict[str, tuple[str, bool | str, Training]]
    kinds = {"rollcast": ("teacher" if normalize else free, False, ours)}
    if published:
        kinds["as published"] = ("teacher", "always", theirs)
        kinds["as published, reset"] = ("teacher", False, theirs)
    begins = {known: f"{known} points", 1: "one value"}
    said: dict[int, dict[str, np.ndarray]] = {begin: {} for begin in begins}
    losses = {}
    for name, (feeding, stateful, training) in kinds.items():
        model = SequenceRegressor(
            "y", "y", ahead=1, stateful=stateful, feeding=feeding, scaling="none", restore="last",
            initial="normal(std=0.001)", training=training, **notes.network,
        ).fit(learnt, listeners=listeners)  # fmt: skip
        losses[name] = model.history_.loss
        next_value = values_of(model.predict(learnt), STARTS)[:, :-1]
        found = {"one-step MSE": float(np.mean((next_value - truth[:, 1:points]) ** 2))}
        for begin, words in begins.items():
            loop = model.generate(long_frame({"y": truth[:, :begin]}), horizon)
            said[begin][name] = values_of(loop, STARTS)
            future = truth[:, begin : begin + horizon]
            found[f"RMSE from {words}"] = float(rmse(future, said[begin][name]))
        notes.line({"method": name}, found | {"seconds": model.seconds_})
    figures = {
        snake("from", words, sep="-"): continued(
            truth[:, :begin], truth[:, begin : begin + horizon], said[begin], x=time,
            names=[f"start {start}" for start in range(STARTS)],
            title=f"Closed loop from {words}", x_title="time",
        )
        for begin, words in begins.items()
    }  # fmt: skip
    return notes.result(figures | {"losses": curves({"MSE": losses}, title="Training loss")})
