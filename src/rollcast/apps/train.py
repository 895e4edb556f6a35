"""What ``rollcast forecast`` and ``rollcast fit`` train: a new network, or a saved one further."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rollcast.apps.fitting import Choices
from rollcast.apps.screen import TrainingBar, is_watched, screen
from rollcast.errors import UsageError

if TYPE_CHECKING:
    from rollcast.forecast.forecaster import Forecaster
    from rollcast.train.events import Event, Listener
    from rollcast.train.watch import GradientWatch

GOES_ON = ("where", "query", "steps", "learning_rate", "max_time", "watch_gradients")
"""Choices that a model can be trained on with; columns and network are its own."""


def begun(
    horizon: int | None, continued: str | None, choices: Choices
) -> tuple[Forecaster, Callable[..., Any]]:
    """The Forecaster, new or from the file ``continued``, and what trains it: a function of
    ``table``, ``listeners`` and ``max_seconds``. Raises UsageError for choices that do not go
    with it."""
    if continued is None:
        if horizon is None:
            raise UsageError(
                "--horizon is missing: how many steps to forecast, as in --horizon 14."
            )
        model = choices.forecaster(horizon)
        return model, partial(model.fit, **choices.reading())
    others = [name for name in choices.given() if name not in GOES_ON]
    if others or horizon is not None:
        flag = "--" + (others[0].replace("_", "-") if others else "horizon")
        allowed = ", ".join("--" + name.replace("_", "-") for name in GOES_ON)
        raise UsageError(
            f"{flag} with --continue: columns, horizon and network are those of {continued}. Leave "
            f"it out; {allowed} go with it."
        )
    from rollcast import Forecaster, load

    model = load(continued)
    if not isinstance(model, Forecaster):
        raise UsageError(f"--continue: {continued} is a SequenceRegressor. Fit it again.")
    chosen = {name: getattr(choices, name) for name in ("where", "query", "steps", "learning_rate")}
    return model, partial(model.continue_training, **chosen)


def train(
    go_on: Callable[..., Any],
    choices: Choices,
    quiet: bool,
    *listeners: Listener,
    table: str,
) -> GradientWatch | None:
    """Train on the table, under a bar; what watched the gradients."""
    from rollcast import GradientWatch

    with TrainingBar(screen(errors=True), shown=is_watched() and not quiet) as bar:
        warn = (lambda message: None) if quiet else bar.warn
        watch = GradientWatch(warn=warn) if choices.watch_gradients else None
        listeners += (bar,) if watch is None else (bar, watch)
        go_on(table=table, listeners=listeners, max_seconds=choices.max_seconds())
    return watch


def ready(params: dict[str, Any], levels: tuple[float, ...] | None, future: str | None) -> Listener:
    """What ends a fit before it trains, where the forecast after it could not be made."""
    from rollcast.forecast.ready import check_forecast
    from rollcast.train.events import TableRead

    def listener(event: Event) -> None:
        if isinstance(event, TableRead):
            check_forecast(params, event.panel, levels, future)

    return listener
