"""From a panel to a fitted network: windows, training, calibration, scores, training on all rows.

A first run keeps the last rows of every series out. They tell after how many steps to stop, what
the scores are and how wide the intervals must be. A second run then trains for so many steps on all
rows: what was held out is the newest there is, and in a short table a good part of all there is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.panel import Panel
from rollcast.data.scaling import series_statistics
from rollcast.data.windows import Windows
from rollcast.errors import UsageError
from rollcast.forecast.evaluate import crossed_bands, fold_of, judge, raw_windows, seasonal_units
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecaster_params import check_params
from rollcast.forecast.holdout import choose_holdout, cut_rows
from rollcast.forecast.intervals import calibrate, forecast_spread
from rollcast.forecast.plan import context_of, plan_network
from rollcast.forecast.problem import NetworkProblem
from rollcast.model.network import Network, build
from rollcast.train.events import Listener
from rollcast.train.loop import Outcome, run
from rollcast.train.state import History
from rollcast.train.training import Training


def fit_panel(
    params: dict[str, Any],
    panel: Panel,
    options: dict[str, Any],
    listeners: Sequence[Listener],
    checkpoint: str | os.PathLike[str] | None,
) -> tuple[Fitted, History]:
    """Train, calibrate and score on held-out windows, and train again on all of them."""
    check_params(params)
    final_checkpoint = file_of_second_run(checkpoint)
    if params["name"] in (panel.columns.id, *panel.columns.time):
        raise UsageError(
            f"name={params['name']!r}: the table has a column of that name for its id or time. "
            "Choose another."
        )
    horizon, training = int(params["horizon"]), params["training"]
    holdout = choose_holdout(panel, horizon)
    every = Windows(
        panel,
        context_of(params, panel, holdout),
        horizon,
        scaling=params["scaling"],
        dtype=training.dtype,
    )
    trained, held = every.hold_out(holdout.origins, holdout.step)
    cut = cut_rows(panel, holdout)
    trained = whole_windows(trained, cut)
    spec = plan_network(params, every, trained)
    network = build(spec)
    problem = NetworkProblem(
        network,
        trained,
        held,
        seed=params["seed"],
        dtype=training.dtype,
        units=loss_units(panel, cut),
    )
    rate = training.base_rate(trained.count)
    limit = training.max_seconds and training.max_seconds / 2  # the other half is the second run's
    training = replace(training, learning_rate=rate, max_seconds=limit)
    outcome = run(problem, training, params["seed"], listeners, checkpoint)
    weights = problem.settled(outcome.weights)
    prediction, below, above = forecast_spread(network, weights, held, network.head.levels)
    _, truth = raw_windows(panel, held.series, held.origin, every.context, horizon)
    stamps = panel.times[held.origin].astype(np.int64)
    calibration = calibrate(prediction.median, below, above, truth, stamps)
    bands = crossed_bands(fold_of(held, holdout), prediction.median, below, above, truth)
    judged = judge(params["name"], held, trained, cut, prediction, bands)
    final = train_on_all(
        network, every, training, params["seed"], outcome, listeners, final_checkpoint
    )
    location, scale = every.statistics or (np.empty(0), np.empty(0))
    fitted = Fitted(
        params=params,
        network=network,
        weights=final.weights,
        calibration=calibration,
        columns=panel.columns,
        freq=panel.freq,
        season=panel.season,
        source=panel.source,
        scaling=params["scaling"],
        ids=panel.ids if every.statistics else panel.ids[:0],
        location=location,
        scale=scale,
        scores=judged.scores(),
        error_by_step=judged.error_by_step(),
        holdout=holdout,
        series=len(panel),
        rows=len(panel.values),
        best_step=outcome.best_step,
        steps=len(outcome.history.loss),
        reason=outcome.reason,
        seconds=outcome.seconds + final.seconds,
        trained_until=int(panel.times.max().astype(np.int64)),
        options=options,
    )
    return fitted, outcome.history


def train_on_all(
    network: Network,
    every: Windows,
    training: Training,
    seed: int,
    first: Outcome,
    listeners: Sequence[Listener],
    checkpoint: str | None,
) -> Outcome:
    """The second run: as the first, at its learning rates, but on all windows, and no longer than
    was best there."""
    ends = every.panel.offsets[1:]
    problem = NetworkProblem(
        network,
        whole_windows(every, ends),
        None,
        seed=seed,
        dtype=training.dtype,
        units=loss_units(every.panel, ends),
    )
    outcome = run(
        problem,
        replace(training, max_seconds=None),
        seed,
        listeners,
        checkpoint,
        stop_after=first.best_step,
        rates=first.history.learning_rate,  # a plateau was seen by its scores
    )
    return replace(outcome, weights=problem.settled(outcome.weights))


def file_of_second_run(checkpoint: str | os.PathLike[str] | None) -> str | None:
    """Where the second run keeps its state; raises UsageError where it is there without the first
    one's, before time is spent on a first run that it does not belong to."""
    if checkpoint is None:
        return None
    file = os.fspath(checkpoint) + ".final"
    if os.path.exists(file) and not os.path.exists(checkpoint):  # noqa: PTH110
        raise UsageError(
            f"{file}: the second half of a checkpoint whose first half, {os.fspath(checkpoint)}, "
            "is gone. Delete it to start again, or name another file."
        )
    return file


def whole_windows(trained: Windows, cut: np.ndarray) -> Windows:
    """The training windows without those that reach over an end of their series, of the series
    that have any whole ones. Padding teaches a network little about the windows it is asked for.
    """
    series, origin = trained.series, trained.origin.astype(np.int64)
    begin = trained.panel.offsets[series]
    whole = (origin - begin >= trained.context) & (origin + trained.horizon <= cut[series])
    has_whole = np.zeros(len(trained.panel), bool)
    has_whole[series[whole]] = True
    chosen = whole | ~has_whole[series]
    if chosen.all():
        return trained
    return trained.at(series[chosen], (origin - begin)[chosen])


def loss_units(panel: Panel, cut: np.ndarray) -> np.ndarray:
    """The unit in which a series' errors count, ``(series,)``: that of MASE, or its deviation where
    there is none, or 1."""
    units = seasonal_units(panel, cut)
    before = np.arange(len(panel.values)) < np.repeat(cut, panel.lengths)
    _, deviation = series_statistics(replace(panel, values=np.where(before, panel.values, np.nan)))
    return np.where(np.nan_to_num(units) > 1e-9 * deviation, units, deviation)
