"""What happens during training, as one stream of small frozen facts.

The progress bar, the report, the page and the log all read the same events. A listener is any
function of one event; it is called after the state has been brought up to date, in the thread that
trains, so it should be quick.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rollcast.data.panel import Panel

Reason = Literal["finished", "patience", "max_seconds", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class TableRead:
    """A `Forecaster` has read its table; nothing is trained yet. A listener that raises ends the
    fit before it costs anything."""

    panel: Panel


@dataclass(frozen=True, slots=True)
class FitStarted:
    """Training begins, or goes on after ``step`` steps of an earlier run."""

    step: int
    steps: int
    windows: int
    batch_size: int  # as used: never more than there are windows
    weights: int
    validation_every: int


@dataclass(frozen=True, slots=True)
class GradientSeen:
    """The gradient of the update ``step`` that is about to be made: the norm of each weight's part,
    by its name, as it came and after clipping. Where one is not finite, the run ends here.

    Only made for listeners that have an attribute ``watches_gradients`` that is true.
    """

    step: int
    norms: Mapping[str, float]
    clipped: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StepDone:
    """One update. ``step`` counts from 1; the norm is that before clipping."""

    step: int
    steps: int
    loss: float
    gradient_norm: float
    learning_rate: float
    seconds: float  # since training began, earlier runs included


@dataclass(frozen=True, slots=True)
class ValidationDone:
    """The score on the validation windows after ``step`` steps; lower is better."""

    step: int
    score: float
    best: bool  # the best so far
    best_step: int
    best_score: float


@dataclass(frozen=True, slots=True)
class FitFinished:
    """Training ended, for whatever reason: the last event of a run. A fit has two, the second on
    all rows."""

    reason: Reason
    step: int
    best_step: int
    best_score: float | None  # None when nothing was validated
    seconds: float


@dataclass(frozen=True, slots=True)
class TrialDone:
    """A candidate of a search, ``trial`` of ``trials`` counted from 0, was trained for ``step``
    steps; ``score`` is its error on the held-out windows in the unit of MASE. What happened in
    between is no event: runs that are follow the search."""

    trial: int
    trials: int
    name: str
    step: int
    score: float
    seconds: float  # since the last time it was trained


Event = TableRead | FitStarted | GradientSeen | StepDone | ValidationDone | FitFinished | TrialDone
Listener = Callable[[Event], None]


def tell(listeners: Sequence[Listener], event: Event) -> None:
    """Each listener hears of the event."""
    for listener in listeners:
        listener(event)
