"""Where effects of inputs start: a regression whose errors a linear map forecasts.

For a map S of the window the target is S z + e_future − S e_past: what S leaves of it is regressed
on the inputs of the future less the same map of those of the past. Map and effects are found in
turn (Cochrane and Orcutt 1949). Whether effects differ by hour and season, whether they go by the
scale of the window or of the series, and the penalty are chosen on blocks of windows left out; no
effects at all are a candidate too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.effects import dummies, factors, multiplied
from rollcast.model.inputs import filled, newest
from rollcast.score.ridge import ridge

if TYPE_CHECKING:
    from rollcast.data.windows import Batch
    from rollcast.forecast.problem import NetworkProblem
    from rollcast.model.spec import NetworkSpec

Array = np.ndarray

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Per observed target, on inputs of unit variance."""

BLOCKS, TURNS = 5, 2

MOST_FITTED, AT_ONCE = 1024, 64
"""Windows of the regression, evenly spaced; in one piece."""


def has_effects(spec: NetworkSpec) -> bool:
    """Whether any input acts on the target."""
    return bool(spec.effects or dummies(spec))


def start_effects(
    problem: NetworkProblem, weights: Array, first: Array, map_of: Callable[[], Array]
) -> None:
    """Put first effects into ``weights``, beginning with the map ``first (horizon, context)``;
    ``map_of()`` finds the next map for windows without the effects that are in ``weights``."""
    found = first
    for turn in range(TURNS):
        if turn:
            found = map_of()
        set_effects(problem, weights, found)


def set_effects(problem: NetworkProblem, weights: Array, linear: Array) -> None:
    """Effects for the windows that are forecast by ``linear (horizon, context)``."""
    spec, views = problem.network.spec, problem.network.views(weights)
    counts = [spec.known_codes[index] for index in dummies(spec)]
    acting, waves = spec.effects + sum(counts), factors(spec)
    grams = np.zeros((BLOCKS, acting * waves, acting * waves))
    crosses, totals = np.zeros((BLOCKS, acting * waves)), np.zeros(BLOCKS)
    windows = problem.training
    number = min(windows.count, MOST_FITTED)
    chosen = np.linspace(0, windows.count - 1, number).astype(np.int64)
    for block, part in enumerate(np.array_split(chosen, BLOCKS)):
        for start in range(0, len(part), AT_ONCE):
            batch = windows.batch(part[start : start + AT_ONCE])
            weight = problem.row_weight(batch)
            gram, cross, total = _sums(spec, batch, linear, weight)
            grams[block] += gram
            crosses[block] += cross
            totals[block] += total
    found = _chosen(grams, crosses, totals, waves).reshape(acting, waves) / spec.skip_gain
    if spec.effects:
        views["effect.weight"][...] = found[: spec.effects]
    at = spec.effects
    for index, count in zip(dummies(spec), counts, strict=True):
        views[f"effect.known{index}"][...] = found[at : at + count]
        at += count


def _sums(
    spec: NetworkSpec, batch: Batch, linear: Array, weight: Array | None
) -> tuple[Array, Array, float]:
    """Products of the regressors of some windows by themselves and by what is left to explain."""
    past = np.ascontiguousarray(filled(batch.past, batch.observed).T, np.float64)
    left = batch.target - engine.linear(past, np.ascontiguousarray(linear)).T
    basis = _basis(spec, batch)
    ahead, width = basis[spec.context :], basis.shape[2]
    before = basis[: spec.context]
    if not batch.observed.all():  # a missing value is the one before it, with its effects
        at = np.maximum(newest(batch.observed), 0)
        before = np.take_along_axis(before, at[..., None], axis=0)
    columns = np.ascontiguousarray(before.reshape(spec.context, -1).T)
    mapped = engine.linear(columns, np.ascontiguousarray(linear)).T
    design = (ahead - mapped.reshape(ahead.shape)).reshape(-1, width)
    share = batch.target_observed * (np.ones(len(batch)) if weight is None else weight)
    weighed = np.ascontiguousarray((design * share.reshape(-1, 1)).T)
    cross = np.ascontiguousarray(left.reshape(1, -1))
    gram = engine.linear(weighed, np.ascontiguousarray(design.T))
    return gram, engine.linear(weighed, cross)[:, 0], float(share.sum())


def _basis(spec: NetworkSpec, batch: Batch) -> Array:
    """Every input that acts by every factor, ``(context + horizon, batch, products)``."""
    features = np.concatenate([batch.past_features, batch.future_features]).astype(np.float64)
    acting = [features[..., spec.waves : spec.waves + spec.effects]]
    for index in dummies(spec):
        assert batch.codes is not None
        acting.append(np.eye(spec.known_codes[index])[batch.codes.known[..., index]])
    ratio = None if batch.ratio is None else batch.ratio.astype(np.float64)
    waves = multiplied(spec, features, ratio)
    joined = np.concatenate(acting, axis=2)
    return (joined[..., None] * waves[:, :, None]).reshape(*features.shape[:2], -1)


def _chosen(grams: Array, crosses: Array, totals: Array, waves: int) -> Array:
    """The coefficients whose penalty and columns had the least error on blocks left out."""
    size = crosses.shape[1]
    place, half = np.arange(size) % waves, waves // 2
    sets = [np.flatnonzero(place == 0), np.flatnonzero(place == half)]
    if half > 1:
        sets += [np.flatnonzero(place < half), np.flatnonzero(place >= half)]
    candidates = [(columns, penalty) for columns in sets for penalty in PENALTIES]
    errors = np.zeros(len(candidates))
    whole = grams.sum(axis=0), crosses.sum(axis=0), totals.sum()
    for gram, cross, total in zip(grams, crosses, totals, strict=True):
        rest = whole[0] - gram, whole[1] - cross, whole[2] - total
        for index, (columns, penalty) in enumerate(candidates):
            found = _solved(*rest, columns, penalty)
            # |left − design found|², less |left|², which is the same for all
            errors[index] += found @ gram[np.ix_(columns, columns)] @ found
            errors[index] -= 2.0 * (found @ cross[columns])
    result = np.zeros(size)
    best = int(np.argmin(errors))
    if errors[best] < 0.0:
        columns, penalty = candidates[best]
        result[columns] = _solved(*whole, columns, penalty)
    return result


def _solved(gram: Array, cross: Array, total: float, columns: Array, penalty: float) -> Array:
    if total <= 0.0:
        return np.zeros(len(columns))
    chosen = np.ascontiguousarray(gram[np.ix_(columns, columns)])
    return ridge(chosen, np.ascontiguousarray(cross[columns, None]), penalty * total)[:, 0]
