"""Reading windows that have missing values."""

import numpy as np
from numpy.typing import NDArray


def last_observed(past: NDArray) -> tuple[NDArray, NDArray]:
    """The last value of each row that is not NaN, and its index, each ``(rows,)``.

    A row without any gives NaN and the last index.
    """
    observed = ~np.isnan(past)
    index = past.shape[1] - 1 - np.argmax(observed[:, ::-1], axis=1)
    return past[np.arange(past.shape[0]), index], index


def carried(past: NDArray) -> NDArray:
    """A copy in which each missing value is the last observed one before it in its row.

    Before the first observed value it stays NaN.
    """
    missing = np.isnan(past)
    if not missing.any():
        return past.copy()
    index = np.where(missing, 0, np.arange(past.shape[1]))
    np.maximum.accumulate(index, axis=1, out=index)
    return np.take_along_axis(past, index, axis=1)
