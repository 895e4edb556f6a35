"""Forecasts and sampled paths of a fitted network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rollcast.data.known import check_known, with_known
from rollcast.data.panel import Panel
from rollcast.errors import NotFittedError, UsageError
from rollcast.forecast import intervals
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.result import USUAL_LEVELS, Forecast, levels_for
from rollcast.forecast.sample import Paths, sampled
from rollcast.train.state import History


class Forecasts:
    """The part of a `Forecaster` that forecasts once it is fitted."""

    horizon: int
    name: str
    history_: Panel | None
    get_params: Callable[[], dict[str, Any]]
    training_history_: History | None  # of the first run

    def _take(self, fitted: Fitted) -> None:
        self.fitted_ = fitted
        self.context_ = fitted.network.spec.context
        self.season_ = fitted.season
        self.freq_ = fitted.freq
        self.scores_ = fitted.scores
        self.error_by_step_ = fitted.error_by_step
        self.search_ = fitted.trials
        self.best_step_ = fitted.best_steps[0]

    def _fitted(self, what: str) -> Fitted:
        if not hasattr(self, "fitted_"):
            raise NotFittedError(f"{what}: this Forecaster is not fitted. Call fit(table) first.")
        return self.fitted_

    def predict(
        self,
        table: Any = None,
        *,
        level: float | Sequence[float] = USUAL_LEVELS,
        future: Any = None,
        where: str | None = None,
        query: str | None = None,
    ) -> Any:
        """Forecasts of the next ``horizon`` rows of every series, as a table.

        Columns: the user's id (if there was one) and time, then ``name`` (the median; for head mse
        the mean) and for each ``level`` in percent ``name-lo-80`` and ``name-hi-80``. ``table``
        holds the rows to go on from, with the columns of the table of ``fit``; its series need not
        have been seen before. None = the series of ``fit`` and ``update``. Of a database, ``query``
        selects the rows, None = the query of ``fit``. The frame is of the kind of the table; files
        and panels give polars. Inputs known ahead are needed for the rows forecast: in rows of
        ``table`` after the last value, or in ``future``, a table of id, time and those inputs.

        Raises UsageError for a level beyond what the held-out windows allow (of the usual ones such
        a level is left out, and a log line says so), DataError for a series whose newest
        ``context_`` rows are all missing, and for an input that is not known ahead.
        """
        found = self.forecast(table, level=level, future=future, where=where, query=query)
        return found.frame()

    def forecast(
        self,
        table: Any = None,
        *,
        level: float | Sequence[float] = USUAL_LEVELS,
        future: Any = None,
        where: str | None = None,
        query: str | None = None,
    ) -> Forecast:
        """As ``predict``, but arrays: a `Forecast` with ``median`` and ``bands``."""
        fitted = self._fitted("predict")
        levels = levels_for(level, fitted.calibration)
        panel = self._known_panel(table, future, where, query)
        found, below, above = intervals.forecast_spread(
            fitted.network, fitted.weights, fitted.windows_at_end(panel), blend=fitted.blend
        )
        bands = intervals.intervals(fitted.calibration, levels, found.median, below, above)
        limits = fitted.limits
        return Forecast(panel, self.name, limits.point(found.median), limits.bands(bands))

    def sample(
        self,
        table: Any = None,
        *,
        paths: int = 100,
        seed: int = 0,
        future: Any = None,
        where: str | None = None,
        query: str | None = None,
    ) -> Any:
        """Sampled paths of the next ``horizon`` rows of every series, as a table.

        Columns: id and time, ``sample`` (0 to ``paths`` − 1), the value under ``name``. Each path
        is a way the horizon may go: sums, highest values and run lengths over it have the right
        distribution, which ends of intervals do not give. A recursive network with a distribution
        draws each step after those before it; every other has values by the calibrated intervals,
        joined as the errors of held-out windows were. ``table`` … as those of ``predict``.
        """
        return self.sample_paths(
            table, paths=paths, seed=seed, future=future, where=where, query=query
        ).frame()

    def sample_paths(
        self,
        table: Any = None,
        *,
        paths: int = 100,
        seed: int = 0,
        future: Any = None,
        where: str | None = None,
        query: str | None = None,
    ) -> Paths:
        """As ``sample``, but arrays: `Paths` with ``values (series, paths, horizon)``."""
        fitted = self._fitted("sample")
        panel = self._known_panel(table, future, where, query)
        return Paths(panel, self.name, sampled(fitted, panel, paths, seed))

    def _known_panel(self, table: Any, future: Any, where: str | None, query: str | None) -> Panel:
        """The rows to forecast from, with what is known ahead."""
        panel = self._panel(table, where, query, "predict")
        if future is not None:
            panel = with_known(panel, future, self.horizon)
        check_known(panel, self.horizon)
        return panel

    def _history(self, what: str) -> Panel:
        if self.history_ is None:
            raise UsageError(
                f"{what}: this model was saved with history=False and remembers no series. "
                "Give a table."
            )
        return self.history_

    def _panel(self, table: Any, where: str | None, query: str | None, what: str) -> Panel:
        """The panel of a table with the columns of the one that was fitted, or the history."""
        fitted = self.fitted_
        if table is None:
            if what == "update":
                raise UsageError("update: no table given. Give the new rows.")
            return self._history(what)
        return fitted.read(table, where, query)
