"""What a backtest found: forecasts from rolling origins, and how good they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rollcast.data.frame import id_columns, plain_frame
from rollcast.data.panel import Panel
from rollcast.forecast.judged import Bands, Judged
from rollcast.score.mean import Score

Scores = Mapping[str, Mapping[str, Score]]


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts from rolling origins, so many windows over all series, and their scores.

    - ``panel``; ``series (windows,)`` and ``origin (windows,)``: which of its series, and its row
      where the forecast begins; ``times (windows, steps)`` the stamps forecast, without the first
      ``gap`` rows, which do not count.
    - ``seen``: how many of the windows begin at or before the newest stamp that their fit was
      given, of whichever series: the network may have been trained on what happened in them.
    - ``judged``: truths, forecasts and intervals as arrays.
    """

    panel: Panel
    name: str
    series: np.ndarray
    origin: np.ndarray
    times: np.ndarray
    gap: int
    judged: Judged
    seen: int

    @property
    def truth(self) -> np.ndarray:
        """``(windows, steps)``, NaN where not observed."""
        return self.judged.truth

    @property
    def forecasts(self) -> dict[str, np.ndarray]:
        """Method → ``(windows, steps)``, the network first."""
        return self.judged.forecasts

    @property
    def bands(self) -> Bands:
        """Level → ``(low, high)``, each ``(windows, steps)``."""
        return self.judged.bands

    @cached_property
    def scores(self) -> dict[str, dict[str, float]]:
        """Method → metric → value over all windows and steps; `rollcast.score.metrics` explains
        them. ``coverage-80``, ``width-80``, ``scaled_width-80`` (in the unit of MASE) and
        ``pinball-80`` are of the network's intervals."""
        return self.judged.totals()

    @cached_property
    def error_by_step(self) -> dict[str, np.ndarray]:
        """Method → mean absolute error at each step, ``(steps,)``."""
        return self.judged.error_by_step()

    def __len__(self) -> int:
        """How many windows."""
        return len(self.origin)

    def __repr__(self) -> str:
        mase = self.scores[self.name]["mase"]
        return f"Backtest({len(self)} windows of {len(self.panel)} series, mase={mase:.4g})"

    def frame(self) -> Any:
        """A table of every window and step: id, time, ``cutoff`` (the last stamp that was known),
        the truth under the user's name, every method's forecast, the ends of the intervals."""
        steps = self.truth.shape[1]
        columns: dict[str, np.ndarray] = {
            "cutoff": np.repeat(self._cutoffs(), steps),
            self.panel.columns.target: self.truth.ravel(),
        }
        columns |= {method: values.ravel() for method, values in self.forecasts.items()}
        for level, (low, high) in self.bands.items():
            columns[f"{self.name}-lo-{level:g}"] = low.ravel()
            columns[f"{self.name}-hi-{level:g}"] = high.ravel()
        return self.panel.frame(np.repeat(self.series, steps), self.times.ravel(), columns)

    def by_series(self) -> Any:
        """A table of the scores of each series: its id (``series`` in a table without),
        ``method``, a column for each metric."""
        which, group = np.unique(self.series, return_inverse=True)
        panel = self.panel
        names = id_columns(panel.columns, panel.ids, which) or {"series": panel.ids[which]}
        return self._table(names, self.judged.scores(group))

    def by_step(self) -> Any:
        """A table of the scores at each step of the horizon: ``step`` (from 1; the first one after
        the gap is ``gap + 1``), ``method``, a column for each metric."""
        steps = self.gap + np.arange(1, self.truth.shape[1] + 1)
        return self._table({"step": steps}, self.judged.scores(0))

    def by_window(self) -> Any:
        """A table of the scores of each window: id, ``cutoff``, ``method``, each metric."""
        names = id_columns(self.panel.columns, self.panel.ids, self.series)
        return self._table(names | {"cutoff": self._cutoffs()}, self.judged.scores(1))

    def _cutoffs(self) -> np.ndarray:
        return self.panel.local(self.panel.times[self.origin - 1])

    def _table(self, keys: dict[str, np.ndarray], scores: Scores) -> Any:
        """A row for each key and method; the methods of one key are neighbours."""
        methods = list(scores)
        count = len(next(iter(keys.values())))
        table = {name: np.repeat(values, len(methods)) for name, values in keys.items()}
        table["method"] = np.tile(np.array(methods, object), count)
        unknown = np.full(count, np.nan)
        for metric in scores[self.name]:
            column = [np.asarray(scores[method].get(metric, unknown)) for method in methods]
            table[metric] = np.stack(column, axis=1).ravel()
        return plain_frame(self.panel.columns, table)
