"""The last step of a search: whether the mean with a simpler method is better than the network.

Nothing is trained for it. What is tried are some of the blends of forecast/blend.py; one is
chosen by the same rule as a network: where it is better on the held-out windows by more than
chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rollcast.data.windows import Windows
from rollcast.forecast.blend import NO_BLEND, Blend, best_blend
from rollcast.forecast.deadline import Deadline
from rollcast.forecast.evaluate import raw_windows
from rollcast.forecast.intervals import forecast_spread
from rollcast.forecast.search.trials import Judge, Trial, errors_of, judge_of
from rollcast.forecast.setup import Setup

Array = np.ndarray

MOST_TRIED = 512
"""Held-out windows by which a method is picked; all of them decide whether it is taken."""


TRIED = ("theta", "theta + damped", "linear")


def search_blends(
    setup: Setup, weights: Array, steps: int, trials: Sequence[Trial], deadline: Deadline
) -> tuple[Blend, tuple[Trial, ...]]:
    """The blend for the network that a search chose and trained for ``steps``, NO_BLEND where none
    is better by more than chance; and the trials with those of blends after them."""
    (found,) = (trial for trial in trials if trial.chosen)
    held = setup.held
    every = np.arange(held.count)
    tried: list[Trial] = []
    best, best_ratio = "", 1.0
    for method in TRIED:
        clock = Deadline(None)
        if not deadline.left:
            break
        some = every[:: max(1, -(-held.count // MOST_TRIED))]
        judge, errors, alone, _ = _judged(setup, weights, method, some)
        if judge.is_better(errors, alone) and (ratio := judge.ratio(errors, alone)) < best_ratio:
            best, best_ratio = method, ratio
        score, without = (float(np.nanmean(each)) for each in (errors, alone))
        setting, note = found.setting | {"blend": method}, f"{without:.4g} without it"
        default = without if found.default is None else found.default
        one = Trial(setting, steps, clock.spent, score, default, False, note)
        tried.append(one)
    blend = NO_BLEND
    if best:
        judge, errors, alone, blend = _judged(setup, weights, best, every)
        if not judge.is_better(errors, alone):
            blend = NO_BLEND
    if blend.method is None:
        return blend, (*trials, *tried)
    tried = [replace(each, chosen=each.setting["blend"] == best) for each in tried]
    return blend, (*(replace(each, chosen=False) for each in trials), *tried)


def _judged(
    setup: Setup, weights: Array, method: str, some: Array
) -> tuple[Judge, Array, Array, Blend]:
    """The judge of these windows held out, their errors with the blend and without, the blend."""
    held, units = _windows(setup.held, some), setup.units()
    panel, series = setup.every.panel, held.series
    _, truth = raw_windows(panel, series, held.origin, held.context, held.horizon)
    found = forecast_spread(setup.network, weights, held)[0]
    blend = best_blend(method, found.median, held, truth, units, setup.trained)
    both = blend.applied(found, held).median
    unit = units[series]
    errors, alone = (errors_of(each, truth, unit) for each in (both, found.median))
    return judge_of(setup, some), errors, alone, blend


def _windows(held: Windows, some: Array) -> Windows:
    begin = held.panel.offsets[held.series[some]]
    return held.at(held.series[some], held.origin[some].astype(np.int64) - begin)
