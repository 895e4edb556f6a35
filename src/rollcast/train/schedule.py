"""Schedules: the learning rate of every step.

A row of ``SCHEDULES`` makes a schedule from its options. It gives the rate from the base rate, the
step (from 0), the number of steps planned and a few numbers of state, and brings that state forward
by what training achieves. The state is a tuple of floats, so that the checkpoint can hold it. The
arithmetic is that of ``torch.optim.lr_scheduler``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi

from rollcast.choice import require

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Schedule:
    """``rate(base, step, steps, state)`` and ``observe(base, state, score) -> state``.

    It observes the score of every validation (the mean training loss since the last one where there
    is nothing to validate on), or, ``by_step``, the training loss of every step.
    """

    start: Numbers
    rate: Callable[[float, int, int, Numbers], float]
    observe: Callable[[float, Numbers, float], Numbers]
    by_step: bool = False


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

    require("warm_up", warm_up, 0.0 <= warm_up < 1.0, "a share in [0, 1)")

    def rate(base: float, step: int, steps: int, state: Numbers) -> float:
        climb = int(warm_up * steps)
        if step < climb:
            return base * (step + 1) / climb
        return base * 0.5 * (1.0 + cos(pi * (step - climb) / (steps - climb)))

    return Schedule((), rate, _unmoved)


def one_cycle(
    climb: float = 0.3, first_divisor: float = 25.0, last_divisor: float = 1e4
) -> Schedule:
    """Up to the base rate and far down again, both by half a cosine (Smith and Topin 2017).

    The first rate is the base rate divided by ``first_divisor``, the last one that divided by
    ``last_divisor``; ``climb`` is the share of the steps that go up. As ``OneCycleLR`` of torch
    with two phases and the momentum left alone.
    """
    require("climb", climb, 0.0 <= climb <= 1.0, "a share in [0, 1]")
    for name, value in (("first_divisor", first_divisor), ("last_divisor", last_divisor)):
        require(name, value, 1.0 <= value < 1e12, "a number from 1")

    def rate(base: float, step: int, steps: int, state: Numbers) -> float:
        first = base / first_divisor
        top, end = climb * steps - 1.0, steps - 1.0
        if step <= top and top > 0.0:
            return _cosine(first, base, step / top)
        if end <= max(top, 0.0):
            return base
        return _cosine(base, first / last_divisor, (step - top) / (end - top))

    return Schedule((), rate, _unmoved)


def _cosine(start: float, end: float, share: float) -> float:
    return end + 0.5 * (start - end) * (1.0 + cos(pi * share))


def plateau(
    factor: float = 0.5,
    patience: int = 3,
    threshold: float = 1e-4,
    watch: str = "validation",
) -> Schedule:
    """Times ``factor`` when more than ``patience`` observations in a row brought nothing new.

    An observation is new when it is below the best by more than the share ``threshold``. ``watch``
    is ``validation``, its score, or ``loss``, the training loss of every step. As
    ``ReduceLROnPlateau`` of torch, which also leaves a rate alone that would fall by less than
    1e-8.
    """
    require("factor", factor, 0.0 < factor < 1.0, "a number between 0 and 1")
    require("patience", patience, patience >= 0, "a whole number from 0")
    require("threshold", threshold, 0.0 <= threshold < 1.0, "a share in [0, 1)")
    require("watch", watch, watch in ("validation", "loss"), "validation or loss")

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

    return Schedule((inf, 0.0, 1.0), rate, observe, by_step=watch == "loss")


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "plateau": plateau,
}
