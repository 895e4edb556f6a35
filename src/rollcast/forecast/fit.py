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
from rollcast.errors import UsageError
from rollcast.forecast.blend import NO_BLEND, best_blend
from rollcast.forecast.evaluate import crossed_bands, fold_of, judge, raw_windows
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecaster_params import check_params
from rollcast.forecast.holdout import choose_holdout, given_holdout
from rollcast.forecast.intervals import calibrate, forecast_spread
from rollcast.forecast.members import first_runs, member_files, second_runs
from rollcast.forecast.setup import set_up
from rollcast.train.events import Listener
from rollcast.train.state import History


def fit_panel(
    params: dict[str, Any],
    panel: Panel,
    options: dict[str, Any],
    listeners: Sequence[Listener],
    checkpoint: str | os.PathLike[str] | None,
) -> tuple[Fitted, History]:
    """Train, calibrate and score on held-out windows, and train again on all of them."""
    check_params(params)
    members, seed, horizon = params["ensemble"], params["seed"], int(params["horizon"])
    files = member_files(checkpoint, members)
    if params["name"] in (panel.columns.id, *panel.columns.time):
        raise UsageError(
            f"name={params['name']!r}: the table has a column of that name for its id or time. "
            "Choose another."
        )
    rows = params["validation"]
    holdout = given_holdout(panel, horizon, rows) if rows else choose_holdout(panel, horizon)
    setup = set_up(params, panel, holdout)
    refit, limit = params["refit"], setup.training.max_seconds
    if refit and limit:  # the other half is the second run's
        setup = replace(setup, training=replace(setup.training, max_seconds=limit / 2))
    network, held = setup.network, setup.held
    firsts, weights = first_runs(setup, seed, members, listeners, files)
    _, truth = raw_windows(panel, held.series, held.origin, held.context, horizon)
    blend = NO_BLEND
    if params["blend"] is not None:
        median = forecast_spread(network, weights, held)[0].median
        blend = best_blend(params["blend"], median, held, truth, setup.units()[held.series])
    prediction, below, above = forecast_spread(network, weights, held, network.head.levels, blend)
    stamps = panel.times[held.origin].astype(np.int64)
    calibration = calibrate(prediction.median, below, above, truth, stamps)
    bands = crossed_bands(fold_of(held, holdout), prediction.median, below, above, truth)
    judged = judge(params["name"], held, setup.trained, setup.cut, prediction, bands)
    seconds, statistics = sum(each.seconds for each in firsts), setup.trained.statistics
    if refit:
        again, weights = second_runs(setup, seed, firsts, listeners, files)
        seconds, statistics = seconds + again, setup.every.statistics
    location, scale = statistics or (np.empty(0), np.empty(0))
    fitted = Fitted(
        params=params,
        network=network,
        weights=weights,
        blend=blend,
        calibration=calibration,
        columns=panel.columns,
        freq=panel.freq,
        season=panel.season,
        source=panel.source,
        scaling=params["scaling"],
        ids=panel.ids if statistics else panel.ids[:0],
        location=location,
        scale=scale,
        scores=judged.totals(),
        error_by_step=judged.error_by_step(),
        holdout=holdout,
        series=len(panel),
        rows=len(panel.values),
        best_steps=tuple(each.best_step for each in firsts),
        steps=len(firsts[0].history.loss),
        reason=firsts[0].reason,
        seconds=seconds,
        trained_until=int(panel.times.max().astype(np.int64)),
        options=options,
        inputs=panel.inputs.columns if panel.inputs else (),
        holidays=panel.inputs.holidays if panel.inputs else None,
        input_scales=setup.every.features.inputs and setup.every.features.inputs.scales,
        input_ids=panel.ids if panel.inputs and params["scaling"] == "series" else panel.ids[:0],
    )
    return fitted, firsts[0].history
