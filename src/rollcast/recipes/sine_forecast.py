"""Two recurrent layers continue a sine wave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast.recipes.notes import Notes
from rollcast.recipes.result import RecipeResult
from rollcast.recipes.waves import Waves, compared
from rollcast.train.events import Listener

TEST = 3
"""The first series: not trained on, and scored once."""


def sine_forecast(
    *,
    series: int = 100,
    rows: int = 1000,
    horizon: int | None = None,
    hidden: Sequence[int] = (64, 64),
    cell: str = "lstm",
    dropout: float = 0.0,
    normalize: str | None = None,
    optimizer: str = "adam",
    learning_rate: float = 3e-3,
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
        Samples of each
    horizon
        Steps of the closed loop (default: as many as rows)
    hidden
        Units of each layer: 51,51 and 64,32 and 15,15 are known, too
    cell
        lstm, gru or rnn_tanh
    dropout
        Between the layers
    normalize
        layer or batch, between the layers; such a network is trained on true values alone, so its
        closed loop is further off (sine waves: 0.01 to 0.05 with layer, 0.1 to 0.3 with batch)
    optimizer
        adam, adamw, rmsprop, sgd(momentum=0.9) …
    learning_rate
        Its rate
    steps
        Updates, 16 windows each
    seed
        Of the waves, the first weights and the order of windows
    published
        Train as published, too: ten steps of L-BFGS on true values
    """
    notes = Notes("sine-forecast", locals())
    shift = np.random.default_rng(seed).integers(-80, 80, series)
    last = rows + (horizon or rows)
    values = np.sin((np.arange(last)[:, None, None] + shift[:, None]) / 20.0)
    ids = range(series)
    every = Waves({id: values[:rows, id] for id in ids}, {id: values[rows:, id] for id in ids})
    return compared(notes, every, ids[TEST:], ids[:TEST], listeners)
