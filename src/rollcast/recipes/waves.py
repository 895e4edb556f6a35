"""What the recipes of waves share: tables, the model that continues them, its test, its pictures.

A model trained on true values alone learns to copy; where its own outputs lead it, it never sees
(Bengio et al. 2015). So windows from random places are read for a while and then run freely, the
gradient going through that loop, and the free part grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import WavePicture, waves

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
    seed: int = 0,
) -> SequenceRegressor:
    """A model for ``series`` series, the longest of ``rows``: all sizes follow from these numbers.

    A tenth of the series, ten at most, is held out; the weights whose closed loop over the second
    half of those is best are kept.
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
        scaling="standard",
        window=window,
        stride=1,
        burn_in=max(0, warm_up - UNSCORED),
        feeding=f"free(warm_up={warm_up}, first={first}, grow=0.6)",
        restore="closed_loop",
        held_out=min(10, series // 10),
        check_every=max(1, steps // 20),
        training=Training(
            steps=steps,
            batch_size=BATCH,
            learning_rate=3e-3,
            schedule="cosine(warm_up=0.04)",
        ),
        seed=seed,
    )


def errors(
    model: SequenceRegressor, known: Mapping[int, Array], future: Mapping[int, Array]
) -> tuple[dict[int, Array], dict[str, float]]:
    """Closed loops ``(rows, features)`` after ``known``, and how far off they and the values one
    step ahead are."""
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


def picture(
    known: Mapping[int, Array],
    future: Mapping[int, Array],
    loops: Mapping[str, Mapping[int, Array]],
    title: str,
) -> Figure:
    """The first feature of up to three series: known part, what came, each method's closed loop."""
    parts = []
    for id in list(known)[:3]:
        rows, ahead = len(known[id]), len(future[id])
        said = {method: each[id][:, 0] for method, each in loops.items()}
        x, beyond = np.arange(rows), np.arange(rows, rows + ahead)
        parts.append(
            WavePicture(f"series {id}", x, known[id][:, 0], beyond, said, future[id][:, 0])
        )
    return waves(parts, title=title, x_title="row")
