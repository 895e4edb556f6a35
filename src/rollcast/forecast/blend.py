"""Forecasts averaged with those of a simpler method.

A network learns what is not linear and what series have in common; where they are short or noisy or
change their ways, a simpler method is as good, and errs elsewhere: the mean of both is better than
either (Bates & Granger 1969; Smyl 2020 won the M4 competition with such a pair). How much each
counts is decided by the held-out windows. Quantiles move along with the median.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast.model.predict import Prediction
from rollcast.score.phases import PhaseMap, fit_phases
from rollcast.score.theta import theta

if TYPE_CHECKING:
    from rollcast.data.windows import Windows

Array = np.ndarray

BLENDS: dict[str, str] = {
    "theta": "smoothing with drift of each series by itself: for short or noisy series",
    "linear": "a linear map of all series, shared by the phases of a season: for long horizons",
}
"""Methods and what they are for."""

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What the method may count."""

USUAL, LEAST_GAIN = 0.5, 0.02
"""Both alike, unless the held-out windows say clearly otherwise: what is best on them is mostly
chance (Smith & Wallis 2009, "A simple explanation of the forecast combination puzzle")."""

SEASONS, LEAST_ROWS, MOST_ROWS = 12, 150, 1200
"""Rows of the past that theta sees: so many seasons, within bounds."""

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Of the linear map, see `fit_phases`."""

MOST_FITTED = 10_000
"""Windows that the linear map is fitted on; of more, evenly spaced ones."""

AT_ONCE = 4096


@dataclass(frozen=True)
class Blend:
    """A row of BLENDS, None = none, and the ``share`` that it counts, from 0 to 1; ``map`` is what
    the linear method has learnt."""

    method: str | None = None
    share: float = 0.0
    map: PhaseMap | None = None

    def applied(self, found: Prediction, windows: Windows) -> Prediction:
        """The network's forecasts with the method's in them; as they were where it has none, in
        windows without any value."""
        if self.method is None or self.share == 0.0:
            return found
        shift = self.share * np.nan_to_num(self.alone(windows) - found.median)
        return replace(
            found, median=found.median + shift, quantiles=found.quantiles + shift[:, :, None]
        )

    def alone(self, windows: Windows) -> Array:
        """What the method forecasts, ``(windows, horizon)``, in the unit of the target."""
        season = windows.panel.season
        found = np.empty((windows.count, windows.horizon))
        for start in range(0, len(found), AT_ONCE):
            some = np.arange(start, min(start + AT_ONCE, len(found)))
            if self.map is None:
                rows = min(max(SEASONS * season, LEAST_ROWS), MOST_ROWS)
                found[some] = theta(rows_of(windows, some, rows, 0), windows.horizon, season)
            else:
                past = rows_of(windows, some, self.map.rows, 0)
                found[some] = self.map(past, windows.horizon, season)
        return found

    def refitted(self, training: Windows, units: Array) -> Blend:
        """The same learnt from other windows; ``units (series,)`` are those of errors."""
        if self.map is None:
            return self
        maps = _maps(training, units, self.map.last, (self.map.penalty,))
        return replace(self, map=maps[0])


NO_BLEND = Blend()


def rows_of(windows: Windows, some: Array, before: int, after: int) -> Array:
    """Values of windows as they are, ``(windows, before + after)``; NaN outside their series."""
    panel, series = windows.panel, windows.series[some]
    at = windows.origin[some].astype(np.int64)[:, None] + np.arange(-before, after)
    inside = (at >= panel.offsets[series, None]) & (at < panel.offsets[series + 1, None])
    return np.where(inside, panel.values[np.where(inside, at, 0)], np.nan)


def best_blend(
    method: str,
    median: Array,
    held: Windows,
    truth: Array,
    units: Array,
    training: Windows,
) -> Blend:
    """The method, learnt from the windows of ``training`` if it learns, with the USUAL share, or
    that with the least absolute error on windows that were ``held`` out where it is better by
    LEAST_GAIN: what the network said and what came, ``(windows, horizon)``. Errors count in the
    ``units (series,)`` of their series."""
    unit = units[held.series][:, None]

    def error(forecast: Array) -> float:
        return float(np.nanmean(np.abs(forecast - truth) / unit))

    best, away, least = Blend(method), np.zeros_like(median), np.inf
    for one in _candidates(method, training, units):
        found = np.nan_to_num(one.alone(held) - median)
        if (usual := error(median + USUAL * found)) < least:
            best, away, least = one, found, usual
    errors = [error(median + share * away) for share in SHARES]
    share = SHARES[int(np.argmin(errors))]
    return replace(best, share=share if min(errors) < (1.0 - LEAST_GAIN) * least else USUAL)


def _candidates(method: str, training: Windows, units: Array) -> list[Blend]:
    if method == "theta":
        return [Blend(method)]
    found = [_maps(training, units, last, PENALTIES) for last in (False, True)]
    return [Blend(method, map=each) for maps in found for each in maps]


def _maps(
    training: Windows, units: Array, last: bool, penalties: tuple[float, ...]
) -> list[PhaseMap]:
    """Maps of windows of training in the unit of their series."""
    season = training.panel.season
    season = season if season <= training.context else 1
    rows = training.context // season * season
    some = np.arange(training.count)
    if len(some) > MOST_FITTED:
        some = np.linspace(0, len(some) - 1, MOST_FITTED).astype(np.int64)
    both = rows_of(training, some, rows, training.horizon) / units[training.series[some]][:, None]
    return fit_phases(both[:, :rows], both[:, rows:], season, last, penalties)
