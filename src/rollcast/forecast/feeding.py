"""What a training window reads: true values, or what was said at the step before.

A row of ``FEEDING`` makes a `Feeding` from its options.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rollcast.choice import require
from rollcast.nn.layers import uniform

LAYER = 2**31 - 1
"""Where the draws of scheduled sampling lie in the generator of dropout: in no layer of a stack."""

# rows of the window, windows, seed, step, steps planned -> bool (time, windows), True = fed, for
# the first rows, as many as the step uses; None = nothing is fed, and all rows are used
Mask = Callable[[int, int, int, int, int], np.ndarray | None]


@dataclass(frozen=True)
class Feeding:
    """``mask`` says where the outputs of the step before are read, never at the first; ``closed``
    whether they ever are."""

    mask: Mask
    closed: bool


def teacher() -> Feeding:
    """True values always (Williams and Zipser 1989)."""
    return Feeding(lambda rows, windows, seed, step, steps: None, False)


def free(
    warm_up: int = 1, least: int | None = None, first: int | None = None, grow: float = 0.6
) -> Feeding:
    """True values in the first ``warm_up`` rows of a window, then the network's own.

    With ``least`` every other window, drawn anew in each step, has a warm-up of so many rows. With
    ``first`` so many rows are fed in the first step; they grow by the same share in each step until
    after the share ``grow`` of all steps they are all that the window has (a long closed loop is
    learnt more easily from a short one). What follows them is true again, or not used where it
    follows them in all windows.
    """
    for name, value in (("warm_up", warm_up), ("least", least), ("first", first)):
        require(name, value, value is None or value >= 1, "a whole number from 1")
    shortest = warm_up if least is None else least
    require("least", least, shortest <= warm_up, f"at most warm_up={warm_up}")
    require("grow", grow, 0.0 < grow <= 1.0, "a share above 0, at most 1")

    def mask(rows: int, windows: int, seed: int, step: int, steps: int) -> np.ndarray:
        begin = np.full(windows, warm_up)
        if least is not None:
            begin[uniform(seed, step, LAYER, 0, 0, windows) < 0.5] = least
        fed = max(0, rows - shortest)
        if first is not None and fed > first:
            share = min(1.0, step / max(1.0, grow * (steps - 1)))
            fed = round(first * (fed / first) ** share)
        time = np.arange(min(rows, warm_up + fed))[:, None]
        return (time >= begin) & (time < begin + fed)

    return Feeding(mask, True)


def scheduled(start: float = 0.0, end: float = 1.0, over: float = 1.0) -> Feeding:
    """Each value is drawn: the network's own with a probability that climbs straight from ``start``
    to ``end`` over the first share ``over`` of the steps (scheduled sampling: Bengio et al. 2015,
    arXiv 1506.03099, section 2.4, linear decay)."""
    for name, value in (("start", start), ("end", end)):
        require(name, value, 0.0 <= value <= 1.0, "a probability")
    require("over", over, 0.0 < over <= 1.0, "a share above 0, at most 1")

    def mask(rows: int, windows: int, seed: int, step: int, steps: int) -> np.ndarray:
        share = start + (end - start) * min(1.0, step / max(1.0, over * (steps - 1)))
        fed = uniform(seed, step, LAYER, np.arange(rows), 0, windows) < share
        fed[0] = False
        return fed

    return Feeding(mask, True)


FEEDING: dict[str, Callable[..., Feeding]] = {
    "teacher": teacher,
    "free": free,
    "scheduled": scheduled,
}
