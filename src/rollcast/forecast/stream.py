"""Forecasts row by row: the state of the network is kept, so that a new value costs one step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast import engine
from rollcast.data.panel import Panel
from rollcast.errors import DataError, UsageError
from rollcast.forecast import intervals, stream_state
from rollcast.forecast.clock import Clock
from rollcast.forecast.result import Forecast, checked_levels
from rollcast.model import recursive
from rollcast.model.predict import read_off
from rollcast.model.recursive import Memory
from rollcast.model.rollout import Stepper
from rollcast.model.walk import memories

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
        self, name: str, fitted: Fitted, panel: Panel, start: stream_state.Start, single: bool
    ) -> None:
        network, weights = fitted.network, fitted.weights
        spec, views = network.spec, network.views(weights)
        self.name, self._fitted, self._single = name, fitted, single
        self._location, self._scale = start.location, start.scale
        count, dtype = len(panel), weights.dtype
        stack = weights[: network.recurrent.count]
        packed = engine.pack(spec.cell, network.recurrent.sizes, stack)
        head = (views["head.weight"], views["head.bias"])
        self._stepper = Stepper(packed, count, head)
        gain = dtype.type(spec.skip_gain)
        self._lags = gain * views["lags.weight"][::-1] if spec.lags else np.zeros(1, dtype)
        calendar = spec.lags and spec.features
        self._calendar = gain * views["calendar.weight"] if calendar else None
        self._panel = panel.tail(1)
        self._clock = Clock(self._panel, spec.horizon, dtype)
        kept = len(self._lags)
        self._values = np.zeros((kept + SPARE, count), dtype)
        self._values[: kept - 1] = start.memory.past[-(kept - 1) :] if kept > 1 else 0
        self._end = kept
        self._age = start.memory.age.copy()
        self._x = np.empty((count, spec.inputs), dtype)
        none = np.zeros(0, dtype)
        self._before = tuple(
            np.concatenate([none, *(each.ravel() for each in part)])
            for part in (start.memory.h, start.memory.c)
        )
        self._stepper.h, self._stepper.c = (flat.copy() for flat in self._before)
        self._next = self._step(start.memory.value, self._clock.coming(1)[0])

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
        try:
            row = np.asarray(values, np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self._panel.source}: {values!r} is no number.") from error
        count = len(self._age)
        if row.shape != (count,) and not (self._single and row.shape == ()):
            raise DataError(
                f"{self._panel.source}: values of shape {row.shape}; expected {count} numbers, one "
                "for each of the stream's ids."
            )
        row = (row - self._location) / self._scale
        seen = np.isfinite(row)
        if seen.all():
            missing = None
        else:
            missing = ~seen
            if np.isinf(row).any():
                raise DataError(
                    f"{self._panel.source}: an infinite value. Make it missing (NaN)."
                )
        if time is not None:
            for _ in range(self._clock.gap(time)):
                self._take(np.full(count, np.nan), np.ones(count, bool))
        self._next = self._take(row, missing)
        return float(self._next[0]) if self._single else self._next.copy()

    def forecast(self, *, level: float | Sequence[float] = (80, 95)) -> Forecast:
        """Forecasts of the next ``horizon`` rows with intervals: what ``Forecaster.forecast`` says
        of a table that ends here (to rounding, 1e-5 of the scale)."""
        fitted = self._fitted
        levels = checked_levels(level)
        network = fitted.network
        coming = np.ascontiguousarray(self._clock.coming(network.spec.horizon))
        output = recursive.forecast(network, fitted.weights, self._memory(), coming)
        asked = intervals.spread_levels(network)
        found = read_off(network, output, self._location, self._scale, asked)
        found, below, above = intervals.with_spread(network, found)
        bands = intervals.intervals(fitted.calibration, levels, found.median, below, above)
        return Forecast(self._now(), self.name, found.median, bands)

    def predict(self, *, level: float | Sequence[float] = (80, 95)) -> Any:
        """As ``forecast``, but a table, as that of ``Forecaster.predict``."""
        return self.forecast(level=level).frame()

    def state(self) -> bytes:
        """All that this stream knows, to go on from to the same bits in another process:
        ``model.stream(state=…)``, with the same model. Nothing in it is executed."""
        start = stream_state.Start(self._memory(), self._location, self._scale)
        return stream_state.pack(self._fitted, self._now(), start, self._single)

    def __repr__(self) -> str:
        count = len(self._age)
        return f"Stream({count} series, {self._clock.passed} rows since it was opened)"

    # ---------------------------------------------------------------------------------- one step

    def _take(self, row: Array, missing: Array | None) -> Array:
        """Take in scaled values ``(series,)``; those ``missing`` are the last ones again."""
        self._age += 1.0
        if missing is None:
            self._age[:] = 0.0
        else:
            row = np.where(missing, self._values[self._end - 1], row)
            self._age[~missing] = 0.0
        values, kept = self._values, len(self._lags)
        if self._end == len(values):
            values[: kept - 1] = values[self._end - kept + 1 :]
            self._end = kept - 1
        self._end += 1
        before_h, before_c = self._before
        before_h[:], before_c[:] = self._stepper.h, self._stepper.c
        return self._step(row, self._clock.tick())

    def _step(self, row: Array, following: Array) -> Array:
        """Read a row of scaled values ``(series,)``; the forecast of the next, unscaled."""
        values, x, end = self._values, self._x, self._end
        values[end - 1] = row
        x[:, 0] = values[end - 1]
        x[:, 1] = 1.0 / (1.0 + self._age)
        x[:, 2:] = following
        median = self._stepper.step(x)[:, 0] + self._lags @ values[end - len(self._lags) : end]
        if self._calendar is not None:
            median += following @ self._calendar
        return median * self._scale + self._location

    def _memory(self) -> Memory:
        """What the network knew before the newest row."""
        units = self._fitted.network.spec.hidden
        count = len(self._age)
        ends = np.cumsum(np.array(units) * count)[:-1]
        h, c = (
            [part.reshape(count, -1) for part in np.split(flat, ends)] if len(flat) else []
            for flat in self._before
        )
        past = self._values[self._end - len(self._lags) : self._end - 1]
        return Memory(h, c, past, self._values[self._end - 1], self._age)

    def _now(self) -> Panel:
        """The newest row of each series, without its value."""
        return replace(self._panel, times=self._clock.newest)


def open_stream(name: str, fitted: Fitted, panel: Panel, series: Any) -> Stream:
    """A stream at the end of one ``series`` of ``panel``, of a list of them, or (None) of all."""
    single = series is None and panel.columns.id is None
    if series is not None:
        single = not isinstance(series, list | tuple | np.ndarray)
        panel = panel.take(_places(panel, [series] if single else list(series)))
    windows = fitted.windows_at_end(panel)
    assert windows.statistics is not None
    memory = memories(fitted.network, fitted.weights, windows, np.arange(len(panel)))
    return Stream(name, fitted, panel, stream_state.Start(memory, *windows.statistics), single)


def _places(panel: Panel, ids: list[Any]) -> list[int]:
    """Which series of the panel have these ids; raises UsageError."""
    known = {id: index for index, id in enumerate(panel.ids.tolist())}
    for id in ids:
        if id not in known:
            raise UsageError(
                f"stream: {panel.source} has no series {id!r}; it has "
                f"{', '.join(map(repr, list(known)[:5]))}{' …' if len(known) > 5 else ''}."
            )
    if not ids or len(set(ids)) < len(ids):
        raise UsageError(f"stream: series={ids!r}; expected each id once, and at least one.")
    return [known[id] for id in ids]


def restored_stream(name: str, fitted: Fitted, state: bytes) -> Stream:
    """The stream that was packed; raises ModelFileError for a state of another model."""
    panel, start, single = stream_state.unpack(fitted, state)
    return Stream(name, fitted, panel, start, single)


def check_streamable(fitted: Fitted) -> None:
    """Raise UsageError for a model whose forecasts need more than the newest value and a state."""
    if not fitted.whole:
        found = f"strategy={fitted.network.spec.strategy!r}, scaling={fitted.scaling!r}"
        raise UsageError(
            f"stream: this model was fitted with {found}, which reads a whole window for every "
            "forecast. Fit one with strategy='recursive', scaling='series'."
        )
