"""The options that every command has that trains, and what they come to."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from typer.core import TyperCommand

from rollcast.apps import fit_options, input_options, options, typed
from rollcast.apps.durations import seconds_of

if TYPE_CHECKING:
    from rollcast.forecast.forecaster import Forecaster


@dataclass(frozen=True)
class Choices:
    """How to read the table, which network, and how it is trained: an option each."""

    id: options.Id = None
    time: options.Time = None
    target: options.Target = None
    where: options.Where = None
    freq: options.Freq = None
    season: options.Season = None
    duplicates: options.Duplicates = None
    snap: options.Snap = False
    query: options.Query = None
    sheet: options.Sheet = None
    past: input_options.Past = None
    future: input_options.FutureInputs = None
    static: input_options.Static = None
    categorical: input_options.Categorical = None
    holidays: input_options.Holidays = None
    cell: fit_options.Cell = None
    hidden: fit_options.Hidden = None
    dropout: fit_options.Dropout = None
    normalize: fit_options.Normalize = None
    context: fit_options.Context = None
    strategy: fit_options.Strategy = None
    segment: fit_options.Segment = None
    feeding: fit_options.Feeding = None
    skip: fit_options.Skip = None
    ensemble: fit_options.Ensemble = None
    blend: fit_options.Blend = None
    head: fit_options.Head = None
    scaling: fit_options.Scaling = None
    transform: fit_options.Transform = None
    nonnegative: fit_options.Nonnegative = False
    integer: fit_options.Integer = False
    initial: fit_options.Initial = None
    steps: fit_options.Steps = None
    batch_size: fit_options.BatchSize = None
    optimizer: fit_options.Optimizer = None
    learning_rate: fit_options.LearningRate = None
    schedule: fit_options.Schedule = None
    clip_norm: fit_options.ClipNorm = None
    clip_value: fit_options.ClipValue = None
    budget: fit_options.Budget = None
    trials: fit_options.Trials = None
    max_time: fit_options.MaxSeconds = None
    validation: fit_options.Validation = None
    no_refit: fit_options.NoRefit = False
    seed: fit_options.Seed = None
    watch_gradients: fit_options.WatchGradients = False

    def forecaster(self, horizon: int) -> Forecaster:
        """The Forecaster that they ask for."""
        from rollcast import Forecaster, Training

        setting = self._given(
            "steps", "batch_size", "optimizer", "learning_rate", "schedule", "clip_value",
        )  # fmt: skip
        if self.clip_norm is not None:
            setting["clip_norm"] = self.clip_norm or None
        network = self._given(
            "cell", "dropout", "normalize", "context", "segment", "feeding", "skip", "ensemble",
            "blend", "transform", "head", "scaling", "initial", "trials", "validation", "seed",
        )  # fmt: skip
        network["strategy"] = self.strategy or "auto"
        if self.budget is not None:
            network["budget"] = seconds_of("--budget", self.budget)
        if self.hidden is not None:
            network["hidden"] = typed.units_of(self.hidden)
        for name in ("nonnegative", "integer"):
            network[name] = getattr(self, name)
        if self.no_refit:
            network["refit"] = False
        training = dataclasses.replace(Training(), **setting)
        return Forecaster(horizon, training=training, **network)

    def max_seconds(self) -> float | None:
        """How long a fit may take."""
        return seconds_of("--max-time", self.max_time)

    def reading(self) -> dict[str, Any]:
        """The arguments of `read` that they ask for."""
        found = self._given(
            "id", "time", "target", "where", "season", "duplicates", "query", "sheet", "holidays"
        )
        for name in ("past", "future", "static", "categorical"):
            if getattr(self, name) is not None:
                found[name] = typed.names_of(getattr(self, name))
        if self.freq is not None:
            found["freq"] = typed.frequency_of(self.freq)
        if self.snap:
            found["snap"] = True
        return found

    def given(self) -> tuple[str, ...]:
        """The names of those that were given."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) != each.default)

    def _given(self, *names: str) -> dict[str, Any]:
        """Those that were given; the others keep the defaults of the public classes."""
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}


COMMANDS: dict[str, Callable[..., None]] = {}
"""The commands that train, by name."""


class Trains(TyperCommand):
    """Runs one of COMMANDS: what was typed for `Choices` goes to it as one."""

    def invoke(self, ctx: Any) -> None:
        """Call the command with its options."""
        given = dict(ctx.params)
        chosen = {each.name: given.pop(each.name) for each in fields(Choices)}
        COMMANDS[str(self.name)](choices=Choices(**chosen), **given)


def with_choices(command: Callable[..., None]) -> Callable[[], None]:
    """What Typer is to read in the place of a command whose argument ``choices`` is a `Choices`:
    a function with an option for each of them there. `Trains` runs the command."""
    hints = get_type_hints(Choices, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    spread = [
        inspect.Parameter(each.name, keyword, default=each.default, annotation=hints[each.name])
        for each in fields(Choices)
    ]
    own = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        one = [parameter.replace(annotation=own[name], kind=keyword)]
        parameters += spread if name == "choices" else one

    def shown() -> None:
        COMMANDS[command.__name__]()

    shown.__name__, shown.__doc__ = command.__name__, command.__doc__
    shown.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    shown.__annotations__ = {each.name: each.annotation for each in parameters}
    COMMANDS[command.__name__] = command
    return shown
