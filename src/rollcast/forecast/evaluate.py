"""Scores of a network's forecasts beside the baselines, on the same windows."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rollcast.data.panel import Panel
from rollcast.data.windows import Windows
from rollcast.forecast.holdout import Holdout
from rollcast.forecast.intervals import calibrate, intervals
from rollcast.forecast.judged import Bands, Judged
from rollcast.model.predict import Prediction
from rollcast.score.baselines import BASELINES
from rollcast.score.linear import MOST_WINDOWS
from rollcast.score.naive2 import naive2, seasonal_indices
from rollcast.score.units import seasonal_scales

Array = np.ndarray

SCORED_LEVELS = (80, 95)
"""Intervals whose coverage on held-out windows is reported, where there are enough of them."""

LEAST_LEARNT, LEARNT_PER_ROW = 2000, 40
"""Training windows that a baseline learns from, at least, and for each row that it sees: so many
that it costs no more than the network's forecasts."""

SEASONS = 64
"""Newest seasons that Naive 2 looks at."""


def judge(
    name: str,
    held: Windows,
    training: Windows,
    cut: Array,
    prediction: Prediction,
    bands: Bands,
) -> Judged:
    """``prediction`` of the windows ``held``, with intervals ``bands``, beside the baselines.

    ``cut (series,)`` is the panel's row before which training targets end; the baselines that learn
    do so on the windows ``training``, and the units of scaled errors come from the rows before it.
    """
    panel, context, horizon = held.panel, held.context, held.horizon
    series, origin = held.series, held.origin.astype(np.int64)
    # A baseline sees a whole season, however short the network's window: it must not look worse
    # for an option of the network.
    rows = max(context, panel.season)
    past, truth = raw_windows(panel, series, origin, rows, horizon)
    forecasts = {name: prediction.median}
    forecasts |= baseline_forecasts(panel, training, cut, past, context, horizon)
    return Judged(
        name=name,
        truth=truth,
        forecasts=forecasts,
        quantiles=prediction.quantiles,
        levels=prediction.levels,
        bands=bands,
        units=seasonal_units(panel, cut)[series],
        squares=seasonal_units(panel, cut, power=2)[series],
        reference=naive2(past, horizon, season_at(panel, cut, series, origin)),
    )


def season_at(panel: Panel, cut: Array, series: Array, origin: Array) -> Array:
    """The factors of a season from each window's origin on, ``(windows, season)``, found in the
    rows of its series before ``cut``."""
    season, count = panel.season, len(panel)
    rows = min(int(panel.lengths.max()), SEASONS * season)
    before, _ = raw_windows(panel, np.arange(count), cut, rows, 1, cut)
    phase = (origin - cut[series])[:, None] + np.arange(season)
    return np.take_along_axis(seasonal_indices(before, season)[series], phase % season, axis=1)


def baseline_forecasts(
    panel: Panel, training: Windows, cut: Array, past: Array, context: int, horizon: int
) -> dict[str, Array]:
    """Method → forecasts ``(windows, horizon)`` of the windows whose past ``(windows, rows)`` is
    given; those that learn see ``context`` rows and are fitted on ``training``, thinned evenly."""
    some = np.arange(training.count)
    most = min(MOST_WINDOWS, max(LEAST_LEARNT, LEARNT_PER_ROW * context))
    if len(some) > most:
        some = np.linspace(0, len(some) - 1, most).astype(np.int64)
    series, origin = training.series[some], training.origin[some].astype(np.int64)
    seen = raw_windows(panel, series, origin, context, horizon, cut[series])
    result = {}
    for method, baseline in BASELINES.items():
        forecast = baseline.fit(*seen, panel.season)
        known = past[:, -context:] if baseline.learns else past
        result[method] = forecast(known, horizon, panel.season)
    return result


def raw_windows(
    panel: Panel,
    series: Array,
    origin: Array,
    context: int,
    horizon: int,
    stop: Array | None = None,
) -> tuple[Array, Array]:
    """Past ``(windows, context)`` and target ``(windows, horizon)`` as they are in the panel.

    NaN where missing, outside the series, or at and after the row ``stop (windows,)``.
    """
    origin, span = origin.astype(np.int64), context + horizon
    begin, end = panel.offsets[series], panel.offsets[1:][series] if stop is None else stop
    values = np.empty((len(origin), span))
    whole = (origin - context >= begin) & (origin + horizon <= end)
    if whole.any():  # those lie in one piece
        values[whole] = sliding_window_view(panel.values, span)[origin[whole] - context]
    rest = ~whole
    rows = origin[rest, None] + np.arange(-context, horizon)
    inside = (rows >= begin[rest, None]) & (rows < end[rest, None])
    values[rest] = np.where(inside, panel.values[np.where(inside, rows, 0)], np.nan)
    return values[:, :context], values[:, context:]


def seasonal_units(panel: Panel, cut: Array, *, power: int = 1) -> Array:
    """The unit of MASE of each series, ``(series,)``: its mean absolute seasonal difference before
    the row ``cut``; NaN where no pair of values is that far apart. With ``power`` 2 the root of the
    mean square, the unit of RMSSE."""
    before = np.arange(len(panel.values)) < np.repeat(cut, panel.lengths)
    values = np.where(before, panel.values, np.nan)
    return seasonal_scales(values, panel.offsets, panel.season, power=power)


def fold_of(held: Windows, holdout: Holdout) -> Array:
    """Which half each held-out window is in: by time, or with a single origin by series."""
    if holdout.origins == 1:
        return held.series % 2 == 1
    return 2 * ordinal_of(held, holdout) >= holdout.origins


def ordinal_of(held: Windows, holdout: Holdout) -> Array:
    """Which of the origins of its series each held-out window has, from 0."""
    ends = held.panel.offsets[1:][held.series]
    return (held.origin - (ends - holdout.rows)) // holdout.step


def crossed_bands(
    fold: Array,
    median: Array,
    below: Array,
    above: Array,
    truth: Array,
    overlap: Array | None = None,
) -> dict[float, tuple[Array, Array]]:
    """Intervals of each half of the windows, calibrated on the other half: their coverage is not
    that of the windows they were made from. Levels that a half has too few windows for are left
    out.
    """
    bands: dict[float, tuple[Array, Array]] = {}
    halves = [(fold, ~fold), (~fold, fold)]
    calibrations = [
        calibrate(median[seen], below[seen], above[seen], truth[seen], overlap=overlap)
        for _, seen in halves
    ]
    for level in SCORED_LEVELS:
        if any(level > calibration.largest_level for calibration in calibrations):
            continue
        low, high = np.empty_like(median), np.empty_like(median)
        for (scored, _), calibration in zip(halves, calibrations, strict=True):
            found = intervals(calibration, [level], median[scored], below[scored], above[scored])
            low[scored], high[scored] = found[level]
        bands[level] = (low, high)
    return bands
