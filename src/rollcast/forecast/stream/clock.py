"""The stamps and calendar features of a stream's coming rows, worked out many at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from rollcast.data.calendar import calendar_feature_names, calendar_features
from rollcast.data.frequency import advance, steps_between
from rollcast.data.panel import Panel, stamp_text
from rollcast.errors import DataError, UsageError

AHEAD = 4096
"""Feature rows worked out at once, over all series."""


class Clock:
    """Where every series of a stream stands in time, and what the calendar says of what follows.

    ``panel`` has the newest stamp of each series; ``least`` is how many rows ahead are asked for;
    ``beside (series, numbers)`` are features of each series that stay; ``weights (features,)`` say
    what features add to a forecast, None = nothing.

    ``features (series, features)`` are those of the next row, ``added (series,)`` what they add.
    """

    def __init__(
        self,
        panel: Panel,
        least: int,
        weights: np.ndarray | None,
        dtype: np.dtype,
        beside: np.ndarray,
    ) -> None:
        self._panel, self._dtype = panel, dtype
        self._starts = panel.times[panel.offsets[1:] - 1]
        self._block = max(2 * least, AHEAD // len(panel))
        self._width, self._beside = len(calendar_feature_names(panel.freq)), beside
        self._least = least
        self._weights = weights
        self.passed = 0  # rows since the stream was opened
        self._look_ahead()

    @property
    def newest(self) -> np.ndarray:
        """The newest stamp of each series, ``(series,)``."""
        return advance(self._starts, self._panel.freq, self.passed)

    def tick(self) -> None:
        """Go on by a row."""
        self.passed += 1
        at = self.passed - self._first
        if at + self._least > self._block:
            self._look_ahead()
        else:
            self.features, self.added = self._table[at], self._sums[at]

    def coming(self, rows: int) -> np.ndarray:
        """Features ``(rows, series, features)`` of the next rows, ``least`` of them at most."""
        at = self.passed - self._first
        return np.ascontiguousarray(self._table[at : at + rows])

    def _look_ahead(self) -> None:
        """Work out the features of the next rows."""
        self._first = self.passed
        self._table = table = self._features(self.passed)
        none = np.zeros(table.shape[:2], self._dtype)
        self._sums = none if self._weights is None else table @ self._weights
        self.features, self.added = table[0], self._sums[0]

    def gap(self, time: Any) -> int:
        """How many rows are missing before a row with the stamp ``time``.

        Raises DataError where it is not later than the newest one, off the grid, or where series
        stand at different stamps; UsageError for what is no stamp.
        """
        stamp = self._stamp(time)
        newest = self.newest
        steps, exact = steps_between(newest, stamp, self._panel.freq)
        for index in np.flatnonzero((steps < 1) | ~exact)[:1]:
            last = stamp_text(newest[index])
            wanted = (
                "later" if steps[index] < 1 else f"a whole number of steps ({self._panel.freq})"
            )
            raise DataError(
                f"{self._panel.place(int(index))}: the row at {stamp_text(stamp)} comes after the "
                f"one at {last}; expected {wanted}. Leave time out for the next row."
            )
        if (steps != steps[0]).any():
            raise DataError(
                f"{self._panel.source}: the series of this stream stand at different stamps, from "
                f"{stamp_text(newest.min())} to {stamp_text(newest.max())}. Leave time out and "
                "give NaN for what is missing, or open a stream for each."
            )
        return int(steps[0]) - 1

    def _stamp(self, time: Any) -> Any:
        if self._starts.dtype.kind != "M":
            if hasattr(time, "__index__") and not isinstance(time, bool):
                return np.int64(time)
            raise UsageError(f"time={time!r}: expected a whole number, as in the table.")
        if isinstance(time, datetime) and time.tzinfo is not None:
            columns = self._panel.columns
            if columns.zone is None:
                raise UsageError(f"time={time!r} has a time zone; the table has none.")
            if not columns.utc:  # counted by the clock on the wall of the zone
                from zoneinfo import ZoneInfo

                time = time.astimezone(ZoneInfo(columns.zone)).replace(tzinfo=None)
            else:
                time = time.astimezone(UTC).replace(tzinfo=None)
        elif self._panel.columns.utc and self._panel.columns.zone:
            raise UsageError(f"time={time!r}: expected a stamp with a time zone, as in the table.")
        try:
            found = np.datetime64(time, "us")
        except (ValueError, TypeError) as error:
            raise UsageError(f"time={time!r}: expected a stamp, as in the table.") from error
        if np.isnat(found):
            raise UsageError(f"time={time!r}: expected a stamp, as in the table.")
        return found

    def _features(self, first: int) -> np.ndarray:
        series, block = len(self._panel), self._block
        beside = np.broadcast_to(self._beside, (block, *self._beside.shape))
        if not self._width:
            return beside.astype(self._dtype)
        steps = np.arange(first + 1, first + block + 1)[:, None]
        times = advance(self._starts, self._panel.freq, steps)
        local = self._panel.local(times.reshape(-1))
        found = calendar_features(local, self._panel.freq)
        found = found.reshape(block, series, self._width)
        return np.concatenate([found, beside], axis=2, dtype=self._dtype)
