"""Training that goes on: from the weights of a fitted model, on newer rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rollcast.choice import is_whole
from rollcast.data.panel import Panel
from rollcast.errors import UsageError
from rollcast.forecast.deadline import Deadline
from rollcast.forecast.fit import FIRST_SHARE, finish
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecaster_params import check_seconds
from rollcast.forecast.holdout import (
    LEAST_WINDOWS,
    Holdout,
    choose_holdout,
    cut_rows,
    given_holdout,
)
from rollcast.forecast.members import first_runs
from rollcast.forecast.setup import Setup, whole_windows
from rollcast.train.events import Listener
from rollcast.train.state import History


def continue_fit(
    fitted: Fitted,
    panel: Panel,
    steps: int | None,
    learning_rate: float | None,
    listeners: Sequence[Listener],
    max_seconds: float | None,
) -> tuple[Fitted, History]:
    """Train as in `fit_panel`, but from the weights there are, with the scaling there is."""
    check_seconds("max_seconds", max_seconds)
    if steps is not None and not (is_whole(steps) and steps >= 1):
        raise UsageError(f"steps={steps!r}: expected a whole number from 1.")
    context = fitted.network.spec.context
    if panel.lengths.max() < context + 2 * fitted.network.spec.horizon:
        raise UsageError(
            f"continue_training: {panel.source} has no series of more than {panel.lengths.max()} "
            f"rows; a window of {context} and the horizon need more. A saved model remembers its "
            "newest rows alone: give the table."
        )
    deadline, params = Deadline(max_seconds), fitted.chosen
    training = params["training"]
    training = replace(training, steps=steps or training.steps)
    if learning_rate is not None:
        training = replace(training, learning_rate=learning_rate)
    holdout = newest_rows(fitted, panel)
    every = fitted.windows(panel)
    trained, held = every.hold_out(holdout.origins, holdout.step, holdout.rows)
    cut = cut_rows(panel, holdout)
    trained = whole_windows(trained, cut)
    limit = training.max_seconds
    if limit and params["refit"]:
        limit /= 2
    rate = training.base_rate(trained.count)
    training = replace(training, learning_rate=rate, max_seconds=limit)
    start = tuple(np.atleast_2d(fitted.weights))
    setup = Setup(
        fitted.network, holdout, every, trained, held, cut, training, fitted.transform,
        params["feeding"], start,
    )  # fmt: skip
    part = Deadline(deadline.left * FIRST_SHARE)
    seed, members = params["seed"], params["ensemble"]
    firsts, weights = first_runs(setup, seed, members, listeners, (), part)
    asked = fitted.params | {"blend": params["blend"]}
    again = finish(asked, setup, fitted.options, listeners, (), firsts, weights, deadline)
    stamps = panel.times[held.origin].astype(np.int64)
    known = int((stamps <= fitted.trained_until).sum())
    note = (
        f"{again.steps} steps from the weights there were, best at "
        f"{', '.join(map(str, again.best_steps))}; {known} of the {held.count} windows held out "
        "had been trained on before"
    )
    return (
        replace(
            again,
            params=fitted.params,
            trials=fitted.trials,
            continued=(*fitted.continued, note),
            seconds=fitted.seconds + again.seconds,
        ),
        firsts[0].history,
    )


def newest_rows(fitted: Fitted, panel: Panel) -> Holdout:
    """What is held out: the later half of the rows that the model was never trained on, all of them
    where that makes too few windows for a 95 % interval, and where those are too few the usual."""
    later = (panel.times.astype(np.int64) > fitted.trained_until).astype(np.int64)
    new = int(np.median(np.add.reduceat(later, panel.offsets[:-1])))
    horizon = fitted.network.spec.horizon
    for rows in (new // 2, new):
        if rows >= horizon:
            holdout = given_holdout(panel, horizon, rows)
            if holdout.origins * len(panel) >= LEAST_WINDOWS:
                return holdout
    return choose_holdout(panel, horizon)
