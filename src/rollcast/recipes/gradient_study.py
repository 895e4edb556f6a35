"""When to record gradients: four ways to train on long sequences, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast.choice import require
from rollcast.data.read import read
from rollcast.data.synthetic import seasons
from rollcast.errors import DataError, UsageError
from rollcast.plots.costs import costs
from rollcast.recipes.gradient_run import WAYS, measured, paused
from rollcast.recipes.notes import Notes
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import FitStarted, Listener, StepDone

TRAINED = 0.8
PANELS = {"memory": "peak memory, MiB", "epoch": "time per pass, s", "error": "validation RMSE"}
LENGTH = "rows in a sequence"
UNITS = {"memory": 2.0**20}


def gradient_study(
    *,
    table: str | None = None,
    time: str = "ds",
    target: str = "y",
    rows: int = 20_000,
    lengths: Sequence[int] = (1000, 4000, 16_000),
    window: int = 100,
    cell: str = "lstm",
    hidden: Sequence[int] = (64,),
    dropout: float = 0.0,
    optimizer: str = "adam",
    epochs: int = 10,
    learning_rate: float = 3e-3,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """When to record gradients: memory, time and error of four ways to train.

    A network learns the next value of a series, cut into sequences of each length: with full
    back-propagation through time, in truncated windows that hand on their states, with a burn-in
    that is not recorded, and with recomputation. Each is measured in a process of its own.

    Parameters
    ----------
    table
        A file with the series to learn; without it one of two seasons and noise is made
    time
        Its column of the time
    target
        Its column to learn
    rows
        Of the series that is made
    lengths
        Rows of the sequences, swept; at most four fifths of the series, the rest is validation
    window
        Rows of a truncated window, and rows with a loss after a burn-in
    cell
        rnn_tanh, rnn_relu, lstm or gru
    hidden
        Units of each layer
    dropout
        Between the layers
    optimizer
        adam, rmsprop, sgd(momentum=0.9) …
    epochs
        Passes over the training part
    learning_rate
        Its rate, constant
    seed
        Of data and first weights
    published
        Also what tutorials advise: recording paused while training
    """
    notes = Notes("gradient-study", locals())
    require("rows", rows, rows >= 100, "a whole number from 100")
    values = seasons(rows, seed=seed).values if table is None else _given(table, time, target)
    trained = int(TRAINED * len(values))
    for name, value, least in (("window", window, 2), ("epochs", epochs, 1)):
        require(name, value, value >= least, f"a whole number from {least}")
    swept = sorted({min(int(length), trained) for length in lengths})
    if not swept or swept[0] < 2 * window:
        raise UsageError(
            f"lengths={tuple(lengths)}: sequences of {min(swept, default=0)} rows ({trained} can "
            f"be trained on) are too short for windows of {window}. Give longer ones, or a shorter "
            "window."
        )
    notes.settings |= {"rows": len(values), "lengths": tuple(swept)}
    setting = {
        "values": values.tolist(), "trained": trained, "window": window, "epochs": epochs,
        "learning_rate": learning_rate, "optimizer": optimizer,
        "network": {"cell": cell, "hidden": list(hidden), "dropout": dropout, "seed": seed},
    }  # fmt: skip
    runs = [(length, way) for length in swept for way in WAYS]
    for listener in listeners:
        listener(FitStarted(0, len(runs), len(runs), 1, 0, len(runs)))
    for number, (length, way) in enumerate(runs, 1):
        measures = measured({**setting, "rows": length, "way": way})
        found = {text: measures[key] / UNITS.get(key, 1.0) for key, text in PANELS.items()}
        found["updates per pass"] = int(measures["updates"])
        notes.line({"way": way, LENGTH: length}, found)
        done = StepDone(number, len(runs), measures["error"], 0.0, learning_rate, notes.seconds)
        for listener in listeners:
            listener(done)
    panels = {text: {way: _column(notes, way, text) for way in WAYS} for text in PANELS.values()}
    if published:
        notes.line({"way": "paused"}, {"note": paused(cell, hidden)})
    naive = float(np.sqrt(np.mean(np.diff(values[trained - 1 :]) ** 2)))
    notes.line({"way": "next value = this one"}, {PANELS["error"]: naive})
    return notes.result({"costs": costs(panels, title="Four ways to train on long sequences")})


def _column(notes: Notes, way: str, heading: str) -> tuple[np.ndarray, np.ndarray]:
    """Lengths, and the numbers under a heading."""
    lines = [line for line in notes.table if line["way"] == way]
    return np.array([line[LENGTH] for line in lines]), np.array([line[heading] for line in lines])


def _given(table: str, time: str, target: str) -> np.ndarray:
    """The first series of a table; what is missing lies on a line between its neighbours."""
    panel = read(table, time=time, target=target)
    values = panel.series(0).values
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < 100 or np.ptp(values[known]) == 0.0:
        raise DataError(
            f"{panel.source}: {len(known)} values of {target!r} are known; expected at least 100, "
            "not all the same. Give a longer series."
        )
    return np.interp(np.arange(len(values)), known, values[known])
