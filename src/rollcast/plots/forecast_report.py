"""The report of a fitted forecaster: what it forecasts, how good it is, and how to get it again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.data.panel import stamp_text
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecaster import Forecaster
from rollcast.forecast.result import USUAL_LEVELS, Forecast
from rollcast.forecast.search.trials import Trial
from rollcast.forecast.summary import inputs_by_role
from rollcast.plots import report
from rollcast.plots.pictures import GradientPicture, SeriesPicture, TrainingCurve
from rollcast.plots.scores import headline
from rollcast.train.training import Training
from rollcast.train.watch import GradientHistory

# Arguments of the Forecaster that the command line takes.
OPTIONS = (
    "cell",
    "context",
    "head",
    "scaling",
    "transform",
    "dropout",
    "seed",
    "ensemble",
    "blend",
)
OPTIONS += ("skip", "validation")


def write_report(
    forecaster: Forecaster,
    path: str | os.PathLike[str],
    *,
    level: float | Sequence[float] = USUAL_LEVELS,
    gradients: GradientHistory | None = None,
    future: Any = None,
) -> Path:
    """Write the HTML report of a fitted forecaster; returns its path.

    It shows the series it remembers with their forecasts and intervals of ``level`` percent, and
    what a `GradientWatch` saw of the first run (``watch.runs[0]``), if there was one. ``future``
    is as in `Forecaster.predict`.
    Raises UsageError for a model that remembers no series, or a path that cannot be written.
    """
    return report.write_report(
        path, forecast_report(forecaster, level=level, gradients=gradients, future=future)
    )


def forecast_report(
    forecaster: Forecaster,
    *,
    level: float | Sequence[float] = USUAL_LEVELS,
    gradients: GradientHistory | None = None,
    future: Any = None,
) -> report.Report:
    """What the report shows."""
    found = forecaster.forecast(level=level, future=future)
    fitted = forecaster.fitted_
    spec, panel = fitted.network.spec, found.panel
    name = forecaster.name
    many = f"{len(panel)} series" if len(panel) > 1 else panel.columns.target
    steps = f"{spec.horizon} step{'s' if spec.horizon > 1 else ''}"
    return report.Report(
        title=f"Forecast of {panel.source}",
        headline=headline(fitted.scores, what=f"{steps} of {many}", ours=name),
        series=pictures(found),
        scores=fitted.scores,
        error_by_step=fitted.error_by_step,
        training=training_curve(forecaster),
        gradients=None if gradients is None else gradient_picture(gradients),
        settings=settings(forecaster),
        command=command(forecaster),
        code=code(forecaster),
        data={
            "table": panel.source,
            "series": len(panel),
            "rows": len(panel.values),
            "missing": int(np.isnan(panel.values).sum()),
            "from": stamp_text(panel.local(panel.times.min()[None])[0]),
            "to": stamp_text(panel.local(panel.times.max()[None])[0]),
            "frequency": str(fitted.freq),
            "season": fitted.season,
            **{f"{role} inputs": names for role, names in inputs_by_role(fitted).items()},
        },
        footer="Written by rollcast.",
        method=name,
        unit=panel.columns.target,
        scored_on=scored_on(fitted),
        trials=trial_rows(fitted.trials),
        searched_on=searched_on(fitted.trials),
    )


def pictures(found: Forecast) -> list[SeriesPicture]:
    """The first series of a forecast, as they are drawn."""
    panel = found.panel
    drawn = range(min(len(panel), report.MOST_SERIES))
    times = found.times
    return [
        SeriesPicture(
            id=panel.label(index),
            times=panel.local(panel.series(index).times),
            history=panel.series(index).values,
            forecast_times=panel.local(times[index]),
            median=found.median[index],
            bands={level: (low[index], high[index]) for level, (low, high) in found.bands.items()},
            unit=panel.columns.target,
        )
        for index in drawn
    ]


def training_curve(forecaster: Forecaster) -> TrainingCurve | None:
    """How training went; None for a loaded model, whose file does not keep it."""
    history = forecaster.training_history_
    if history is None:
        return None
    return TrainingCurve(
        steps=np.arange(1, len(history.loss) + 1),
        loss=history.loss,
        validation_steps=history.validation_step,
        validation_score=history.validation_score,
        best_step=forecaster.best_step_,
        learning_rate=history.learning_rate,
    )


def gradient_picture(history: GradientHistory) -> GradientPicture:
    """What was seen of the gradients, as it is drawn."""
    return GradientPicture(history.names, np.array(history.steps), history.norms, history.clipped)


def scored_on(fitted: Fitted) -> str:
    """On which windows the scores were measured, and what else these were used for."""
    holdout = fitted.holdout
    origins = (
        "one forecast at the end"
        if holdout.origins == 1
        else f"{holdout.origins} forecasts from the last rows"
    )
    rows = "a row" if holdout.step == 1 else f"{holdout.step} rows"
    apart = "" if holdout.origins == 1 else f", {rows} apart"
    chosen = "the network and " if fitted.trials else ""
    then = "The network that forecasts was then trained up to that step on all rows. "
    if not fitted.params["refit"]:
        then = "That network forecasts. "
    return (
        f"Measured on {origins} of each series{apart}, held out of the training. The same windows "
        f"chose {chosen}the step to stop at, so the network's scores are a little flattering. "
        f"{then}Coverage is that of intervals calibrated on the other half of these windows."
    )


def settings(forecaster: Forecaster) -> dict[str, object]:
    """Every setting by name."""
    spec = forecaster.fitted_.network.spec
    found: dict[str, object] = {
        "horizon": spec.horizon,
        "context": spec.context,
        "rows read by the recurrent stack": spec.steps,
        "cell": spec.cell,
        "hidden": spec.hidden,
        "strategy": spec.strategy,
        "head": spec.head,
        "scaling": forecaster.fitted_.scaling,
        "weights": forecaster.fitted_.network.count,
        "networks": forecaster.ensemble,
        "seed": forecaster.seed,
    }
    training = forecaster.fitted_.chosen["training"]
    return found | {
        each.name.replace("_", " "): getattr(training, each.name) for each in fields(training)
    }


def command(forecaster: Forecaster) -> str:
    """The command line that gives this forecast again; empty where none can."""
    fitted = forecaster.fitted_
    usual, params = Forecaster(forecaster.horizon).get_params(), fitted.chosen
    training = params.pop("training")
    only = Training(steps=training.steps, learning_rate=training.learning_rate)
    said = {*OPTIONS, "horizon", "strategy", "hidden", "refit", "budget", "trials"}
    others = any(params[name] != usual[name] for name in params if name not in said)
    if "." not in fitted.source or training != only or others:
        return ""
    words = ["rollcast", "forecast", fitted.source, "--horizon", str(forecaster.horizon)]
    for name, value in fitted.options.items():
        words += [f"--{name}"] if value is True else [f"--{name}", option_text(value)]
    words += ["--strategy", params["strategy"]]
    for name in OPTIONS:
        if params[name] != usual[name]:
            words += [f"--{name}", str(params[name])]
    if tuple(params["hidden"]) != usual["hidden"]:
        words += ["--hidden", option_text(params["hidden"])]
    if not params["refit"]:
        words += ["--no-refit"]
    if training.steps != usual["training"].steps:
        words += ["--steps", str(training.steps)]
    if training.learning_rate is not None:
        words += ["--learning-rate", repr(training.learning_rate)]
    return shlex.join(words)


def option_text(value: object) -> str:
    """A value as an option is written."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def code(forecaster: Forecaster) -> str:
    """The Python that gives this forecast again."""
    fitted = forecaster.fitted_
    model = repr(Forecaster(**fitted.chosen))
    table = repr(fitted.source) if "." in fitted.source else "table"
    options = "".join(f", {name}={value!r}" for name, value in fitted.options.items())
    imports = "Forecaster, Training" if "Training(" in model else "Forecaster"
    return (
        f"from rollcast import {imports}\n\n"
        f"model = {model}\n"
        f"model.fit({table}{options})\n"
        "forecast = model.predict()\n"
    )


def trial_rows(trials: Sequence[Trial]) -> list[dict[str, object]]:
    """The trials of a search as they are listed: the best of those that went furthest first."""
    ordered = sorted(trials, key=lambda each: (-each.steps, each.score or 0.0))
    return [
        {
            "network": each.name + (f": {each.note}" if each.note else ""),
            "steps": each.steps,
            "seconds": round(each.seconds, 1),
            "error": each.score,
            "default": each.default,
            "chosen": "chosen" if each.chosen else "",
        }
        for each in ordered
    ]


def searched_on(trials: Sequence[Trial]) -> str:
    """What the search did, and what its figures are worth."""
    networks = [each for each in trials if "blend" not in each.setting]
    seconds = sum(each.seconds for each in networks)
    blends = ""
    if len(networks) < len(trials):
        blends = (
            "The network so found was then averaged with simpler methods; a mean is taken by the "
            "same rule. "
        )
    return (
        f"{len(networks)} networks were trained side by side on the same rows for {seconds:.1f} s; "
        "after each part of the steps the worse half was left. Error is the mean absolute error of "
        "the held-out windows in the unit of MASE, beside that of the default network after as "
        "many steps. Another network is chosen only where it is better by more than the standard "
        f"error of that difference. {blends}The held-out windows chose the network: its scores on "
        "them are a little flattering."
    )
