"""Naive 2, the reference of the M4 competition's OWA: naive on seasonally adjusted series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rollcast.score.past import carried, last_observed

CRITICAL = 1.645
"""Of the test for a season: the 90 % point of a normal distribution."""

LEAST_SEASONS = 3
"""Seasons that a history must have to be tested."""


def naive2(past: NDArray, horizon: int, indices: NDArray) -> NDArray:
    """The last value, seasonally adjusted, with the season put back: ``(windows, horizon)``.

    ``past (windows, context)``; ``indices (windows, season)`` are those of `seasonal_indices`, the
    first one that of the first step. Makridakis, Spiliotis and Assimakopoulos 2020, appendix A.
    """
    past = np.asarray(past, dtype=np.float64)
    last, at = last_observed(past)
    season = indices.shape[1]
    phase = (at - past.shape[1]) % season
    newest = last / indices[np.arange(len(past)), phase]
    return newest[:, None] * indices[:, np.arange(horizon) % season]


def seasonal_indices(history: NDArray, season: int) -> NDArray:
    """The factor of each phase of a season, ``(series, season)``, of mean 1; the first phase is
    that of the row after the last of ``history (series, rows)``.

    They come from the classical multiplicative decomposition, where a series is above 0, has
    three seasons and passes the competition's test; all others get 1. NaN before the first value is
    no part of a series; any other missing value counts as the last one before it.
    """
    history = np.asarray(history, dtype=np.float64)
    found = np.ones((len(history), season))
    if season == 1 or history.shape[1] < LEAST_SEASONS * season:
        return found
    filled = carried(history)
    lengths = (~np.isnan(filled)).sum(axis=1)
    tested = (lengths >= LEAST_SEASONS * season) & ~(filled <= 0).any(axis=1)
    tested[tested] = is_seasonal(filled[tested], lengths[tested], season)
    if tested.any():
        found[tested] = _ratios(filled[tested], season)
    return found


def is_seasonal(values: NDArray, lengths: NDArray, season: int) -> NDArray:
    """Which rows ``(rows, time)`` have an autocorrelation at ``season`` beyond what Bartlett's
    formula allows to those without one. NaN counts as the mean."""
    means = np.nansum(values, axis=1, keepdims=True) / lengths[:, None]
    centred = np.nan_to_num(values - means, nan=0.0)
    power = np.square(centred).sum(axis=1)
    power = np.where(power > 0, power, np.inf)
    found = [
        np.einsum("rt,rt->r", centred[:, lag:], centred[:, :-lag]) / power
        for lag in range(1, season + 1)
    ]
    before = np.square(found[:-1]).sum(axis=0)
    return np.abs(found[-1]) > CRITICAL * np.sqrt((1.0 + 2.0 * before) / lengths)


def _ratios(values: NDArray, season: int) -> NDArray:
    """The mean ratio to a centred moving average of each phase, ``(rows, season)``."""
    rows, time = values.shape
    started = ~np.isnan(values)
    sums = np.cumsum(np.pad(np.where(started, values, 0.0), ((0, 0), (1, 0))), axis=1)
    average = (sums[:, season:] - sums[:, :-season]) / season
    if season % 2 == 0:
        average = (average[:, 1:] + average[:, :-1]) / 2.0
    half = season // 2
    ratio = np.full((rows, -(-time // season) * season), np.nan)
    start = ratio.shape[1] - time  # so that the last phase is that of the last row
    middle = slice(half, half + average.shape[1])
    whole = started[:, : average.shape[1]]  # the average's first row is part of the series
    ratio[:, start + middle.start : start + middle.stop] = np.divide(
        values[:, middle], average, out=np.full_like(average, np.nan), where=whole
    )
    phases = ratio.reshape(rows, ratio.shape[1] // season, season)
    known = ~np.isnan(phases)
    means = np.where(known, phases, 0.0).sum(axis=1) / known.sum(axis=1)
    return means / means.mean(axis=1, keepdims=True)
