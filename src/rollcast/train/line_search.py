"""How far to go along a direction: the strong Wolfe conditions.

Nocedal and Wright 2006, algorithms 3.5 (bracketing) and 3.6 (zoom), with the cubic interpolation of
their equation 3.59. The safeguards (how far a step may be extended, how near a trial may come to
the ends of the bracket) are those of ``torch.optim.LBFGS``, so that both walk the same way.
"""

from collections.abc import Callable
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np

DECREASE, CURVATURE = 1e-4, 0.9
"""c₁ and c₂ of the conditions, as Nocedal and Wright advise for quasi-Newton methods."""


class Point(NamedTuple):
    """The loss along a direction. A loss that is not finite counts as infinite: too far."""

    step: float
    loss: float
    slope: float  # the derivative of the loss by the step
    gradient: np.ndarray


def strong_wolfe(
    at: Callable[[float], Point],
    zero: Point,
    step: float,
    reach: float,
    tolerance: float,
    most: int,
) -> tuple[Point, int]:
    """The point to go to, and how many were looked at.

    ``zero`` is where the direction begins and ``step`` the first to try. ``reach`` is the largest
    element of the direction; a bracket in which no weight moves by ``tolerance`` is not divided
    further. After 1 + ``most`` points the lowest end of the bracket has to do.
    """

    def too_high(point: Point) -> bool:
        return point.loss > zero.loss + DECREASE * point.step * zero.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * zero.slope

    before, here, tried = zero, at(step), 0
    while tried < most:
        if too_high(here) or (tried > 1 and here.loss >= before.loss):
            break
        if flat(here):
            return here, tried + 1
        if here.slope >= 0.0:
            break
        nearest, farthest = here.step + 0.01 * (here.step - before.step), 10.0 * here.step
        further = lowest(before, here, nearest, farthest)
        before, here, tried = here, at(further), tried + 1
    else:
        before = zero
    low, high = (before, here) if before.loss <= here.loss else (here, before)
    near_end = False
    while tried < most and abs(high.step - low.step) * reach >= tolerance:
        left, right = min(low.step, high.step), max(low.step, high.step)
        trial, near_end = _inside(lowest(low, high, left, right), left, right, near_end)
        here, tried = at(trial), tried + 1
        if too_high(here) or here.loss >= low.loss:
            low, high = (low, here) if low.loss <= here.loss else (here, low)
        elif flat(here):
            return here, tried + 1
        else:
            if here.slope * (high.step - low.step) >= 0.0:
                high = low
            low = here
    return low, tried + 1


def lowest(one: Point, other: Point, least: float, most: float) -> float:
    """The step from ``least`` to ``most`` at which the cubic through two points and their slopes is
    lowest, or the middle where it has no such place."""
    left, right = (one, other) if one.step <= other.step else (other, one)
    width = right.step - left.step
    middle = 0.5 * (least + most)
    if not isfinite(left.loss + right.loss) or width == 0.0:
        return middle
    d1 = left.slope + right.slope - 3.0 * (right.loss - left.loss) / width
    inside = d1 * d1 - left.slope * right.slope
    if not inside >= 0.0:
        return middle
    d2 = sqrt(inside)
    below = right.slope - left.slope + 2.0 * d2
    if below == 0.0:
        return middle
    return min(max(right.step - width * ((right.slope + d2 - d1) / below), least), most)


def _inside(trial: float, left: float, right: float, near_end: bool) -> tuple[float, bool]:
    """A trial within the bracket, and whether it lies near an end. Twice in a row it may not: then
    a tenth of the bracket is kept away."""
    margin = 0.1 * (right - left)
    if min(right - trial, trial - left) >= margin:
        return trial, False
    if not (near_end or trial >= right or trial <= left):
        return trial, True
    nearer_right = abs(trial - right) < abs(trial - left)
    return (right - margin if nearer_right else left + margin), False
