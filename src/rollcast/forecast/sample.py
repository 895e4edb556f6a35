"""Sampled paths of the future: what may come, whole horizons at a time.

Intervals say how far each step may lie; sums over steps, highest values or stock-outs need to know
how steps go together. A recursive network with a distribution draws each step after those before it
(model/ancestral.py). Of every other, the values of each step are the calibrated quantiles, spread
evenly, and which of them make up a path is as it was in the errors of held-out windows: the lowest
values of two steps belong together where low errors did. That is the Schaake shuffle (Clark et al.
2004) with past errors as its template (ensemble copula coupling; Schefzik et al. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.choice import is_whole
from rollcast.data.panel import Panel
from rollcast.errors import UsageError
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.intervals import Calibration, forecast_spread
from rollcast.forecast.overlap import widening
from rollcast.model.ancestral import ancestral_paths

Array = np.ndarray

MOST_TEMPLATES = 2000
"""Held-out windows whose errors are kept, evenly spaced."""

AT_ONCE = 128
"""Series shuffled at once."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Sampled paths from the end of every series of ``panel``: ``values (series, paths, horizon)``,
    in the unit of the target."""

    panel: Panel
    name: str
    values: Array

    def frame(self) -> Any:
        """A table of every series, path and step: id, time, ``sample`` (from 0), the value under
        the name of the forecast."""
        series, paths, horizon = self.values.shape
        times = self.panel.future_times(horizon)
        columns = {
            "sample": np.tile(np.repeat(np.arange(paths), horizon), series),
            self.name: self.values.ravel(),
        }
        index = np.repeat(np.arange(series), paths * horizon)
        return self.panel.frame(index, np.repeat(times, paths, axis=0).ravel(), columns)


def signed_scores(median: Array, below: Array, above: Array, truth: Array) -> Array:
    """How many spreads truths lay above the median, or below (negative); all ``(windows,
    horizon)``."""
    apart = truth - median
    return np.where(apart >= 0.0, apart / above, apart / below)


def error_paths(signed: Array) -> Array:
    """Those of held-out windows whose truth was observed at every step, ``(kept, horizon)``."""
    whole = signed[~np.isnan(signed).any(axis=1)]
    if len(whole) <= MOST_TEMPLATES:
        return whole
    return whole[np.linspace(0, len(whole) - 1, MOST_TEMPLATES).astype(np.int64)]


def sampled(fitted: Fitted, panel: Panel, paths: Any, seed: Any) -> Array:
    """Paths ``(series, paths, horizon)`` after the end of every series of the panel."""
    for name, found, least in (("paths", paths, 1), ("seed", seed, 0)):
        if not is_whole(found) or not least <= found < 2**63:
            raise UsageError(f"{name}={found!r}: expected a whole number from {least}.")
    paths, seed = int(paths), int(seed)
    windows = fitted.windows_at_end(panel)
    network = fitted.network
    plain = fitted.weights.ndim == 1 and fitted.blend.share == 0.0 and not fitted.inputs
    drawn = network.head.family is not None and network.head.levels != ()
    if network.spec.strategy == "recursive" and drawn and plain:
        found = ancestral_paths(network, fitted.weights, windows, paths, seed)
        if windows.transformed is not None:
            series, origin = np.repeat(windows.series, paths), np.repeat(windows.origin, paths)
            flat = found.reshape(-1, windows.horizon)
            found = windows.transformed.path_back(series, origin, flat).reshape(found.shape)
        return fitted.limits.point(found)
    prediction, below, above = forecast_spread(network, fitted.weights, windows, blend=fitted.blend)
    found = shuffled(
        fitted.calibration, fitted.error_paths, prediction.median, below, above, paths, seed
    )
    return fitted.limits.point(found)


def shuffled(
    calibration: Calibration,
    errors: Array,
    median: Array,
    below: Array,
    above: Array,
    paths: int,
    seed: int,
) -> Array:
    """Paths ``(windows, paths, horizon)`` with the margins of the calibration and the order of
    ``errors (templates, horizon)``. Raises UsageError without any."""
    if not len(errors):
        raise UsageError(
            "sample: no held-out window was observed at every step, or the model was saved before "
            "it kept their errors. Fit it again, on rows with fewer gaps."
        )
    generator = np.random.Generator(np.random.Philox(key=seed))
    chance = (np.arange(paths) + 0.5) / paths
    reach = np.sign(chance - 0.5)[:, None] * radii(calibration, np.abs(2.0 * chance - 1.0))
    found = np.empty((len(median), paths, median.shape[1]))
    for start in range(0, len(median), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        wide = np.where(reach >= 0.0, above[some, None], below[some, None])
        values = median[some, None] + reach * wide  # rising along the paths
        count = len(values)
        rounds = -(-paths // len(errors))
        order = generator.random((count, rounds, len(errors))).argsort(axis=2)
        chosen = errors[order.reshape(count, -1)[:, :paths]]
        # of equal errors, as where a template comes twice, the path that comes first is lower
        ranks = chosen.argsort(axis=1, kind="stable").argsort(axis=1)
        found[some] = np.take_along_axis(values, ranks, axis=1)
    return found


def radii(calibration: Calibration, shares: Array) -> Array:
    """How many spreads the interval of each share ``(n,)``, from 0 to 1, reaches at each step,
    ``(n, horizon)``: between ranks on a straight line, beyond the last score no further."""
    ordered = np.sort(calibration.scores, axis=0)
    found = np.empty((len(shares), ordered.shape[1]))
    for step, count in enumerate(calibration.counts.tolist()):
        known = np.concatenate([[0.0], ordered[:count, step]])
        found[:, step] = np.interp(shares * (count + 1), np.arange(count + 1), known)
    return found * widening(calibration.counts, calibration.overlap, 100.0 * shares[:, None])
