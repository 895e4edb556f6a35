"""Forecasts row by row: the state of the network is kept, so that a new value costs one step."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast import engine
from rollcast.data.panel import Panel
from rollcast.errors import DataError
from rollcast.forecast import intervals
from rollcast.forecast.limits import Limits
from rollcast.forecast.result import Forecast, checked_levels
from rollcast.forecast.stream import state as stream_state
from rollcast.forecast.stream.clock import Clock
from rollcast.model import recursive
from rollcast.model.predict import Prediction, read_off
from rollcast.model.recursive import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollcast.forecast.fitted import Fitted

Array = np.ndarray

SPARE = 512
"""Values kept beside those that are needed, so that they are moved only so often."""


class Stream:
    """Some series of a fitted `Forecaster`, each at its newest row. Made by ``Forecaster.stream``.

    >>> stream = model.stream("store 7")
    >>> tomorrow = stream.update(sold_today)
    >>> stream.forecast().frame()

    Location and scale of each series are those it was opened with. A stream belongs to one thread.
    """

    def __init__(
        self,
        name: str,
        fitted: Fitted,
        panel: Panel,
        start: stream_state.Start,
        single: bool,
        limits: Limits,
    ) -> None:
        network, weights = fitted.network, fitted.weights
        spec, views = network.spec, network.views(weights)
        self.name, self._fitted, self._single = name, fitted, single
        self._location, self._scale = start.location, start.scale
        count, dtype = len(panel), weights.dtype
        stack = weights[: network.recurrent.count]
        packed = engine.pack(spec.cell, network.recurrent.sizes, stack)
        head = (views["head.weight"], views["head.bias"])
        self._stepper = engine.Stream(packed, count, head)
        gain = dtype.type(spec.skip_gain)
        self._lags = gain * views["lags.weight"][::-1] if spec.lags else np.zeros(1, dtype)
        calendar = gain * views["calendar.weight"] if spec.lags and spec.row_features else None
        self._panel = panel.tail(1)
        self._beside = start.beside
        self._clock = Clock(self._panel, spec.horizon, calendar, dtype, start.beside)
        kept = len(self._lags)
        self._values = np.zeros((kept + SPARE, count), dtype)
        self._values[: kept - 1] = start.memory.past[-(kept - 1) :] if kept > 1 else 0
        self._end = kept
        self._age = start.memory.age.copy()
        self._location_of_one = float(start.location[0])
        self._scale_of_one = float(start.scale[0])
        self._row = np.empty(count)  # of update, which makes no arrays it can do without
        self._limits = limits if limits != Limits() else None
        self._plain = network.head.first_is_point
        self._stale = True  # whether a freshness below 1 may stand in the input
        self._finite = np.empty(count, bool)
        self._x = np.empty((count, spec.inputs), dtype)
        self._x_value, self._x_calendar = self._x[:, 0], self._x[:, 2:]
        self._stepper.h = np.concatenate([each.ravel() for each in start.memory.h])
        if start.memory.c:
            self._stepper.c = np.concatenate([each.ravel() for each in start.memory.c])
        self._before = (self._stepper.h, self._stepper.c)
        self._next = self._step(start.memory.value)

    # ------------------------------------------------------------------------------------ public

    @property
    def ids(self) -> list[Any]:
        """The ids of the series, in the order of the values that ``update`` takes."""
        return self._panel.ids.tolist()

    @property
    def next(self) -> Any:
        """The forecast of the next row: a number, or an array ``(series,)``."""
        return float(self._next[0]) if self._single else self._next.copy()

    def update(self, values: Any, time: Any = None) -> Any:
        """Take in the next row and return the forecast of the one after it.

        ``values``: a number, or for several series an array ``(series,)`` in the order of ``ids``;
        NaN = missing. ``time`` is its stamp; rows left out before it count as missing. None = the
        next one. What comes back is the median (for head mse the mean), shaped like ``values``.

        Raises DataError for infinite values, a wrong number of them, or a stamp that cannot follow;
        the stream then stays as it was.
        """
        row = self._row
        try:
            if self._single:  # plain numbers are quicker than arrays of one
                row = (float(values) - self._location_of_one) / self._scale_of_one
                finite = isfinite(row)
            else:
                if np.shape(values) != row.shape:
                    raise ValueError
                row[:] = values
                np.subtract(row, self._location, row)
                np.divide(row, self._scale, row)
                finite = np.isfinite(row, self._finite).all()
        except (TypeError, ValueError):
            raise self._wrong(values) from None
        missing = None if finite else self._missing(row)
        if time is not None:
            for _ in range(self.gap(time)):
                self._take(row, np.ones(len(self._age), bool))
        self._next = found = self._take(row, missing)
        return float(found[0]) if self._single else found.copy()

    def forecast(self, *, level: float | Sequence[float] = (80, 95)) -> Forecast:
        """Forecasts of the next ``horizon`` rows with intervals: what ``Forecaster.forecast`` says
        of a table that ends here (to rounding, 1e-5 of the scale)."""
        levels = checked_levels(level)
        return finished(self._fitted, self.name, self.newest, self.prediction(), levels)

    def predict(self, *, level: float | Sequence[float] = (80, 95)) -> Any:
        """As ``forecast``, but a table, as that of ``Forecaster.predict``."""
        return self.forecast(level=level).frame()

    def state(self) -> bytes:
        """All that this stream knows, to go on from to the same bits in another process:
        ``model.stream(state=…)``, with the same model. Nothing in it is executed."""
        start = stream_state.Start(self._memory(), self._location, self._scale, self._beside)
        return stream_state.pack(self._fitted, self.newest, start, self._single)

    def __repr__(self) -> str:
        count = len(self._age)
        return f"Stream({count} series, {self._clock.passed} rows since it was opened)"

    def gap(self, time: Any) -> int:
        """How many rows are missing before one with the stamp ``time``, see `Clock.gap`."""
        return self._clock.gap(time)

    @property
    def newest(self) -> Panel:
        """The newest row of each series, without its value."""
        return replace(self._panel, times=self._clock.newest)

    def prediction(self) -> Prediction:
        """Forecasts of the next ``horizon`` rows in the unit of the values, with the quantiles that
        intervals need."""
        network = self._fitted.network
        coming = self._clock.coming(network.spec.horizon)
        output = recursive.forecast(network, self._fitted.weights, self._memory(), coming)
        asked = intervals.spread_levels(network)
        return read_off(network, output, self._location, self._scale, asked)

    # ---------------------------------------------------------------------------------- one step

    def _wrong(self, values: Any) -> DataError:
        wanted = (
            "a number" if self._single else f"{len(self._row)} numbers, one for each of its ids"
        )
        return DataError(
            f"{self._panel.source}: update({str(values)[:60]}) with values of shape "
            f"{np.shape(values)}; expected {wanted}."
        )

    def _missing(self, row: Array | float) -> Array:
        """Where a value is NaN, ``(series,)``; raises DataError for an infinite one."""
        if np.isinf(row).any():
            raise DataError(f"{self._panel.source}: an infinite value. Make it missing (NaN).")
        return np.isnan(np.atleast_1d(row))

    def _take(self, row: Array | float, missing: Array | None) -> Array:
        """Take in scaled values ``(series,)``; those ``missing`` are the last ones again."""
        values = self._values
        if missing is not None:
            row = np.where(missing, values[self._end - 1], row)
            self._age = np.where(missing, self._age + 1.0, 0.0)
            self._stale = True
        elif self._stale:
            self._age = np.zeros(len(self._age))
        if self._end == len(values):
            kept = len(self._lags)
            values[: kept - 1] = values[self._end - kept + 1 :]
            self._end = kept - 1
        self._end += 1
        self._before = (self._stepper.h, self._stepper.c)  # copies
        self._clock.tick()
        return self._step(row)

    def _step(self, row: Array | float) -> Array:
        """Read a row of scaled values ``(series,)``; the forecast of the next, unscaled."""
        end = self._end
        self._values[end - 1] = row
        self._x_value[:] = row
        if self._clock.features.size:
            self._x_calendar[:] = self._clock.features
        if self._stale:
            self._x[:, 1] = 1.0 / (1.0 + self._age)
            self._stale = bool(self._age.any())
        median = self._lags @ self._values[end - len(self._lags) : end]
        told = self._stepper.step(self._x)
        median += told[:, 0]
        median += self._clock.added
        if not self._plain:
            return self._point(median, told)
        found = median * self._scale
        found += self._location
        return found if self._limits is None else self._limits.point(found)

    def _point(self, first: Array, told: Array) -> Array:
        """The forecast of the next row ``(series,)`` where it takes all of the head's numbers."""
        network = self._fitted.network
        told = told[None].copy()
        told[0, :, 0] = first
        output = recursive.arranged(network, network.views(self._fitted.weights), told)
        return network.head.point(output, self._location, self._scale)[0]

    def _memory(self) -> Memory:
        """What the network knew before the newest row."""
        recurrent = self._fitted.network.recurrent
        h, c = (recurrent.layers_of(*each) for each in zip(("h", "c"), self._before, strict=True))
        past = self._values[self._end - len(self._lags) : self._end - 1]
        return Memory(h, c, past, self._values[self._end - 1], self._age)


def restored_plain(name: str, fitted: Fitted, state: bytes, limits: Limits) -> Stream:
    """The stream that was packed; raises ModelFileError for a state of another model."""
    panel, start, single = stream_state.unpack(fitted, state)
    return Stream(name, fitted, panel, start, single, limits)


def finished(
    fitted: Fitted, name: str, newest: Panel, found: Prediction, levels: tuple[float, ...]
) -> Forecast:
    """What a stream says of the rows after the ``newest``, with intervals."""
    found, below, above = intervals.with_spread(fitted.network, found)
    bands = intervals.intervals(fitted.calibration, levels, found.median, below, above)
    limits = fitted.limits
    return Forecast(newest, name, limits.point(found.median), limits.bands(bands))
