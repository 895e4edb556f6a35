"""Where training of a recursive network starts: an autoregression that forecasts well when rolled.

Its weights of the newest values and of the calendar are a ridge regression of the next value on the
training windows, shrunk towards a naive forecast. Naive forecast and penalty are those whose
forecasts of the whole horizon, rolled step by step, were best on blocks of windows left out: what
fits the next value best may drift. The network learns what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.forecast.holdout import choose_recurrent_steps
from rollcast.forecast.start.effects import has_effects, start_effects
from rollcast.forecast.start.linear import FOLDS, training_batches
from rollcast.model.effects import enter
from rollcast.model.inputs import filled
from rollcast.model.recursive import columns
from rollcast.model.recursive_read import lagged
from rollcast.model.skip import naive_map
from rollcast.score.ridge import ridge

if TYPE_CHECKING:
    from rollcast.forecast.problem import NetworkProblem
    from rollcast.model.spec import NetworkSpec

Array = np.ndarray

PENALTIES = (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, None)
"""Per window, on inputs of unit variance; None is the naive forecast itself."""


MOST_JUDGED = 400
"""Windows of a block whose horizon is rolled to choose between candidates: evenly spaced."""

MOST_LAGS = 192
"""Newest values that the autoregressive path reads, at most."""


def recursive_spec(spec: NetworkSpec) -> NetworkSpec:
    """The recursive network in the place of a direct one: it reads the window row by row."""
    return replace(
        spec,
        strategy="recursive",
        fold=None,
        recurrent_steps=choose_recurrent_steps(spec.context, spec.horizon),
        indicator=True,
        skip="none",
        maps=1,
        lags=0 if spec.skip == "none" else min(spec.context, MOST_LAGS),
    )


@dataclass(frozen=True, eq=False)
class Equations:
    """Training windows, float64: ``inputs (windows, lags + features + 1)``, newest value first,
    then what is known of the next row and 1; ``calendar (windows, horizon, features)``: that of all
    rows, the calendar, inputs known ahead and the newest past inputs; ``target (windows,
    horizon)``, ``observed`` alike; ``weight``, ``origin``, ``location``, ``scale (windows,)``;
    ``added (windows, horizon)`` is what inputs do, which the target is without."""

    inputs: Array
    calendar: Array
    target: Array
    observed: Array
    weight: Array
    origin: Array
    location: Array
    scale: Array
    added: Array

    def sums(self, chosen: Array) -> tuple[Array, Array, float]:
        """Weighed products of the inputs of some windows by themselves and by the next value."""
        chosen = chosen[self.observed[chosen, 0]]
        inputs = np.ascontiguousarray(self.inputs[chosen].T)
        weight = self.weight[chosen]
        weighed = inputs * weight
        target = np.ascontiguousarray(self.target[chosen, :1].T)
        return engine.linear(weighed, inputs), engine.linear(weighed, target), float(weight.sum())


def lag_start(problem: NetworkProblem, seed: int) -> Array:
    """First weights ``(count,)``: random ones, but for the autoregressive path and the biases."""
    network = problem.network
    spec, weights = network.spec, network.initial(seed, problem.dtype)
    if not spec.lags:
        return weights
    views = network.views(weights)

    def window_map() -> Array:
        by_lag, _ = rolled_map(spec, best_lags(spec, equations(problem, weights)))
        linear = np.zeros((spec.horizon, spec.context))
        linear[:, spec.context - spec.lags :] = by_lag[:, ::-1]
        return linear

    if has_effects(spec):
        start_effects(problem, weights, naive_map(spec, "seasonal_mean"), window_map)
    found = equations(problem, weights)
    best = best_lags(spec, found)
    views["lags.weight"][...] = best[: spec.lags] / spec.skip_gain
    features = slice(spec.lags, spec.lags + spec.row_features)
    if "calendar.weight" in views:
        views["calendar.weight"][...] = best[features] / spec.skip_gain
    if "inputs.weight" in views:
        view = views["inputs.weight"]
        view[...] = best[features.stop : -1].reshape(view.shape) / spec.skip_gain
    whole, located = found.target + found.added, rolled(spec, best, found) + found.added
    begin = network.head.begin(whole.T, located.T, found.observed.T, found.location, found.scale)
    _, others = columns(network.head)
    views["head.bias"][0] += best[-1]
    if "head.spread" in views:
        views["head.spread"][...] = begin[:, others]
    return weights


def equations(problem: NetworkProblem, weights: Array | None = None) -> Equations:
    """The training windows of the regression, without the effects that are in ``weights``."""
    spec, parts = problem.network.spec, []
    for whole, weight in training_batches(problem):
        views = None if weights is None else problem.network.views(weights)
        batch = whole if views is None else enter(spec, views, whole)
        past = filled(batch.past, batch.observed)[::-1][: spec.lags]
        following = batch.future_features
        if spec.input_lags and spec.past_inputs and batch.past_inputs is not None:
            seen = lagged(spec, batch.past_inputs, spec.horizon)
            following = np.concatenate([following, seen], axis=2)
        inputs = np.concatenate([past.T, following[0], np.ones((len(batch), 1))], axis=1)
        calendar = following.transpose(1, 0, 2)
        added = np.zeros(batch.target.shape) if batch.added is None else batch.added
        target, observed = (batch.target - added).T, batch.target_observed.T
        known = (weight, batch.origin, batch.location, batch.scale, added.T)
        parts.append((inputs, calendar, target, observed, *known))
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    floats = [np.ascontiguousarray(array, np.float64) for array in joined[:3]]
    return Equations(floats[0], floats[1], floats[2], *joined[3:])


def priors(spec: NetworkSpec) -> list[Array]:
    """Naive forecasts as weights of the newest values ``(lags,)``: nothing, the last value; with a
    season its last value, its mean, and its last value with the last yearly difference kept."""
    lags, season = spec.lags, spec.season
    one = np.eye(lags)
    found = [np.zeros(lags), one[0]]
    if 1 < season <= lags:
        found.append(one[season - 1])
        found.append(one[season - 1 :: season].mean(axis=0))
        if season < lags:
            found.append(one[0] + one[season - 1] - one[season])
    return found


def best_lags(spec: NetworkSpec, found: Equations) -> Array:
    """The weights ``(lags + features + 1,)`` of the newest values, the calendar and 1."""
    count, width = found.inputs.shape
    starts = np.stack(
        [np.concatenate([each, np.zeros(width - spec.lags)]) for each in priors(spec)]
    )
    whole = found.sums(np.arange(count))
    errors = np.zeros((len(PENALTIES), len(starts)))
    for block in np.array_split(np.arange(count), FOLDS):
        if not len(block):
            continue
        first, last = found.origin[block[0]], found.origin[block[-1]]
        near = (found.origin > first - spec.horizon) & (found.origin < last + spec.horizon)
        without = found.sums(np.flatnonzero(near))
        gram, cross = whole[0] - without[0], whole[1] - without[1]
        total = max(whole[2] - without[2], 0.0)
        judged = block[:: -(-len(block) // MOST_JUDGED)]
        for row, penalty in enumerate(PENALTIES):
            for column, tried in enumerate(shrunk(starts, penalty, gram, cross, total)):
                error = np.abs(rolled(spec, tried, found, judged) - found.target[judged])
                error = np.where(found.observed[judged], error, 0.0).sum(axis=1)
                error = np.nan_to_num(error * found.weight[judged], nan=np.inf).sum()
                errors[row, column] += error
    row, column = np.unravel_index(int(np.argmin(errors)), errors.shape)
    return shrunk(starts, PENALTIES[row], *whole)[column]


def shrunk(starts: Array, penalty: float | None, gram: Array, cross: Array, total: float) -> Array:
    """Naive forecasts ``(starts, width)``, each plus the ridge regression of what it leaves."""
    if penalty is None or total <= 0.0:
        return starts
    left = cross - engine.linear(gram, starts)
    return starts + ridge(gram, left, penalty * total).T


def rolled(
    spec: NetworkSpec, weights: Array, found: Equations, chosen: Array | slice = slice(None)
) -> Array:
    """Forecasts ``(windows, horizon)`` of an autoregression that goes on from its own: linear in
    the newest values, and in what calendar and constant add at each step."""
    rest = weights[spec.lags :]
    by_lag, by_step = rolled_map(spec, weights)
    with np.errstate(over="ignore", invalid="ignore"):
        added = np.einsum("whf,f->wh", found.calendar[chosen], rest[:-1]) + rest[-1]
        newest = np.ascontiguousarray(found.inputs[chosen][:, : spec.lags])
        return engine.linear(newest, by_lag) + engine.linear(np.ascontiguousarray(added), by_step)


def rolled_map(spec: NetworkSpec, weights: Array) -> tuple[Array, Array]:
    """What the newest values ``(horizon, lags)``, and what is added at each step ``(horizon,
    horizon)``, come to in the forecast of each step."""
    lags, horizon, a = spec.lags, spec.horizon, weights[: spec.lags]
    by_lag, by_step = np.zeros((horizon, lags)), np.zeros((horizon, horizon))
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(horizon):
            known = min(step, lags)  # values that were themselves forecast
            before = slice(step - known, step)
            own = a[:known][::-1, None]
            by_lag[step] = (own * by_lag[before]).sum(axis=0)
            by_lag[step, : lags - known] += a[known:]
            by_step[step] = (own * by_step[before]).sum(axis=0)
            by_step[step, step] = 1.0
    return by_lag, by_step
