"""What every measure does with truths that were not observed."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rollcast.errors import UsageError

Score = float | NDArray[np.float64]

Axis = int | NDArray[np.integer] | None
"""None: one float of all; 0: a value for each step; 1: for each window; an array ``(windows,)`` of
whole numbers from 0: a value for each of the groups that these name."""


def paired(truth: ArrayLike, forecast: ArrayLike) -> tuple[NDArray, NDArray]:
    """Both as float64, ``(windows, horizon)`` alike; raises UsageError."""
    truth = np.asarray(truth, dtype=np.float64)
    forecast = np.asarray(forecast, dtype=np.float64)
    if truth.ndim != 2 or truth.shape != forecast.shape:
        raise UsageError(
            f"truth has shape {truth.shape} and forecast {forecast.shape}; expected the same "
            "(windows, horizon) for both."
        )
    return truth, forecast


def mean_of(error: NDArray, truth: NDArray, axis: Axis) -> Score:
    """Mean of the errors where the truth is known; NaN where it never is, without a warning."""
    observed = ~np.isnan(truth)
    if isinstance(axis, np.ndarray):
        rows = np.where(observed, error, 0.0).sum(axis=1)
        totals = np.bincount(axis, weights=rows)
        counts = np.bincount(axis, weights=observed.sum(axis=1))
        return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
    count = observed.sum(axis=axis)
    total = np.where(observed, error, 0.0).sum(axis=axis)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return float(mean) if axis is None else mean


def scaled(name: str, truth: NDArray, scale: ArrayLike) -> tuple[NDArray, NDArray]:
    """Truths without those of windows whose scale is 0 or NaN, and the scales ``(windows, 1)``."""
    scale = np.asarray(scale, dtype=np.float64)
    if scale.shape != truth.shape[:1]:
        raise UsageError(
            f"{name}: scale has shape {scale.shape}, expected one value per window, "
            f"{truth.shape[:1]}. Compute it with seasonal_scale(history, season)."
        )
    scale = np.where(scale == 0.0, np.nan, scale)[:, None]
    return np.where(np.isnan(scale), np.nan, truth), scale
