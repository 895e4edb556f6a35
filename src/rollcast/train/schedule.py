"""Schedules: the learning rate of every step.

A row of ``SCHEDULES`` gives the rate from the base rate, the step (from 0), the number of steps
planned and a few numbers of state, and brings that state forward after every validation. The state
is a tuple of floats, so that the checkpoint can hold it. The arithmetic is that of
``torch.optim.lr_scheduler``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Schedule:
    """``rate(base, step, steps, state)`` and ``observe(base, state, score) -> state``."""

    start: Numbers
    rate: Callable[[float, int, int, Numbers], float]
    observe: Callable[[float, Numbers, float], Numbers]


def _unmoved(base: float, state: Numbers, score: float) -> Numbers:
    return state


def constant() -> Schedule:
    """The same rate throughout."""
    return Schedule((), lambda base, step, steps, state: base, _unmoved)


def cosine(warm_up: float = 0.0) -> Schedule:
    """Half a cosine from the base rate towards 0 (Loshchilov and Hutter 2017, equation 5).

    It runs over all steps that are planned: a run that stops early ends at a higher rate. The
    first ``warm_up`` of the steps, a share between 0 and 1, climb straight to the base rate.
    """

    def rate(base: float, step: int, steps: int, state: Numbers) -> float:
        climb = int(warm_up * steps)
        if step < climb:
            return base * (step + 1) / climb
        return base * 0.5 * (1.0 + cos(pi * (step - climb) / (steps - climb)))

    return Schedule((), rate, _unmoved)


def plateau(factor: float = 0.5, patience: int = 3, threshold: float = 1e-4) -> Schedule:
    """Times ``factor`` when more than ``patience`` validations in a row brought nothing new.

    A score is new when it is below the best by more than the share ``threshold``. As
    ``ReduceLROnPlateau`` of torch, which also leaves a rate alone that would fall by less than
    1e-8.
    """

    def rate(base: float, step: int, steps: int, state: Numbers) -> float:
        return base * state[2]

    def observe(base: float, state: Numbers, score: float) -> Numbers:
        best, waited, share = state
        if score < best * (1.0 - threshold):
            return score, 0.0, share
        if waited + 1.0 <= patience:
            return best, waited + 1.0, share
        lower = share * factor
        return best, 0.0, lower if base * (share - lower) > 1e-8 else share

    return Schedule((inf, 0.0, 1.0), rate, observe)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant(),
    "cosine": cosine(),
    "plateau": plateau(),
}
