"""How much is left of the time that somebody gave."""

from __future__ import annotations

from math import inf
from time import perf_counter


class Deadline:
    """So many seconds by the wall clock from now on; None = as long as it takes."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = inf if seconds is None else seconds
        self.began = perf_counter()

    @property
    def spent(self) -> float:
        """Seconds since it was made."""
        return perf_counter() - self.began

    @property
    def left(self) -> float:
        """Seconds that are left, 0 when it is over; inf without a limit."""
        return max(0.0, self.seconds - self.spent)


def least(*seconds: float | None) -> float | None:
    """The shortest of some limits; None, or inf, is no limit."""
    found = min((each for each in seconds if each is not None), default=inf)
    return None if found == inf else max(found, 1e-9)
