"""How much held-out windows say that overlap.

Origins one row apart share all but one row of their horizon: their errors are alike, and a score
that is the largest of nineteen may be so by a single stretch of bad luck. With errors ``e`` of
windows in a row and their correlations ``r_k``, n windows say of the size of errors about as much
as m = n / (1 + 2 Σ r_k) that are independent (Bartlett 1946, of a mean), where the sum ends before
the first correlation that is not positive and before windows that share no row (in the manner of
Geyer 1992, section 3.3). A normal error whose spread is found from m others lies within that spread
times a quantile of Student's t with m degrees of freedom. So an interval widens by the ratio of
that quantile to the one with n: not at all where windows are independent, and the theorem of split
conformal intervals holds as it stands.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray

MOST_WINDOWS = 1000
"""Windows whose errors are compared."""

LEAST_FREEDOM = 2.0
"""Below it the expansion of Student's quantiles says nothing, and neither do the windows."""


def overlap(errors: Array, series: Array, ordinal: Array, step: int) -> Array:
    """How many windows say as much as one that is independent, at each step, ``(horizon,)``.

    ``errors (windows, horizon)`` have a sign, NaN where not observed; ``series`` and ``ordinal
    (windows,)`` say which series each is of and which of its origins, ``step`` rows apart.
    """
    horizon = errors.shape[1]
    origins = int(ordinal.max()) + 1
    origins = min(origins, max(2, MOST_WINDOWS))
    ordinal = ordinal - (int(ordinal.max()) + 1 - origins)
    which, place = np.unique(series, return_inverse=True)
    most = max(1, MOST_WINDOWS // origins)
    chosen = (place < most) & (ordinal >= 0)
    table = np.full((min(most, len(which)), origins, horizon), np.nan)
    table[place[chosen], ordinal[chosen]] = errors[chosen]
    seen = ~np.isnan(table)
    table[~seen] = 0.0
    power = np.square(table).sum(axis=(0, 1)) / np.maximum(seen.sum(axis=(0, 1)), 1)
    lags = -(-np.arange(1, horizon + 1) // step) - 1  # so many windows later share a row
    found, going = np.ones(horizon), power > 0.0
    for lag in range(1, min(origins - 1, int(lags.max())) + 1):
        pairs = (seen[:, lag:] & seen[:, :-lag]).sum(axis=(0, 1))
        product = np.einsum("sth,sth->h", table[:, lag:], table[:, :-lag])
        going = going & (lag <= lags) & (product > 0.0) & (pairs > 0)
        if not going.any():
            break
        alike = product / np.maximum(pairs, 1) / np.where(power > 0.0, power, 1.0)
        found += np.where(going, 2.0 * np.minimum(alike, 1.0) * (1.0 - lag / origins), 0.0)
    return found


def widening(counts: Array, overlap: Array, level: float | Array) -> Array:
    """How much wider intervals of ``level`` percent are than ``counts`` independent windows would
    make them; the arguments broadcast."""
    shares = np.asarray(level, np.float64) / 100.0
    if (overlap <= 1.0).all():
        return np.ones(np.broadcast_shapes(np.shape(counts), overlap.shape, shares.shape))
    # The inverse of the error function, to two in a thousand, without an import of 10 ms (Winitzki
    # 2008, "A handy approximation for the error function and its inverse").
    half, bend = 0.5 * np.log1p(-np.square(shares)), 0.147
    middle = 2.0 / (np.pi * bend) + half
    square = 2.0 * (np.sqrt(np.square(middle) - 2.0 * half / bend) - middle)
    counts = np.maximum(counts, 1.0)
    fewer = np.minimum(np.maximum(counts / overlap, LEAST_FREEDOM), counts)
    return _stretch(square, fewer) / _stretch(square, counts)


def _stretch(square: Array, freedom: Array) -> Array:
    """A quantile of Student's t by that of the normal distribution, given the ``square`` of this:
    Abramowitz and Stegun 1964, 26.7.5."""
    first = (square + 1.0) / 4.0
    second = ((5.0 * square + 16.0) * square + 3.0) / 96.0
    third = (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0
    fourth = (((79.0 * square + 776.0) * square + 1482.0) * square - 1920.0) * square - 945.0
    one = 1.0 / freedom
    return 1.0 + one * (first + one * (second + one * (third + one * fourth / 92160.0)))
