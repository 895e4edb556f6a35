"""What a network reads where a value is missing."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def filled(past: Array, observed: Array) -> Array:
    """The window ``(context, batch)`` with each missing value replaced by the last one before it.

    Before the first observed value it stays as it is: 0, the window's mean.
    """
    if observed.all():
        return past
    index = newest(observed)
    np.maximum(index, 0, out=index)
    return np.take_along_axis(past, index, axis=0)


def newest(observed: Array) -> Array:
    """The newest observed row up to each row, shaped like ``observed (rows, …)``; -1 = none."""
    rows = np.arange(len(observed)).reshape(-1, *[1] * (observed.ndim - 1))
    return np.maximum.accumulate(np.where(observed, rows, -1), axis=0)
