"""Everything a run has to remember to go on as if it had never stopped."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class History:
    """What a run looked like, as float64 arrays (whole numbers for ``validation_step``)."""

    loss: np.ndarray  # (steps,) of each batch, before its update
    gradient_norm: np.ndarray  # (steps,) before clipping
    learning_rate: np.ndarray  # (steps,)
    validation_step: np.ndarray  # (validations,) after how many steps
    validation_score: np.ndarray  # (validations,)


@dataclass
class State:
    """One run at one moment. ``arrays`` are the optimizer's, ``schedule`` the schedule's numbers.

    The data order and dropout are functions of seed and step, so ``step`` is their state.
    """

    weights: np.ndarray
    arrays: dict[str, np.ndarray]
    schedule: tuple[float, ...]
    step: int = 0  # updates done
    validated: int = -1  # the step of the last validation; the first weights are validated, too
    waited: int = 0  # validations since the best one
    best_weights: np.ndarray | None = None  # None before the first score
    best_step: int = 0
    best_score: float | None = None
    seconds: float = 0.0  # spent in earlier runs
    validation_seconds: float = 0.0  # the longest validation, for which time is set aside
    losses: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    carried: dict[str, np.ndarray] = field(default_factory=dict)  # by the problem, see `Carrying`

    def take_step(self, loss: float, gradient_norm: float, learning_rate: float) -> None:
        """Count an update that has just changed ``weights`` and ``arrays``."""
        self.losses.append(loss)
        self.gradient_norms.append(gradient_norm)
        self.learning_rates.append(learning_rate)
        self.step += 1

    def take_score(self, score: float | None) -> bool:
        """Record a validation of the present weights; True when they are the best so far."""
        self.validated = self.step
        if score is None:
            return False
        self.validation_steps.append(self.step)
        self.validation_scores.append(score)
        if self.best_score is not None and not score < self.best_score:
            self.waited += 1
            return False
        self.best_weights = self.weights.copy()
        self.best_step, self.best_score, self.waited = self.step, score, 0
        return True

    def best(self) -> tuple[np.ndarray, int]:
        """The best weights and their step; the present ones when nothing has a score."""
        if self.best_weights is None:
            return self.weights.copy(), self.step
        return self.best_weights.copy(), self.best_step

    def history(self) -> History:
        """The history so far."""
        return History(
            loss=np.array(self.losses, np.float64),
            gradient_norm=np.array(self.gradient_norms, np.float64),
            learning_rate=np.array(self.learning_rates, np.float64),
            validation_step=np.array(self.validation_steps, np.int64),
            validation_score=np.array(self.validation_scores, np.float64),
        )
