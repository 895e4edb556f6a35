"""One signal from another, or from its own past, at every row: the estimator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.read import DEFAULT_ID
from rollcast.errors import NotFittedError, UsageError
from rollcast.forecast.params import as_written, change
from rollcast.forecast.sequence import saved as sequence_saved
from rollcast.forecast.sequence.fit import fit_sequence
from rollcast.forecast.sequence.plan import FittedSequence
from rollcast.forecast.sequence.predict import continued, outputs
from rollcast.forecast.sequence.stream import SequenceStream
from rollcast.model.file import write_model
from rollcast.train.events import Listener
from rollcast.train.training import Training

DEFAULT_TRAINING = Training()


class SequenceRegressor:
    """A recurrent network that turns signals into others, row by row, or continues them.

    The arguments are checked by ``fit``; ``get_params``, ``set_params`` and ``clone`` work.

    Parameters
    ----------
    inputs, targets
        Column names, one or several.
    ahead
        0: the target of the same row. 1: that of the next row; targets that are among the inputs
        can then be fed back, see ``generate``.
    cell, hidden, readout
        The cell and the units of each layer; a linear head at every step, or with ``readout=False``
        the units of the last layer as they are.
    bidirectional
        Whether layers read each window from both ends (Schuster and Paliwal 1997), so that every
        output follows from all of it: for signals that are all there, with ``ahead=0``.
    skip
        A linear path beside the network, from the inputs of the newest rows to the output:
        "ridge(rows=8)" begins as a regression, "zero(rows=8)" says nothing at first; "none".
    stateful
        True: a window begins with the states that its series left in the window before, windows in
        order, and gradients end there (truncated back-propagation). False: with zeros. "always":
        with whatever states the last training step left, windows in any order.
    window, stride
        Rows of a training window, None = the whole series; rows from the beginning of one to that
        of the next, None = they follow each other, 1 = windows from every place.
    burn_in, record_burn_in
        So many first rows after zero states have no loss; gradients reach back through them unless
        ``record_burn_in`` is False.
    loss_steps
        "all", or "last": the last row of each window alone.
    feeding
        What a training window reads: "teacher" (true values), "free(warm_up=20)" (its own outputs
        after so many rows; "first=5, grow=0.6" lets that part grow from 5 rows while training) or
        "scheduled(end=0.5)" (its own by chance, more often with time).
    dropout, normalize
        Between layers: dropout while training; "layer" or "batch" normalisation, or None.
        "recurrent_batch": within an LSTM's recurrence, windows of one length. Outputs go by mean
        and variance of training rows, found anew when weights are scored. But for "layer" windows
        must be of true values (feeding "teacher").
    recompute
        "chunks": keep little of a window on the way and run it again on the way back: memory grows
        with the root of its rows, for about a third more work.
    initial
        The stack's first weights: "torch", "normal(std=0.001)", "orthogonal(forget_bias=1)" …
    scaling
        By the mean and deviation of each "series" or of all ("standard"), to 0 … 1 ("minmax"), or
        "none". Losses are those of scaled values.
    difference
        True: learn the differences of each row from the one before and sum them up again, so that a
        trend goes on in closed loop (`predict` then begins at the second row); "auto": where the
        last third of the series goes on as a line rather than about its mean. For inputs that are
        the targets.
    restore, held_out, check_every
        Which weights are kept: "last", or the best by "loss" or "closed_loop(steps=50)" among those
        looked at every ``check_every`` steps (None = twenty times). They are scored on the last
        ``held_out`` series, which are not trained on; 0 = on those that are.
    training
        A `Training`: steps, windows (stateful: series) in a batch, optimizer …
    seed
        The same seed gives the same bits, whatever the number of threads.
    name
        Of the column of outputs; with several targets ``name-target``.

    >>> model = SequenceRegressor("sin", "cos", window=30, stateful=True).fit("waves.csv")
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        targets: str | Sequence[str],
        *,
        ahead: int = 0,
        cell: str = "lstm",
        hidden: Sequence[int] = (64,),
        readout: bool = True,
        bidirectional: bool = False,
        skip: str = "none",
        stateful: bool | str = False,
        window: int | None = None,
        stride: int | None = None,
        burn_in: int = 0,
        record_burn_in: bool = True,
        loss_steps: str = "all",
        feeding: str = "teacher",
        dropout: float = 0.0,
        normalize: str | None = None,
        recompute: str | None = None,
        initial: str = "torch",
        scaling: str = "series",
        difference: bool | str = False,
        restore: str = "loss",
        held_out: int = 0,
        check_every: int | None = None,
        training: Training = DEFAULT_TRAINING,
        seed: int = 0,
        name: str = "rollcast",
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.ahead = ahead
        self.cell = cell
        self.hidden = hidden
        self.readout = readout
        self.bidirectional = bidirectional
        self.skip = skip
        self.stateful = stateful
        self.window = window
        self.stride = stride
        self.burn_in = burn_in
        self.record_burn_in = record_burn_in
        self.loss_steps = loss_steps
        self.feeding = feeding
        self.dropout = dropout
        self.normalize = normalize
        self.recompute = recompute
        self.initial = initial
        self.scaling = scaling
        self.difference = difference
        self.restore = restore
        self.held_out = held_out
        self.check_every = check_every
        self.training = training
        self.seed = seed
        self.name = name

    _NAMES = tuple(__init__.__annotations__)[:-1]  # the last is what it returns

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in self._NAMES}

    def set_params(self, **params: Any) -> SequenceRegressor:
        """Change these arguments; returns self. What was fitted stays until ``fit``."""
        change(self, self._NAMES, params)
        return self

    def __repr__(self) -> str:
        params, usual = self.get_params(), SequenceRegressor(self.inputs, self.targets).get_params()
        return as_written(self, [repr(self.inputs), repr(self.targets)], params, usual)

    def fit(
        self,
        table: Any,
        *,
        id: str = DEFAULT_ID,
        time: str | Sequence[str] = "ds",
        freq: str | int | None = None,
        where: str | None = None,
        listeners: Sequence[Listener] = (),
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> SequenceRegressor:
        """Train on a table (a path or a frame) with the options of `read`; returns self.

        A target may be missing here and there, an input may not. ``history_`` is what the run
        looked like, step by step: loss, gradient norm, learning rate. ``scores_`` has a dict for
        each time that weights were looked at: ``step``, ``loss`` and, where outputs can be fed
        back, ``closed_loop``, both of scaled values; `at_step` goes back to them. With
        ``checkpoint``, a path, a fit that was killed goes on from there to the same bits (what it
        looked at before is not in ``scores_`` then).

        Raises DataError for a table that cannot be used, UsageError for an argument that cannot be,
        TrainingError when training diverges.
        """
        options = {"id": id, "time": time, "freq": freq}
        fitted, outcome, scores = fit_sequence(
            self.get_params(), table, options, where, listeners, checkpoint
        )
        self._take(fitted, {step: weights for step, weights, _ in scores.seen})
        self.history_ = outcome.history
        self.best_step_ = outcome.best_step
        self.seconds_, self.reason_ = outcome.seconds, outcome.reason
        self.scores_ = [{"step": step, **found} for step, _, found in scores.seen]
        return self

    def _take(self, fitted: FittedSequence, weights: dict[int, np.ndarray]) -> None:
        self.fitted_, self._weights = fitted, weights

    @property
    def weights_(self) -> np.ndarray:
        """The network's weights, one flat vector."""
        return self._fitted("weights_").weights

    def at_step(self, step: int) -> SequenceRegressor:
        """This model with the weights that it had after ``step`` steps of training.

        Raises UsageError for a step that was not looked at; they are in ``scores_``.
        """
        fitted = self._fitted("at_step")
        if step not in self._weights:
            kept = ", ".join(map(str, self._weights)) or "none"
            raise UsageError(
                f"at_step({step}): weights were kept after the steps {kept}. Take one of them, or "
                "change check_every."
            )
        earlier = SequenceRegressor(self.inputs, self.targets)
        vars(earlier).update(vars(self))
        earlier.fitted_ = replace(fitted, weights=self._weights[step])
        earlier.best_step_ = step
        return earlier

    def predict(self, table: Any, *, window: int | None = None, where: str | None = None) -> Any:
        """Outputs at every row, true inputs read: a frame of the kind of ``table``.

        Columns: the user's id (if there was one), time, ``name``. Each output stands at the stamp
        that it is for: with ``ahead=1`` the row after the one that it was made at. Every series is
        read from zero states at its first row, and with ``window`` from zeros again after every so
        many rows.
        """
        return outputs(self._fitted("predict"), table, window, where)

    def generate(
        self, table: Any, steps: int, *, future: Any = None, where: str | None = None
    ) -> Any:
        """Continue every series for ``steps`` rows in closed loop, each output read as the next
        input: a frame like that of ``predict``, of rows after the table's last.

        ``future``, a table with the id and time columns of ``table``, holds the inputs that are not
        targets at the rows to come: ``steps`` - 1 of them are read (the last output follows from
        the row before it), and what it holds besides is not looked at.

        Raises UsageError unless ``ahead`` is 1 and the targets are among the inputs, DataError for
        a future that lacks a series, a row or a value.
        """
        return continued(self._fitted("generate"), table, steps, future, where)

    def stream(self, table: Any, *, where: str | None = None) -> SequenceStream:
        """A `SequenceStream`: outputs row by row, every series standing after its last row in
        ``table``."""
        return SequenceStream(self._fitted("stream"), table, where)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file, whole or not at all; `load` reads it. ``history_``,
        ``scores_`` and earlier weights do not go with it."""
        write_model(path, *sequence_saved.pack(self._fitted("save")))

    def _fitted(self, what: str) -> FittedSequence:
        if not hasattr(self, "fitted_"):
            raise NotFittedError(
                f"{what}: this SequenceRegressor is not fitted. Call fit(table) first."
            )
        return self.fitted_
