"""Series as a network sees them and what it says of them undone: logarithms, powers, differences.

    log1p                 log(1 + y), of values above −1
    boxcox(power=λ)       (y^λ − 1)/λ, log y for λ = 0, of values above 0 (Box and Cox 1964);
                          without a power each series has its own, see power.py
    difference            each value less the one before it (Box and Jenkins 1970, section 4.1)
    seasonal_difference   each value less the one a season before

joined by +: ``"log1p + seasonal_difference"``. Powers and logarithms come first, then seasonal
differences. Where a value is missing, the newest one before it (in its phase of the season) stands
for it, so that differences always sum up to the values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rollcast import engine
from rollcast.choice import choose, require, written
from rollcast.data.panel import Panel, stamp_text
from rollcast.data.power import found_powers, powered, unpowered
from rollcast.errors import DataError, UsageError

Array = np.ndarray

LARGEST_LOG = 700.0
"""Logarithm of the largest number that may come out."""


@dataclass(frozen=True)
class Part:
    """One of `TRANSFORMS`: of the values themselves, or a difference."""

    name: str
    power: float | None = None


def _boxcox(power: float | None = None) -> Part:
    fits = power is None or 0.0 <= power <= 2.0
    require("power", power, fits, "a number from 0 to 2, or none: each series has its own")
    return Part("boxcox", power)


TRANSFORMS: dict[str, Callable[..., Part]] = {
    "log1p": lambda: Part("log1p"),
    "boxcox": _boxcox,
    "seasonal_difference": lambda: Part("seasonal_difference"),
    "difference": lambda: Part("difference"),
}
"""Name → what makes the part, in the order in which they are applied."""


@dataclass(frozen=True)
class Transform:
    """What is done to every series; ``powers`` of Box and Cox are found for each of them."""

    parts: tuple[Part, ...]

    @property
    def has_powers(self) -> bool:
        """Whether each series has a power of its own."""
        return any(part.name == "boxcox" and part.power is None for part in self.parts)

    @property
    def differences(self) -> bool:
        """Whether differences are among the parts."""
        return any(part.name.endswith("difference") for part in self.parts)

    def reach(self, season: int) -> int:
        """Rows before a window that its values need."""
        return sum(self.shape(season)[1])

    def shape(self, season: int) -> tuple[str | None, tuple[int, ...]]:
        """What is done to each value, None = nothing, and the lags of differences, in order."""
        lags = {"difference": 1, "seasonal_difference": season}
        kind = next((part.name for part in self.parts if part.name not in lags), None)
        return kind, tuple(lags[part.name] for part in self.parts if part.name in lags)

    def powers(self, panel: Panel) -> Array | None:
        """The power of each series ``(series,)``; None where there is none to be found."""
        if not self.has_powers:
            return None
        self._check(panel)
        return found_powers(panel)

    def of(self, panel: Panel, powers: Array | None) -> Transformed:
        """The panel as the network sees it. Raises DataError for values without a logarithm."""
        self._check(panel)
        kind, chosen = self.shape(panel.season)
        given = next((part.power for part in self.parts if part.power is not None), None)
        if kind == "boxcox" and powers is None:
            powers = np.full(len(panel), given)
        values = panel.values
        if kind == "log1p":
            values = np.log1p(values)
        elif kind == "boxcox":
            assert powers is not None
            values = powered(values, np.repeat(powers, panel.lengths))
        carried = []
        for lag in chosen:
            before = carry(values, panel.offsets, lag)
            carried.append(before)
            values = values - _shifted(before, panel.offsets, lag)
        return Transformed(panel, values, kind, powers, chosen, tuple(carried))

    def _check(self, panel: Panel) -> None:
        least = next((LEAST[part.name] for part in self.parts if part.name in LEAST), None)
        if least is None or not (panel.values <= least).any():
            return
        row = int(np.argmax(panel.values <= least))
        series = int(np.searchsorted(panel.offsets, row, side="right")) - 1
        name = next(part.name for part in self.parts if part.name in LEAST)
        other = "log1p, " if least == 0 else ""
        raise DataError(
            f"{panel.place(series)}: {panel.columns.target!r} is {panel.values[row]:g} at "
            f"{stamp_text(panel.times[row])}; transform={name!r} expects values above {least}. "
            f"Mend or drop those rows, or take {other}another transform or none."
        )


LEAST = {"log1p": -1, "boxcox": 0}


def make_transform(text: str | None) -> Transform | None:
    """The transform that a text names, None for none. Raises UsageError."""
    if text is None:
        return None
    words = text.split("+") if isinstance(text, str) else [text]
    parts = [choose("transform", word, TRANSFORMS) for word in words]
    names = [part.name for part in parts]
    if len(set(names)) < len(names) or {"log1p", "boxcox"} <= set(names):
        raise UsageError(
            f"transform={text!r}: expected each part once, and of log1p and boxcox only one."
        )
    order = list(TRANSFORMS)
    return Transform(tuple(sorted(parts, key=lambda part: order.index(part.name))))


def transform_text(text: str | None) -> str | None:
    """The text as it is written once it has been checked; raises UsageError."""
    if make_transform(text) is None:
        return None
    words = [written("transform", word, TRANSFORMS) for word in str(text).split("+")]
    order = list(TRANSFORMS)
    return " + ".join(sorted(words, key=lambda word: order.index(word.split("(")[0])))


@dataclass(frozen=True, eq=False)
class Transformed:
    """A ``panel`` with the ``values (rows,)`` that a network sees in the place of its own.

    ``kind`` and ``powers`` of what was done to each value; ``lags`` of the differences, in order,
    with what each was ``carried`` from: the newest value of its phase at each row.
    """

    panel: Panel
    values: Array
    kind: str | None
    powers: Array | None
    lags: tuple[int, ...]
    carried: tuple[Array, ...]

    @cached_property
    def as_panel(self) -> Panel:
        """The panel with what the network sees in the place of its values."""
        return replace(self.panel, values=self.values)

    def undone(
        self, series: Array, origin: Array, median: Array, quantiles: Array, scale: Array
    ) -> tuple[Array, Array, Array]:
        """Forecasts of windows in the unit of the data: ``median (windows, horizon)``, ``quantiles
        (windows, horizon, levels)`` and ``scale (windows,)``, which becomes ``(windows, horizon)``.

        Differences sum up; the distance of a quantile from the median grows as the deviation of a
        sum of independent steps does. (What is calibrated on held-out windows corrects for steps
        that are not.) ``series`` and ``origin (windows,)`` as those of `Windows`.
        """
        apart = quantiles - median[..., None]
        scale = np.repeat(scale[:, None], median.shape[1], axis=1)
        if self.lags:
            response = self._response(median.shape[1])
            median = self.summed(series, origin, median)
            flat = np.concatenate([apart, scale[..., None]], axis=2)
            squares = np.ascontiguousarray((flat * flat).transpose(0, 2, 1))
            grown = engine.linear(squares.reshape(-1, median.shape[1]), response * response)
            grown = np.sqrt(grown).reshape(squares.shape).transpose(0, 2, 1)
            apart, scale = np.sign(apart) * grown[..., :-1], grown[..., -1]
        if self.kind is None:
            return median, median[..., None] + apart, scale
        ends = [self._back(series, median + sign * scale) for sign in (-1.0, 1.0)]
        found = self._back(series, median)
        wide = self._back(series, median[..., None] + apart)
        return found, wide, np.maximum(0.5 * (ends[1] - ends[0]), np.finfo(float).tiny)

    def summed(self, series: Array, origin: Array, paths: Array) -> Array:
        """Differences ``(windows, horizon)`` after each origin summed up, one after the other."""
        begin = self.panel.offsets[series]
        for lag, carried in zip(self.lags[::-1], self.carried[::-1], strict=True):
            paths = paths.copy()
            for step in range(paths.shape[1]):
                if step >= lag:
                    paths[:, step] += paths[:, step - lag]
                    continue
                row = origin.astype(np.int64) - lag + step
                base = np.where(row >= begin, carried[np.maximum(row, 0)], np.nan)
                paths[:, step] += np.where(np.isnan(base), carried[origin - 1], base)
        return paths

    def path_back(self, series: Array, origin: Array, paths: Array) -> Array:
        """Whole paths ``(windows, horizon)`` of what the network sees, in the unit of the data."""
        return self._back(series, self.summed(series, origin, paths))

    def _back(self, series: Array, numbers: Array) -> Array:
        if self.kind == "log1p":
            return np.expm1(np.minimum(numbers, LARGEST_LOG))
        if self.kind == "boxcox":
            assert self.powers is not None
            powers = self.powers[series].reshape(-1, *[1] * (numbers.ndim - 1))
            return unpowered(numbers, powers)
        return numbers

    def _response(self, horizon: int) -> Array:
        """What a step of one difference adds to each later value, ``(horizon, horizon)``."""
        pulse = np.zeros(horizon)
        pulse[0] = 1.0
        for lag in self.lags:
            for step in range(lag, horizon):
                pulse[step] += pulse[step - lag]
        apart = np.arange(horizon)[:, None] - np.arange(horizon)
        return np.where(apart >= 0, pulse[np.maximum(apart, 0)], 0.0)


def carry(values: Array, offsets: Array, lag: int) -> Array:
    """The newest value at each row or a multiple of ``lag`` rows before it, ``(rows,)``: NaN where
    its series has none."""
    lengths = np.diff(offsets)
    begin = np.repeat(offsets[:-1], lengths)
    rows = np.arange(len(values))
    phase = (rows - begin) % lag
    order = np.lexsort((rows, phase, begin))
    first = np.concatenate([[True], (np.diff(begin[order]) != 0) | (np.diff(phase[order]) != 0)])
    place = np.arange(len(values))
    group = np.maximum.accumulate(np.where(first, place, 0))
    newest = np.maximum.accumulate(np.where(np.isnan(values[order]), -1, place))
    found = np.empty(len(values))
    known = newest >= group
    found[order] = np.where(known, values[order][np.maximum(newest, 0)], np.nan)
    return found


def _shifted(values: Array, offsets: Array, lag: int) -> Array:
    """Each series ``lag`` rows later; NaN where nothing is that far back."""
    rows = np.arange(len(values))
    begin = np.repeat(offsets[:-1], np.diff(offsets))
    return np.where(rows - lag >= begin, values[np.maximum(rows - lag, 0)], np.nan)
