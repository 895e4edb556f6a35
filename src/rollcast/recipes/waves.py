"""What the recipes of waves share: tables, the model that continues them, its test, its pictures.

A model trained on true values alone learns to copy; where its own outputs lead it, it never sees
(Bengio et al. 2015). So windows from random places are read for a while and then run freely, the
gradient going through that loop, and the free part grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import WavePicture, curves, waves, with_slider
from rollcast.train.events import Listener

if TYPE_CHECKING:
    import polars as pl
    from plotly.graph_objects import Figure

Array = np.ndarray

WARM_UP, FREE, BATCH = 100, 200, 16
"""Rows read before a window runs freely, rows that run freely at last, windows in a step."""

UNSCORED = 10
"""The loss begins so many rows before the free part: what came before cannot know its phase."""


def table(series: Mapping[int, Array], first: int = 0) -> pl.DataFrame:
    """Series ``(rows, features)`` by id as a table, their rows counted from ``first``."""
    import polars as pl

    values = np.concatenate(list(series.values()))
    lengths = [len(each) for each in series.values()]
    columns = {name: values[:, k] for k, name in enumerate(names(values.shape[1]))}
    return pl.DataFrame(
        {
            "unique_id": np.repeat(list(series), lengths),
            "ds": first + np.concatenate([np.arange(length) for length in lengths]),
            **columns,
        }
    )


def names(features: int) -> tuple[str, ...]:
    """The columns of a table of so many features."""
    return ("y",) if features == 1 else tuple(f"y{k + 1}" for k in range(features))


def free_running(
    features: int,
    rows: int,
    series: int,
    *,
    steps: int,
    hidden: Sequence[int],
    cell: str = "lstm",
    dropout: float = 0.0,
    normalize: str | None = None,
    seed: int = 0,
) -> SequenceRegressor:
    """A model for ``series`` series, the longest of ``rows``: all sizes follow from these numbers.

    A tenth of the series, ten at most, is held out; the weights whose closed loop over the second
    half of those is best are kept. With ``normalize`` all windows are of true values.
    """
    warm_up = max(1, min(WARM_UP, rows // 4))
    window = min(warm_up + FREE, max(2, 3 * rows // 4))
    first = max(1, min(20, (window - warm_up) // 2))
    return SequenceRegressor(
        names(features),
        names(features),
        ahead=1,
        cell=cell,
        hidden=tuple(hidden),
        dropout=dropout,
        normalize=normalize,
        scaling="standard",
        window=window,
        stride=1,
        burn_in=max(0, warm_up - UNSCORED),
        feeding="teacher" if normalize else f"free(warm_up={warm_up}, first={first}, grow=0.6)",
        restore="closed_loop",
        held_out=min(10, round(series / 10)),
        check_every=max(1, steps // 20),
        training=Training(
            steps=steps,
            batch_size=BATCH,
            learning_rate=3e-3,
            schedule="cosine(warm_up=0.04)",
        ),
        seed=seed,
    )


def teacher_forced(
    features: int,
    series: int,
    *,
    hidden: Sequence[int],
    cell: str = "lstm",
    dropout: float = 0.0,
    normalize: str | None = None,
    seed: int = 0,
) -> SequenceRegressor:
    """The published way: ten steps of L-BFGS on whole series, true values read at every row."""
    return SequenceRegressor(
        names(features),
        names(features),
        ahead=1,
        cell=cell,
        hidden=tuple(hidden),
        dropout=dropout,
        normalize=normalize,
        scaling="none",
        restore="loss",
        held_out=min(10, round(series / 10)),
        check_every=1,
        training=Training(
            steps=10, batch_size=series, optimizer="lbfgs", learning_rate=0.08, clip_norm=None
        ),
        seed=seed,
    )


@dataclass(frozen=True)
class Waves:
    """Series ``(rows, features)`` by id: what is known of each, and what comes after."""

    known: Mapping[int, Array]
    future: Mapping[int, Array]

    def take(self, ids: Sequence[int]) -> Waves:
        """These series alone."""
        return Waves({id: self.known[id] for id in ids}, {id: self.future[id] for id in ids})


@dataclass
class Comparison:
    """What models were found to do: lines of a table, numbers by name, pictures, seconds."""

    table: list[dict[str, Any]]
    metrics: dict[str, float]
    figures: dict[str, Figure]
    seconds: float


def compare(
    models: Mapping[str, SequenceRegressor],
    all: Waves,
    learnt: Sequence[int],
    test: Sequence[int],
    shown: Sequence[int],
    listeners: Sequence[Listener],
) -> Comparison:
    """Fit each model on the series ``learnt``; score it once on ``test``; draw what it says of
    ``shown`` at every look at its weights."""
    found = Comparison([], {}, {}, 0.0)
    loops, steps = {}, {}
    for name, model in models.items():
        began = perf_counter()
        model.fit(table(all.take(learnt).known), listeners=listeners)
        taken = perf_counter() - began
        found.seconds += taken
        loops[name], off = errors(model, all.take(test))
        found.metrics |= {f"{name}_{key}": value for key, value in off.items()}
        found.metrics[f"{name}_seconds"] = taken
        found.table.append({"method": name, "kept step": model.best_step_, **off, "seconds": taken})
        steps[f"{name}-steps"] = _steps(name, model, all.take(shown))
    known, future = all.take(test).known, all.take(test).future
    level = np.concatenate(list(known.values())).mean(axis=0)
    size = np.sqrt(((np.concatenate(list(future.values())) - level) ** 2).mean())
    found.table.append({"method": "the mean", "closed_loop_rmse": float(size)})
    found.figures["closed-loop"] = picture(all.take(test), loops, "Continued in closed loop")
    found.figures["scores"] = _scores(models)
    found.figures |= steps
    return found


def _scores(models: Mapping[str, SequenceRegressor]) -> Figure:
    """Both scores of the held-out series at every look at the weights but the first."""

    def curve(model: SequenceRegressor, key: str) -> tuple[Array, Array]:
        seen = model.scores_[1:]
        return np.array([one["step"] for one in seen]), np.array([one[key] for one in seen])

    panels = {
        "one step, MSE": {name: curve(model, "loss") for name, model in models.items()},
        "closed loop, RMSE": {name: curve(model, "closed_loop") for name, model in models.items()},
    }
    return curves(panels, title="A small loss says little about the closed loop", log=True)


def _steps(name: str, model: SequenceRegressor, some: Waves) -> Figure:
    """The closed loop after every look at the weights, on a slider."""
    figures = {}
    for one in model.scores_:
        loop, _ = errors(model.at_step(one["step"]), some)
        figures[str(one["step"])] = picture(some, {name: loop}, "")
    return with_slider(figures, title=f"While training ({name})")


def errors(model: SequenceRegressor, some: Waves) -> tuple[dict[int, Array], dict[str, float]]:
    """Closed loops ``(rows, features)`` after what is known, and how far off they and the values
    one step ahead are."""
    known, future = some.known, some.future
    given, features = table(known), next(iter(known.values())).shape[1]
    said = _by_id(model.predict(given), model.name, features, known)
    ahead = np.concatenate([(said[id][:-1] - known[id][1:]).ravel() for id in known])
    longest = max(len(each) for each in future.values())
    rolled = _by_id(model.generate(given, longest), model.name, features, known)
    loops = {id: rolled[id][: len(future[id])] for id in known}
    off = np.concatenate([(loops[id] - future[id]).ravel() for id in known])
    return loops, {
        "one_step_mse": float((ahead**2).mean()),
        "closed_loop_rmse": float(np.sqrt((off**2).mean())),
    }


def _by_id(frame: Any, name: str, features: int, ids: Mapping[int, Array]) -> dict[int, Array]:
    columns = [name] if features == 1 else [f"{name}-{each}" for each in names(features)]
    groups = frame.partition_by("unique_id", as_dict=True)
    return {id: groups[(id,)].sort("ds").select(columns).to_numpy() for id in ids}


def picture(some: Waves, loops: Mapping[str, Mapping[int, Array]], title: str) -> Figure:
    """The first feature of up to three series: known part, what came, each method's closed loop."""
    parts = []
    for id in list(some.known)[:3]:
        known, future = some.known[id][:, 0], some.future[id][:, 0]
        said = {method: each[id][:, 0] for method, each in loops.items()}
        x = np.arange(len(known) + len(future))
        parts.append(
            WavePicture(f"series {id}", x[: len(known)], known, x[len(known) :], said, future)
        )
    return waves(parts, title=title, x_title="row")
