"""What the recipes of waves share: the model that continues them, its test, its pictures.

A model trained on true values alone learns to copy; where its own outputs lead it, it never sees
(Bengio et al. 2015). So windows from random places are read for a while and then run freely, the
gradient going through that loop, and the free part grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.plots import curves, with_slider
from rollcast.recipes.frame import continued, long_frame
from rollcast.recipes.notes import Notes, snake
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

if TYPE_CHECKING:
    import polars
    from plotly.graph_objects import Figure

Array = np.ndarray

WARM_UP, FREE, BATCH = 100, 200, 16
"""Rows read before a window runs freely, rows that run freely at last, windows in a step."""

UNSCORED = 10
"""The loss begins so many rows before the free part: what came before cannot know its phase."""

SHOWN = 3
LOSS, LOOP = "one step, MSE", "closed loop, RMSE"


@dataclass(frozen=True)
class Waves:
    """Series ``(rows, features)`` by id: what is known of each, and what comes after."""

    known: Mapping[int, Array]
    future: Mapping[int, Array]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the features."""
        features = next(iter(self.known.values())).shape[1]
        return ("y",) if features == 1 else tuple(f"y{k + 1}" for k in range(features))

    def take(self, ids: Sequence[int]) -> Waves:
        """These series alone."""
        return Waves({id: self.known[id] for id in ids}, {id: self.future[id] for id in ids})

    def table(self) -> polars.DataFrame:
        """What is known."""
        series = {
            name: [each[:, k] for each in self.known.values()]
            for k, name in enumerate(self.columns)
        }
        return long_frame(series, list(self.known))


def models(learnt: Waves, notes: Notes) -> dict[str, SequenceRegressor]:
    """Ours, and where it is asked for the published one, for these series: all sizes follow from
    theirs. A tenth of them, ten at most, is held out to choose the weights that are kept: ours by
    the closed loop over their second half. With ``normalize`` all windows are of true values: free
    ones, which layer alone has, would take minutes.
    """
    asked, count = notes.settings, len(learnt.known)
    rows = max(len(each) for each in learnt.known.values())
    warm_up = max(1, min(WARM_UP, rows // 4))
    window = min(warm_up + FREE, max(2, 3 * rows // 4))
    first = max(1, min(20, (window - warm_up) // 2))
    free = f"free(warm_up={warm_up}, first={first}, grow=0.6)"
    ours = Training(
        steps=asked["steps"], batch_size=BATCH, optimizer=asked["optimizer"],
        learning_rate=asked["learning_rate"], schedule="cosine(warm_up=0.04)",
    )  # fmt: skip
    found = {
        "rollcast": SequenceRegressor(
            learnt.columns, learnt.columns, ahead=1, scaling="standard", window=window, stride=1,
            burn_in=max(0, warm_up - UNSCORED), feeding="teacher" if asked["normalize"] else free,
            restore="closed_loop", held_out=min(10, round(count / 10)),
            check_every=max(1, asked["steps"] // 20), training=ours, **notes.network,
        )
    }  # fmt: skip
    if asked["published"]:
        theirs = Training(
            steps=10, batch_size=count, optimizer="lbfgs", learning_rate=0.08, clip_norm=None
        )
        found["as published"] = SequenceRegressor(
            learnt.columns, learnt.columns, ahead=1, scaling="none", restore="loss",
            held_out=min(10, round(count / 10)), check_every=1, training=theirs, **notes.network,
        )  # fmt: skip
    return found


def compared(
    notes: Notes,
    every: Waves,
    learnt: Sequence[int],
    test: Sequence[int],
    listeners: Sequence[Listener],
) -> RecipeResult:
    """Fit each model on the series ``learnt``, score it once on ``test``, and draw what it says of
    those and, at every look at its weights, of the last that were learnt or held out."""
    known, future = every.take(test).known, every.take(test).future
    fitted, loops = models(every.take(learnt), notes), {}
    notes.settings["models"] = {name: repr(model) for name, model in fitted.items()}
    for name, model in fitted.items():
        model.fit(every.take(learnt).table(), listeners=listeners)
        loops[name], off = errors(model, every.take(test))
        notes.line(
            {"method": name}, {"kept step": model.best_step_, **off, "seconds": model.seconds_}
        )
    level = np.concatenate(list(known.values())).mean(axis=0)
    size = np.sqrt(((np.concatenate(list(future.values())) - level) ** 2).mean())
    notes.line({"method": "the mean"}, {LOOP: float(size)})
    shown = every.take(learnt[-SHOWN:])
    figures = {
        "closed-loop": picture(every.take(test), loops, "Continued in closed loop"),
        "scores": _scores(fitted),
    }
    for name, model in fitted.items():
        steps = {one["step"]: model.at_step(one["step"]) for one in model.scores_}
        figures[f"{snake(name, sep='-')}-steps"] = with_slider(
            {
                str(at): picture(shown, {name: errors(then, shown)[0]}, "")
                for at, then in steps.items()
            },
            title=f"While training ({name})",
        )
    return notes.result(figures)


def errors(model: SequenceRegressor, some: Waves) -> tuple[dict[int, Array], dict[str, float]]:
    """Closed loops ``(rows, features)`` after what is known, and how far off they and the values
    one step ahead are."""
    known, future = some.known, some.future
    said = _by_id(model.predict(some.table()), some)
    ahead = np.concatenate([(said[id][:-1] - known[id][1:]).ravel() for id in known])
    longest = max(len(each) for each in future.values())
    rolled = _by_id(model.generate(some.table(), longest), some)
    loops = {id: rolled[id][: len(future[id])] for id in known}
    off = np.concatenate([(loops[id] - future[id]).ravel() for id in known])
    return loops, {LOSS: float((ahead**2).mean()), LOOP: float(np.sqrt((off**2).mean()))}


def _by_id(frame: Any, some: Waves) -> dict[int, Array]:
    names = some.columns
    columns = ["rollcast"] if len(names) == 1 else [f"rollcast-{each}" for each in names]
    groups = frame.partition_by("unique_id", as_dict=True)
    return {id: groups[(id,)].sort("ds").select(columns).to_numpy() for id in some.known}


def picture(some: Waves, loops: Mapping[str, Mapping[int, Array]], title: str) -> Figure:
    """The first feature of up to three series: known part, what came, each method's closed loop."""
    ids = list(some.known)[:SHOWN]

    def first(values: Mapping[int, Array]) -> list[Array]:
        return [values[id][:, 0] for id in ids]

    said = {method: first(loop) for method, loop in loops.items()}
    return continued(
        first(some.known), first(some.future), said,
        names=[f"series {id}" for id in ids], title=title, x_title="row",
    )  # fmt: skip


def _scores(fitted: Mapping[str, SequenceRegressor]) -> Figure:
    """Both scores of the held-out series at every look at the weights but the first."""
    panels = {}
    for key, text in (("loss", LOSS), ("closed_loop", LOOP)):
        panels[text] = {
            name: tuple(
                np.array([one[what] for one in model.scores_[1:]]) for what in ("step", key)
            )
            for name, model in fitted.items()
        }
    return curves(panels, title="A small loss says little about the closed loop", log=True)
