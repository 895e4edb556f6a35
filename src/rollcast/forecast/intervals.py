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
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast.errors import UsageError
from rollcast.model.network import Network
from rollcast.model.predict import Prediction, predict

if TYPE_CHECKING:
    from rollcast.data.windows import Windows

MOST_SCORES = 5000
"""Scores kept per step. Of more, evenly spaced order statistics are kept and ranks rounded up."""

LEAST_SPREAD = 1e-3
"""Floor of a spread, in scales of the window: a network that is sure still divides by something."""

SPREAD_LEVELS = (0.1, 0.9)
"""The head's quantiles whose distance from the median is the spread."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Sorted scores of every step: ``scores (kept, horizon)``, filled up with the largest one, and
    how many held-out truths each step had: ``counts (horizon,)`` int64."""

    scores: np.ndarray
    counts: np.ndarray

    @property
    def largest_level(self) -> float:
        """The largest level that every step can give, in percent: 100 · (1 − 1/(n + 1))."""
        return 100.0 * (1.0 - 1.0 / (int(self.counts.min()) + 1))

    def radius(self, level: float) -> np.ndarray:
        """How many spreads an interval reaches to either side at each step, ``(horizon,)``.

        ``level`` in percent. Raises UsageError when there are too few held-out windows for it.
        """
        check_level(level)
        # n + 1 ranks: with n scores nothing can be said beyond the n-th.
        ranks = [_rank(int(count), level) for count in self.counts]
        if any(rank > count for rank, count in zip(ranks, self.counts, strict=True)):
            raise UsageError(
                f"level={level:g}: the calibration has {int(self.counts.min())} held-out windows, "
                f"which allow at most level {floor_level(self.largest_level)}. Ask for that or "
                "less, or train on longer or more series."
            )
        kept = len(self.scores)
        rows = [
            rank - 1 if count <= kept else math.ceil(rank * kept / count) - 1
            for rank, count in zip(ranks, self.counts.tolist(), strict=True)
        ]
        return self.scores[rows, np.arange(len(rows))]


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


def calibrate(
    median: np.ndarray, below: np.ndarray, above: np.ndarray, truth: np.ndarray
) -> Calibration:
    """The calibration from forecasts of held-out windows, all ``(windows, horizon)``.

    ``below`` and ``above`` are the spreads, positive; NaN in ``truth`` is not observed and left out
    of its step. At most MOST_SCORES scores a step are kept, chosen so that no interval becomes
    narrower than with all of them.
    """
    scores = np.maximum((median - truth) / below, (truth - median) / above)
    scores = np.sort(scores, axis=0)  # NaN, not observed, goes last
    counts = (~np.isnan(scores)).sum(axis=0)
    kept = min(MOST_SCORES, int(counts.max(initial=0)))
    result = np.zeros((kept, scores.shape[1]))
    for step, count in enumerate(counts.tolist()):
        if count > kept:
            ranks = -(-np.arange(1, kept + 1) * count // kept)  # ⌈j n / kept⌉, the last one n
            result[:, step] = scores[ranks - 1, step]
        elif count:
            result[:count, step] = scores[:count, step]
            result[count:, step] = scores[count - 1, step]
    return Calibration(result, counts.astype(np.int64))


def forecast_spread(
    network: Network, weights: np.ndarray, windows: Windows, levels: Sequence[float] = ()
) -> tuple[Prediction, np.ndarray, np.ndarray]:
    """Forecasts of windows, with quantiles at ``levels``, and their spreads below and above."""
    found = predict(network, weights, windows, levels=(*levels, *spread_levels(network)))
    return with_spread(network, found)


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


def _rank(count: int, level: float) -> int:
    """⌈(n + 1) · level⌉, where 80 % of 5 is 4 although 0.8 in binary is a little more."""
    return max(1, math.ceil(round((count + 1) * float(level) / 100.0, 9)))
