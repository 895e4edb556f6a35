"""Long series with fewer points that look the same."""

import numpy as np
from numpy.typing import NDArray


def thinned(values: NDArray, points: int) -> NDArray:
    """Indices, rising, of at most about ``points`` rows of ``values (rows,)`` that keep its shape.

    Largest Triangle Three Buckets (Steinarsson 2013, "Downsampling Time Series for Visual
    Representation", section 4.2): one row of each of many even buckets, that which spans the
    largest triangle with the row chosen before and the mean of the bucket after. It runs over the
    observed rows; the first missing row of each gap is kept (of the longest ones, when there are
    more than a quarter of ``points``), so that a line drawn through the rows breaks there.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size <= points:
        return np.arange(values.size)
    rows = np.flatnonzero(~np.isnan(values))
    gaps = _gap_starts(values, points // 4)
    kept = rows[_largest_triangles(rows.astype(np.float64), values[rows], points - gaps.size)]
    return np.sort(np.concatenate([kept, gaps]))


def _gap_starts(values: NDArray, most: int) -> NDArray:
    edges = np.flatnonzero(np.diff(np.isnan(values), prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    if starts.size > most:
        longest = np.argsort(-(ends - starts), kind="stable")[:most]
        starts = np.sort(starts[longest])
    return starts


def _largest_triangles(x: NDArray, y: NDArray, points: int) -> NDArray:
    points = max(points, 3)
    if x.size <= points:
        return np.arange(x.size)
    # The first and the last row stand alone; the others lie in points - 2 even buckets.
    edges = np.linspace(1, x.size - 1, points - 1).astype(np.int64)
    sizes = np.diff(edges)
    mean_x = np.append(np.add.reduceat(x[1:-1], edges[:-1] - 1) / sizes, x[-1])
    mean_y = np.append(np.add.reduceat(y[1:-1], edges[:-1] - 1) / sizes, y[-1])
    kept = np.zeros(points, dtype=np.int64)
    kept[-1] = x.size - 1
    for bucket in range(points - 2):
        before = kept[bucket]
        inside = slice(edges[bucket], edges[bucket + 1])
        area = np.abs(
            (x[before] - mean_x[bucket + 1]) * (y[inside] - y[before])
            - (x[before] - x[inside]) * (mean_y[bucket + 1] - y[before])
        )
        kept[bucket + 1] = edges[bucket] + np.argmax(area)
    return kept
