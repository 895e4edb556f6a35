"""Other libraries, each asked for what it forecasts with the settings that its pages show.

Installed or not, nothing here is imported before it is asked for. Frames are pandas': what all of
them take.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray


def long_frame(series: Sequence[Array], first: Any = None, freq: Any = 1) -> Any:
    """Series of values as the three columns; integer time, or stamps from ``first`` on."""
    import pandas as pd

    def times(rows: int) -> Any:
        if first is None:
            return np.arange(1, rows + 1)
        return pd.date_range(first, periods=rows, freq=freq)

    return pd.DataFrame(
        {
            "unique_id": np.repeat(
                [f"{k:05d}" for k in range(len(series))], [len(each) for each in series]
            ),
            "ds": np.concatenate([times(len(each)) for each in series]),
            "y": np.concatenate(series),
        }
    )


def statistical(name: str, series: Sequence[Array], horizon: int, season: int) -> Array:
    """Medians ``(series, horizon)`` of a model of statsforecast, at its defaults."""
    from statsforecast import StatsForecast, models

    forecaster = StatsForecast([getattr(models, name)(season_length=season)], freq=1, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = forecaster.forecast(df=long_frame(series), h=horizon)
    return made.sort_values(["unique_id", "ds"])[name].to_numpy().reshape(-1, horizon)


def neural(
    name: str, series: Sequence[Array], horizon: int, context: int, steps: int, seed: int
) -> Array:
    """Point forecasts ``(series, horizon)`` of a model of NeuralForecast, on the processor."""
    forecaster = trained(name, series, horizon, context, steps, seed)
    return _column(forecaster.predict(), name, horizon)


def neural_quantiles(
    name: str,
    series: Sequence[Array],
    pasts: Sequence[Array],
    horizon: int,
    context: int,
    steps: int,
    levels: Sequence[int],
    seed: int,
) -> Array:
    """Quantiles ``(pasts, horizon, 2 levels + 1)``, rising, after each of ``pasts``, of a model
    trained on ``series`` with the multi-quantile loss."""
    from neuralforecast.losses.pytorch import MQLoss

    loss = MQLoss(level=sorted(levels))
    forecaster = trained(name, series, horizon, context, steps, seed, loss)
    made = forecaster.predict(df=long_frame(pasts))
    rising = sorted(levels)
    columns = [f"{name}-lo-{level}" for level in rising[::-1]]
    columns += [f"{name}-median", *(f"{name}-hi-{level}" for level in rising)]
    return np.sort(np.stack([_column(made, each, horizon) for each in columns], axis=-1), axis=-1)


def trained(
    name: str,
    series: Sequence[Array],
    horizon: int,
    context: int,
    steps: int,
    seed: int,
    loss: Any = None,
) -> Any:
    """A model of NeuralForecast, trained on the processor; ``loss`` None = its own."""
    from neuralforecast import NeuralForecast, models

    for each in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(each).setLevel(logging.ERROR)
    other = {} if loss is None else {"loss": loss}
    model = getattr(models, name)(
        h=horizon, input_size=context, max_steps=steps, random_seed=seed, scaler_type="robust",
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, start_padding_enabled=True, **other,
    )  # fmt: skip
    forecaster = NeuralForecast(models=[model], freq=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecaster.fit(df=long_frame(series))
    return forecaster


def _column(made: Any, name: str, horizon: int) -> Array:
    return made.sort_values(["unique_id", "ds"])[name].to_numpy().reshape(-1, horizon)
