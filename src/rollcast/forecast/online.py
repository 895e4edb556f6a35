"""Intervals recalibrated while a backtest rolls on: at each origin, by the truths known there.

The interval of an origin follows from the newest scores that were known then, those of the
calibration and those of earlier windows of the backtest. For all origins at once: an order
statistic of a stretch of the scores, in order of time, is found by descending a wavelet matrix
(Claude, Navarro and Ordóñez 2015, "The wavelet matrix", section 4), one bit of the rank at a time,
all origins and steps side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast.forecast.intervals import Calibration, ranks_of, window_order
from rollcast.forecast.overlap import widening

Array = np.ndarray


def online_radii(
    calibration: Calibration,
    scores: Array,
    known: Array,
    origins: Array,
    levels: Sequence[float],
) -> list[Array]:
    """How many spreads the interval of each level reaches, ``(windows, horizon)`` each.

    ``scores (earlier, horizon)`` are those of the backtest's windows; ``known (earlier, horizon)``
    the times of their truths; ``origins (windows,)`` the times of the first row to forecast: a
    score counts where its truth is earlier. The calibration's all do.
    """
    stamps = known[:, 0]
    order, _ = window_order(stamps)
    _, span = window_order(np.concatenate([calibration.stamps, stamps]))
    seen = np.concatenate([calibration.scores, scores[order]]).T
    long_ago = np.full_like(calibration.scores, np.iinfo(np.int64).min, np.int64)
    times = np.concatenate([long_ago, known[order]]).T
    asked, place = np.unique(origins, return_inverse=True)
    observed = ~np.isnan(seen)
    # Scores that are observed, moved to the front: a stretch then holds so many of them.
    front = np.argsort(~observed, axis=1, kind="stable")
    seen = np.take_along_axis(seen, front, axis=1)
    counts = np.concatenate([np.zeros((len(seen), 1), np.int64), observed.cumsum(axis=1)], axis=1)
    end = np.stack(
        [row[np.searchsorted(when, asked)] for row, when in zip(counts, times, strict=True)]
    )
    begin = np.maximum(end - span, 0)
    ranks = np.concatenate(
        [np.minimum(ranks_of(end - begin, level), end - begin) - 1 for level in levels], axis=1
    )
    found = smallest(seen, np.tile(begin, len(levels)), np.tile(end, len(levels)), ranks)
    wide = [widening(end - begin, calibration.overlap[:, None], level) for level in levels]
    parts = np.split(found, len(levels), axis=1)
    return [(part * factor).T[place] for part, factor in zip(parts, wide, strict=True)]


def smallest(values: Array, begin: Array, end: Array, ranks: Array) -> Array:
    """Of each row of ``values (rows, time)`` the value of rank ``ranks`` (0 = the smallest) among
    those of the stretches ``begin`` to ``end``, all ``(rows, queries)``.
    """
    order = np.argsort(values, axis=1)
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(values.shape[1])[None], axis=1)
    place = place.astype(np.int32)  # half of what has to be moved
    begin, end, ranks = (each.astype(np.int32) for each in (begin, end, ranks))
    count = np.arange(values.shape[1], dtype=np.int32)
    rank = np.zeros_like(ranks)
    for bit in reversed(range(max(1, int(values.shape[1] - 1).bit_length()))):
        zero = (place >> bit) & 1 == 0
        zeros = np.zeros((len(zero), zero.shape[1] + 1), np.int32)
        np.cumsum(zero, axis=1, out=zeros[:, 1:])
        total = zeros[:, -1:]
        low, high = (np.take_along_axis(zeros, at, axis=1) for at in (begin, end))
        left = ranks < high - low
        rank |= np.where(left, 0, 1 << bit)
        ranks = np.where(left, ranks, ranks - (high - low))
        begin = np.where(left, low, total + begin - low)
        end = np.where(left, high, total + end - high)
        moved = np.where(zero, zeros[:, :-1], total + count - zeros[:, :-1])
        following = np.empty_like(place)
        np.put_along_axis(following, moved, place, axis=1)
        place = following
    return np.take_along_axis(values, np.take_along_axis(order, rank, axis=1), axis=1)
