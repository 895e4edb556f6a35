"""Values transformed as they come, and forecasts undone, by a state of the newest values alone.

A logarithm or a power needs the value, a difference the newest value of the row before or of the
season before: as many numbers as a season has rows, however long the history is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rollcast.data.panel import Panel
from rollcast.data.power import powered
from rollcast.data.transform import LEAST, Transformed
from rollcast.errors import DataError
from rollcast.model.predict import Prediction

Array = np.ndarray


class RowTransform:
    """What `Transformed` does to whole series, row by row.

    ``kind``, ``powers (series,)`` and ``lags`` as there; ``kept``: of each difference the newest
    values that it goes back to, ``(lag, series)``, oldest first, NaN where there was none.
    """

    def __init__(
        self,
        panel: Panel,
        kind: str | None,
        powers: Array | None,
        lags: tuple[int, ...],
        kept: tuple[Array, ...],
    ) -> None:
        self.kind, self.powers, self._lags = kind, powers, lags
        self._rings = [each.copy() for each in kept]
        self._oldest = [0] * len(lags)
        longest, count = max(lags, default=1), len(panel)
        self._every, self._longest = np.arange(count), longest
        self._ends = longest * np.arange(1, count + 1)
        offsets = longest * np.arange(count + 1)
        self._panel = replace(panel, offsets=offsets)  # of which nothing but these is looked at

    @classmethod
    def after(cls, seen: Transformed) -> RowTransform:
        """The state after the last rows of whole series."""
        ends, begins = seen.panel.offsets[1:], seen.panel.offsets[:-1]
        kept = []
        for lag, carried in zip(seen.lags, seen.carried, strict=True):
            rows = ends - lag + np.arange(lag)[:, None]
            kept.append(np.where(rows >= begins, carried[np.maximum(rows, 0)], np.nan))
        return cls(seen.panel, seen.kind, seen.powers, seen.lags, tuple(kept))

    @property
    def kept(self) -> tuple[Array, ...]:
        """The newest values of each difference ``(lag, series)``, oldest first."""
        pairs = zip(self._rings, self._oldest, strict=True)
        return tuple(np.roll(ring, -oldest, axis=0) for ring, oldest in pairs)

    def check(self, row: Array) -> None:
        """Raise DataError for a value that has no logarithm."""
        least = LEAST.get(self.kind) if self.kind else None
        if least is not None and (row <= least).any():
            index = int(np.argmax(row <= least))
            raise DataError(
                f"{self._panel.source}: update with {row[index]:g} of series "
                f"{self._panel.ids[index]!r}; transform={self.kind!r} expects values above "
                f"{least}. Give NaN for what is missing."
            )

    def take(self, row: Array) -> Array:
        """The next values ``(series,)``, NaN = missing, as the network sees them."""
        if self.kind == "log1p":
            row = np.log1p(row)
        elif self.kind == "boxcox":
            assert self.powers is not None
            row = powered(row, self.powers)
        for index, ring in enumerate(self._rings):
            at = self._oldest[index]
            before = ring[at].copy()
            ring[at] = np.where(np.isnan(row), before, row)
            self._oldest[index] = (at + 1) % len(ring)
            row = row - before
        return row

    def undone(self, found: Prediction) -> Prediction:
        """Forecasts of the next rows in the unit of the data."""
        carried = []
        for kept in self.kept:
            whole = np.full((len(self._every), self._longest), np.nan)
            whole[:, self._longest - len(kept) :] = kept.T
            carried.append(whole.ravel())
        seen = Transformed(
            self._panel, np.empty(0), self.kind, self.powers, self._lags, tuple(carried)
        )
        numbers = seen.undone(
            self._every, self._ends, found.median, found.quantiles, found.scale[:, 0]
        )
        return Prediction(numbers[0], numbers[1], found.levels, numbers[2])
