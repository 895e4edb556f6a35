"""Ridge regression through the engine's products: the same bits whatever the number of threads.

NumPy's linear algebra gives other bits with another number of BLAS threads, and takes a hundred
times as long where they have to wait for each other; the first weights of a network may do neither.
"""

from __future__ import annotations

import numpy as np

from rollcast import engine

BLOCK = 32
"""Rows factored at once: so few that BLAS uses one thread."""


def solve(gram: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """X of ``gram X = cross`` for a symmetric positive definite ``gram (n, n)``, ``cross (n, k)``.

    By a blocked Cholesky factorisation, in float64 (Golub and Van Loan 2013, section 4.2.6).
    """
    size = len(gram)
    lower = np.zeros_like(gram)
    inverses = []
    blocks = [slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK)]
    for rows in blocks:
        before, below = slice(0, rows.start), slice(rows.start, size)
        column = gram[below, rows].copy()
        if rows.start:
            done = np.ascontiguousarray(lower[rows, before])
            column -= engine.linear(np.ascontiguousarray(lower[below, before]), done)
        width = rows.stop - rows.start
        corner = np.linalg.cholesky(column[:width])
        inverse = np.linalg.inv(corner)
        inverses.append(inverse)
        lower[rows, rows] = corner
        if rows.stop < size:
            rest = np.ascontiguousarray(column[width:])
            lower[rows.stop :, rows] = engine.linear(rest, np.ascontiguousarray(inverse))
    # Forward, then backward; the unknowns lie in rows, as the engine multiplies by a transpose.
    found = cross.T.copy(order="C")  # of one column, ascontiguousarray would be cross itself
    for rows, inverse in zip(blocks, inverses, strict=True):
        part = np.ascontiguousarray(found[:, rows])
        if rows.start:
            known = np.ascontiguousarray(found[:, : rows.start])
            part -= engine.linear(known, np.ascontiguousarray(lower[rows, : rows.start]))
        found[:, rows] = engine.linear(part, np.ascontiguousarray(inverse))
    for rows, inverse in zip(blocks[::-1], inverses[::-1], strict=True):
        part = np.ascontiguousarray(found[:, rows])
        if rows.stop < size:
            known = np.ascontiguousarray(found[:, rows.stop :])
            part -= engine.linear(known, np.ascontiguousarray(lower[rows.stop :, rows].T))
        found[:, rows] = engine.linear(part, np.ascontiguousarray(inverse.T))
    return np.ascontiguousarray(found.T)


def ridge(gram: np.ndarray, cross: np.ndarray, penalty: float) -> np.ndarray:
    """Weights ``(n, k)`` that minimise squared errors plus ``penalty`` times squared weights."""
    return solve(gram + penalty * np.eye(len(gram)), cross)
