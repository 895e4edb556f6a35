"""Some windows side by side: what a network trains on in one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows side by side, time first; values are scaled, 0 where missing.

    ``past (context, batch)``, ``observed (context, batch)``, ``target (horizon, batch)``,
    ``target_observed (horizon, batch)``; calendar features ``past_features (context, batch,
    features)`` and ``future_features (horizon, batch, features)``; a value is ``location + scale *
    scaled`` with ``location, scale (batch,)``; ``series (batch,)`` and ``origin (batch,)``, the row
    of the panel where the target begins.
    """

    past: np.ndarray
    observed: np.ndarray
    past_features: np.ndarray
    future_features: np.ndarray
    target: np.ndarray
    target_observed: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    series: np.ndarray
    origin: np.ndarray

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, eq=False)
class Rows:
    """Consecutive rows of some series side by side, as read from their beginning, scaled.

    ``values (time, batch)``, each missing one replaced by the last before it, 0 where there is
    none; ``age (time, batch)``: rows since a value was observed, inf = never; ``next_features
    (time, batch, features)``: the calendar's features of each following row.
    """

    values: np.ndarray
    age: np.ndarray
    next_features: np.ndarray
