"""What is known of each row whatever its value: the calendar, holidays and inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.data.batch import Codes
from rollcast.data.calendar import calendar_feature_names, feature_table
from rollcast.data.holidays import HOLIDAY_NAMES
from rollcast.data.input_windows import InputRows, InputScales, input_scales
from rollcast.data.panel import Panel

Array = np.ndarray


class Features:
    """Features of a panel's rows, from ``before`` rows ahead of each series to ``after`` past it.

    ``names``, of which the first ``waves`` are the calendar's and the next ``effects`` inputs that
    are known ahead; ``inputs`` has the rest of the inputs, None without any. ``shift`` as in
    `Windows`.
    """

    def __init__(
        self,
        panel: Panel,
        before: int,
        after: int,
        scaling: str,
        scales: InputScales | None,
        shift: Array,
        dtype: np.dtype,
    ) -> None:
        self.dtype = dtype
        self.names = calendar_feature_names(panel.freq)
        self.waves, self.effects = len(self.names), 0
        table, self._first = feature_table(panel, before, after)
        self._table = table.astype(dtype)
        self.inputs: InputRows | None = None
        if panel.inputs is not None:
            scales = scales or input_scales(panel, scaling)
            assert scales is not None
            self.inputs = InputRows(panel, scales, scaling, shift, dtype)
            days = HOLIDAY_NAMES if panel.inputs.holidays else ()
            self.names += (*days, *self.inputs.names)
            self.effects = len(days) + self.inputs.effects

    def of(self, series: Array, places: Array) -> Array:
        """``(time, batch, features)`` of the rows ``places (time, batch)`` of ``series (batch,)``,
        counted from the beginning of each."""
        if not self._table.shape[1]:
            found = np.zeros((*places.shape, 0), self.dtype)
        else:
            found = self._table.take(places + self._first[series], axis=0)
        if self.inputs is None or len(self.names) == self.waves:  # of categories there are codes
            return found
        return np.concatenate([found, self.inputs.features(series, places)], axis=2)

    def of_batch(
        self, series: Array, places: Array, context: int, begin: Array
    ) -> tuple[Array | None, Codes | None]:
        """Past inputs of the first ``context`` of those rows, scaled by windows that begin at row
        ``begin`` of padded series, and codes; None without inputs."""
        if self.inputs is None:
            return None, None
        own = places[:context]
        return self.inputs.past_in(series, own, begin), self.inputs.codes(series, own, places)

    def ratio(self, series: Array, scale: Array) -> Array | None:
        """The deviation of each series to a window's ``scale (batch,)``; None without inputs."""
        if self.inputs is None:
            return None
        return (self.inputs.scales.unit[series] / scale).astype(self.dtype)

    def of_rows(self, series: Array, places: Array, whence: Array) -> tuple[Any, ...]:
        """Past inputs and codes of `Rows` at ``places``, features and codes at ``whence``."""
        if self.inputs is None:
            return ()
        past, codes = self.inputs.past_of(series, places), self.inputs.codes
        return (
            past,
            codes(series, places, places + 1),
            self.of(series, whence),
            codes(series, whence, whence),
        )
