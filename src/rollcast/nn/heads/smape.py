"""The symmetric percentage error, 2|e| / (|forecast| + |truth|), in the unit of the data: from 0 to
2, and 0 where both are 0. The forecast is one number; it has no distribution."""

from __future__ import annotations

import numpy as np

from rollcast.nn.heads.head import Family, Unit

Array = np.ndarray

NOTHING = 1e-9
"""Scales of the window that count as 0."""


def _loss(output: Array, target: Array, unit: Unit) -> tuple[Array, Array]:
    forecast, truth = unit.value(output[:, 0]), unit.value(target)
    error, size = forecast - truth, np.abs(forecast) + np.abs(truth)
    some = size > NOTHING * unit.scale
    size = np.where(some, size, 1.0)
    absolute = np.abs(error)
    slope = 2.0 * (np.sign(error) * size - absolute * np.sign(forecast)) / (size * size)
    losses = np.where(some, 2.0 * absolute / size, 0.0)
    return losses, np.where(some, slope * unit.scale, 0.0)[:, None]


def _begin(target: Array, forecast: Array, unit: Unit) -> Array:
    return np.array([np.median(target - forecast)])


SMAPE = Family(_loss, lambda output, unit: unit.value(output[:, 0]), None, _begin)
