"""Split-conformal intervals, per step of the horizon.

On windows that were held out of training, the score of a step is how many spreads its truth lay
from the median,

    s = max((median − y) / spread_below, (y − median) / spread_above),

with the spreads the network itself gave that window. The interval of level p is the median minus
and plus q spreads, where q is the ⌈(n + 1) p⌉-th smallest of the n scores: it covers a new window,
exchangeable with the held-out ones, with probability at least p, whatever the network
(Lei et al. 2018, "Distribution-free predictive inference for regression", theorem 2.1; the scaling
by a learnt spread is that of locally weighted conformal inference, section 5.2 there, with one
spread for each side as in Romano, Patterson and Candès 2019, "Conformalized quantile regression").

Time series are not exchangeable: errors grow and shrink over months. So only the newest scores
count, and where truths become known their scores join (`online`, ``Forecaster.update``): weighted
conformal inference with weights 1 and 0 (Barber, Candès, Ramdas and Tibshirani 2023, "Conformal
prediction beyond exchangeability", section 4). Where held-out windows share rows, fewer of them
are independent, and intervals widen for it (`overlap`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rollcast.errors import UsageError
from rollcast.forecast.blend import NO_BLEND, Blend
from rollcast.forecast.overlap import widening
from rollcast.model.network import Network
from rollcast.model.predict import Prediction, predict

if TYPE_CHECKING:
    from rollcast.data.windows import Windows

NEWEST_ORIGINS = 256
"""Origins whose scores count: older ones are forgotten, since errors change their size in time."""

MOST_WINDOWS, LEAST_ORIGINS = 5000, 16
"""Windows kept in all; of that many origins at least, so with many series some of each origin."""

LEAST_SPREAD = 1e-3
"""Floor of a spread, in scales of the window: a network that is sure still divides by something."""

SPREAD_LEVELS = (0.1, 0.9)
"""The head's quantiles whose distance from the median is the spread."""


Spreads = tuple[np.ndarray, np.ndarray]
"""Below and above the median, each ``(windows, horizon)``."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of held-out windows, ``(windows, horizon)``, NaN where the truth was not observed, in
    the order of ``stamps (windows,)`` int64: the panel's times of their first truths; ``overlap
    (horizon,)``, at least 1: how many of them say as much as one that is independent."""

    scores: np.ndarray
    stamps: np.ndarray
    overlap: np.ndarray

    @cached_property
    def counts(self) -> np.ndarray:
        """How many scores each step has, ``(horizon,)``."""
        return (~np.isnan(self.scores)).sum(axis=0)

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.sort(self.scores, axis=0)  # NaN goes last

    @cached_property
    def _radii(self) -> dict[float, np.ndarray]:
        return {}

    @cached_property
    def largest_level(self) -> float:
        """The largest level that every step can give, in percent: 100 · (1 − 1/(n + 1))."""
        return 100.0 * (1.0 - 1.0 / (int(self.counts.min()) + 1))

    def check(self, level: float) -> None:
        """Raise UsageError for a level in percent that there are too few held-out windows for."""
        check_level(level)
        count = self.counts
        # n + 1 ranks: with n scores nothing can be said beyond the n-th.
        if (ranks_of(count, level) > count).any():
            raise UsageError(
                f"level={level:g}: the calibration has {int(count.min())} held-out windows, "
                f"which allow at most level {floor_level(self.largest_level)}. Ask for that or "
                "less, or train on longer or more series."
            )

    def radius(self, level: float) -> np.ndarray:
        """How many spreads an interval reaches to either side at each step, ``(horizon,)``.

        ``level`` in percent. Raises UsageError when there are too few held-out windows for it.
        """
        check_level(level)
        if level not in self._radii:
            self.check(level)
            found = self._sorted[ranks_of(self.counts, level) - 1, np.arange(self.scores.shape[1])]
            self._radii[level] = found * widening(self.counts, self.overlap, level)
        return self._radii[level]

    def in_spreads(self, ratio: np.ndarray) -> Calibration:
        """The same where a spread is as wide as ``ratio (horizon,)`` of those before."""
        return replace(self, scores=self.scores * ratio)

    def after(self, scores: np.ndarray, stamps: np.ndarray) -> Calibration:
        """The calibration with the scores of more windows; the oldest are forgotten."""
        scores = np.concatenate([self.scores, scores])
        return kept(scores, np.concatenate([self.stamps, stamps]), self.overlap)


def ranks_of(counts: np.ndarray, level: float) -> np.ndarray:
    """⌈(n + 1) · level⌉ of each count, where 80 % of 5 is 4 although 0.8 in binary is more."""
    ranks = np.ceil(np.round((counts + 1) * (float(level) / 100.0), 9))
    return np.maximum(ranks, 1).astype(np.int64)


def check_level(level: float) -> None:
    """Raise UsageError for a level that is no percentage between 0 and 100."""
    if isinstance(level, bool) or not isinstance(level, int | float | np.number):
        raise UsageError(f"level={level!r}: expected percentages, such as level=(80, 95).")
    if not 0.0 < level < 100.0:
        raise UsageError(
            f"level={level!r}: expected a percentage above 0 and below 100, such as 80."
        )


def floor_level(level: float) -> str:
    """A level as text, rounded down to what can still be had."""
    return f"{math.floor(level * 100 + 1e-9) / 100:g}"


def scores_of(
    median: np.ndarray, below: np.ndarray, above: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    """How many spreads each truth lay from the median; all are ``(windows, horizon)``."""
    return np.maximum((median - truth) / below, (truth - median) / above)


def calibrate(
    median: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
    truth: np.ndarray,
    stamps: np.ndarray | None = None,
    overlap: np.ndarray | None = None,
) -> Calibration:
    """The calibration from forecasts of held-out windows, all ``(windows, horizon)``.

    ``below`` and ``above`` are the spreads, positive; NaN in ``truth`` is not observed and left out
    of its step. ``stamps (windows,)`` are the times of the first truths, None = in order;
    ``overlap (horizon,)`` as in `Calibration`, None = all are independent.
    """
    scores = scores_of(median, below, above, truth)
    stamps = np.arange(len(scores)) if stamps is None else stamps
    return kept(scores, stamps, np.ones(scores.shape[1]) if overlap is None else overlap)


def kept(scores: np.ndarray, stamps: np.ndarray, overlap: np.ndarray) -> Calibration:
    """The calibration from those of the windows that count: see `window_order`."""
    order, span = window_order(stamps)
    newest = order[-span:]
    return Calibration(scores[newest], stamps[newest].astype(np.int64), overlap)


def window_order(stamps: np.ndarray) -> tuple[np.ndarray, int]:
    """Which windows count, in the order of time, and how many of the newest at any time: those of
    NEWEST_ORIGINS origins, but no more than MOST_WINDOWS. Of an origin with very many windows some
    are left out, evenly spaced, so that LEAST_ORIGINS have room."""
    order = np.argsort(stamps, kind="stable")
    _, first, counts = np.unique(stamps[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, counts)
    room = np.minimum(counts, MOST_WINDOWS // LEAST_ORIGINS)
    share, size = np.repeat(room, counts), np.repeat(counts, counts)
    order = order[(place + 1) * share // size > place * share // size]
    each = -(-len(order) // max(1, len(counts)))
    return order, min(MOST_WINDOWS, NEWEST_ORIGINS * each)


def forecast_spread(
    network: Network,
    weights: np.ndarray,
    windows: Windows,
    levels: Sequence[float] = (),
    blend: Blend = NO_BLEND,
) -> tuple[Prediction, np.ndarray, np.ndarray]:
    """Forecasts of windows, with quantiles at ``levels``, and their spreads below and above."""
    found = predict(network, weights, windows, levels=(*levels, *spread_levels(network)))
    return with_spread(network, blend.applied(found, windows))


def spread_ratio(before: Spreads, after: Spreads) -> np.ndarray:
    """How many spreads of ``after`` make one of ``before``, at each step, ``(horizon,)``: both are
    of the same windows, of a typical one the interval is then as wide in either.

    The network that forecasts is not the one whose errors calibrate: it has seen more rows, and
    says of all windows that it errs less (or more). What it says is known of held-out windows too,
    where its errors say nothing, since it was trained on them.
    """
    return np.median(sum(before) / sum(after), axis=0)


def spread_levels(network: Network) -> tuple[float, ...]:
    """The quantiles to ask for last, from which `with_spread` takes the spread."""
    return SPREAD_LEVELS if len(network.head.levels) > 1 else ()


def with_spread(network: Network, found: Prediction) -> tuple[Prediction, np.ndarray, np.ndarray]:
    """Forecasts without their last quantiles, and the spreads below and above from those."""
    if not spread_levels(network):
        return found, *spreads(None, found.median, found.scale)
    below, above = spreads(found.quantiles[..., -2:], found.median, found.scale)
    quantiles, asked = found.quantiles[..., :-2], found.levels[:-2]
    return replace(found, quantiles=quantiles, levels=asked), below, above


def spreads(
    quantiles: np.ndarray | None, median: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Spreads below and above the median, ``(windows, horizon)``, in the unit of the target.

    ``quantiles (windows, horizon, 2)`` are the head's own at SPREAD_LEVELS, None for a point head:
    then the spread is the ``scale (windows, horizon)`` of the window. Never smaller
    than a thousandth of that scale.
    """
    if quantiles is None:
        return scale, scale
    floor = LEAST_SPREAD * scale
    below = np.maximum(median - quantiles[..., 0], floor)
    above = np.maximum(quantiles[..., 1] - median, floor)
    return below, above


def intervals(
    calibration: Calibration,
    levels: Sequence[float],
    median: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Level → ``(low, high)``, each ``(windows, horizon)``; a higher level contains a lower one."""
    result = {}
    for level in levels:
        radius = calibration.radius(level)
        result[level] = (median - radius * below, median + radius * above)
    return result
