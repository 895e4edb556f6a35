"""Fit on a table, forecast from it: the estimator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rollcast.data.panel import Panel
from rollcast.data.read import DEFAULT_ID, read
from rollcast.errors import NotFittedError, UsageError
from rollcast.forecast import intervals, saved
from rollcast.forecast.backtest import Backtest, run_backtest
from rollcast.forecast.fit import fit_panel
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.history import append
from rollcast.forecast.params import as_written, change
from rollcast.forecast.result import Forecast, checked_levels
from rollcast.forecast.stream import Stream, check_streamable, open_stream, restored_stream
from rollcast.forecast.summary import summary
from rollcast.model.file import write_model
from rollcast.train.events import Listener
from rollcast.train.state import History
from rollcast.train.training import Training

Path = str | os.PathLike[str]

DEFAULT_TRAINING = Training()


class Forecaster:
    """A recurrent network that forecasts the next ``horizon`` rows of every series of a table.

    The arguments are checked by ``fit``; ``get_params``, ``set_params`` and ``clone`` work.

    Parameters
    ----------
    horizon
        Rows to forecast.
    context
        Rows the network sees; None = chosen by `choose_context`, found in ``context_``.
    cell, hidden
        ``"rnn_tanh"``, ``"rnn_relu"``, ``"lstm"`` or ``"gru"``, and the units of each layer.
    strategy
        ``"direct"``: the final state and the known future give all steps. ``"recursive"``: one step
        feeds the next. ``"segment"``: a segment of rows a step, future segments side by side, for
        long windows and horizons. ``"auto"`` is ``"direct"``.
    segment
        Rows of a segment; None = chosen by `choose_segment`.
    head
        What is learnt: ``"quantile"``, ``"mse"``, ``"mae"`` or ``"huber"``.
    scaling
        ``"window"`` or ``"series"``: by whose mean and deviation values are scaled. A recursive
        network scaled by series reads all of the history, and can ``stream``.
    initial
        The stack's first weights: ``"torch"``, ``"orthogonal(forget_bias=1)"``, ``"normal"`` …
    dropout, normalize
        Between layers: dropout while training; ``"layer"`` or ``"batch"`` normalisation, or None
        (of direct networks; outputs go by mean and variance of training windows).
    training
        A `Training`: steps, optimizer, learning rate …
    seed
        The same seed gives the same bits, whatever the number of threads.
    name
        Of the column of forecasts.

    >>> table = Forecaster(horizon=12).fit("sales.csv", time="month", target="sold").predict()
    """

    def __init__(
        self,
        horizon: int,
        *,
        context: int | None = None,
        cell: str = "lstm",
        hidden: Sequence[int] = (64, 64),
        strategy: str = "direct",
        segment: int | None = None,
        head: str = "quantile",
        scaling: str = "window",
        initial: str = "torch",
        dropout: float = 0.0,
        normalize: str | None = None,
        training: Training = DEFAULT_TRAINING,
        seed: int = 0,
        name: str = "rollcast",
    ) -> None:
        self.horizon = horizon
        self.context = context
        self.cell = cell
        self.hidden = hidden
        self.strategy = strategy
        self.segment = segment
        self.head = head
        self.scaling = scaling
        self.initial = initial
        self.dropout = dropout
        self.normalize = normalize
        self.training = training
        self.seed = seed
        self.name = name

    _NAMES = tuple(__init__.__annotations__)[:-1]  # the last is what it returns

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in self._NAMES}

    def set_params(self, **params: Any) -> Forecaster:
        """Change these arguments; returns self. What was fitted stays until ``fit``."""
        change(self, self._NAMES, params)
        return self

    def __repr__(self) -> str:
        params, usual = self.get_params(), Forecaster(self.horizon).get_params()
        return as_written(self, [f"horizon={self.horizon!r}"], params, usual)

    def fit(
        self,
        table: Any,
        *,
        id: str = DEFAULT_ID,
        time: str | Sequence[str] = "ds",
        target: str = "y",
        freq: str | int | None = None,
        season: int | None = None,
        where: str | None = None,
        duplicates: str = "error",
        listeners: Sequence[Listener] = (),
        checkpoint: Path | None = None,
    ) -> Forecaster:
        """Train on a table (a path, a frame or a `Panel`), with the options of `read`.

        Returns self. A first run holds out the last rolling origins of each
        series: they decide after how many steps to stop (``best_step_``), calibrate the intervals
        and give ``scores_``, so these are a little flattering; `backtest` on later rows is the
        judge. A second run makes that many steps on all rows; its network forecasts.
        ``listeners`` get the events of both. With ``checkpoint``, a path, a fit that was killed
        goes on from there (and the path + ``.final`` of the second run) to the same bits.

        Raises DataError for a table that cannot be used, UsageError for an argument that cannot be,
        TrainingError when training diverges.
        """
        panel = read(
            table, id=id, time=time, target=target, freq=freq, season=season, where=where,
            duplicates=duplicates,
        )  # fmt: skip
        given = {
            "id": (id, DEFAULT_ID), "time": (time, "ds"), "target": (target, "y"),
            "freq": (freq, None), "season": (season, None), "where": (where, None),
            "duplicates": (duplicates, "error"),
        }  # fmt: skip
        options = {name: value for name, (value, usual) in given.items() if value != usual}
        fitted, history = fit_panel(self.get_params(), panel, options, listeners, checkpoint)
        self.history_: Panel | None = panel
        self.training_history_: History | None = history  # of the first run
        self._take(fitted)
        return self

    def _take(self, fitted: Fitted) -> None:
        self.fitted_ = fitted
        self.context_ = fitted.network.spec.context
        self.season_ = fitted.season
        self.freq_ = fitted.freq
        self.scores_ = fitted.scores
        self.error_by_step_ = fitted.error_by_step
        self.best_step_ = fitted.best_step

    def _fitted(self, what: str) -> Fitted:
        if not hasattr(self, "fitted_"):
            raise NotFittedError(f"{what}: this Forecaster is not fitted. Call fit(table) first.")
        return self.fitted_

    def predict(
        self,
        table: Any = None,
        *,
        level: float | Sequence[float] = (80, 95),
        where: str | None = None,
    ) -> Any:
        """Forecasts of the next ``horizon`` rows of every series, as a table.

        Columns: the user's id (if there was one) and time, then ``name`` (the median; for head mse
        the mean) and for each ``level`` in percent ``name-lo-80`` and ``name-hi-80``. ``table``
        holds the rows to go on from, with the columns of the table of ``fit``; its series need not
        have been seen before. None = the series of ``fit`` and ``update``. The frame is of the kind
        of the table; files and panels give polars.

        Raises UsageError for a level beyond what the held-out windows allow, DataError for a series
        whose newest ``context_`` rows are all missing.
        """
        return self.forecast(table, level=level, where=where).frame()

    def forecast(
        self,
        table: Any = None,
        *,
        level: float | Sequence[float] = (80, 95),
        where: str | None = None,
    ) -> Forecast:
        """As ``predict``, but arrays: a `Forecast` with ``median`` and ``bands``."""
        fitted = self._fitted("predict")
        levels = checked_levels(level)
        panel = self._panel(table, where, "predict")
        found, below, above = intervals.forecast_spread(
            fitted.network, fitted.weights, fitted.windows_at_end(panel)
        )
        bands = intervals.intervals(fitted.calibration, levels, found.median, below, above)
        return Forecast(panel, self.name, found.median, bands)

    def update(self, table: Any, *, where: str | None = None) -> Forecaster:
        """Take in new rows without training again; returns self.

        Rows must be later than those remembered; rows left out between count as missing. New series
        are added. Raises DataError for rows that overlap.
        """
        self._fitted("update")
        history = self._history("update")
        self.history_ = append(history, self._panel(table, where, "update"))
        return self

    def backtest(
        self,
        table: Any = None,
        *,
        windows: int = 10,
        step: int | None = None,
        level: float | Sequence[float] = (80, 95),
        where: str | None = None,
    ) -> Backtest:
        """Forecasts from the last ``windows`` rolling origins of every series, with scores beside
        the baselines; nothing is trained again.

        Origins are ``step`` rows apart, None = a horizon. It judges a model fairly when fit ended
        before the first origin: ``Backtest.seen`` counts the windows of which it did not.
        """
        fitted = self._fitted("backtest")
        panel = self._panel(table, where, "backtest")
        return run_backtest(self.name, fitted, panel, windows, step, checked_levels(level))

    def stream(
        self,
        series: Any = None,
        *,
        table: Any = None,
        where: str | None = None,
        state: bytes | None = None,
    ) -> Stream:
        """A `Stream`: forecasts row by row. Needs strategy recursive and scaling series.

        ``series`` is an id (values are then plain numbers) or a list of ids, which are stepped
        together; None = all. They go on from the rows of ``table``, None = the series of ``fit``
        and ``update``; or from a ``state`` that a stream of this model gave.

        Raises UsageError for other models and unknown ids, ModelFileError for a wrong state.
        """
        fitted = self._fitted("stream")
        check_streamable(fitted)
        if state is not None:
            if series is not None or table is not None or where is not None:
                raise UsageError("stream: a state says all. Leave series, table and where out.")
            return restored_stream(self.name, fitted, state)
        panel = self._panel(table, where, "stream")
        return open_stream(self.name, fitted, panel, series)

    def _history(self, what: str) -> Panel:
        if self.history_ is None:
            raise UsageError(
                f"{what}: this model was saved with history=False and remembers no series. "
                "Give a table."
            )
        return self.history_

    def _panel(self, table: Any, where: str | None, what: str) -> Panel:
        """The panel of a table with the columns of the one that was fitted, or the history."""
        fitted = self.fitted_
        if table is None:
            if what == "update":
                raise UsageError("update: no table given. Give the new rows.")
            return self._history(what)
        return fitted.read(table, where)

    def save(self, path: Path, history: bool = True) -> None:
        """Write the model to one file, whole or not at all.

        With ``history`` the newest ``context_`` rows of every series go with it (all of them where
        forecasts follow from all), so that ``load(path).predict()`` needs no table.
        """
        fitted = self._fitted("save")
        kept = self.history_ if history else None
        if kept is not None and not fitted.whole:
            kept = kept.tail(self.context_)
        write_model(path, *saved.pack(fitted, kept))

    def summary(self) -> str:
        """What was fitted on what, and how good it is, in a few lines."""
        return summary(self.name, self._fitted("summary"))
