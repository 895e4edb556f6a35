"""L-BFGS: a quasi-Newton method that remembers a few moves (Liu and Nocedal 1989).

One step is up to ``iterations`` moves, each along the gradient times an estimate of the inverse
Hessian (Nocedal and Wright 2006, algorithm 7.4), on the same loss. It asks for loss and gradient
at weights of its own, and changes nothing: the loop takes over what it found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np

from rollcast import engine
from rollcast.choice import require
from rollcast.train.line_search import Point, strong_wolfe

Evaluate = Callable[[np.ndarray], tuple[float, np.ndarray]]

LEAST_CURVATURE = 1e-10
"""A pair whose product y·s is not above this says nothing about a minimum (torch's bound)."""

LONGEST_SEARCH = 25
"""Points that one line search may look at after its first trial (torch's ``max_ls``)."""


class Found(NamedTuple):
    """Where one step leads: weights and arrays to go on with, and what was seen on the way."""

    weights: np.ndarray
    arrays: dict[str, np.ndarray]
    loss: float  # before the first move
    gradient: np.ndarray  # as well
    gradient_norm: float
    last_loss: float  # the last that was evaluated; not finite where it went astray


@dataclass(frozen=True)
class LBFGS:
    """The arithmetic of ``torch.optim.LBFGS``; sums run in float64.

    - ``iterations``: moves in a step; ``history``: pairs remembered, across steps too.
    - ``evaluations``: of the loss in a step, at most. None = no move begins after a quarter more
      than ``iterations``, and a line search that has begun ends by itself. (torch cuts it short
      there: with one move in a step it has no point left, and may stay where it is for ever.)
    - ``tolerance_gradient``, ``tolerance_change``: a step ends early when no element of the
      gradient is above the one, or neither loss nor weights change by more than the other.
    - ``line_search``: None moves by the learning rate, ``wolfe`` as far as the strong Wolfe
      conditions say, the learning rate being the first trial.

    The very first move is shortened to a length of at most the learning rate.
    """

    iterations: int = 20
    evaluations: int | None = None
    history: int = 100
    tolerance_gradient: float = 1e-7
    tolerance_change: float = 1e-9
    line_search: str | None = None

    def __post_init__(self) -> None:
        for name in ("iterations", "evaluations", "history"):
            value = getattr(self, name)
            require(name, value, value is None or 1 <= value <= 10**6, "a whole number from 1")
        for name in ("tolerance_gradient", "tolerance_change"):
            value = getattr(self, name)
            require(name, value, 0.0 <= value < 1e9, "a number from 0")
        choices = (None, "wolfe")
        require("line_search", self.line_search, self.line_search in choices, "none or wolfe")

    def start(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """What is remembered before the first step: no pair of moves (pairs, weights)."""
        none = np.zeros((0, weights.size), weights.dtype)
        return {
            "numbers": np.array([0.0, 0.0, 1.0]),  # moves made, length of the last, first Hessian
            "direction": np.zeros_like(weights),
            "gradient": np.zeros_like(weights),
            "moves": none,
            "turns": none.copy(),
        }

    def search(
        self,
        weights: np.ndarray,
        arrays: dict[str, np.ndarray],
        learning_rate: float,
        evaluate: Evaluate,
    ) -> Found:
        """One step from ``weights``. Neither they nor the arrays are changed."""
        loss, gradient = evaluate(weights)
        first, start, length = loss, gradient, engine.norm(gradient)
        if not (isfinite(loss) and isfinite(length)) or self._level(gradient):
            return Found(weights, arrays, first, start, length, loss)
        memory = Memory.of(arrays, self.history)
        seen = 1
        most = self.evaluations or self.iterations * 5 // 4
        whole = self.evaluations is None  # every line search
        for iteration in range(1, self.iterations + 1):
            memory.learn(gradient)
            direction = memory.direction
            step = learning_rate
            if memory.made == 1:
                step *= min(1.0, 1.0 / float(np.abs(gradient).sum(dtype=np.float64)))
            memory.step, before = step, loss
            slope = engine.dot(gradient, direction)
            if not isfinite(slope):
                return Found(weights, arrays, first, start, length, slope)
            if slope > -self.tolerance_change:
                break
            if self.line_search is not None:
                zero = Point(0.0, loss, slope, gradient)
                at = _along(evaluate, weights, direction)
                reach = float(np.abs(direction).max())
                left = LONGEST_SEARCH if whole else min(most - seen, LONGEST_SEARCH)
                point, looked = strong_wolfe(at, zero, step, reach, self.tolerance_change, left)
                seen += looked
                memory.step, loss, gradient = point.step, point.loss, point.gradient
            weights = weights + memory.step * direction
            if iteration == self.iterations:
                break
            if self.line_search is None:
                loss, gradient = evaluate(weights)
                seen += 1
                if not (isfinite(loss) and isfinite(engine.norm(gradient))):
                    return Found(weights, arrays, first, start, length, float("nan"))
            moved = abs(memory.step) * float(np.abs(direction).max())
            if (
                seen >= most
                or self._level(gradient)
                or moved <= self.tolerance_change
                or abs(loss - before) < self.tolerance_change
            ):
                break
        return Found(weights, memory.arrays(), first, start, length, loss)

    def _level(self, gradient: np.ndarray) -> bool:
        return float(np.abs(gradient).max()) <= self.tolerance_gradient


class Memory:
    """The newest moves s and turns y of the gradient, and the direction they lead to."""

    def __init__(
        self,
        made: int,
        step: float,
        diagonal: float,
        direction: np.ndarray,
        gradient: np.ndarray,
        moves: list[np.ndarray],
        turns: list[np.ndarray],
        longest: int,
    ) -> None:
        self.made, self.step, self.diagonal = made, step, diagonal
        self.direction, self.gradient = direction, gradient
        self.moves, self.turns, self.longest = moves, turns, longest
        self.inverse = [1.0 / engine.dot(y, s) for s, y in zip(moves, turns, strict=True)]  # ρ

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], longest: int) -> "Memory":
        """The memory that lies in these arrays."""
        made, step, diagonal = arrays["numbers"].tolist()
        moves, turns = list(arrays["moves"]), list(arrays["turns"])
        direction, gradient = arrays["direction"], arrays["gradient"]
        return cls(int(made), step, diagonal, direction, gradient, moves, turns, longest)

    def arrays(self) -> dict[str, np.ndarray]:
        """The memory as arrays of their own."""
        size, dtype = self.gradient.size, self.gradient.dtype
        moves, turns = (
            np.array(rows, dtype).reshape(-1, size) for rows in (self.moves, self.turns)
        )
        return {
            "numbers": np.array([self.made, self.step, self.diagonal], np.float64),
            "direction": self.direction,
            "gradient": self.gradient,
            "moves": moves,
            "turns": turns,
        }

    def learn(self, gradient: np.ndarray) -> None:
        """Take in the gradient after the last move, and turn to the next direction."""
        self.made += 1
        if self.made > 1:
            turn, move = gradient - self.gradient, self.step * self.direction
            curvature = engine.dot(turn, move)
            if curvature > LEAST_CURVATURE:
                self.moves.append(move)
                self.turns.append(turn)
                self.inverse.append(1.0 / curvature)
                for rows in (self.moves, self.turns, self.inverse):
                    del rows[: -self.longest]
                self.diagonal = curvature / engine.dot(turn, turn)
        self.direction = self._two_loops(gradient)
        self.gradient = gradient

    def _two_loops(self, gradient: np.ndarray) -> np.ndarray:
        q = -gradient
        pairs = list(zip(self.moves, self.turns, self.inverse, strict=True))
        shares = []
        for s, y, rho in reversed(pairs):
            share = rho * engine.dot(s, q)
            q -= share * y
            shares.append(share)
        q *= self.diagonal
        for (s, y, rho), share in zip(pairs, reversed(shares), strict=True):
            q += (share - rho * engine.dot(y, q)) * s
        return q


def _along(
    evaluate: Evaluate, weights: np.ndarray, direction: np.ndarray
) -> Callable[[float], Point]:
    def at(step: float) -> Point:
        loss, gradient = evaluate(weights + step * direction)
        slope = engine.dot(gradient, direction)
        if not (isfinite(loss) and isfinite(slope)):
            return Point(step, float("inf"), 0.0, gradient)
        return Point(step, loss, slope, gradient)

    return at
