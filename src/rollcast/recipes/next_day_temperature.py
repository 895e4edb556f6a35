"""Tomorrow's highest temperature: the library's defaults, the published network, and rules."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from rollcast import Forecaster, Panel, SequenceRegressor, Training, datasets
from rollcast.plots import TrainingCurve, WavePicture, training_curve, waves
from rollcast.recipes.frame import values_of
from rollcast.recipes.minutes_played import rmse
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

Array = np.ndarray

DATA = "seattle-weather"
SHOWN_BEFORE = 60  # days known, in the picture
PUBLISHED_STEPS = 3000


def next_day_temperature(
    *,
    cell: str = "lstm",
    hidden: Sequence[int] = (64, 64),
    head: str = "quantile",
    strategy: str = "direct",
    optimizer: str = "adam",
    learning_rate: float | None = None,
    steps: int = 1000,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """Tomorrow's highest temperature, for every day of a year held out.

    Trained on all years but the last. Every forecast of the last year sees the days before its own.

    Parameters
    ----------
    cell
        lstm, gru, rnn_tanh or rnn_relu
    hidden
        Units of each layer
    head
        What is learnt: quantile, mse, mae or huber
    strategy
        direct or recursive
    optimizer
        adam, adamw, sgd(momentum=0.9), rmsprop or lbfgs
    learning_rate
        Its rate (default: by the windows)
    steps
        Updates, at most
    seed
        Of the first weights and the order of windows
    published
        Train as published, too: one layer of 100, SGD with rate 0.01, 0 to 1 on the training part
    """
    started = perf_counter()
    panel = datasets.load(DATA)
    values, times = panel.values, panel.times
    year = times.astype("datetime64[Y]")
    last = year == year[-1]
    days = int(last.sum())
    truth = values[last]
    past = Panel.of(values[~last], start=times[0], freq=panel.freq, season=panel.season)
    whole = Panel.of(values, start=times[0], freq=panel.freq, season=panel.season)
    training = Training(steps=steps, optimizer=optimizer, learning_rate=learning_rate)
    model = Forecaster(
        1, cell=cell, hidden=hidden, head=head, strategy=strategy, training=training, seed=seed
    ).fit(past, listeners=listeners)
    judged = model.backtest(whole, windows=days, step=1)
    found = {"rollcast": judged.forecasts["rollcast"][:, 0]}
    if published:
        found["as published"] = as_published(values, times, days, seed, listeners)
    found["linear regression"] = judged.forecasts["linear"][:, 0]
    found["naive: as today"] = judged.forecasts["naive"][:, 0]
    found["mean of the day"] = seasonal_mean(values, times, last)
    table = [
        {
            "method": method,
            "RMSE, °C": rmse(forecast, truth),
            "MAE, °C": float(np.mean(np.abs(forecast - truth))),
            "RMSE / naive": rmse(forecast, truth) / rmse(found["naive: as today"], truth),
        }
        for method, forecast in found.items()
    ]
    seconds = perf_counter() - started
    begin = len(values) - days
    before = slice(begin - SHOWN_BEFORE, begin)
    drawn = {method: found[method] for method in ("rollcast", "as published") if method in found}
    picture = WavePicture(DATA, times[before], values[before], times[last], drawn, truth)
    history = model.training_history_
    assert history is not None
    curve = TrainingCurve(
        np.arange(1, len(history.loss) + 1), history.loss, history.validation_step,
        history.validation_score, model.best_step_, history.learning_rate,
    )  # fmt: skip
    figures = {
        "year": waves(
            [picture], title="Each day forecast the day before", unit="highest of the day, °C",
            x_title="day",
        ),
        "training": training_curve(curve, title="Training of the defaults"),
    }  # fmt: skip
    metrics = {f"rmse_{key(method)}": rmse(forecast, truth) for method, forecast in found.items()}
    settings = {
        "cell": cell, "hidden": tuple(hidden), "head": head, "strategy": strategy,
        "optimizer": optimizer, "learning_rate": learning_rate, "steps": steps, "seed": seed,
        "published": published,
    }  # fmt: skip
    return RecipeResult("next-day-temperature", settings, metrics, figures, table, seconds)


def key(method: str) -> str:
    """A method as part of a metric's name."""
    return method.split(":")[0].replace(" ", "_")


def as_published(
    values: Array, times: Array, days: int, seed: int, listeners: Sequence[Listener]
) -> Array:
    """One LSTM layer of 100 with SGD on years read in windows of a month; its forecasts (days,)."""
    import polars as pl

    table = pl.DataFrame({"ds": times, "y": values})
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(100,), window=30, scaling="minmax", restore="last",
        training=Training(
            steps=PUBLISHED_STEPS, batch_size=1, optimizer="sgd", learning_rate=0.01,
            schedule="constant", clip_norm=None,
        ),
        seed=seed,
    ).fit(table[:-days], listeners=listeners)  # fmt: skip
    return values_of(model.predict(table), 1)[0, -days - 1 : -1]


def seasonal_mean(values: Array, times: Array, last: Array) -> Array:
    """The mean of the same day in the years before, for each day of the last year (days,)."""
    day = np.array([str(each)[5:10] for each in times.astype("datetime64[D]")])
    means = {each: values[~last & (day == each)].mean() for each in np.unique(day[~last])}
    return np.array([means[each] for each in day[last]])
