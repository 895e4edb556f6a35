"""What the loop is given to train, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from rollcast.train.events import Reason
from rollcast.train.order import InOrder, Order
from rollcast.train.state import History


class Problem(Protocol):
    """What is trained."""

    @property
    def windows(self) -> int:
        """How many windows there are to draw from."""
        ...

    def initial(self, seed: int) -> np.ndarray:
        """The first weights, one flat vector."""
        ...

    def loss_and_gradient(
        self, weights: np.ndarray, indices: np.ndarray, step: int
    ) -> tuple[float, np.ndarray]:
        """Mean loss of the windows ``indices`` and its gradient, which the loop may overwrite.

        ``step`` (from 0) keys dropout. The same arguments must give the same bits.
        """
        ...

    def places(self) -> Mapping[str, slice]:
        """Where each weight lies in the flat vector, by name: torch's for those of a recurrent
        stack (``weight_hh_l0`` …). Asked for when somebody watches gradients."""
        ...

    def validate(self, weights: np.ndarray) -> float | None:
        """The score on the validation windows, lower is better; None when there are none."""
        ...

    def fingerprint(self) -> str:
        """Equal for equal problems: a digest of network and data. Asked for by a checkpoint."""
        ...


@runtime_checkable
class Carrying(Protocol):
    """A problem that carries arrays from one step to the next, the states of a series for example.

    They are part of the run's state: kept in its checkpoint, and empty before the first step. The
    dict is replaced by a new one and neither it nor its arrays are written into.
    """

    carried: dict[str, np.ndarray]


def on_all_windows(
    problem: Problem, order: Order | InOrder, weights: np.ndarray, step: int
) -> tuple[float, np.ndarray]:
    """Mean loss and gradient of all windows, batch by batch, each by its number of windows."""
    mean, total = 0.0, np.zeros_like(weights)
    for indices in order.parts():
        share = len(indices) / order.windows
        loss, gradient = problem.loss_and_gradient(weights, indices, step)
        mean += share * float(loss)
        total += gradient if share == 1.0 else share * gradient
    return mean, total


@dataclass(frozen=True)
class Outcome:
    """What training found: the best weights by validation, or the last when nothing was validated.

    ``best_step`` counts updates; ``best_score`` is None when nothing was validated.
    """

    weights: np.ndarray
    best_step: int
    best_score: float | None
    history: History
    reason: Reason
    seconds: float
