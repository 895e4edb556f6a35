"""Some windows side by side: what a network trains on in one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Codes:
    """Categories as numbers from 1, 0 = missing or never seen: ``past (context, batch, columns)``,
    ``known (context + horizon, batch, columns)``, ``static (batch, columns)``."""

    past: np.ndarray
    known: np.ndarray
    static: np.ndarray


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows side by side, time first; values are scaled, 0 where missing.

    ``past (context, batch)``, ``observed (context, batch)``, ``target (horizon, batch)``,
    ``target_observed (horizon, batch)``; features of the calendar and of inputs that are known
    ahead or static, ``past_features (context, batch, features)`` and ``future_features (horizon,
    batch, features)``; a value is ``location + scale * scaled``, ``location, scale (batch,)``;
    ``series (batch,)`` and ``origin (batch,)``, the row of the panel where the target begins. Of
    models with inputs: ``past_inputs (context, batch, columns)`` known up to the origin, and
    ``codes``, and ``ratio (batch,)`` of the deviation of the series to the window's scale. ``added
    (horizon, batch)`` comes to the forecast, see model/effects.py.
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
    past_inputs: np.ndarray | None = None
    codes: Codes | None = None
    ratio: np.ndarray | None = None
    added: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, eq=False)
class Rows:
    """Consecutive rows of some series side by side, as read from their beginning, scaled.

    ``values (time, batch)``, each missing one replaced by the last before it, 0 where there is
    none; ``age (time, batch)``: rows since a value was observed, inf = never; ``next_features
    (time, batch, features)`` of each following row. With inputs: ``past_inputs`` of each row and
    ``codes``, the known ones those of the following row; ``value_features`` and ``value_codes`` are
    of the rows where the values were observed.
    """

    values: np.ndarray
    age: np.ndarray
    next_features: np.ndarray
    past_inputs: np.ndarray | None = None
    codes: Codes | None = None
    value_features: np.ndarray | None = None
    value_codes: Codes | None = None
