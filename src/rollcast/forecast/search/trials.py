"""One candidate of a search: how its held-out windows were forecast, beside those of the default.

Candidates see pasts of different lengths but are judged on the same origins, by the mean absolute
error of their medians in the unit of MASE. Errors of neighbouring windows are nearly the same ones;
what a difference is worth is told by its means over blocks of a horizon, which hardly overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.forecast.evaluate import raw_windows
from rollcast.forecast.problem import MOST_VALIDATED
from rollcast.forecast.search.candidates import setting_text
from rollcast.forecast.setup import Setup, loss_units
from rollcast.model.predict import predict

Array = np.ndarray

SURE = 1.0
"""A challenger takes the place of the default where it is better by this many standard errors."""

LEAST_DEVIATION = 0.1
"""What a block's difference deviates by at least, as a part of the default's error: two or three
blocks may agree by chance."""


@dataclass(frozen=True)
class Trial:
    """A candidate and how it did: ``setting`` in the place of the default's arguments, trained for
    ``steps`` in ``seconds``; ``score`` is the mean absolute error of the held-out windows in the
    unit of MASE and ``default`` that of the default after as many steps (None: it could not be
    trained, ``note`` says why). ``chosen``: its network is the one that forecasts."""

    setting: dict[str, Any]
    steps: int
    seconds: float
    score: float | None
    default: float | None
    chosen: bool
    note: str = ""

    @property
    def name(self) -> str:
        """The setting in words."""
        return setting_text(self.setting)


@dataclass(frozen=True, eq=False)
class Judge:
    """The held-out windows on which all candidates are compared: the row of the panel where each
    begins, their ``truth (windows, horizon)``, unit ``(windows,)`` and block ``(windows,)``."""

    origin: Array
    truth: Array
    unit: Array
    block: Array

    def errors(self, setup: Setup, weights: Array) -> Array:
        """The mean absolute error of each window, NaN where this candidate sees no value."""
        held = setup.held
        _, mine, ours = np.intersect1d(held.origin, self.origin, return_indices=True)
        begin = held.panel.offsets[held.series[mine]]
        some = held.at(held.series[mine], held.origin[mine].astype(np.int64) - begin)
        median = predict(setup.network, weights, some).median
        found = np.full(len(self.origin), np.nan)
        found[ours] = errors_of(median, self.truth[ours], self.unit[ours])
        return found

    def ratio(self, errors: Array, default: Array) -> float:
        """The error relative to the default's, on the windows of both."""
        both = ~np.isnan(errors) & ~np.isnan(default)
        return float(errors[both].mean() / max(default[both].mean(), 1e-300)) if both.any() else 1.0

    def is_better(self, errors: Array, default: Array) -> bool:
        """Whether the error is below the default's by more than chance would have it."""
        difference = errors - default
        both = ~np.isnan(difference)
        if not both.any():
            return False
        _, place, count = np.unique(self.block[both], return_inverse=True, return_counts=True)
        means, weight = np.bincount(place, difference[both]) / count, count / count.sum()
        center = float(weight @ means)
        variance = (means - center) ** 2 * len(means) / max(len(means) - 1, 1)
        variance += (LEAST_DEVIATION * default[both].mean()) ** 2
        return center < -SURE * float(np.sqrt(weight**2 @ variance))


def errors_of(median: Array, truth: Array, unit: Array) -> Array:
    """The mean absolute error of each window in its unit, NaN where nothing was observed."""
    errors, there = np.abs(median - truth), ~np.isnan(truth)
    count = there.sum(axis=1)
    total = np.where(there, errors, 0.0).sum(axis=1)
    return np.divide(total, count * unit, out=np.full(len(total), np.nan), where=count > 0)


def judge_of(setup: Setup, chosen: Array | None = None) -> Judge:
    """The judge on the ``chosen`` windows held out; None = all, of many evenly spaced ones."""
    held, panel = setup.held, setup.every.panel
    if chosen is None:
        chosen = np.arange(held.count)[:: max(1, -(-held.count // MOST_VALIDATED))]
    series, origin = held.series[chosen], held.origin[chosen].astype(np.int64)
    _, truth = raw_windows(panel, series, origin, held.context, held.horizon)
    unit = loss_units(panel, setup.cut)[series]
    within = (origin - setup.cut[series]) // held.horizon
    _, block = np.unique(np.stack([series, within]), axis=1, return_inverse=True)
    return Judge(origin, truth, unit, np.ravel(block))
