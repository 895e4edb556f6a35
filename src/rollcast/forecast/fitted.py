"""What a fitted forecaster is, as one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.data.database import is_connection
from rollcast.data.formats import is_excel
from rollcast.data.panel import Columns, Panel, object_array
from rollcast.data.read import DEFAULT_ID, read
from rollcast.data.scaling import series_statistics
from rollcast.data.windows import Windows
from rollcast.errors import DataError
from rollcast.forecast.holdout import Holdout
from rollcast.forecast.intervals import Calibration
from rollcast.model.network import Network


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that forecasting needs, and what is told about how it came to be.

    ``location`` and ``scale`` are those of the series ``ids`` for scaling "series", else empty.
    ``scores`` and ``error_by_step`` are of the held-out windows. ``trained_until`` is the newest
    stamp seen by fit (microseconds, or the integer itself). ``options`` are those of ``fit`` that
    say how the table was read. ``weights`` are ``(count,)``, of an ensemble ``(members, count)``;
    ``best_steps`` each member's, ``steps`` and ``reason`` the first one's.
    """

    params: dict[str, Any]  # of the forecaster when it was fitted
    network: Network
    weights: np.ndarray
    calibration: Calibration
    columns: Columns
    freq: str | int
    season: int
    source: str
    scaling: str
    ids: np.ndarray
    location: np.ndarray
    scale: np.ndarray
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

    def windows(self, panel: Panel) -> Windows:
        """Every window of a panel, scaled as in training."""
        return Windows(
            panel,
            self.network.spec.context,
            self.network.spec.horizon,
            scaling=self.scaling,
            statistics=self._statistics(panel),
            dtype=self.weights.dtype,
        )

    def windows_at_end(self, panel: Panel) -> Windows:
        """One window a series, after its last row, scaled as in training."""
        return Windows.at_end(
            panel,
            self.network.spec.context,
            self.network.spec.horizon,
            scaling=self.scaling,
            statistics=self._statistics(panel),
            dtype=self.weights.dtype,
            whole=self.whole,
        )

    @property
    def whole(self) -> bool:
        """Whether forecasts follow from the whole history, not from its last rows alone."""
        return self.network.spec.strategy == "recursive" and self.scaling == "series"

    def _statistics(self, panel: Panel) -> tuple[np.ndarray, np.ndarray] | None:
        """Location and scale of each series: those of training, its own where it is new."""
        if self.scaling != "series":
            return None
        location, scale = series_statistics(panel)
        places = {id: index for index, id in enumerate(self.ids.tolist())}
        found = np.array([places.get(id, -1) for id in panel.ids.tolist()], np.int64)
        known = found >= 0
        location[known], scale[known] = self.location[found[known]], self.scale[found[known]]
        return location, scale

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
            snap=columns.snap,
            query=self.options.get("query") if database and query is None else query,
            sheet=self.options.get("sheet") if excel else None,
        )
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


def _stem(source: str) -> str:
    return source.partition(".")[0]
