"""Quantiles of any level from those of some levels."""

from __future__ import annotations

import numpy as np

from rollcast.errors import UsageError

Array = np.ndarray


def at_level(ordered: Array, levels: tuple[float, ...], level: float) -> Array:
    """The quantile of a level, ``(…)``, from those of ``levels``, sorted: ``ordered (…, levels)``.

    Numbers that cross are to be sorted first (Chernozhukov et al. 2010 show that this only brings
    them nearer to the truth). A level between two trained ones is read off the straight line
    between them. A level beyond the outermost one continues with a normal tail, whose spread is
    that between the outermost level and the one nearest to the median.
    """
    grid = np.asarray(levels)
    nearest = int(np.argmin(np.abs(grid - level)))
    if abs(grid[nearest] - level) < 1e-9:
        return ordered[..., nearest]
    if len(grid) == 1:
        raise UsageError(
            f"level {level:g}: only level {grid[0]:g} was trained, which says nothing about "
            "others. Train with more levels."
        )
    above = int(np.searchsorted(grid, level))
    if 0 < above < len(grid):
        part = (level - grid[above - 1]) / (grid[above] - grid[above - 1])
        low, high = ordered[..., above - 1], ordered[..., above]
        return low + ordered.dtype.type(part) * (high - low)

    from statistics import NormalDist  # 10 ms to import, and seldom needed

    z = NormalDist().inv_cdf
    end = 0 if above == 0 else len(grid) - 1
    inner = int(np.argmin(np.abs(grid - 0.5)))
    if inner == end:
        inner = len(grid) - 1 - end
    reach = (z(level) - z(grid[end])) / (z(grid[end]) - z(grid[inner]))
    outermost = ordered[..., end]
    return outermost + ordered.dtype.type(reach) * (outermost - ordered[..., inner])
