"""One linear map shared by the phases of a season: tomorrow's noon from the noons before it.

The window less its location is cut into seasons. What is forecast of a phase follows from the
values of that phase in each season and the mean of each season, by one ridge regression for all
phases and all series: a hundred times fewer weights than a map of its own for each row. (Lin et al.
2024, "SparseTSF", arXiv 2405.00946, share weights over phases in this way; here in closed form.)
Without a season it is a ridge regression on the rows of the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.score.past import carried
from rollcast.score.ridge import ridge

Array = np.ndarray

AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """``weights (inputs, seasons ahead)``; ``last`` says what the location of a window is: its last
    value, or its mean. ``penalty`` is that of the regression."""

    weights: Array
    season: int
    last: bool
    penalty: float

    @property
    def rows(self) -> int:
        """Rows of the past that it reads."""
        return len(self.weights) * self.season // (2 if self.season > 1 else 1)

    def __call__(self, past: Array, horizon: int, season: int) -> Array:
        """Forecasts ``(windows, horizon)`` of the past ``(windows, rows)``, newest value last; NaN
        is a missing value, and a window without any value gives NaN."""
        found = np.empty((len(past), horizon))
        across = np.ascontiguousarray(self.weights.T)
        for start in range(0, len(past), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            inputs, location = inputs_of(past[some], self.season, self.last)
            ahead = engine.linear(inputs.reshape(-1, inputs.shape[2]), across)
            ahead = ahead.reshape(len(inputs), self.season, -1).transpose(0, 2, 1)
            found[some] = ahead.reshape(len(inputs), -1)[:, :horizon] + location[:, None]
        return found


def inputs_of(past: Array, season: int, last: bool) -> tuple[Array, Array]:
    """What each phase reads ``(windows, season, inputs)``, and the location ``(windows,)``.

    A missing value is the last one before it, or where there is none the location.
    """
    filled = carried(past)
    seen = ~np.isnan(filled)
    counts = np.maximum(seen.sum(axis=1), 1)
    mean = np.where(seen, filled, 0.0).sum(axis=1) / counts
    location = filled[:, -1] if last else np.where(seen[:, -1], mean, np.nan)
    away = np.where(seen, filled - location[:, None], 0.0).reshape(len(past), -1, season)
    inputs = away.transpose(0, 2, 1)
    if season > 1:
        means = np.broadcast_to(away.mean(axis=2)[:, None], inputs.shape)
        inputs = np.concatenate([inputs, means], axis=2)
    return np.ascontiguousarray(inputs), location


def fit_phases(
    past: Array, target: Array, season: int, last: bool, penalties: Sequence[float]
) -> list[PhaseMap]:
    """A map for each penalty, fitted on windows of training: past ``(windows, rows)``, rows a
    multiple of the season, target ``(windows, horizon)``, in a unit in which all count alike.

    A penalty is a part of the mean square of the inputs. Windows whose target misses a value are
    left out, unless most do: then the last value before it stands for it.
    """
    whole = np.isnan(target).sum(axis=1) == 0
    whole &= ~np.isnan(past).all(axis=1)
    if 2 * whole.sum() < len(past):
        target = carried(np.concatenate([past, target], axis=1))[:, past.shape[1] :]
        whole = np.isnan(target).sum(axis=1) == 0
    past, target = past[whole], target[whole]
    horizon = target.shape[1]
    ahead = -(-horizon // season)
    complete = horizon - (ahead - 1) * season  # phases that the last season ahead still has
    seasons = past.shape[1] // season
    width = 2 * seasons if season > 1 else seasons
    grams, crosses = np.zeros((2, width, width)), np.zeros((2, width, ahead))
    for start in range(0, len(past), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        inputs, location = inputs_of(past[some], season, last)
        values = np.zeros((len(inputs), ahead * season))
        values[:, :horizon] = target[some] - location[:, None]
        values = values.reshape(len(inputs), ahead, season).transpose(0, 2, 1)
        for part, phases in enumerate((slice(complete), slice(complete, None))):
            if part and complete == season:
                continue
            across = np.ascontiguousarray(inputs[:, phases].reshape(-1, width).T)
            grams[part] += engine.linear(across, across)
            given = np.ascontiguousarray(values[:, phases].reshape(-1, ahead).T)
            crosses[part] += engine.linear(across, given)
    every, cross = grams.sum(axis=0), crosses.sum(axis=0)
    found = []
    for penalty in penalties:
        weights = _shrunk(every, cross, penalty)
        if complete < season:
            weights[:, -1] = _shrunk(grams[0], crosses[0][:, -1:], penalty)[:, 0]
        found.append(PhaseMap(weights, season, last, penalty))
    return found


def _shrunk(gram: Array, cross: Array, penalty: float) -> Array:
    power = float(np.trace(gram)) / len(gram)
    if power <= 0.0:
        return np.zeros_like(cross)
    return ridge(gram, cross, penalty * power)
