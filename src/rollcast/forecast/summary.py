"""A fitted model in a few lines of text."""

from __future__ import annotations

import math

from rollcast.forecast.fitted import Fitted

METRICS = ("mae", "rmse", "smape", "mase")


def summary(name: str, fitted: Fitted) -> str:
    """What the network is, what it was trained on, and its scores beside the baselines."""
    spec = fitted.network.spec
    layers = " × ".join(str(units) for units in spec.hidden)
    holdout = fitted.holdout
    origins = "the last origin of each series"
    if holdout.origins > 1:
        apart = "a row" if holdout.step == 1 else f"{holdout.step} rows"
        origins = f"the last {holdout.origins} origins of each series, {apart} apart"
    seen = f"{spec.context} rows seen"
    if fitted.whole:
        seen += " in training, otherwise all"
    then = "and the network kept never saw them"
    if fitted.params["refit"]:
        then = "up to which the network was then trained on all rows"
    several = f"the mean of {len(fitted.best_steps)} × " if len(fitted.best_steps) > 1 else ""
    lines = [
        f"{name}: {several}{spec.strategy} {spec.cell} {layers}, {fitted.network.count} weights, "
        f"head {spec.head}",
        f"data: {fitted.source}, {fitted.series} series, {fitted.rows} rows, "
        f"freq {fitted.freq}, season {fitted.season}",
        f"window: {seen}, {spec.horizon} forecast, scaled by {fitted.scaling}",
        *inputs_line(fitted),
        f"training: {fitted.steps} steps in {fitted.seconds:.1f} s ({fitted.reason}), "
        f"best at {', '.join(map(str, fitted.best_steps))}",
        f"held out: {origins}; they also chose the step, {then}",
    ]
    lines += searched(fitted)
    lines += [f"continued: {what}" for what in fitted.continued]
    width = max(len(method) for method in fitted.scores)
    lines.append(" " * width + "".join(f"{metric:>10}" for metric in METRICS))
    for method, row in fitted.scores.items():
        values = "".join(f"{row.get(metric, math.nan):10.4g}" for metric in METRICS)
        lines.append(f"{method:<{width}}{values}")
    return "\n".join(lines)


def inputs_line(fitted: Fitted) -> list[str]:
    """One line about the inputs, none without any."""
    found = inputs_by_role(fitted)
    return [f"inputs: {'; '.join(f'{role} {names}' for role, names in found.items())}"] * bool(
        found
    )


def inputs_by_role(fitted: Fitted) -> dict[str, str]:
    """Role → the names of its inputs, of categories with how many; and the country of holidays."""
    found: dict[str, list[str]] = {}
    for each in fitted.inputs:
        count = "" if each.categories is None else f" ({len(each.categories)} categories)"
        found.setdefault(each.role, []).append(f"{each.name}{count}")
    if fitted.holidays:
        found["holidays"] = [fitted.holidays]
    return {role: ", ".join(names) for role, names in found.items()}


def searched(fitted: Fitted) -> list[str]:
    """What a search tried and chose, in one line; none without a search."""
    if not fitted.trials:
        return []
    seconds = sum(trial.seconds for trial in fitted.trials)
    (chosen,) = (trial for trial in fitted.trials if trial.chosen)
    tried = [trial for trial in fitted.trials if trial.score is not None]
    blends = sum("blend" in trial.setting for trial in tried)
    also = f" and {blends} blends" if blends else ""
    found = f"searched: {len(tried) - blends} networks{also} in {seconds:.1f} s, "
    found += "chosen by the rows held out: "
    if chosen.score is None:
        return [f"searched: nothing; {chosen.note}"]
    if not chosen.setting:
        return [f"{found}the default, which none was better than by more than chance"]
    return [
        f"{found}{chosen.name}, error {chosen.score:.4g} after {chosen.steps} steps "
        f"(default {chosen.default:.4g})"
    ]
