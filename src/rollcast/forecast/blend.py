"""Forecasts averaged with those of a method that knows each series by itself.

A network learns what series have in common; where they are short or noisy, a statistical method is
as good, and errs elsewhere: the mean of both is better than either (Bates & Granger 1969; Smyl 2020
won the M4 competition with such a pair). How much each counts is decided by the held-out windows.
Quantiles move along with the median.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast.model.predict import Prediction
from rollcast.score.theta import theta

if TYPE_CHECKING:
    from rollcast.data.windows import Windows

Array = np.ndarray

BLENDS: dict[str, Callable[[Array, int, int], Array]] = {"theta": theta}
"""Name → forecasts ``(windows, horizon)`` of the past ``(windows, rows)``, horizon and season."""

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What the method may count."""

USUAL, LEAST_GAIN = 0.5, 0.02
"""Both alike, unless the held-out windows say clearly otherwise: what is best on them is mostly
chance (Smith & Wallis 2009, "A simple explanation of the forecast combination puzzle")."""

SEASONS, LEAST_ROWS, MOST_ROWS = 12, 150, 1200
"""Rows of the past that the method sees: so many seasons, within bounds."""

AT_ONCE = 4096


def alone(method: str, windows: Windows) -> Array:
    """What the method forecasts, ``(windows, horizon)``, in the unit of the target."""
    panel, series, origin = windows.panel, windows.series, windows.origin.astype(np.int64)
    rows = min(max(SEASONS * panel.season, LEAST_ROWS), MOST_ROWS)
    found = np.empty((windows.count, windows.horizon))
    for start in range(0, len(found), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        at = origin[some, None] + np.arange(-rows, 0)
        inside = at >= panel.offsets[series[some], None]
        past = np.where(inside, panel.values[np.where(inside, at, 0)], np.nan)
        found[some] = BLENDS[method](past, windows.horizon, panel.season)
    return found


@dataclass(frozen=True)
class Blend:
    """A row of BLENDS, None = none, and the ``share`` that it counts, from 0 to 1."""

    method: str | None = None
    share: float = 0.0

    def applied(self, found: Prediction, windows: Windows) -> Prediction:
        """The network's forecasts with the method's in them; as they were where it has none, in
        windows without any value."""
        if self.method is None or self.share == 0.0:
            return found
        shift = self.share * np.nan_to_num(alone(self.method, windows) - found.median)
        return replace(
            found, median=found.median + shift, quantiles=found.quantiles + shift[:, :, None]
        )


NO_BLEND = Blend()


def best_blend(method: str, median: Array, windows: Windows, truth: Array, units: Array) -> Blend:
    """The USUAL share, or that with the least absolute error on windows that were held out where
    it is better by LEAST_GAIN: what the network said and what came, ``(windows, horizon)``; errors
    count in the ``units (windows,)`` of their series."""
    away = np.nan_to_num(alone(method, windows) - median)
    errors = [
        np.nanmean(np.abs(median + share * away - truth) / units[:, None]) for share in SHARES
    ]
    best = int(np.argmin(errors))
    usual = errors[SHARES.index(USUAL)]
    return Blend(method, SHARES[best] if errors[best] < (1.0 - LEAST_GAIN) * usual else USUAL)
