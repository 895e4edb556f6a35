"""Tomorrow's highest temperature: the library's defaults, the published network, and rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast import Forecaster, Panel, SequenceRegressor, Training, datasets
from rollcast.plots import training_curve
from rollcast.plots.forecast_report import training_curve as curve_of
from rollcast.recipes.frame import continued, values_of
from rollcast.recipes.notes import Notes
from rollcast.recipes.result import RecipeResult
from rollcast.score.metrics import mae, rmse
from rollcast.train.events import Listener

Array = np.ndarray

DATA = "seattle-weather"
SHOWN_BEFORE = 60  # days known, in the picture


def next_day_temperature(
    *,
    context: int | None = None,
    cell: str = "lstm",
    hidden: Sequence[int] = (64, 64),
    dropout: float = 0.0,
    normalize: str | None = None,
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
    context
        Days that a forecast sees (default: by the season)
    cell
        lstm, gru, rnn_tanh or rnn_relu
    hidden
        Units of each layer
    dropout
        Between the layers
    normalize
        Between the layers: layer or batch
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
    notes = Notes("next-day-temperature", locals())
    panel = datasets.load(DATA)
    values, times = panel.values, panel.times
    year = times.astype("datetime64[Y]")
    last = year == year[-1]
    days = int(last.sum())
    past, whole = (
        Panel.of(part, start=times[0], freq=panel.freq, season=panel.season)
        for part in (values[:-days], values)
    )
    training = Training(steps=steps, optimizer=optimizer, learning_rate=learning_rate)
    model = Forecaster(
        1, context=context, head=head, strategy=strategy, training=training, **notes.network
    ).fit(past, listeners=listeners)  # fmt: skip
    judged = model.backtest(whole, windows=days, step=1).forecasts
    said = {"rollcast": judged["rollcast"]}
    if published:
        said["as published"] = as_published(values, times, days, seed, listeners)
    said |= {"linear regression": judged["linear"], "naive: as today": judged["naive"]}
    said["mean of the day"] = seasonal_mean(values, times, last)
    truth = values[last][:, None]
    naive = rmse(truth, said["naive: as today"])
    for method, forecast in said.items():
        off = rmse(truth, forecast)
        found = {"RMSE, °C": off, "MAE, °C": mae(truth, forecast), "RMSE / naive": off / naive}
        notes.line({"method": method}, found)
    shown = slice(-days - SHOWN_BEFORE, None)
    drawn = {method: said[method].T for method in ("rollcast", "as published") if method in said}
    curve = curve_of(model)
    assert curve is not None
    figures = {
        "year": continued(
            values[None, shown][:, :SHOWN_BEFORE], truth.T, drawn, x=times[None, shown],
            names=[DATA], title="Each day forecast the day before",
            unit="highest of the day, °C", x_title="day",
        ),
        "training": training_curve(curve, title="Training of the defaults"),
    }  # fmt: skip
    return notes.result(figures)


def as_published(
    values: Array, times: Array, days: int, seed: int, listeners: Sequence[Listener]
) -> Array:
    """One LSTM layer of 100 with SGD on years read in windows of a month; its forecasts
    (days, 1)."""
    import polars

    table = polars.DataFrame({"ds": times, "y": values})
    training = Training(
        steps=3000, batch_size=1, optimizer="sgd", learning_rate=0.01, schedule="constant",
        clip_norm=None,
    )  # fmt: skip
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(100,), window=30, scaling="minmax", restore="last",
        training=training, seed=seed,
    ).fit(table[:-days], listeners=listeners)  # fmt: skip
    return values_of(model.predict(table), 1)[0, -days - 1 : -1, None]


def seasonal_mean(values: Array, times: Array, last: Array) -> Array:
    """The mean of the same day in the years before, for each day of the last year (days, 1)."""
    day = np.array([str(each)[5:10] for each in times.astype("datetime64[D]")])
    means = {each: values[~last & (day == each)].mean() for each in np.unique(day[~last])}
    return np.array([[means[each]] for each in day[last]])
