"""From a panel to batches: what the network sees of the past, and what it is to say."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from rollcast import engine
from rollcast.data.batch import Batch, Rows
from rollcast.data.features import Features
from rollcast.data.input_windows import InputScales
from rollcast.data.panel import Panel
from rollcast.data.places import filled, usable
from rollcast.data.scaling import CONSTANT, make_scaling, series_statistics
from rollcast.data.transform import Transformed
from rollcast.errors import DataError, UsageError

Statistics = tuple[np.ndarray, np.ndarray]
"""Location and scale of each series."""


class Windows:
    """Every (series, origin) of a panel whose past and target both hold a value.

    A window has ``context`` rows of past and ``horizon`` rows of target. A series shorter than
    that is padded with rows that count as missing. Of a panel that is `Transformed`, ``panel`` is
    the original, and ``read`` what the network sees in its place. ``scaling`` names one of
    `SCALINGS`; ``statistics`` are location and scale of each series, None = from the panel
    (in `hold_out`, from what comes before the validation targets). ``input_scales`` are those of
    inputs, None = from the panel. ``dtype`` is float32 or float64.

    >>> windows = Windows(Panel.of([1, 2, 3, 4, 5]), context=2, horizon=2)
    >>> windows.count, windows.batch([2]).origin
    (4, array([3]))
    """

    def __init__(
        self,
        panel: Panel | Transformed,
        context: int,
        horizon: int,
        *,
        scaling: str = "window",
        statistics: Statistics | None = None,
        input_scales: InputScales | None = None,
        dtype: Any = np.float32,
    ) -> None:
        self._prepare(panel, context, horizon, scaling, statistics, input_scales, dtype, context)
        self._newest = usable(self.read, context, horizon, None)

    @classmethod
    def at_end(
        cls,
        panel: Panel | Transformed,
        context: int,
        horizon: int,
        *,
        scaling: str = "window",
        statistics: Statistics | None = None,
        input_scales: InputScales | None = None,
        dtype: Any = np.float32,
        whole: bool = False,
    ) -> Windows:
        """One window a series, after its last row: what a forecast starts from. No target.

        Any panel will do, also one that was never trained on. Only the last ``context`` rows are
        kept, if not the ``whole`` of it: ``.panel`` is that tail. Raises `DataError` where they
        hold no value.
        """
        read = panel.as_panel if isinstance(panel, Transformed) else panel
        kind = make_scaling(scaling)
        if kind.by_series and statistics is None:
            statistics = series_statistics(read, kind.measure)
        windows = cls.__new__(cls)
        tail = read.tail(context)
        kept = panel if whole or read is not panel else tail
        before = max(0, context - int(tail.lengths.min()))
        windows._prepare(kept, context, horizon, scaling, statistics, input_scales, dtype, before)
        seen = np.add.reduceat((~np.isnan(tail.values)).astype(np.int64), tail.offsets[:-1])
        if not seen.all():
            index = int(np.flatnonzero(seen == 0)[0])
            raise DataError(
                f"{tail.place(index)}: its last {tail.lengths[index]} rows are all missing: "
                f"nothing to forecast from. Drop them, or give a context longer than {context}."
            )
        windows._newest = windows.panel.offsets[1:] - 1
        return windows

    def _prepare(
        self,
        panel: Panel | Transformed,
        context: int,
        horizon: int,
        scaling: str,
        statistics: Statistics | None,
        scales: InputScales | None,
        dtype: Any,
        before: int,
    ) -> None:
        """``before``: how many rows ahead of its series a window may begin."""
        for name, value in (("context", context), ("horizon", horizon)):
            if value < 1:
                raise UsageError(f"{name}={value}: expected at least 1.")
        kind = self._scaling = make_scaling(scaling)
        self.transformed = panel if isinstance(panel, Transformed) else None
        read = self.read = panel.as_panel if isinstance(panel, Transformed) else panel
        panel = panel.panel if isinstance(panel, Transformed) else panel
        self.panel, self.context, self.horizon, self.scaling = panel, context, horizon, scaling
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise UsageError(f"dtype={self.dtype}: expected float32 or float64.")
        self._given = statistics is not None
        self.statistics: Statistics | None = None
        if kind.by_series:
            self.statistics = statistics or series_statistics(read, kind.measure)
        self._stop: np.ndarray | None = None
        self._newest: np.ndarray
        # one run of padding between two series serves the end of one and the start of the next
        self._padding = max(context, horizon)
        self._shift = self._padding * np.arange(1, len(panel) + 1)
        self._values = np.full(len(panel.values) + self._padding * (len(panel) + 1), np.nan)
        self._values[np.arange(len(panel.values)) + self._per_row(self._shift)] = read.values
        shift = self._shift
        self.features = Features(panel, before, horizon, kind.of, scales, shift, self.dtype)
        self.feature_names = self.features.names
        self._steps = np.arange(1 - context, horizon + 1)[:, None]

    # ----------------------------------------------------------------------------- which windows

    @property
    def count(self) -> int:
        """How many windows."""
        return len(self._newest)

    def __len__(self) -> int:
        return self.count

    @property
    def by_series(self) -> bool:
        """Whether all windows of a series have its location and scale."""
        return self._scaling.by_series

    @property
    def series(self) -> np.ndarray:
        """Which series each window belongs to, ``(count,)``."""
        return self._series_of(self._newest)

    @property
    def origin(self) -> np.ndarray:
        """The row of the panel where each target begins, ``(count,)``."""
        return self._newest + 1

    def at(self, series: Any, origins: Any) -> Windows:
        """The windows at these origins: row ``origins`` of ``series`` is the first to forecast.

        Both are integers or arrays that broadcast; an origin is the number of rows of the series
        that are past, from 1 to its length. Raises `UsageError` outside.
        """
        which, rows = np.broadcast_arrays(np.asarray(series), np.asarray(origins))
        which, rows = which.reshape(-1).astype(np.int64), rows.reshape(-1).astype(np.int64)
        if ((which < 0) | (which >= len(self.panel))).any():
            raise UsageError(f"series: expected indices from 0 to {len(self.panel) - 1}.")
        outside = np.flatnonzero((rows < 1) | (rows > self.panel.lengths[which]))
        if len(outside):
            index = int(which[outside[0]])
            raise UsageError(
                f"origin {rows[outside[0]]} of {self.panel.place(index)}: expected 1 to "
                f"{self.panel.lengths[index]}, the number of rows that are past."
            )
        return self._with(self.panel.offsets[which] + rows - 1, self._stop)

    def hold_out(
        self, origins: int = 1, step: int | None = None, rows: int | None = None
    ) -> tuple[Windows, Windows]:
        """Training and validation windows: training targets end before validation targets begin.

        Validation windows are the last ``origins`` rolling origins of each series, ``step`` rows
        apart (None = a horizon), each with its whole target inside the series; ``rows`` holds out
        more than those need, and they begin as early. A series too short to give both is for
        training only. Raises `DataError` when all of them are.
        """
        if origins < 1 or (step is not None and step < 1):
            raise UsageError(f"origins={origins}, step={step}: expected at least 1.")
        step = self.horizon if step is None else step
        last = max(rows or 0, self.horizon + (origins - 1) * step)
        lengths = self.panel.lengths
        enough = lengths >= last + 2
        if not enough.any():
            raise DataError(
                f"{self.panel.source}: the longest series has {lengths.max()} rows; {origins} "
                f"validation windows of horizon {self.horizon} need at least {last + 2}. Shorten "
                "the horizon, or validate on fewer windows."
            )
        cut = self.panel.offsets[1:] - np.where(enough, last, 0)
        training = self._with(usable(self.read, self.context, self.horizon, cut), cut)
        if self.by_series and not self._given:
            training.statistics = self._statistics_before(cut)
        held = np.flatnonzero(enough)
        newest = (cut[held, None] - 1 + step * np.arange(origins)).reshape(-1)
        seen = filled(self.read, newest, self.context, self.horizon, None)
        validation = self._with(newest[seen], None)
        validation.statistics = training.statistics
        if not training.count or not validation.count:
            which = "training" if not training.count else "validation"
            raise DataError(
                f"{self.panel.source}: no {which} window has a value in both past and target. "
                "Validate on fewer windows, or fill the gaps."
            )
        return training, validation

    def _with(self, newest: np.ndarray, stop: np.ndarray | None) -> Windows:
        other = copy(self)
        other._newest, other._stop = newest, stop
        return other

    # ----------------------------------------------------------------------------------- batches

    def batch(self, indices: Any) -> Batch:
        """The windows numbered ``indices (batch,)`` from 0 to ``count - 1``, as one `Batch`."""
        newest = self._newest[np.asarray(indices, np.int64)].astype(np.int64, copy=False)
        series = self._series_of(newest)
        statistics = None
        if self.statistics is not None:
            statistics = self.statistics[0][series], self.statistics[1][series]
        before = self.context - 1
        stop = None
        if self._stop is not None:  # all that is past counts, whatever the stop
            stop = np.maximum(self._stop[series] - newest, 1) + before
        scaled, observed, location, scale = engine.gather(
            self._values,
            newest + (self._shift[series] - before),
            (self.context, self.horizon),
            self.dtype,
            stop=stop,
            statistics=statistics,
            constant=CONSTANT,
            measure=self._scaling.measure or "deviation",
        )
        places = self._steps + (newest - self.panel.offsets[series])
        features = self.features.of(series, places)
        begin = newest + (self._shift[series] - before)
        past_inputs, codes = self.features.of_batch(series, places, self.context, begin)
        return Batch(
            past=scaled[: self.context],
            observed=observed[: self.context],
            past_features=features[: self.context],
            future_features=features[self.context :],
            target=scaled[self.context :],
            target_observed=observed[self.context :],
            location=location,
            scale=scale,
            series=series,
            origin=newest + 1,
            past_inputs=past_inputs,
            codes=codes,
            ratio=self.features.ratio(series, scale),
        )

    def rows(self, series: np.ndarray, rows: np.ndarray) -> Rows:
        """The panel's ``rows (time, batch)`` as a network reads a series from its beginning: each
        column lies in the series ``series (batch,)``. Needs scaling by series."""
        assert self.statistics is not None
        begin = self.panel.offsets[series]
        seen = self._seen[rows]
        ever = seen >= begin
        location, scale = self.statistics[0][series], self.statistics[1][series]
        values = (self.read.values[seen] - location) / scale
        values = np.where(ever, values, 0.0).astype(self.dtype)
        age = np.where(ever, rows - seen, np.inf)
        places, whence = rows - begin, np.where(ever, seen - begin, 0)
        following = self.features.of(series, places + 1)
        return Rows(values, age, following, *self.features.of_rows(series, places, whence))

    @cached_property
    def _seen(self) -> np.ndarray:
        """The newest observed row of the panel up to each row, of whichever series; -1 = none."""
        rows = np.arange(len(self.read.values))
        return np.maximum.accumulate(np.where(np.isnan(self.read.values), -1, rows))

    # -------------------------------------------------------------------------------- preparation

    def _series_of(self, newest: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.panel.offsets, newest, side="right") - 1

    def _per_row(self, per_series: np.ndarray) -> np.ndarray:
        return np.repeat(per_series, self.panel.lengths)

    def _statistics_before(self, cut: np.ndarray) -> Statistics:
        rows = np.arange(len(self.read.values))
        values = np.where(rows < self._per_row(cut), self.read.values, np.nan)
        return series_statistics(replace(self.read, values=values), self._scaling.measure)
