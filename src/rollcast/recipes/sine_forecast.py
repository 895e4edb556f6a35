"""Two recurrent layers continue a sine wave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast.recipes.result import RecipeResult
from rollcast.recipes.waves import Waves, compare, free_running, teacher_forced
from rollcast.train.events import Listener

TEST = 3
"""The first series: not trained on, and scored once."""


def sine_forecast(
    *,
    series: int = 100,
    rows: int = 1000,
    hidden: Sequence[int] = (64, 64),
    cell: str = "lstm",
    dropout: float = 0.0,
    normalize: str | None = None,
    steps: int = 1200,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """Two LSTM layers continue a sine wave in closed loop.

    Waves sin((t + shift) / 20), shift a whole number from -80 to 79. The first three are the test,
    looked at once, after training; the last tenth of the others chooses which weights are kept.

    Parameters
    ----------
    series
        Waves; the first three are the test
    rows
        Samples of each, and steps of the closed loop
    hidden
        Units of each layer: 51,51 and 64,32 and 15,15 are known, too
    cell
        lstm, gru or rnn_tanh
    dropout
        Between the layers
    normalize
        layer or batch, between the layers; such a network is trained on true values alone
    steps
        Updates, 16 windows each
    seed
        Of the waves, the first weights and the order of windows
    published
        Train as published, too: ten steps of L-BFGS on true values
    """
    shift = np.random.default_rng(seed).integers(-80, 80, series)
    values = np.sin((np.arange(2 * rows)[:, None, None] + shift[:, None]) / 20.0)
    ids = range(series)
    every = Waves({id: values[:rows, id] for id in ids}, {id: values[rows:, id] for id in ids})
    learnt = ids[TEST:]
    network = {"hidden": tuple(hidden), "cell": cell, "dropout": dropout, "normalize": normalize}
    models = {"ours": free_running(1, rows, len(learnt), steps=steps, seed=seed, **network)}
    if published:
        models["published"] = teacher_forced(1, len(learnt), seed=seed, **network)
    found = compare(models, every, learnt, ids[:TEST], ids[-TEST:], listeners)
    settings = {
        "series": series, "rows": rows, **network, "steps": steps, "seed": seed,
        "published": published, "models": {name: repr(model) for name, model in models.items()},
    }  # fmt: skip
    return RecipeResult(
        "sine-forecast", settings, found.metrics, found.figures, found.table, found.seconds
    )
