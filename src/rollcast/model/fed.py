"""What each step of a recursive network's loop reads: its own forecast, or what was there.

Validation and forecasts read their own (``own``). Training may read true values in the place of
some (``forced``): all of them (teacher forcing; Williams and Zipser 1989) or some by chance
(scheduled sampling; Bengio et al. 2015, arXiv 1506.03099).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rollcast.data.batch import Batch
    from rollcast.model.effects import Slopes

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Fed:
    """``values (steps, batch)``, and where in their place the forecast of the step before is read,
    bool ``(steps,)`` or ``(steps, batch)``; ``age (steps, batch)``: rows since a true value."""

    values: Array
    fed: Array
    age: Array


def own(value: Array, age: Array, steps: int) -> Fed:
    """The newest ``value (batch,)``, then forecasts alone."""
    ages = age + np.arange(steps)[:, None]
    values = np.zeros(ages.shape, value.dtype)
    values[0] = value
    return Fed(values, np.arange(steps) > 0, ages)


def forced(value: Array, age: Array, batch: Batch, mask: Array) -> Fed:
    """True values but where ``mask``, bool (steps, batch), says that forecasts are read. Where a
    value is missing, and beyond the mask, they are read too. Effects of inputs are not part of what
    is read."""
    found = own(value, age, len(batch.target))
    fed = np.ones(found.age.shape, bool)
    fed[0] = False
    rows = slice(1, len(mask))
    fed[rows] = mask[rows] | ~batch.target_observed[: len(mask) - 1]
    truth = batch.target if batch.added is None else batch.target - batch.added
    values, ages = found.values, found.age
    values[1:] = np.where(fed[1:], 0, truth[:-1])
    for step in range(1, len(fed)):
        ages[step] = np.where(fed[step], ages[step - 1] + 1, 0)
    return Fed(values, fed, ages)


def counted(batch: Batch, mask: Array) -> Array:
    """Where there is a loss, bool (horizon, batch): at the steps of the mask."""
    observed = batch.target_observed.copy()
    observed[len(mask) :] = False
    return observed


def forced_backward(drolled: Array, slopes: Slopes) -> None:
    """Adds to ``slopes`` the gradient by what was taken from true values; ``drolled (steps, batch,
    features)`` is that by what the loop read, 0 where it was a forecast."""
    slopes.added[:-1] -= drolled[1:, :, 0]
