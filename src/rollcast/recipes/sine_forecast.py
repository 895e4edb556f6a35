"""Two recurrent layers continue a sine wave."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import curves, with_slider
from rollcast.recipes.result import RecipeResult
from rollcast.recipes.waves import errors, free_running, picture, table
from rollcast.train.events import Listener

TEST, HELD_OUT = 3, 10


def sine_forecast(
    *,
    series: int = 100,
    rows: int = 1000,
    hidden: Sequence[int] = (64, 64),
    cell: str = "lstm",
    dropout: float = 0.0,
    steps: int = 1200,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """Two LSTM layers continue a sine wave in closed loop.

    ``series`` waves sin((t + shift) / 20), shift a whole number from -80 to 79. Series 0, 1 and 2
    are the test, looked at once, after training; of the last ten only the scores are seen.

    Parameters
    ----------
    series
        Waves; the first three are the test
    rows
        Samples of each, and steps of the closed loop
    hidden
        Units of each layer: 51,51 and 64,32 and 15,15 are known, too
    cell
        lstm, gru or rnn_tanh
    dropout
        Between the layers
    steps
        Updates, 16 windows each
    seed
        Of the waves, the first weights and the order of windows
    published
        Train as published, too: ten steps of L-BFGS on true values
    """
    shift = np.random.default_rng(seed).integers(-80, 80, series)
    values = np.sin((np.arange(2 * rows)[:, None] + shift) / 20.0)
    known = {id: values[:rows, id : id + 1] for id in range(series)}
    future = {id: values[rows:, id : id + 1] for id in range(series)}
    model = free_running(
        1, rows, HELD_OUT * 10, steps=steps, hidden=hidden, cell=cell, dropout=dropout, seed=seed
    )
    methods = {"ours": model}
    if published:
        methods["published"] = _published(hidden, cell, dropout, seed)
    test, learnt = range(TEST), table({id: known[id] for id in range(TEST, series)})
    shown = range(series - HELD_OUT, series)[:TEST]
    loops, rows_of, figures, metrics, seconds = {}, [], {}, {}, 0.0
    for name, each in methods.items():
        began = perf_counter()
        each.fit(learnt, listeners=listeners)
        taken = perf_counter() - began
        seconds += taken
        loops[name], found = errors(each, _of(known, test), _of(future, test))
        metrics |= {f"{name}_{key}": value for key, value in found.items()}
        metrics[f"{name}_seconds"] = taken
        rows_of.append({"method": name, "kept step": each.best_step_, **found, "seconds": taken})
        figures[f"{name}-steps"] = _steps(name, each, _of(known, shown), _of(future, shown))
    rest = np.concatenate([future[id] for id in test])
    level = np.concatenate([known[id] for id in test]).mean()
    size = float(np.sqrt(((rest - level) ** 2).mean()))
    rows_of.append({"method": "the mean", "closed_loop_rmse": size})
    scores = {name: each.scores_[1:] for name, each in methods.items()}
    at = {name: np.array([one["step"] for one in each]) for name, each in scores.items()}
    panels = {
        what: {
            name: (at[name], np.array([one[key] for one in each])) for name, each in scores.items()
        }
        for what, key in (("one step, MSE", "loss"), ("closed loop, RMSE", "closed_loop"))
    }
    figures = {
        "closed-loop": picture(
            _of(known, test), _of(future, test), loops, "Test waves continued in closed loop"
        ),
        "scores": curves(panels, title="A small loss says little about the closed loop", log=True),
        **figures,
    }
    settings = {
        "series": series, "rows": rows, "hidden": tuple(hidden), "cell": cell, "dropout": dropout,
        "steps": steps, "seed": seed, "published": published,
        "models": {name: repr(each) for name, each in methods.items()},
    }  # fmt: skip
    return RecipeResult("sine-forecast", settings, metrics, figures, rows_of, seconds)


def _published(hidden: Sequence[int], cell: str, dropout: float, seed: int) -> SequenceRegressor:
    """Ten steps of L-BFGS on whole series, true values read; the last weights."""
    return SequenceRegressor(
        "y", "y", ahead=1, hidden=tuple(hidden), cell=cell, dropout=dropout, scaling="none",
        restore="loss", held_out=HELD_OUT, check_every=1, seed=seed,
        training=Training(
            steps=10, batch_size=10_000, optimizer="lbfgs", learning_rate=0.08, clip_norm=None
        ),
    )  # fmt: skip


def _steps(name: str, model: SequenceRegressor, known: dict, future: dict):
    """The closed loop of held-out series after every look at the weights, on a slider."""
    figures = {}
    for one in model.scores_:
        loop, _ = errors(model.at_step(one["step"]), known, future)
        figures[str(one["step"])] = picture(known, future, {name: loop}, "")
    return with_slider(figures, title=f"Held-out waves while training ({name})")


def _of(series: dict, ids: Sequence[int]) -> dict:
    return {id: series[id] for id in ids}
