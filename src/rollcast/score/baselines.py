"""Forecasts that a network must beat.

Each takes the past ``(windows, context)`` in the unit of the target, newest value last, and gives
``(windows, horizon)``. NaN in the past is a missing value or the left padding of a short series; a
window without any observed value gives NaN. BASELINES holds one row each:

>>> forecast = BASELINES["seasonal naive"].fit(past, target, season)
>>> forecast(newest_past, horizon, season)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollcast.errors import UsageError
from rollcast.score.linear import fit_linear
from rollcast.score.past import last_observed

Forecast = Callable[[NDArray, int, int], NDArray]
Fit = Callable[[NDArray, NDArray, int], Forecast]


def naive(past: NDArray, horizon: int, season: int = 1) -> NDArray:
    """The last observed value, at every step."""
    past = _checked(past, horizon, season)
    last, _ = last_observed(past)
    return np.repeat(last[:, None], horizon, axis=1)


def seasonal_naive(past: NDArray, horizon: int, season: int) -> NDArray:
    """The value one season earlier.

    Where that is missing or before the window, the same phase of the season before, and so on;
    where no season has it, the last observed value.
    """
    past = _checked(past, horizon, season)
    windows, context = past.shape
    seasons = -(-context // season)
    padded = np.full((windows, seasons * season), np.nan)
    padded[:, seasons * season - context :] = past
    phases = padded.reshape(windows, seasons, season)
    newest, _ = last_observed(phases.swapaxes(1, 2).reshape(windows * season, seasons))
    newest = newest.reshape(windows, season)
    last, _ = last_observed(past)
    newest = np.where(np.isnan(newest), last[:, None], newest)
    return newest[:, np.arange(horizon) % season]


def drift(past: NDArray, horizon: int, season: int = 1) -> NDArray:
    """The line through the first and the last observed value of the window, carried on.

    Naive where only one value is observed. Hyndman and Athanasopoulos, Forecasting: Principles and
    Practice, section 5.2.
    """
    past = _checked(past, horizon, season)
    context = past.shape[1]
    last, last_index = last_observed(past)
    first, back = last_observed(past[:, ::-1])
    steps = last_index - (context - 1 - back)
    slope = (last - first) / np.maximum(steps, 1)
    ahead = np.arange(1, horizon + 1) + (context - 1 - last_index)[:, None]
    return last[:, None] + slope[:, None] * ahead


@dataclass(frozen=True)
class Baseline:
    """One row of BASELINES. Only a baseline that ``learns`` looks at what ``fit`` is given."""

    fit: Fit
    learns: bool = False


BASELINES: dict[str, Baseline] = {
    "naive": Baseline(lambda past, target, season: naive),
    "seasonal naive": Baseline(lambda past, target, season: seasonal_naive),
    "drift": Baseline(lambda past, target, season: drift),
    "linear": Baseline(fit_linear, learns=True),
}


def _checked(past: NDArray, horizon: int, season: int) -> NDArray:
    past = np.asarray(past, dtype=np.float64)
    if past.ndim != 2 or past.shape[1] == 0 or horizon < 1 or season < 1:
        raise UsageError(
            f"baseline: past has shape {past.shape}, horizon is {horizon}, season is {season}; "
            "expected (windows, context) with a context, a horizon and a season of at least 1."
        )
    return past
