"""What a fitted forecaster is, as one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.data.database import is_connection
from rollcast.data.formats import is_excel
from rollcast.data.input_windows import InputScales, input_scales
from rollcast.data.inputs import Input
from rollcast.data.known import recoded
from rollcast.data.panel import Columns, Panel, object_array
from rollcast.data.read import DEFAULT_ID, read
from rollcast.data.scaling import make_scaling, series_statistics
from rollcast.data.transform import Transform, Transformed, make_transform
from rollcast.data.windows import Windows
from rollcast.errors import DataError
from rollcast.forecast.blend import Blend
from rollcast.forecast.holdout import Holdout
from rollcast.forecast.intervals import Calibration
from rollcast.forecast.limits import Limits, limits_of
from rollcast.forecast.search.candidates import chosen_of
from rollcast.forecast.search.trials import Trial
from rollcast.model.network import Network


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that forecasting needs, and what is told about how it came to be.

    ``location`` and ``scale`` are those of the series ``ids`` for scaling by series, else empty;
    so are ``powers`` where the transform has one for each.
    ``scores`` and ``error_by_step`` are of the held-out windows. ``trained_until`` is the newest
    stamp seen by fit (microseconds, or the integer itself). ``options`` are those of ``fit`` that
    say how the table was read. ``weights`` are ``(count,)``, of an ensemble ``(members, count)``;
    ``error_paths (kept, horizon)`` are those of held-out windows, see
    sample.py; ``best_steps`` each member's, ``steps`` and ``reason`` the first one's. ``inputs``,
    ``holidays`` and ``input_scales`` are as in `Panel` and `Windows`; ``input_ids`` the series of
    the latter.
    """

    params: dict[str, Any]  # of the forecaster when it was fitted
    network: Network
    weights: np.ndarray
    blend: Blend
    calibration: Calibration
    error_paths: np.ndarray
    columns: Columns
    freq: str | int
    season: int
    source: str
    scaling: str
    ids: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    powers: np.ndarray
    scores: dict[str, dict[str, float]]
    error_by_step: dict[str, np.ndarray]
    holdout: Holdout
    series: int
    rows: int
    best_steps: tuple[int, ...]
    steps: int
    reason: str
    seconds: float
    trained_until: int
    options: dict[str, Any]
    trials: tuple[Trial, ...] = ()  # of a search
    continued: tuple[str, ...] = ()  # what each training after the first did
    inputs: tuple[Input, ...] = ()
    holidays: str | None = None
    input_scales: InputScales | None = None
    input_ids: np.ndarray = field(default_factory=lambda: np.empty(0, object))

    @property
    def chosen(self) -> dict[str, Any]:
        """The arguments, where a search was asked for with what it chose in its place: they give
        the same network again, to the bit."""
        return chosen_of(self.params, [each.setting for each in self.trials if each.chosen])

    def windows(self, panel: Panel) -> Windows:
        """Every window of a panel, scaled as in training."""
        seen = self._seen(panel)
        return Windows(
            seen,
            self.network.spec.context,
            self.network.spec.horizon,
            scaling=self.scaling,
            statistics=self._statistics(seen),
            input_scales=self._input_scales(panel, seen),
            dtype=self.weights.dtype,
        )

    def windows_at_end(self, panel: Panel) -> Windows:
        """One window a series, after its last row, scaled as in training."""
        seen = self._seen(panel)
        return Windows.at_end(
            seen,
            self.network.spec.context,
            self.network.spec.horizon,
            scaling=self.scaling,
            statistics=self._statistics(seen),
            input_scales=self._input_scales(panel, seen),
            dtype=self.weights.dtype,
            whole=self.whole,
        )

    @property
    def whole(self) -> bool:
        """Whether forecasts follow from the whole history, not from its last rows alone."""
        recursive = self.network.spec.strategy == "recursive"
        reads_all = recursive and make_scaling(self.scaling).by_series
        return reads_all or self.blend.share > 0.0

    @cached_property
    def transform(self) -> Transform | None:
        """What is done to the series before the network sees them."""
        return make_transform(self.chosen["transform"])

    @property
    def limits(self) -> Limits:
        """What forecasts may be."""
        return limits_of(self.params, self.network.head)

    @property
    def reach(self) -> int:
        """The newest rows of a series from which a forecast follows."""
        before = self.transform.reach(self.season) if self.transform else 0
        return self.network.spec.context + before

    def _seen(self, panel: Panel) -> Panel | Transformed:
        """The panel as the network sees it, with the powers of training; new series' own."""
        if self.transform is None:
            return panel
        powers = self.transform.powers(panel)
        if powers is not None:
            known, at = _known(panel.ids, self.ids)
            powers[known] = self.powers[at]
        return self.transform.of(panel, powers)

    def _statistics(self, panel: Panel | Transformed) -> tuple[np.ndarray, np.ndarray] | None:
        """Location and scale of each series: those of training, its own where it is new."""
        scaling = make_scaling(self.scaling)
        if not scaling.by_series:
            return None
        read = panel.as_panel if isinstance(panel, Transformed) else panel
        location, scale = series_statistics(read, scaling.measure)
        known, at = _known(read.ids, self.ids)
        location[known], scale[known] = self.location[at], self.scale[at]
        return location, scale

    def _input_scales(self, panel: Panel, seen: Panel | Transformed) -> InputScales | None:
        """Those of training; of a series that is new its own deviation and past inputs."""
        scales = self.input_scales
        kind = make_scaling(self.scaling).of
        read = seen.as_panel if isinstance(seen, Transformed) else seen
        own = None if scales is None else input_scales(panel, kind, read=read)
        if scales is None or own is None:
            return None
        past, unit = own.past, own.unit
        known, at = _known(panel.ids, self.input_ids)
        unit[known] = scales.unit[at]
        if kind == "series":
            past[:, known] = scales.past[:, at]
        return replace(scales, past=past, unit=unit)

    def of_role(self, role: str) -> tuple[Input, ...]:
        """The inputs of a role."""
        return tuple(each for each in self.inputs if each.role == role)

    def read(self, table: Any, where: str | None = None, query: str | None = None) -> Panel:
        """The panel of a table with the columns, frequency and season of the one that was fitted.

        Raises DataError for a table that cannot be used, and for another frequency.
        """
        columns = self.columns
        database = isinstance(table, str) and is_connection(table)
        excel = isinstance(table, str | Path) and is_excel(table)
        panel = read(
            table,
            id=DEFAULT_ID if columns.id is None else columns.id,
            time=columns.time,
            target=columns.targets or columns.target,
            freq=self.freq,
            season=self.season,
            where=where,
            duplicates=columns.duplicates,
            past=self.of_role("past"),
            future=self.of_role("future"),
            static=self.of_role("static"),
            holidays=self.holidays,
            snap=columns.snap,
            query=self.options.get("query") if database and query is None else query,
            sheet=self.options.get("sheet") if excel else None,
        )
        if self.inputs or self.holidays:
            if panel.inputs is None:
                raise DataError(
                    f"{panel.source}: the model has inputs, this panel has none. Read it with the "
                    "same options as the table of fit."
                )
            inputs = recoded(panel.inputs, self.inputs, panel.source)
            panel = replace(panel, inputs=replace(inputs, holidays=self.holidays))
        if panel.freq != self.freq:
            raise DataError(
                f"{panel.source}: its frequency is {panel.freq!r}; the model was trained on "
                f"{self.freq!r}. Give rows of that frequency, or fit a model on these."
            )
        single = columns.id is None and panel.columns.id is None and len(panel) == self.series == 1
        if single and panel.ids[0] == _stem(panel.source):
            # without a column of ids a series has the name of its file: it is still the same
            panel = replace(panel, ids=object_array([_stem(self.source)]))
        return replace(panel, season=self.season)


def _known(ids: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the ids are among those, and where."""
    places = {id: index for index, id in enumerate(among.tolist())}
    found = np.array([places.get(id, -1) for id in ids.tolist()], np.int64)
    return found >= 0, found[found >= 0]


def _stem(source: str) -> str:
    return source.partition(".")[0]
