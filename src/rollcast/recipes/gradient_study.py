"""When to record gradients: four ways to train on long sequences, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from rollcast import engine
from rollcast.choice import require
from rollcast.data.read import read
from rollcast.data.synthetic import seasons
from rollcast.errors import DataError, NoGradientError, UsageError
from rollcast.nn.recurrent import Recurrent
from rollcast.plots.costs import costs
from rollcast.recipes.gradient_run import WAYS, measured
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import FitStarted, Listener, StepDone

TRAINED = 0.8
MIB = 2.0**20
PANELS = {"memory": "peak memory (MiB)", "epoch": "time per pass (s)", "error": "validation RMSE"}


def gradient_study(
    *,
    table: str | None = None,
    time: str = "ds",
    target: str = "y",
    rows: int = 20_000,
    lengths: Sequence[int] = (1000, 4000, 16_000),
    window: int = 100,
    cell: str = "lstm",
    units: int = 64,
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
    units
        Of the one recurrent layer
    epochs
        Passes over the training part
    learning_rate
        Of Adam, constant
    seed
        Of data and first weights
    published
        Also what tutorials advise: recording paused while training
    """
    began = perf_counter()
    values = _made(rows, seed) if table is None else _given(table, time, target)
    trained = int(TRAINED * len(values))
    for name, value, least in (("window", window, 2), ("epochs", epochs, 1), ("units", units, 1)):
        require(name, value, value >= least, f"a whole number from {least}")
    swept = sorted({min(int(length), trained) for length in lengths})
    if not swept or swept[0] < 2 * window:
        raise UsageError(
            f"lengths={tuple(lengths)}: sequences of {min(swept, default=0)} rows ({trained} can "
            f"be trained on) are too short for windows of {window}. Give longer ones, or a shorter "
            "window."
        )
    setting = {
        "values": values.tolist(), "trained": trained, "window": window, "cell": cell,
        "units": units, "epochs": epochs, "learning_rate": learning_rate, "seed": seed,
    }  # fmt: skip
    naive = float(np.sqrt(np.mean(np.diff(values[trained - 1 :]) ** 2)))
    table_rows: list[dict[str, Any]] = []
    runs = [(length, way) for length in swept for way in WAYS]
    _tell(listeners, FitStarted(0, len(runs), len(runs), 1, 0, len(runs)))
    for number, (length, way) in enumerate(runs, 1):
        found = measured({**setting, "rows": length, "way": way})
        table_rows.append(
            {
                "way": way,
                "rows in a sequence": length,
                PANELS["memory"]: found["memory"] / MIB,
                PANELS["epoch"]: found["epoch"],
                "updates per pass": int(found["updates"]),
                PANELS["error"]: found["error"],
            }
        )
        passed = perf_counter() - began
        _tell(
            listeners,
            StepDone(number, len(runs), found["error"], 0.0, learning_rate, passed),
        )
    metrics = {
        f"{row['way']}, {row['rows in a sequence']} rows: {PANELS[key]}": row[PANELS[key]]
        for row in table_rows
        for key in PANELS
    }
    panels = {
        text: {
            way: (_column(table_rows, way, "rows in a sequence"), _column(table_rows, way, text))
            for way in WAYS
        }
        for text in PANELS.values()
    }
    if published:
        table_rows.append({"way": "paused", "note": _paused(cell, units)})
    table_rows.append({"way": "next value = this one", PANELS["error"]: naive})
    seconds = perf_counter() - began
    return RecipeResult(
        name="gradient-study",
        settings={
            "table": table, "time": time, "target": target, "rows": len(values),
            "lengths": tuple(swept), "window": window, "cell": cell, "units": units,
            "epochs": epochs, "learning_rate": learning_rate, "seed": seed, "published": published,
        },
        metrics=metrics | {f"naive: {PANELS['error']}": naive},
        figures={"costs": costs(panels, title="Four ways to train on long sequences")},
        table=table_rows,
        seconds=seconds,
    )  # fmt: skip


def _column(rows: Sequence[dict[str, Any]], way: str, heading: str) -> np.ndarray:
    return np.array([row[heading] for row in rows if row["way"] == way], np.float64)


def _made(rows: int, seed: int) -> np.ndarray:
    require("rows", rows, rows >= 100, "a whole number from 100")
    return seasons(rows, seed=seed).values


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


def _paused(cell: str, units: int) -> str:
    """What comes of training while nothing is recorded."""
    stack = Recurrent(cell, 1, (units,))
    weights = stack.initial(np.random.default_rng(0))
    run = stack.infer(weights, np.zeros((10, 1, 1), np.float32))
    try:
        engine.backward(run.recording)
    except NoGradientError as error:
        return f"{type(error).__name__}: {str(error).partition(':')[0]}"
    return ""


def _tell(listeners: Sequence[Listener], event: FitStarted | StepDone) -> None:
    for listener in listeners:
        listener(event)
