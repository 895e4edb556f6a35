"""Normalisation of what one layer hands to the next, with its way back.

A row of ``NORMALIZE`` says over which axes of ``(time, batch, units)`` mean and variance are taken.
Sums are float64.
"""

from dataclasses import dataclass

import numpy as np

EPSILON = 1e-5
"""Added to the variance, as in torch."""


@dataclass(frozen=True)
class Normal:
    """``axes`` of mean and variance. With ``population`` they depend on the other rows of a batch,
    so that outputs need those of the training data instead."""

    axes: tuple[int, ...]
    population: bool

    def statistics(
        self, y: np.ndarray, valid: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of y (time, batch, units), broadcastable to it; ``valid`` bool (time,
        batch, 1) says which steps there are."""
        mean = self.mean(y, valid)
        return mean, self.mean((y - mean) ** 2, valid)

    def mean(self, y: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
        """The mean over the axes, in the type of y."""
        if valid is None or not self.population:
            return y.mean(axis=self.axes, keepdims=True, dtype=np.float64).astype(y.dtype)
        total = np.where(valid, y, 0).sum(axis=self.axes, keepdims=True, dtype=np.float64)
        return (total / max(1, int(valid.sum()))).astype(y.dtype)

    def back(
        self, slope: np.ndarray, scaled: np.ndarray, spread: np.ndarray, valid: np.ndarray | None
    ) -> np.ndarray:
        """The slope of y, from that of ``scaled = (y - mean) / spread``, through both statistics
        (Ioffe and Szegedy 2015, section 3)."""
        level, turn = self.mean(slope, valid), self.mean(slope * scaled, valid)
        found = (slope - level - scaled * turn) / spread
        return found if valid is None else np.where(valid, found, 0)


def spread_of(variance: np.ndarray) -> np.ndarray:
    """What is divided by."""
    return np.sqrt(variance + variance.dtype.type(EPSILON))


NORMALIZE: dict[str, Normal] = {
    # Ba, Kiros and Hinton 2016, arXiv 1607.06450: over the units, step by step
    "layer": Normal((2,), population=False),
    # Ioffe and Szegedy 2015; over all steps of a batch: Laurent et al. 2015, arXiv 1510.01378
    "batch": Normal((0, 1), population=True),
}
