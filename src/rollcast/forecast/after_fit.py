"""What else one does with a fitted network: update, train on, backtest, stream, save."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self

from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.errors import UsageError
from rollcast.forecast.backtest import Backtest
from rollcast.forecast.continuing import continue_fit
from rollcast.forecast.fit import fit_panel
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecasts import Forecasts
from rollcast.forecast.history import append
from rollcast.forecast.learn import learnt
from rollcast.forecast.origins import checked_rolling, run_backtest
from rollcast.forecast.result import USUAL_LEVELS
from rollcast.forecast.saved import model as saved
from rollcast.forecast.stream import opened
from rollcast.forecast.summary import summary
from rollcast.model.file import write_model
from rollcast.train.events import Listener, TableRead, tell

Path = str | os.PathLike[str]


class AfterFit(Forecasts):
    """The part of a `Forecaster` that needs it fitted, forecasts and all the rest."""

    def update(
        self,
        table: Any,
        *,
        where: str | None = None,
        query: str | None = None,
        recalibrate: bool = True,
    ) -> Self:
        """Take in new rows without training again; returns self.

        Rows must be later than those remembered; rows left out between count as missing. New series
        are added. With ``recalibrate`` the intervals learn from them: what the network would have
        forecast, at origins after those of ``fit``, is compared with what came, and the newest
        errors decide how wide intervals are. Raises DataError for rows that overlap.
        """
        fitted = self._fitted("update")
        history = self._history("update")
        self.history_ = append(history, self._panel(table, where, query, "update"))
        if recalibrate:
            self._take(learnt(fitted, history, self.history_))
        return self

    def continue_training(
        self,
        table: Any = None,
        *,
        where: str | None = None,
        query: str | None = None,
        steps: int | None = None,
        learning_rate: float | None = None,
        listeners: Sequence[Listener] = (),
        max_seconds: float | None = None,
    ) -> Self:
        """Train on from the weights there are; returns self.

        ``table`` has all rows to train on, old and new, with the columns of the table of ``fit``;
        None = the series of ``fit`` and ``update`` (a loaded model remembers too few rows of them).
        ``steps`` and ``learning_rate`` are those of ``training`` unless given. The later half of
        the rows that came after the earlier training is held out of a first run, which says after
        how many steps to stop (0 leaves the weights as they are), calibrates and scores; a second
        run trains on all rows. Where new rows are too few the usual ones are held out: the model
        has been trained on them, so that scores and intervals flatter; `summary` says on how many.
        Series are scaled as before. Raises as ``fit``.
        """
        fitted = self._fitted("continue_training")
        panel = self._panel(table, where, query, "continue_training")
        tell(listeners, TableRead(panel))
        fitted, history = continue_fit(fitted, panel, steps, learning_rate, listeners, max_seconds)
        self.history_, self.training_history_ = panel, history
        self._take(fitted)
        return self

    def backtest(
        self,
        table: Any = None,
        *,
        windows: int = 10,
        step: int | None = None,
        gap: int = 0,
        level: float | Sequence[float] = USUAL_LEVELS,
        refit: bool | int = False,
        recalibrate: bool = True,
        where: str | None = None,
        query: str | None = None,
        listeners: Sequence[Listener] = (),
    ) -> Backtest:
        """Forecasts from the last ``windows`` rolling origins of every series, with scores beside
        the baselines.

        Origins are ``step`` rows apart, None = a horizon; of each forecast the first ``gap`` rows
        do not count. ``refit=True`` trains again before each origin, with the same setting and seed
        on what was known there; a whole number k before each k origins. With ``recalibrate``
        intervals follow from the newest errors whose truths were known at their origin.

        Without ``refit`` it judges a model fairly when fit ended before the first origin:
        ``Backtest.seen`` counts the windows of which it did not. A Forecaster that is not fitted is
        fitted before the first origin; ``table`` is then read with the usual names of `read`, so
        one with others is given as ``rollcast.read(...)``. What was fitted stays as it is.
        ``listeners`` get the events of training.
        """
        fitted: Fitted | None = getattr(self, "fitted_", None)
        if fitted is None and table is None:
            self._fitted("backtest without a table")
        if fitted is None:
            panel = read(table, where=where, query=query)
        else:
            panel = self._panel(table, where, query, "backtest")
        horizon = self.horizon if fitted is None or refit else fitted.network.spec.horizon
        rolling = checked_rolling(horizon, windows, step, gap, level, refit, recalibrate)

        def fit(known: Panel) -> Fitted:
            return fit_panel(self.get_params(), known, {}, listeners, None, scored=False)[0]

        return run_backtest(self.name, panel, horizon, rolling, fitted, fit)

    def stream(
        self,
        series: Any = None,
        *,
        table: Any = None,
        where: str | None = None,
        query: str | None = None,
        state: bytes | None = None,
    ) -> opened.AnyStream:
        """A `Stream`: forecasts row by row. Needs strategy recursive and scaling series.

        ``series`` is an id (values are then plain numbers) or a list of ids, which are stepped
        together; None = all. They go on from the rows of ``table``, None = the series of ``fit``
        and ``update``; or from a ``state`` that a stream of this model gave.

        Raises UsageError for other models and unknown ids, ModelFileError for a wrong state.
        """
        fitted = self._fitted("stream")
        opened.check_streamable(fitted)
        if state is not None:
            if series is not None or table is not None or where is not None:
                raise UsageError("stream: a state says all. Leave series, table and where out.")
            return opened.restored_stream(self.name, fitted, state)
        panel = self._panel(table, where, query, "stream")
        return opened.open_stream(self.name, fitted, panel, series)

    def save(self, path: Path, history: bool = True) -> None:
        """Write the model to one file, whole or not at all.

        With ``history`` the newest rows of every series go with it (``context_`` and a horizon, all
        of them where forecasts follow from all), so that ``load(path).predict()`` needs no table.
        """
        fitted = self._fitted("save")
        kept = self.history_ if history else None
        if kept is not None and not fitted.whole:
            kept = kept.tail(fitted.reach + fitted.network.spec.horizon)
        write_model(path, *saved.pack(fitted, kept))

    def summary(self) -> str:
        """What was fitted on what, and how good it is, in a few lines."""
        return summary(self.name, self._fitted("summary"))
