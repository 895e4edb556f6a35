"""From a panel to a fitted network: windows, training, calibration, scores, training on all rows.

A first run keeps the last rows of every series out. They tell after how many steps to stop, what
the scores are and how wide the intervals must be. A second run then trains for so many steps on all
rows: what was held out is the newest there is, and in a short table a good part of all there is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from rollcast.data.panel import Panel
from rollcast.errors import UsageError
from rollcast.forecast.blend import NO_BLEND, Blend, best_blend
from rollcast.forecast.deadline import Deadline
from rollcast.forecast.evaluate import crossed_bands, fold_of, judge, ordinal_of, raw_windows
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecaster_params import check_params, check_seconds
from rollcast.forecast.holdout import holdout_of
from rollcast.forecast.intervals import calibrate, forecast_spread, spread_ratio
from rollcast.forecast.limits import limits_of
from rollcast.forecast.members import first_runs, member_files, second_runs
from rollcast.forecast.overlap import overlap
from rollcast.forecast.sample import error_paths, signed_scores
from rollcast.forecast.search.blends import search_blends
from rollcast.forecast.search.search import search
from rollcast.forecast.setup import Setup, set_up
from rollcast.train.events import Listener
from rollcast.train.loop import Outcome
from rollcast.train.state import History

FIRST_SHARE, ALONE_SHARE = 0.45, 0.9
"""Parts of the time left that the first runs may take, with and without a second run: that one is
as long at most, and calibration and scores come between."""


def fit_panel(
    params: dict[str, Any],
    panel: Panel,
    options: dict[str, Any],
    listeners: Sequence[Listener],
    checkpoint: str | os.PathLike[str] | None,
    max_seconds: float | None = None,
    scored: bool = True,
) -> tuple[Fitted, History]:
    """Train, calibrate and score on held-out windows, and train again on all of them; with strategy
    auto, search for the network before. Not ``scored``: without scores beside the baselines."""
    deadline = Deadline(max_seconds)
    check_params(params)
    check_seconds("max_seconds", max_seconds)
    members, seed = params["ensemble"], params["seed"]
    files = member_files(checkpoint, members)
    if params["name"] in (panel.columns.id, *panel.columns.time):
        raise UsageError(
            f"name={params['name']!r}: the table has a column of that name for its id or time. "
            "Choose another."
        )
    holdout = holdout_of(params, panel)
    with place_of_trials(params, files) as place:
        trials, spent = (), 0.0
        if place is None:
            setup = set_up(params, panel, holdout)
        else:
            found = search(params, panel, holdout, place[0], deadline, listeners)
            setup, trials, spent = found.setup, found.trials, found.seconds
        refit, limit = params["refit"], setup.training.max_seconds
        if refit and limit:  # the other half is the second run's
            setup = replace(setup, training=replace(setup.training, max_seconds=limit / 2))
        part = Deadline(deadline.left * (FIRST_SHARE if refit else ALONE_SHARE))
        firsts, weights = first_runs(setup, seed, members, listeners, place or files, part, spent)
    blend = None
    if place is not None and params["blend"] is None:
        steps = len(firsts[0].history.loss)
        blend, trials = search_blends(setup, weights, steps, trials, part)
    fitted = finish(
        params, setup, options, listeners, files, firsts, weights, deadline, scored, blend
    )
    return replace(fitted, trials=trials), firsts[0].history


def finish(
    params: dict[str, Any],
    setup: Setup,
    options: dict[str, Any],
    listeners: Sequence[Listener],
    files: Sequence[str],
    firsts: Sequence[Outcome],
    weights: np.ndarray,
    deadline: Deadline,
    scored: bool = True,
    blend: Blend | None = None,
) -> Fitted:
    """Calibrate and score the networks of the first runs; train again on all rows, if asked to. A
    blend that a search found is taken, else the one of the arguments."""
    network, held, panel, horizon = setup.network, setup.held, setup.every.panel, setup.held.horizon
    holdout, seed, refit = setup.holdout, params["seed"], params["refit"]
    _, truth = raw_windows(panel, held.series, held.origin, held.context, horizon)
    if blend is None and params["blend"] is not None:
        median = forecast_spread(network, weights, held)[0].median
        units = setup.units()
        blend = best_blend(params["blend"], median, held, truth, units, setup.trained)
    blend = NO_BLEND if blend is None else blend
    prediction, below, above = forecast_spread(network, weights, held, network.head.levels, blend)
    stamps = panel.times[held.origin].astype(np.int64)
    found = prediction.median, below, above, truth
    signed = signed_scores(*found)
    alike = overlap(signed, held.series, ordinal_of(held, holdout), holdout.step)
    calibration = calibrate(*found, stamps, alike)
    bands = crossed_bands(fold_of(held, holdout), *found, alike)
    errors = error_paths(signed)
    limits = limits_of(params, network.head)
    prediction, bands = limits.prediction(prediction), limits.bands(bands)
    judged = None
    if scored:
        judged = judge(params["name"], held, setup.trained, setup.cut, prediction, bands)
    seconds, statistics = sum(each.seconds for each in firsts), setup.trained.statistics
    if refit:
        again, weights = second_runs(setup, seed, firsts, listeners, files, deadline)
        seconds, statistics = seconds + again, setup.every.statistics
        blend = blend.refitted(setup.every, setup.units())
        same = setup.every.at(held.series, held.origin - panel.offsets[held.series])
        ratio = spread_ratio((below, above), forecast_spread(network, weights, same)[1:])
        calibration, errors = calibration.in_spreads(ratio), errors * ratio
    location, scale = statistics or (np.empty(0), np.empty(0))
    powers = setup.powers
    return Fitted(
        params=params,
        network=network,
        weights=weights,
        blend=blend,
        calibration=calibration,
        error_paths=errors,
        columns=panel.columns,
        freq=panel.freq,
        season=panel.season,
        source=panel.source,
        scaling=setup.every.scaling,
        ids=panel.ids if statistics or len(powers) else panel.ids[:0],
        location=location,
        scale=scale,
        powers=powers,
        scores=judged.totals() if judged else {},
        error_by_step=judged.error_by_step() if judged else {},
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
        input_ids=panel.ids if panel.inputs else panel.ids[:0],
    )


@contextmanager
def place_of_trials(params: dict[str, Any], files: list[str]) -> Iterator[list[str] | None]:
    """The checkpoints of first runs where a search leaves its winner's: those that are kept, or one
    that lasts as long as the first runs. None without a search."""
    if params["strategy"] != "auto":
        yield None
    elif files:
        yield files
    else:
        with TemporaryDirectory(prefix="rollcast-") as folder:
            yield [os.path.join(folder, "run")]  # noqa: PTH118
