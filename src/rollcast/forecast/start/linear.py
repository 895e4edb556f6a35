"""Where training starts: a linear forecast that is already good.

The first map of the skip path begins as the seasonal naive or the seasonal mean forecast plus what
ridge regression on the training windows adds to it; prior and penalty are chosen by
cross-validation over blocks of neighbouring windows, with a gap of a horizon on both sides. Further
maps begin as forecasts that suit other windows, such as what was a week of hours ago. The network
learns what is left, and whom to trust. What each quantile lies above or below the median, or the
parameters of a distribution, begin as they were in the training windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.forecast.start.effects import has_effects, start_effects
from rollcast.model.effects import enter
from rollcast.model.inputs import filled
from rollcast.model.skip import lag_map, naive_map, skip_rows
from rollcast.score.ridge import ridge

if TYPE_CHECKING:
    from rollcast.data.windows import Batch
    from rollcast.forecast.problem import NetworkProblem
    from rollcast.model.spec import NetworkSpec

PRIORS = ("seasonal_naive", "seasonal_mean")
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, None)
"""Per window, on inputs of unit variance; None is the prior itself."""

FOLDS = 5

MOST_FITTED = 10_000
"""Windows of the regression; of more, evenly spaced ones: they overlap and change little."""

AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Rows:
    """Training windows side by side, float64: ``inputs (columns of the skip path + 1, windows)``,
    the last row ones; ``target (horizon, windows)``, ``observed`` alike; ``weight``, ``origin``,
    ``location`` and ``scale (windows,)``; ``added (horizon, windows)`` is what inputs do, which the
    target is without."""

    inputs: np.ndarray
    target: np.ndarray
    observed: np.ndarray
    weight: np.ndarray
    origin: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    added: np.ndarray

    def take(self, chosen: np.ndarray) -> Rows:
        return Rows(
            np.ascontiguousarray(self.inputs[:, chosen]),
            np.ascontiguousarray(self.target[:, chosen]),
            self.observed[:, chosen],
            self.weight[chosen],
            self.origin[chosen],
            self.location[chosen],
            self.scale[chosen],
            self.added[:, chosen],
        )

    def sums(self, filler: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Weighed products inputs × inputs and inputs × target, and the sum of the weights.

        A target that is missing is what ``filler`` forecasts, which pulls nowhere.
        """
        target = np.where(self.observed, self.target, forecast(filler, self.inputs))
        weighted = self.inputs * self.weight
        return (
            engine.linear(weighted, self.inputs),
            engine.linear(weighted, np.ascontiguousarray(target)),
            float(self.weight.sum()),
        )


def linear_start(problem: NetworkProblem, seed: int) -> np.ndarray:
    """First weights ``(count,)``: random ones, but for the skip path and the decoder's bias."""
    network = problem.network
    weights = network.initial(seed, problem.dtype)
    if network.spec.skip == "none":
        return weights
    spec, views = network.spec, network.views(weights)

    def map_of(rows: Rows) -> np.ndarray:
        return best_map(problem, rows) if spec.skip == "ridge" else naive_start(spec)

    def window_map() -> np.ndarray:
        return np.ascontiguousarray(map_of(training_rows(problem, weights))[: spec.context].T)

    if has_effects(spec):
        start_effects(problem, weights, naive_map(spec, "seasonal_mean"), window_map)
    rows = training_rows(problem, weights)
    best = map_of(rows)
    maps = views["skip.weight"].reshape(spec.maps, spec.horizon, spec.skip_columns)
    maps[0] = best[:-1].T
    if spec.maps > 1:
        maps[1:] = 0.0
        maps[1:, :, : spec.context] = other_maps(problem, rows, best, spec.maps - 1)
    maps /= spec.skip_gain
    bias = views["decoder.bias"].reshape(network.spec.horizon, network.head.width)
    head = network.head
    target, located = rows.target + rows.added, forecast(best, rows.inputs) + rows.added
    found = head.begin(target, located, rows.observed, rows.location, rows.scale)
    found[:, : head.locations] += best[-1][:, None]
    bias[...] = found
    return weights


def naive_start(spec: NetworkSpec) -> np.ndarray:
    """The naive forecast that the spec names, shaped as `best_map`."""
    return of_all_columns(spec, naive_map(spec, spec.skip))


def of_all_columns(spec: NetworkSpec, found: np.ndarray) -> np.ndarray:
    """A map ``(horizon, context)`` shaped as `best_map`: nothing of past inputs, no constant."""
    whole = np.zeros((spec.skip_columns + 1, spec.horizon))
    whole[: spec.context] = found.T
    return whole


def training_rows(problem: NetworkProblem, weights: np.ndarray | None = None) -> Rows:
    """The training windows of the regression, without the effects that are in ``weights``."""
    parts, spec = [], problem.network.spec
    for batch, weight in training_batches(problem):
        if weights is not None:
            batch = enter(spec, problem.network.views(weights), batch)
        past = filled(batch.past, batch.observed)
        inputs = np.ones((spec.skip_columns + 1, past.shape[1]))
        inputs[:-1] = skip_rows(spec, past, batch).T
        added = np.zeros(batch.target.shape) if batch.added is None else batch.added
        known = (weight, batch.origin, batch.location, batch.scale, added)
        parts.append((inputs, batch.target - added, batch.target_observed, *known))
    joined = [np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)]
    return Rows(joined[0], joined[1].astype(np.float64), *joined[2:])


def training_batches(problem: NetworkProblem) -> Iterator[tuple[Batch, np.ndarray]]:
    """Training windows of a regression with their weights: at most MOST_FITTED, evenly spaced."""
    windows = problem.training
    chosen = np.arange(windows.count)
    if len(chosen) > MOST_FITTED:
        chosen = np.linspace(0, len(chosen) - 1, MOST_FITTED).astype(np.int64)
    for start in range(0, len(chosen), AT_ONCE):
        batch = windows.batch(chosen[start : start + AT_ONCE])
        weight = problem.unit_weight(batch)
        yield batch, np.ones(len(batch)) if weight is None else weight


def best_map(problem: NetworkProblem, rows: Rows) -> np.ndarray:
    """The linear map ``(columns + 1, horizon)``, its last row the constant."""
    spec = problem.network.spec
    priors = [of_all_columns(spec, naive_map(spec, name)) for name in PRIORS]
    filler = priors[-1]
    whole = rows.sums(filler)
    candidates = [(prior, penalty) for prior in priors for penalty in PENALTIES]
    errors = np.zeros(len(candidates))
    for block in np.array_split(np.arange(len(rows.origin)), FOLDS):
        if not len(block):
            continue
        first, last = rows.origin[block[0]], rows.origin[block[-1]]
        near = (rows.origin > first - spec.horizon) & (rows.origin < last + spec.horizon)
        judged = rows.take(block)
        without = rows.take(np.flatnonzero(near)).sums(filler)
        gram, cross = whole[0] - without[0], whole[1] - without[1]
        total = max(whole[2] - without[2], 0.0)
        for index, (prior, penalty) in enumerate(candidates):
            found = shrunk(prior, penalty, gram, cross, total)
            error = np.abs(forecast(found, judged.inputs) - judged.target) * judged.weight
            errors[index] += error[judged.observed].sum()
    prior, penalty = candidates[int(np.argmin(errors))]
    return shrunk(prior, penalty, *whole)


def other_maps(problem: NetworkProblem, rows: Rows, best: np.ndarray, count: int) -> list:
    """Forecasts that suit the windows which the map ``best`` and those before them suit least.

    Candidates are the seasonal mean and every lag of whole seasons. One after the other that one is
    taken which lowers most the error of whoever is best in each window.
    """
    spec = problem.network.spec
    season = spec.season if spec.season <= spec.context else 1
    candidates = [naive_map(spec, "seasonal_mean")]
    candidates += [lag_map(spec, lag) for lag in range(season, spec.context + 1, season)]
    errors = np.stack([error_by_window(of_all_columns(spec, m), rows) for m in candidates])
    least = error_by_window(best, rows)
    chosen = []
    for _ in range(count):
        index = int(np.argmin(np.minimum(errors, least).sum(axis=1)))
        least = np.minimum(least, errors[index])
        chosen.append(candidates[index])
    return chosen


def error_by_window(found: np.ndarray, rows: Rows) -> np.ndarray:
    """Weighed absolute error of a linear map over the observed steps, ``(windows,)``."""
    error = np.abs(forecast(found, rows.inputs) - rows.target)
    return np.where(rows.observed, error, 0.0).sum(axis=0) * rows.weight


def shrunk(
    prior: np.ndarray, penalty: float | None, gram: np.ndarray, cross: np.ndarray, total: float
) -> np.ndarray:
    """The prior plus the ridge regression of what it leaves."""
    if penalty is None or total <= 0.0:
        return prior
    left = cross - engine.linear(gram, np.ascontiguousarray(prior.T))
    return prior + ridge(gram, left, penalty * total)


def forecast(found: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """What a linear map forecasts, ``(horizon, windows)``."""
    return engine.linear(np.ascontiguousarray(found.T), np.ascontiguousarray(inputs.T))
