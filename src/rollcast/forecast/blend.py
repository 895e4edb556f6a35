"""Forecasts averaged with those of a simpler method.

A network learns what is not linear and what series have in common; where they are short or noisy or
change their ways, a simpler method is as good, and errs elsewhere: the mean of both is better than
either (Bates & Granger 1969; Smyl 2020 won the M4 competition with such a pair). How much each
counts is decided by the held-out windows. Quantiles move along with the median.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast.errors import UsageError
from rollcast.model.predict import Prediction
from rollcast.score.damped import damped
from rollcast.score.phases import PhaseMap, fit_phases
from rollcast.score.theta import theta

if TYPE_CHECKING:
    from rollcast.data.windows import Windows

Array = np.ndarray

BLENDS: dict[str, str] = {
    "theta": "smoothing with drift of each series by itself: for short or noisy series",
    "damped": "the same with a trend that dies away",
    "linear": "a linear map of all series, shared by the phases of a season: for long horizons",
}
"""Methods and what they are for. Several joined by + are averaged."""

SMOOTH = {"theta": theta, "damped": damped}
"""Those that learn nothing from other windows."""

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What the method may count."""

LEAST_GAIN = 0.02
"""Network and methods count alike, unless the held-out windows say clearly otherwise: what is best
on them is mostly chance (Smith & Wallis 2009, "A simple explanation of the forecast combination
puzzle")."""

SEASONS, LEAST_ROWS, MOST_ROWS = 12, 150, 1200
"""Rows of the past that theta sees: so many seasons, within bounds."""

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Of the linear map, see `fit_phases`."""

MOST_FITTED = 10_000
"""Windows that the linear map is fitted on; of more, evenly spaced ones."""

AT_ONCE = 4096


@dataclass(frozen=True)
class Blend:
    """Rows of BLENDS joined by +, None = none, and the ``share`` that their mean counts, from 0 to
    1; ``map`` is what the linear method has learnt."""

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
        """What the methods forecast on average, ``(windows, horizon)``, in the unit of the
        target."""
        return np.mean([said(name, windows, self.map) for name in blended(self.method)], axis=0)

    def refitted(self, training: Windows, units: Array) -> Blend:
        """The same learnt from other windows; ``units (series,)`` are those of errors."""
        if self.map is None:
            return self
        maps = _maps(training, units, self.map.last, (self.map.penalty,))
        return replace(self, map=maps[0])


NO_BLEND = Blend()


def blended(text: str | None) -> list[str]:
    """The rows of BLENDS that a text names. Raises UsageError."""
    names = [word.strip() for word in text.split("+")] if isinstance(text, str) else [str(text)]
    if not set(names) <= set(BLENDS) or len(set(names)) < len(names):
        raise UsageError(
            f"blend={text!r}: choose None, one of {', '.join(BLENDS)}, or some joined by +."
        )
    return names


def said(name: str, windows: Windows, learnt: PhaseMap | None = None) -> Array:
    """What one method forecasts, ``(windows, horizon)``; ``learnt`` is for the linear one."""
    season, horizon = windows.panel.season, windows.horizon
    found = np.empty((windows.count, horizon))
    rows = min(max(SEASONS * season, LEAST_ROWS), MOST_ROWS)
    for start in range(0, len(found), AT_ONCE):
        some = np.arange(start, min(start + AT_ONCE, len(found)))
        if name in SMOOTH:
            found[some] = SMOOTH[name](rows_of(windows, some, rows, 0), horizon, season)
        else:
            assert learnt is not None
            found[some] = learnt(rows_of(windows, some, learnt.rows, 0), horizon, season)
    return found


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
    """The methods, learnt from the windows of ``training`` where they learn, with the share at
    which they and the network all count alike, or that of SHARES with the least absolute error on
    windows that were ``held`` out where it is better by LEAST_GAIN: what the network said and what
    came, ``(windows, horizon)``. Errors count in the ``units (series,)`` of their series."""
    unit = units[held.series][:, None]

    def error(forecast: Array) -> float:
        return float(np.nanmean(np.abs(forecast - truth) / unit))

    names = blended(method)
    usual = len(names) / (1.0 + len(names))
    smooth = sum((said(name, held) for name in names if name in SMOOTH), np.zeros_like(median))
    best, away, least = Blend(method), np.zeros_like(median), np.inf
    for learnt in _candidates(names, training, units):
        ahead = smooth if learnt is None else smooth + said("linear", held, learnt)
        found = np.nan_to_num(ahead / len(names) - median)
        if (alike := error(median + usual * found)) < least:
            best, away, least = Blend(method, map=learnt), found, alike
    errors = [error(median + share * away) for share in SHARES]
    share = SHARES[int(np.argmin(errors))]
    return replace(best, share=share if min(errors) < (1.0 - LEAST_GAIN) * least else usual)


def _candidates(names: Sequence[str], training: Windows, units: Array) -> Sequence[PhaseMap | None]:
    """What the linear method may have learnt; None where it is not asked for."""
    if "linear" not in names:
        return [None]
    return [one for last in (False, True) for one in _maps(training, units, last, PENALTIES)]


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
