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

# time, batch, seed, step, steps planned -> bool (time, batch), True = fed; None = nothing is
Mask = Callable[[int, int, int, int, int], np.ndarray | None]


@dataclass(frozen=True)
class Feeding:
    """``mask`` says at which steps the outputs of the step before are read; never at the first."""

    mask: Mask
    closed: bool  # whether outputs are ever fed


def teacher() -> Feeding:
    """True values always (Williams and Zipser 1989)."""
    return Feeding(lambda time, batch, seed, step, steps: None, False)


def free(warm_up: int = 1) -> Feeding:
    """True values in the first ``warm_up`` rows of a window, then the network's own."""
    require("warm_up", warm_up, warm_up >= 1, "a whole number from 1")

    def mask(time: int, batch: int, seed: int, step: int, steps: int) -> np.ndarray:
        fed = np.zeros((time, batch), bool)
        fed[warm_up:] = True
        return fed

    return Feeding(mask, True)


def scheduled(start: float = 0.0, end: float = 1.0, over: float = 1.0) -> Feeding:
    """Each value is drawn: the network's own with a probability that climbs straight from ``start``
    to ``end`` over the first share ``over`` of the steps (scheduled sampling: Bengio et al. 2015,
    arXiv 1506.03099, section 2.4, linear decay)."""
    for name, value in (("start", start), ("end", end)):
        require(name, value, 0.0 <= value <= 1.0, "a probability")
    require("over", over, 0.0 < over <= 1.0, "a share above 0, at most 1")

    def mask(time: int, batch: int, seed: int, step: int, steps: int) -> np.ndarray:
        share = start + (end - start) * min(1.0, step / max(1.0, over * (steps - 1)))
        fed = uniform(seed, step, LAYER, np.arange(time), 0, batch) < share
        fed[0] = False
        return fed

    return Feeding(mask, True)


FEEDING: dict[str, Callable[..., Feeding]] = {
    "teacher": teacher,
    "free": free,
    "scheduled": scheduled,
}
