"""Smoothing with a trend that dies away, of each window by itself.

A series without its season is smoothed exponentially together with its trend, of which a part φ is
left after each row (Gardner & McKenzie 1985, equations in error-correction form):

    f = l + φ b      e = y − f      l ← f + a e      b ← φ b + a b* e

Where the drift of Theta goes on for ever, this trend levels off: the two err on different sides,
and their mean with others is hard to beat (Makridakis & Hibon 2000, "Comb S-H-D"). As there,
nothing is chosen: all triples (a, b*, φ), and smoothing without a trend, are averaged by how well
their forecasts of the next row did. Logarithms, season and gaps are those of theta.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rollcast.score.theta import likelihood_weights, of_level

SMOOTHING = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95)
TREND = (0.02, 0.05, 0.1, 0.2, 0.4)
"""What of an error goes into the trend, as a part of what goes into the level."""

LEFT = (0.8, 0.9, 0.95)

TRIPLES = np.array(
    [(a, b, left) for a in SMOOTHING for b in TREND for left in LEFT]
    + [(a, 0.0, 0.0) for a in SMOOTHING]
)

FIRST_ROWS = 8
"""Differences whose mean is the first trend."""


def damped(past: NDArray, horizon: int, season: int) -> NDArray[np.float64]:
    """Forecasts ``(windows, horizon)`` from the past ``(windows, rows)``, newest value last; NaN as
    in `theta`. Season 1 = none."""
    return of_level(smoothed_with_trend, past, horizon, season)


def smoothed_with_trend(past: NDArray, horizon: int) -> NDArray:
    """Smoothing with damped trend ``(windows, horizon)`` of a past without season, averaged."""
    windows, rows = past.shape
    smoothing, part, left = (each[:, None] for each in TRIPLES.T)
    seen = ~np.isnan(past)
    each, begin = np.arange(windows), np.where(seen.any(axis=1), seen.argmax(axis=1), 0)
    span = np.minimum(np.maximum(rows - 1 - begin, 1), FIRST_ROWS)
    far = past[each, np.minimum(begin + span, rows - 1)]
    slope = np.nan_to_num((far - past[each, begin]) / span)
    count = np.zeros(windows)
    level, trend, squares = (np.zeros((len(TRIPLES), windows)) for _ in range(3))
    for row in range(rows):
        now = seen[:, row]
        if not now.any():
            continue
        value, later = np.where(now, past[:, row], 0.0), now & (count > 0)
        ahead = level + left * trend
        error = np.where(later, value - ahead, 0.0)
        squares += error * error
        level = np.where(later, ahead + smoothing * error, np.where(now, value, level))
        moved = left * trend + smoothing * part * error
        trend = np.where(later, moved, np.where(now, slope * (left > 0.0), trend))
        count = count + now
    weight = likelihood_weights(squares, count)
    found = np.empty((windows, horizon))
    power, total = np.ones_like(left), np.zeros_like(left)
    for step in range(horizon):
        power = power * left
        total = total + power
        found[:, step] = (weight * (level + total * trend)).sum(axis=0)
    return np.where((count > 0)[:, None], found, np.nan)
