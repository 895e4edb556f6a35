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
    from neuralforecast import NeuralForecast, models

    for each in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(each).setLevel(logging.ERROR)
    model = getattr(models, name)(
        h=horizon, input_size=context, max_steps=steps, random_seed=seed, scaler_type="robust",
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, start_padding_enabled=True,
    )  # fmt: skip
    forecaster = NeuralForecast(models=[model], freq=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecaster.fit(df=long_frame(series))
        made = forecaster.predict()
    return made.sort_values(["unique_id", "ds"])[name].to_numpy().reshape(-1, horizon)
