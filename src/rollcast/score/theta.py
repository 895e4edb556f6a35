"""Theta forecasts of each window by itself, averaged over smoothing and drift.

A series without its season is smoothed exponentially and carried on along a part ``s`` of the trend
line through all of it: s = 1/2 is the Theta method, which won the M3 competition (Assimakopoulos &
Nikolopoulos 2000; as smoothing with drift: Hyndman & Billah 2003), s = 0 plain smoothing, and s is
1 − 1/θ of the optimised method (Fiorucci et al. 2016). Instead of choosing the smoothing ``a`` and
``s``, all pairs are averaged, each by how well its forecasts of the next row did in the window:
by SSE^(−n/2), the likelihood of normal errors whose variance is not known.

Where all values are positive, the forecast is the mean of that of the values, with a trend that
adds up and seasonal factors, and that of their logarithms, with a trend that multiplies.

Seasonal indices are those of classical decomposition, shrunk towards none by how much they may owe
to noise (in the manner of James & Stein; Miller & Williams 2003). Every window is computed side by
side; a hundred thousand of a hundred rows take seconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rollcast.errors import UsageError
from rollcast.score.past import carried

SMOOTHING = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99])
SHARES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])

LEAST_SEASONS = 3
"""With fewer whole seasons there are no indices."""

SHRINKAGE = 2.0
"""Times the variance of the indices' noise that is taken from that of the indices."""

FARTHEST = np.log(10.0)
"""Forecasts of logarithms go so far beyond what the window has."""

AT_ONCE = 4096

Smooth = Callable[[NDArray, int], NDArray]
"""Forecasts ``(windows, horizon)`` of a past ``(windows, rows)`` without season and gaps."""


def theta(past: NDArray, horizon: int, season: int) -> NDArray[np.float64]:
    """Forecasts ``(windows, horizon)`` from the past ``(windows, rows)``, newest value last.

    NaN in the past is a missing value, taken as the last one before it, or the padding before a
    short series. A window of one value repeats it, one without any gives NaN. Season 1 = none.
    """
    return of_level(smoothed, past, horizon, season)


def of_level(smooth: Smooth, past: NDArray, horizon: int, season: int) -> NDArray[np.float64]:
    """What ``smooth`` forecasts of a past without season and gaps, with the season in it; of
    positive values the mean of theirs and of their logarithms'."""
    past = np.asarray(past, dtype=np.float64)
    if past.ndim != 2 or past.shape[1] == 0 or horizon < 1 or season < 1:
        raise UsageError(
            f"smoothing: past has shape {past.shape}, horizon is {horizon}, season is {season}; "
            "expected (windows, rows) with a row, a horizon and a season of at least 1."
        )
    found = np.empty((len(past), horizon))
    for start in range(0, len(past), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        some = carried(past[rows])
        found[rows] = once(some, horizon, season, smooth)
        seen = ~np.isnan(some)
        positive = np.flatnonzero(np.all((some > 0.0) | ~seen, axis=1) & seen.any(axis=1))
        if len(positive):
            log = np.log(some[positive])
            low, high = np.nanmin(log, axis=1), np.nanmax(log, axis=1)
            below = high + 1.0  # no value is above 0: seasons are terms
            ahead = once(log - below[:, None], horizon, season, smooth) + below[:, None]
            ahead = np.clip(ahead, (low - FARTHEST)[:, None], (high + FARTHEST)[:, None])
            found[rows][positive] = 0.5 * (found[rows][positive] + np.exp(ahead))
    return found


def once(past: NDArray, horizon: int, season: int, smooth: Smooth | None = None) -> NDArray:
    """The forecast of a past without gaps: seasonal factors where all values are positive, else
    terms; a trend adds up. ``smooth`` None = Theta."""
    level, index = without_season(past, season)
    plain, at = (smooth or smoothed)(level, horizon), np.arange(horizon) % season
    ratio = np.all((past > 0.0) | np.isnan(past), axis=1)
    return np.where(ratio[:, None], plain * index[:, at], plain + index[:, at])


def without_season(past: NDArray, season: int) -> tuple[NDArray, NDArray]:
    """The past without its season, and an index ``(windows, season)`` for each phase from the row
    after the newest one on: factors where all values are positive, else terms."""
    positive = np.all((past > 0.0) | np.isnan(past), axis=1)
    index = np.repeat(np.where(positive, 1.0, 0.0)[:, None], season, axis=1)
    seasonal = np.count_nonzero(~np.isnan(past), axis=1) >= LEAST_SEASONS * season
    if season == 1 or not seasonal.any():
        return past, index
    ratio = positive[seasonal]
    index[seasonal] = indices(past[seasonal], season, ratio)
    phase = np.arange(-past.shape[1], 0) % season
    own = index[:, phase]
    with np.errstate(invalid="ignore"):
        return np.where(positive[:, None], past / np.where(own, own, 1.0), past - own), index


def indices(past: NDArray, season: int, ratio: NDArray) -> NDArray:
    """Shrunk indices ``(windows, season)``; where ``ratio``, of values relative to their trend,
    else less it. The first phase is that of the row ``season`` rows before the end, and so of the
    row after it."""
    windows, rows = past.shape
    weights = np.ones(season + 1 - season % 2)
    if season % 2 == 0:
        weights[[0, -1]] = 0.5
    weights /= season
    spans = rows - len(weights) + 1
    trend = sum(weight * past[:, k : k + spans] for k, weight in enumerate(weights))
    half = len(weights) // 2
    middle = past[:, half : half + spans]
    padded = np.full((windows, -(-rows // season) * season), np.nan)
    begin = padded.shape[1] - rows + half
    by = ratio[:, None]
    unit = np.where(by, trend, 1.0)  # what is not divided by may be 0
    padded[:, begin : begin + spans] = np.where(by, middle / unit, middle - trend)
    phases = padded.reshape(windows, -1, season)
    seen = ~np.isnan(phases)
    count = seen.sum(axis=1)
    mean = np.where(seen, phases, 0.0).sum(axis=1) / np.maximum(count, 1)
    level = mean.mean(axis=1, keepdims=True)
    index = np.where(by, mean / np.where(by, level, 1.0), mean - level)
    spread = np.where(seen, phases - index[:, None], 0.0)
    free = np.maximum((count - 1).sum(axis=1), 1)
    noise = np.square(spread).sum(axis=(1, 2)) / free * (1.0 / np.maximum(count, 1)).mean(axis=1)
    variance = index.var(axis=1, ddof=1)
    kept = 1.0 - SHRINKAGE * noise / np.where(variance > 0.0, variance, np.inf)
    none = np.where(by, 1.0, 0.0)
    return none + (index - none) * np.clip(kept, 0.0, 1.0)[:, None]


def smoothed(past: NDArray, horizon: int) -> NDArray:
    """Smoothing with drift ``(windows, horizon)`` of a past without season, averaged."""
    windows, rows = past.shape
    smoothing, share = SMOOTHING[:, None], SHARES[:, None, None]
    count, mean, moment, slope = (np.zeros(windows) for _ in range(4))
    level = np.zeros((len(SMOOTHING), windows))
    left = np.ones_like(level)  # (1 − a)^n: what the first value still counts
    squares = np.zeros((len(SHARES), len(SMOOTHING), windows))
    for row in range(rows):
        value, seen = past[:, row], ~np.isnan(past[:, row])
        if not seen.any():
            continue
        value = np.where(seen, value, 0.0)
        later = seen & (count > 0)
        # The drift of a smoothed line lags behind it by 1/a rows: Hyndman & Billah 2003, eq. 8.
        error = value - level - share * (slope * (1.0 - left) / smoothing)
        squares += np.where(later, error, 0.0) ** 2
        level = np.where(later, level + smoothing * (value - level), np.where(seen, value, level))
        left = np.where(seen, left * (1.0 - smoothing), left)
        # Slope of the regression on 1 … n: Σ (i − ī)(y − ȳ) grows by (n − 1)/2 (y − ȳ before).
        moment += np.where(seen, count / 2.0 * (value - mean), 0.0)
        count = count + seen
        mean += np.where(seen, (value - mean) / np.maximum(count, 1.0), 0.0)
        slope = np.where(count >= 3, 12.0 * moment / np.maximum(count * (count**2 - 1), 1.0), 0.0)
    weight = likelihood_weights(squares.reshape(-1, windows), count).reshape(squares.shape)
    drift = (weight * share).sum(axis=(0, 1)) * slope
    lag = (weight * share * ((1.0 - left) / smoothing)).sum(axis=(0, 1)) * slope
    newest = (weight * level).sum(axis=(0, 1)) + lag
    found = newest[:, None] + drift[:, None] * np.arange(horizon)
    return np.where((count > 0)[:, None], found, np.nan)


def likelihood_weights(squares: NDArray, count: NDArray) -> NDArray:
    """Weights ``(methods, windows)`` that sum up to 1, by SSE^(−n/2), from the sums of squared
    errors and how many values ``(windows,)`` a window has."""
    largest = squares.max(axis=0)
    floor = 1e-12 * np.where(largest > 0.0, largest, 1.0)
    log = -0.5 * np.maximum(count - 1.0, 0.0) * np.log(np.maximum(squares, floor))
    weight = np.exp(log - log.max(axis=0))
    return weight / weight.sum(axis=0)
