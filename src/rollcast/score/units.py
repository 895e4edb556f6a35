"""The units of scaled errors: how much a series differs from itself a season earlier."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rollcast.errors import UsageError
from rollcast.score.mean import mean_of


def seasonal_scale(history: ArrayLike, season: int, *, power: int = 1) -> NDArray[np.float64]:
    """Mean absolute seasonal difference of the training part: the unit of MASE. With ``power`` 2
    the root of the mean square: that of RMSSE.

    Gives ``(windows,)`` from a history ``(windows, time)``, in the unit of the target; season 1
    compares neighbours. A pair with a missing value is left out; a history without a pair gives
    NaN. For series of many lengths see `seasonal_scales`.
    """
    history = np.atleast_2d(np.asarray(history, dtype=np.float64))
    _check_season(season)
    difference = np.abs(history[:, season:] - history[:, :-season]) ** power
    return np.asarray(mean_of(difference, difference, axis=1)) ** (1 / power)


def seasonal_scales(
    values: ArrayLike, offsets: ArrayLike, season: int, *, power: int = 1
) -> NDArray[np.float64]:
    """`seasonal_scale` of each series of a table, ``(series,)``, computed once for all windows.

    Series ``i`` is ``values[offsets[i]:offsets[i + 1]]``, the training part only.
    """
    values = np.asarray(values, dtype=np.float64)
    offsets = np.asarray(offsets, dtype=np.int64)
    _check_season(season)
    lengths = np.diff(offsets)
    difference = np.full(values.size, np.nan)
    difference[season:] = np.abs(values[season:] - values[:-season]) ** power
    # The first `season` rows of a series look back into the series before it.
    position = np.arange(values.size) - np.repeat(offsets[:-1], lengths)
    counted = (position >= season) & ~np.isnan(difference)
    series = np.repeat(np.arange(lengths.size), lengths)[counted]
    total = np.bincount(series, weights=difference[counted], minlength=lengths.size)
    count = np.bincount(series, minlength=lengths.size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan) ** (1 / power)


def _check_season(season: int) -> None:
    if season < 1:
        raise UsageError(f"season is {season}, expected 1 (none) or more steps.")
