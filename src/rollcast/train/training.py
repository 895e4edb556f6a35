"""How to train: the setting of one run."""

from dataclasses import dataclass, fields
from math import isfinite

from rollcast.choice import Table, choose, written
from rollcast.errors import UsageError
from rollcast.train.lbfgs import LBFGS
from rollcast.train.optimizers import OPTIMIZERS, Optimizer
from rollcast.train.schedule import SCHEDULES, Schedule

DTYPES = ("float32", "float64")

LEARNING_RATE, MANY_WINDOWS = 2e-3, 20_000


def learning_rate_for(windows: int) -> float:
    """2e-3 from 20 000 windows on; less, by the root of their number, where there are fewer: each
    is seen more often, and says less about the next."""
    return LEARNING_RATE * min(1.0, (windows / MANY_WINDOWS) ** 0.5)


@dataclass(frozen=True)
class Training:
    """The setting of one run, checked when it is made. Raises ``UsageError``.

    - ``steps``: updates at most; ``batch_size``: windows in each.
    - ``optimizer``: sgd, rmsprop, adam, adamw or lbfgs, with their options where they are wanted:
      ``"sgd(momentum=0.9)"``, ``"lbfgs(line_search=wolfe, history=20)"``.
    - ``learning_rate``: its base rate, None = `learning_rate_for` the windows of the run (of a fit:
      of its first run, for both); 1 for lbfgs.
    - ``schedule``: constant, cosine (over ``steps``), one_cycle, or plateau (by the validation
      score, the training loss where there is none, or with ``"plateau(watch=loss)"`` by the loss of
      every step). None = cosine; constant for lbfgs.
    - ``clip_norm``, ``clip_value``: bounds of the gradient's norm and of its elements; None = none.
    - ``patience``: stop after this many validations in a row without a new best, the first weights
      being the first to beat; None = never.
    - ``max_seconds``: stop after this time, the last validation included, but not before a first
      step was made and scored; None = never. Such a run depends on the machine and cannot be
      repeated exactly. A fit gives half of it to its first run.
    - ``dtype``: float32 or float64.

    A step of lbfgs is up to 20 updates on all windows, ``batch_size`` at a time, and does not clip.

    >>> Training(steps=200, learning_rate=3e-3).optimizer
    'adam'
    """

    steps: int = 1000
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float | None = None
    schedule: str | None = None
    clip_norm: float | None = 1.0
    clip_value: float | None = None
    patience: int | None = None
    max_seconds: float | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        self._whole("steps")
        self._whole("batch_size")
        self._row("optimizer", OPTIMIZERS)
        if self.schedule is not None:
            self._row("schedule", SCHEDULES)
        for name in ("learning_rate", "clip_norm", "clip_value", "max_seconds"):
            if getattr(self, name) is not None:
                self._positive(name, " or None")
        if self.patience is not None:
            self._whole("patience", " or None")
        if not isinstance(self.dtype, str) or self.dtype not in DTYPES:
            raise UsageError(f"Training: dtype={self.dtype!r}; choose one of {', '.join(DTYPES)}.")

    def __str__(self) -> str:
        """As it is written by hand: only what is not as usual."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        usual = {each.name: each.default for each in fields(self)}
        words = [f"{name}={value!r}" for name, value in given.items() if value != usual[name]]
        return f"Training({', '.join(words)})"

    def make_optimizer(self) -> Optimizer | LBFGS:
        """The optimizer with its options."""
        return choose("optimizer", self.optimizer, OPTIMIZERS)

    def make_schedule(self) -> Schedule:
        """The schedule with its options; that of the optimizer where it was left open."""
        usual = "constant" if isinstance(self.make_optimizer(), LBFGS) else "cosine"
        return choose("schedule", self.schedule or usual, SCHEDULES)

    def base_rate(self, windows: int) -> float:
        """The learning rate of a run on so many windows, before its schedule."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 1.0 if isinstance(self.make_optimizer(), LBFGS) else learning_rate_for(windows)

    def _whole(self, name: str, alternative: str = "") -> None:
        found = getattr(self, name)
        try:
            whole = found == int(found) and not isinstance(found, bool)
        except (TypeError, ValueError, OverflowError):
            whole = False
        if not whole or found < 1:
            raise UsageError(
                f"Training: {name}={found!r}; expected a whole number from 1{alternative}."
            )
        # A NumPy integer would not be the same setting in the checkpoint's JSON.
        object.__setattr__(self, name, int(found))

    def _positive(self, name: str, alternative: str = "") -> None:
        found = getattr(self, name)
        try:
            number = float(found)
        except (TypeError, ValueError):
            number = 0.0
        if not (isfinite(number) and number > 0.0) or isinstance(found, (bool, str)):
            raise UsageError(
                f"Training: {name}={found!r}; expected a finite number above 0{alternative}."
            )
        object.__setattr__(self, name, number)

    def _row(self, name: str, table: Table) -> None:
        object.__setattr__(self, name, written(f"Training: {name}", getattr(self, name), table))
