"""Fit on a table, forecast from it: the estimator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rollcast.data.read import DEFAULT_ID, read
from rollcast.forecast.after_fit import AfterFit
from rollcast.forecast.fit import fit_panel
from rollcast.forecast.forecaster_params import BUDGET
from rollcast.forecast.params import as_written, change
from rollcast.train.events import Listener, TableRead, tell
from rollcast.train.training import Training

Path = str | os.PathLike[str]

DEFAULT_TRAINING = Training()


class Forecaster(AfterFit):
    """A recurrent network that forecasts the next ``horizon`` rows of every series of a table.

    The arguments are checked by ``fit``; ``get_params``, ``set_params`` and ``clone`` work.

    Parameters
    ----------
    horizon
        Rows to forecast.
    context
        Rows the network sees; None = chosen by `choose_context`, found in ``context_``.
    cell, hidden
        ``"lstm"``, ``"gru"``, ``"rnn_tanh"``, ``"rnn_relu"``, ``"lstm_layer_norm"`` (Ba et al.
        2016), ``"lstm_peephole"`` (Gers et al. 2002), ``"min_gru"``, ``"min_lstm"`` (Feng et al.
        2024) or ``"slstm"`` (Beck et al. 2024), with options of `engine.cells` such as
        ``"lstm(dilation=2, residual=true, zoneout=0.1)"``; and the units of each layer.
    strategy
        ``"direct"``: the final state and the known future give all steps. ``"recursive"``: one step
        feeds the next. ``"segment"``: a segment of rows a step, future segments side by side, for
        long windows and horizons. ``"auto"``: what `search` finds best on the rows held out, among
        networks, windows and sizes, the default among them; its trials are ``search_``.
    segment
        Rows of a segment; None = chosen by `choose_segment`.
    feeding
        What a recursive network reads of the horizon while it trains: ``"free"`` (its own
        forecasts, as when it is used; ``"free(first=3)"``: of a horizon that grows), ``"teacher"``
        (true values) or ``"scheduled(end=0.5)"`` (its own by chance, more often with time).
    skip
        Where the linear path from the window starts: ``"ridge"``, a regression; ``"naive"``,
        ``"seasonal_naive"`` or ``"seasonal_mean"`` (not of recursive networks); ``"none"``: there
        is no such path.
    head
        What is learnt: ``"quantile"``; a point: ``"mse"``, ``"mae"``, ``"huber(delta=1)"``,
        ``"smape"``; a distribution: ``"normal"``, ``"student_t"``, ``"mixture(components=3)"``,
        above 0 ``"log_normal"``, from 0 on ``"tweedie(power=1.5)"``, of counts ``"poisson"``,
        ``"negative_binomial"``; or ``"crps(levels=19)"``. See docs/heads.md.
    scaling
        ``"window"`` or ``"series"``: by whose mean and deviation values are scaled; in brackets
        another measure: ``"window(median)"`` (and interquartile range), ``"series(last)"`` (and
        deviation), ``"window(mean)"`` (absolute, from 0); or ``"none"``. A recursive network
        scaled by series reads all of the history, and can ``stream``.
    transform
        Done to every series before all else and undone on output: ``"log1p"``, ``"boxcox"``,
        ``"boxcox(power=0.3)"``, ``"difference"``, ``"seasonal_difference"``, or some joined by +.
    nonnegative, integer
        Forecasts, intervals and samples are never below 0; are whole numbers. Heads of counts and
        of values above 0 bring that along.
    initial
        The stack's first weights: ``"torch"``, ``"orthogonal(forget_bias=1)"``, ``"normal"`` …
    dropout, normalize
        Dropout while training, behind every layer (of recursive networks between layers alone);
        between layers ``"layer"`` or ``"batch"`` normalisation, or None (of direct networks;
        outputs go by mean and variance of training windows).
    validation
        Rows at the end of each series that are held out of the first run; None = chosen by
        `choose_holdout`.
    budget, trials
        Of strategy auto: seconds of the search, or how many networks are tried, for the same result
        whatever the time.
    refit
        Whether a second run trains on all rows; otherwise the network that never saw those held
        out is kept.
    ensemble
        Networks trained with the seeds from ``seed`` on, whose medians and quantiles are averaged.
    blend
        Forecasts are averaged with those of ``"theta"``: smoothing with drift of each series by
        itself, for short or noisy series; ``"damped"``: with a trend that dies away; ``"linear"``:
        a linear map shared by the phases of a season, for long horizons; or some joined by +. The
        held-out windows decide how much these count. With strategy auto, None tries them after the
        search and takes one that is better by more than chance.
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
        feeding: str = "free",
        skip: str = "ridge",
        head: str = "quantile",
        scaling: str = "window",
        transform: str | None = None,
        nonnegative: bool = False,
        integer: bool = False,
        initial: str = "torch",
        dropout: float = 0.0,
        normalize: str | None = None,
        validation: int | None = None,
        budget: float = BUDGET,
        trials: int | None = None,
        refit: bool = True,
        ensemble: int = 1,
        blend: str | None = None,
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
        self.feeding = feeding
        self.skip = skip
        self.head = head
        self.scaling = scaling
        self.transform = transform
        self.nonnegative = nonnegative
        self.integer = integer
        self.initial = initial
        self.dropout = dropout
        self.normalize = normalize
        self.validation = validation
        self.budget = budget
        self.trials = trials
        self.refit = refit
        self.ensemble = ensemble
        self.blend = blend
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
        target: str | Sequence[str] = "y",
        freq: str | int | None = None,
        season: int | None = None,
        where: str | None = None,
        duplicates: str = "error",
        snap: bool = False,
        query: str | None = None,
        sheet: str | int | None = None,
        past: str | Sequence[str] = (),
        future: str | Sequence[str] = (),
        static: str | Sequence[str] = (),
        categorical: str | Sequence[str] = (),
        holidays: str | None = None,
        listeners: Sequence[Listener] = (),
        checkpoint: Path | None = None,
        max_seconds: float | None = None,
    ) -> Forecaster:
        """Train on a table (a path, a frame or a `Panel`), with the options of `read`.

        Returns self. A first run holds out the last rolling origins of each
        series: they decide after how many steps to stop (``best_step_``), calibrate the intervals
        and give ``scores_``, so these are a little flattering; `backtest` on later rows is the
        judge. A second run makes that many steps on all rows; its network forecasts.
        ``listeners`` get the events of both. With ``checkpoint``, a path, a fit that was killed
        goes on from there to the same bits (with more files beside it: ``.final`` of the second
        run, ``.2``, ``.3`` … of an ensemble's members, ``.search`` of a search, whose finished
        trials are not run again). All of fit, a search and both runs, takes about ``max_seconds``
        at most; such a fit depends on the machine. Ctrl-C ends a fit wherever it is.

        Raises DataError for a table that cannot be used, UsageError for an argument that cannot be,
        TrainingError when training diverges.
        """
        panel = read(
            table, id=id, time=time, target=target, freq=freq, season=season, where=where,
            duplicates=duplicates, snap=snap, query=query, sheet=sheet, past=past, future=future,
            static=static, categorical=categorical, holidays=holidays,
        )  # fmt: skip
        given = {
            "id": (id, DEFAULT_ID), "time": (time, "ds"), "target": (target, "y"),
            "freq": (freq, None), "season": (season, None), "where": (where, None),
            "duplicates": (duplicates, "error"), "snap": (snap, False), "query": (query, None),
            "sheet": (sheet, None), "past": (past, ()), "future": (future, ()),
            "static": (static, ()), "categorical": (categorical, ()),
            "holidays": (holidays, None),
        }  # fmt: skip
        options = {
            name: value if isinstance(value, str | int) else list(value)
            for name, (value, usual) in given.items()
            if value != usual
        }
        tell(listeners, TableRead(panel))
        fitted, history = fit_panel(
            self.get_params(), panel, options, listeners, checkpoint, max_seconds
        )
        self.history_ = panel
        self.training_history_ = history
        self._take(fitted)
        return self
