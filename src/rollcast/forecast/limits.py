"""What forecasts may be: from 0 on, whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rollcast.forecast.judged import Bands
from rollcast.model.predict import Prediction
from rollcast.nn.heads import Head

Array = np.ndarray


@dataclass(frozen=True)
class Limits:
    """Applied last of all: to medians, quantiles, ends of intervals and samples. No interval covers
    less for it, where the values themselves keep to the limits."""

    nonnegative: bool = False
    integer: bool = False

    def point(self, values: Array) -> Array:
        """Medians, quantiles and samples."""
        return self._above(np.rint(values) if self.integer else values)

    def bands(self, found: Bands) -> Bands:
        """Level → the ends of intervals: whole numbers lie outside of what they were."""
        result = {}
        for level, (low, high) in found.items():
            if self.integer:
                low, high = np.floor(low), np.ceil(high)
            result[level] = (self._above(low), self._above(high))
        return result

    def prediction(self, found: Prediction) -> Prediction:
        """Forecasts with their quantiles."""
        return replace(
            found, median=self.point(found.median), quantiles=self.point(found.quantiles)
        )

    def _above(self, values: Array) -> Array:
        return np.maximum(values, 0.0) + 0.0 if self.nonnegative else values


def limits_of(params: dict[str, Any], head: Head) -> Limits:
    """The limits that were asked for, and those that a head brings along."""
    return Limits(
        params["nonnegative"] or head.support != "any",
        params["integer"] or head.support == "counts",
    )
