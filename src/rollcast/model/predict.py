"""Window → network → unscale: the one inference path.

Validation during training, forecasts, backtests and calibration all come through here, so what is
measured is what is delivered. Nothing is kept between calls: any thread may call at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollcast.model.network import Network
from rollcast.model.walk import memories, walks

if TYPE_CHECKING:
    from rollcast.data.windows import Batch, Windows

Array = np.ndarray

WINDOWS_AT_ONCE, MEMORIES_AT_ONCE = 512, 16_384
"""Windows in one batch; windows whose memories are found in one walk."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts in the unit of the target, float64: ``median (windows, horizon)``, ``quantiles
    (windows, horizon, levels)``, and ``scale (windows, horizon)``: what one scaled unit, by which
    values were divided, comes to there.

    A point head has no quantiles; its ``median`` is what it was trained for (mse: the mean).
    That of head tweedie is the mean too.
    """

    median: Array
    quantiles: Array
    levels: tuple[float, ...]
    scale: Array


def outputs(
    network: Network, weights: Array, windows: Windows, indices: Array | None = None
) -> Iterator[tuple[Batch, Array]]:
    """Batches of windows with the head's numbers ``(horizon, batch, width)``, still scaled.

    A recursive network reads each series whose scale is its own from the beginning; of every other
    kind, a forecast follows from the window alone.
    """
    chosen = np.arange(windows.count) if indices is None else np.asarray(indices)
    walking = walks(network, windows)
    for many in np.split(chosen, range(MEMORIES_AT_ONCE, len(chosen), MEMORIES_AT_ONCE)):
        memory = memories(network, weights, windows, many) if walking and len(many) else None
        for start in range(0, len(many), WINDOWS_AT_ONCE):
            part = slice(start, start + WINDOWS_AT_ONCE)
            batch = windows.batch(many[part])
            yield batch, network.outputs(weights, batch, memory and memory.take(part))


def loss(
    network: Network,
    weights: Array,
    windows: Windows,
    indices: Array | None = None,
    row_weight: Callable[[Batch], Array | None] | None = None,
) -> float:
    """The head's mean loss over all observed targets of the windows, in scaled units.

    ``row_weight`` gives the weights ``(batch,)`` of a batch's windows; None weighs all alike.
    """
    total = weight = 0.0
    for batch, output in outputs(network, weights, windows, indices):
        rows = None if row_weight is None else row_weight(batch)
        counts = batch.target_observed.sum(axis=0)
        observed = float(counts.sum() if rows is None else (counts * rows).sum())
        head = network.head
        total += observed * head.loss(
            output, batch.target, batch.target_observed, rows, batch.location, batch.scale
        )
        weight += observed
    return total / weight if weight else 0.0


def read_off(
    network: Network, output: Array, location: Array, scale: Array, levels: Sequence[float] = ()
) -> Prediction:
    """The forecasts that the head's numbers ``(horizon, batch, width)`` say, with quantiles at
    ``levels`` when it has any; ``location, scale (batch,)``."""
    head = network.head
    levels = tuple(levels) if head.levels else ()
    each = np.broadcast_to(scale[:, None], (len(scale), len(output)))
    if levels and head.family is None:  # the median is one of them: sorted once
        found = head.quantiles(output, (0.5, *levels), location, scale).transpose(1, 0, 2)
        return Prediction(found[..., 0], found[..., 1:], levels, each)
    median = head.point(output, location, scale).T
    if not levels:
        return Prediction(median, np.empty((*median.shape, 0)), (), each)
    quantiles = head.quantiles(output, levels, location, scale).transpose(1, 0, 2)
    return Prediction(median, quantiles, levels, each)


def undone(windows: Windows, batch: Batch, found: Prediction) -> Prediction:
    """The forecasts of a batch of windows in the unit of the data, where that was transformed."""
    if windows.transformed is None:
        return found
    numbers = windows.transformed.undone(
        batch.series, batch.origin, found.median, found.quantiles, batch.scale
    )
    return Prediction(numbers[0], numbers[1], found.levels, numbers[2])


def predict(
    network: Network, weights: Array, windows: Windows, *, levels: Sequence[float] = ()
) -> Prediction:
    """Forecasts of all windows, with quantiles at ``levels`` when the head has any.

    ``weights`` are ``(count,)``, or those of several networks ``(members, count)``: then medians
    and quantiles are the means of theirs.
    """
    levels = tuple(levels) if network.head.levels else ()
    median = np.zeros((windows.count, network.spec.horizon))
    quantiles = np.zeros((*median.shape, len(levels)))
    scale = np.empty(median.shape)
    members = np.atleast_2d(weights)
    for each in members:
        done = 0
        for batch, output in outputs(network, each, windows):
            rows = slice(done, done + len(batch))
            done = rows.stop
            found = read_off(network, output, batch.location, batch.scale, levels)
            found = undone(windows, batch, found)
            median[rows] += found.median / len(members)
            quantiles[rows] += found.quantiles / len(members)
            scale[rows] = found.scale
    return Prediction(median, quantiles, levels, scale)
