"""Ridge regression through the engine's products: the same bits whatever the number of threads.

NumPy's linear algebra gives other bits with another number of BLAS threads, and takes a hundred
times as long where they have to wait for each other; the first weights of a network may do neither.
"""

from __future__ import annotations

import numpy as np

from rollcast import engine

BLOCK = 32
"""Rows factored at once: so few that BLAS uses one thread."""

TILE = 96
"""Columns of a product at once: what lies above the diagonal is not computed twice."""


def solve(gram: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """X of ``gram X = cross`` for a symmetric positive definite ``gram (n, n)``, ``cross (n, k)``.

    By a blocked Cholesky factorisation, in float64 (Golub and Van Loan 2013, section 4.2.6).
    """
    return ridges(gram, cross, np.zeros(1))[0]


def ridge(gram: np.ndarray, cross: np.ndarray, penalty: float) -> np.ndarray:
    """Weights ``(n, k)`` that minimise squared errors plus ``penalty`` times squared weights."""
    return ridges(gram, cross, np.array([penalty]))[0]


def ridges(gram: np.ndarray, cross: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """`ridge` for each of the penalties, ``(penalties, n, k)``, side by side."""
    size, count = len(gram), len(penalties)
    # Below the matrix its right-hand sides: they are solved forward while it is factored.
    both = np.concatenate([gram, cross.T])
    lower = np.empty((count, *both.shape))
    inverses = []
    blocks = [slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK)]
    for rows in blocks:
        column = np.repeat(both[None, rows.start :, rows], count, axis=0)
        width = column.shape[2]
        column[:, np.arange(width), np.arange(width)] += penalties[:, None]
        if rows.start:
            for each, known in zip(column, lower[:, rows.start :, : rows.start], strict=True):
                known = np.ascontiguousarray(known)
                each -= engine.linear(known, known[:width])
        corner = np.linalg.cholesky(column[:, :width])
        inverse = np.linalg.inv(corner)
        inverses.append(inverse)
        lower[:, rows, rows] = corner
        for index, each in enumerate(inverse):
            rest = np.ascontiguousarray(column[index, width:])
            lower[index, rows.stop :, rows] = engine.linear(rest, each)
    # Backward; the unknowns lie in rows, as the engine multiplies by a transpose.
    found = lower[:, size:].copy()
    for rows, inverse in zip(blocks[::-1], inverses[::-1], strict=True):
        for index, each in enumerate(found):
            part = np.ascontiguousarray(each[:, rows])
            if rows.stop < size:
                after = np.ascontiguousarray(lower[index, rows.stop : size, rows].T)
                part -= engine.linear(np.ascontiguousarray(each[:, rows.stop :]), after)
            each[:, rows] = engine.linear(part, np.ascontiguousarray(inverse[index].T))
    return np.ascontiguousarray(found.transpose(0, 2, 1))


def products(both: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """X'X ``(size, size)`` and X'Y ``(size, k)`` of ``both (rows, size + k)``, X beside Y."""
    flipped = np.ascontiguousarray(both.T)
    lower = np.empty((len(flipped), size))
    for start in range(0, size, TILE):
        columns = slice(start, min(start + TILE, size))
        lower[start:, columns] = engine.linear(flipped[start:], flipped[columns])
    gram, below = lower[:size], np.tri(size, k=-1, dtype=bool)
    gram.T[below] = gram[below]
    return gram, lower[size:].T
