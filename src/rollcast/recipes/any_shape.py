"""The model of `sine_forecast` fits itself to whatever comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast.recipes.notes import Notes
from rollcast.recipes.result import RecipeResult
from rollcast.recipes.waves import Waves, compared
from rollcast.train.events import Listener


def any_shape(
    *,
    series: int | None = None,
    rows: int | None = None,
    horizon: int | None = None,
    features: int = 1,
    uneven: bool = False,
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
    """A model that is told no shape: sizes and horizon follow from the waves that it gets.

    Waves cos(sin²((t + shift) / scale)), the scale drawn from 10 to 30. 95 % of them are trained
    on; a single one is continued itself.

    Parameters
    ----------
    series
        How many waves (default: drawn from 50 to 199)
    rows
        Samples of the longest (default: drawn from 800 to 1199)
    horizon
        Steps of the closed loop (default: as many as the series has rows)
    features
        Waves of different scales side by side, in one series
    uneven
        Series of different lengths, down to half
    hidden
        Units of each layer
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
    notes = Notes("any-shape", locals())
    draw = np.random.default_rng(seed)
    series = int(draw.integers(50, 200)) if series is None else series
    rows = int(draw.integers(800, 1200)) if rows is None else rows
    scale = draw.uniform(10.0, 30.0, features)
    shift = draw.integers(-80, 80, series)
    lengths = draw.integers(rows // 2, rows, series) if uneven else np.full(series, rows)
    notes.settings |= {"series": series, "rows": rows, "scale": scale}
    ids = range(series)
    t = np.arange(rows + (horizon or rows))[:, None]
    values = [np.cos(np.sin((t + shift[id]) / scale) ** 2) for id in ids]
    every = Waves(
        {id: values[id][: lengths[id]] for id in ids},
        {id: values[id][lengths[id] :][: horizon or lengths[id]] for id in ids},
    )
    cut = max(1, round(0.05 * series)) if series > 1 else 0
    return compared(notes, every, ids[cut:], ids[: cut or 1], listeners)
