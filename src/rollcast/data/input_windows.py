"""The inputs of a panel as the numbers and codes that windows gather."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.data.batch import Codes
from rollcast.data.inputs import Input
from rollcast.data.scaling import CONSTANT, floored, series_statistics

if TYPE_CHECKING:
    from rollcast.data.panel import Panel

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class InputScales:
    """Location and scale of the numbers among inputs, and which of them say if they were there.

    ``future (2, columns)`` and ``static (2, columns)`` of each column; ``past (2, series,
    columns)`` of each series, empty where past inputs are scaled by window, as the target is.
    ``marked``: a column of the past ones, then the future and the static ones, has a feature that
    is 1 where its value was there, 0 where it is the last one before. ``unit (series,)``: the
    deviation of each series, in which effects of inputs may count.
    """

    future: Array
    static: Array
    past: Array
    unit: Array
    marked: tuple[tuple[bool, ...], tuple[bool, ...], tuple[bool, ...]]


def numeric(columns: tuple[Input, ...]) -> Array:
    """Which of them are numbers."""
    return np.array([each.categories is None for each in columns], bool)


def input_scales(
    panel: Panel, scaling: str, stop: Array | None = None, read: Panel | None = None
) -> InputScales | None:
    """Those of a panel with inputs, from the rows of each series before the panel's row ``stop
    (series,)``, None = all; None without inputs. ``read`` is what a network sees in its place."""
    inputs = panel.inputs
    if inputs is None:
        return None
    ends = panel.offsets[1:] if stop is None else stop
    before = np.arange(len(panel.values)) < np.repeat(ends, panel.lengths)
    past = inputs.past[:, numeric(inputs.of_role("past"))]
    known = inputs.future[:, numeric(inputs.of_role("future"))]
    static = inputs.static[:, numeric(inputs.of_role("static"))]
    seen = known[_own_rows(panel)]
    by_series = np.zeros((2, 0, 0))
    if scaling == "series":
        shown = np.where(before[:, None], past, np.nan)
        each = [series_statistics(replace(panel, values=column)) for column in shown.T]
        by_series = np.zeros((2, len(panel), past.shape[1]))
        for column, found in enumerate(each):
            by_series[:, :, column] = found
    marks = marked(past), marked(seen), marked(static)
    values = (panel if read is None else read).values
    _, unit = series_statistics(replace(panel, values=np.where(before, values, np.nan)))
    return InputScales(_by_column(seen[before]), _by_column(static), by_series, unit, marks)


def marked(values: Array) -> tuple[bool, ...]:
    """Which columns have something missing."""
    return tuple(bool(np.isnan(column).any()) for column in values.T)


def _by_column(values: Array) -> Array:
    """Mean and deviation of each column, ``(2, columns)``; 0 and 1 where nothing was there."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=0), 1)
    location = np.where(there, values, 0.0).sum(axis=0) / count
    centred = np.where(there, values - location, 0.0)
    spread = np.sqrt((centred * centred).sum(axis=0) / count)
    return np.stack([location, floored(location, spread)])


def _own_rows(panel: Panel) -> Array:
    """The known rows of a panel that are rows of its own."""
    assert panel.inputs is not None
    ahead = panel.inputs.offsets[:-1] - panel.offsets[:-1]
    return np.arange(len(panel.values)) + np.repeat(ahead, panel.lengths)


def carried_on(values: Array, offsets: Array) -> Array:
    """Columns ``(rows, columns)`` with each missing value replaced by the last one before it in its
    series; NaN before the first."""
    there = ~np.isnan(values)
    if there.all():
        return values
    rows = np.arange(len(values))[:, None]
    newest = np.maximum.accumulate(np.where(there, rows, -1), axis=0)
    begins = np.repeat(offsets[:-1], np.diff(offsets))[:, None]
    found = np.take_along_axis(values, np.maximum(newest, 0), axis=0)
    return np.where(newest >= begins, found, np.nan)


class InputRows:
    """All inputs of a panel, ready to be gathered by `Windows`.

    ``names``: of the features of a row that are known ahead or static, in the order in which
    ``features`` gives them: known numbers, their marks, static numbers, their marks.
    """

    def __init__(
        self, panel: Panel, scales: InputScales, scaling: str, shift: Array, dtype: np.dtype
    ) -> None:
        inputs = panel.inputs
        assert inputs is not None
        self.panel, self.scales, self.dtype = panel, scales, dtype
        past, known, static = (inputs.of_role(role) for role in ("past", "future", "static"))
        chosen = numeric(past), numeric(known), numeric(static)
        marked = [np.array(each, bool) for each in scales.marked]
        self.offsets, self.lengths = inputs.offsets, inputs.lengths
        names = []
        for columns, which, shown in zip((known, static), chosen[1:], marked[1:], strict=True):
            plain = [each.name for each, one in zip(columns, which, strict=True) if one]
            names += plain
            names += [f"{name}_given" for name, one in zip(plain, shown, strict=True) if one]
        self.names = tuple(names)
        self.effects = int(chosen[1].sum())
        self.known = self._scaled(inputs.future[:, chosen[1]], scales.future, marked[1],
                                  inputs.offsets)  # fmt: skip
        each = np.arange(len(panel) + 1)
        self.static = self._scaled(inputs.static[:, chosen[2]], scales.static, marked[2], each)
        self.known_codes, self.static_codes, self.past_codes = (
            array[:, ~which].astype(np.int32)
            for array, which in zip(
                (inputs.future, inputs.static, inputs.past),
                (chosen[1], chosen[2], chosen[0]),
                strict=True,
            )
        )
        numbers = inputs.past[:, chosen[0]]
        self.past_marks = ~np.isnan(numbers[:, marked[0]])
        self.past_width = numbers.shape[1] + self.past_marks.shape[1]
        whole = carried_on(numbers, panel.offsets)
        if scaling == "series":
            rows = np.repeat(np.arange(len(panel)), panel.lengths)
            location, scale = scales.past[0][rows], scales.past[1][rows]
            self.past = np.nan_to_num((whole - location) / scale).astype(dtype)
            self.padded = None
        else:
            self.past = np.zeros((len(whole), 0), dtype)
            size = len(whole) + int(shift[-1])
            self.padded = np.full((numbers.shape[1], size), np.nan)
            at = np.arange(len(whole)) + np.repeat(shift, panel.lengths)
            self.padded[:, at] = whole.T

    def _scaled(self, values: Array, scale: Array, marked: Array, offsets: Array) -> Array:
        marks = ~np.isnan(values[:, marked])
        whole = (carried_on(values, offsets) - scale[0]) / scale[1]
        return np.concatenate([np.nan_to_num(whole), marks], axis=1).astype(self.dtype)

    @property
    def past_numbers(self) -> int:
        """Past inputs that are numbers, without their marks."""
        return self.past_width - self.past_marks.shape[1]

    def features(self, series: Array, places: Array) -> Array:
        """``(time, batch, features)`` of the rows ``places (time, batch)`` of ``series (batch,)``,
        counted from the beginning of each; outside of what is known the nearest."""
        width = self.known.shape[1]
        found = np.empty((*places.shape, width + self.static.shape[1]), self.dtype)
        found[..., :width] = self.known.take(self._known_at(series, places), axis=0)
        found[..., width:] = self.static[series]
        return found

    def codes(self, series: Array, past: Array, known: Array) -> Codes:
        """The codes of past inputs at the rows ``past (time, batch)``, of others at ``known``."""
        own = np.minimum(past, self.panel.lengths[series] - 1)
        found = self.past_codes.take(np.maximum(own, 0) + self.panel.offsets[series], axis=0)
        found[own < 0] = 0
        ahead = self.known_codes.take(self._known_at(series, known), axis=0)
        return Codes(found, ahead, self.static_codes[series])

    def _known_at(self, series: Array, places: Array) -> Array:
        inside = np.clip(places, 0, self.lengths[series] - 1)
        return inside + self.offsets[series]

    def past_of(self, series: Array, places: Array) -> Array:
        """Past inputs ``(time, batch, numbers and marks)`` of such rows, scaled by series."""
        at = np.maximum(places, 0) + self.panel.offsets[series]
        return np.concatenate([self.past[at], self.past_marks[at]], axis=2, dtype=self.dtype)

    def past_in(self, series: Array, places: Array, begin: Array) -> Array:
        """As ``past_of``, scaled by window; windows begin at ``begin`` in padded rows."""
        if self.padded is None:
            return np.where((places >= 0)[..., None], self.past_of(series, places), 0)
        found = np.zeros((*places.shape, self.past_width), self.dtype)
        for column, values in enumerate(self.padded):
            found[..., column], *_ = engine.gather(
                values, begin, (len(places), 0), self.dtype, constant=CONSTANT
            )
        if self.past_marks.shape[1]:
            at = np.maximum(places, 0) + self.panel.offsets[series]
            found[..., self.past_numbers :] = self.past_marks[at] & (places >= 0)[..., None]
        return found
