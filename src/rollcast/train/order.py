"""The order in which training sees its windows."""

from collections.abc import Iterator, Sequence

import numpy as np

from rollcast.errors import DataError


class Order:
    """Which windows each step trains on, as a function of the step alone.

    Every pass over the data is its own permutation, from a counter-based generator (Philox: Salmon
    et al. 2011) keyed by seed and pass, so a resumed run needs no state but its step. Windows that
    do not fill the last batch of a pass are left out of that pass. When one batch holds them all,
    their order stays as it is.
    """

    def __init__(self, windows: int, batch_size: int, seed: int) -> None:
        if windows < 1:
            raise DataError(
                "there is no window to train on: every series is shorter than a single step of "
                "context and the horizon, or all its targets are missing. Give longer series or a "
                "shorter horizon."
            )
        self.windows = windows
        self.batch_size = min(batch_size, windows)
        self.seed = seed
        self.batches = windows // self.batch_size
        self._pass = -1
        # Half the memory of the default type, which matters for many millions of windows.
        self._type = np.uint32 if windows < 2**32 else np.uint64
        self._permuted = np.empty(0, self._type)
        self._all = np.arange(windows) if windows == self.batch_size else None

    def batch(self, step: int) -> np.ndarray:
        """The windows (batch,) of ``step``, counted from 0."""
        if self._all is not None:
            return self._all
        number, position = divmod(step, self.batches)
        if number != self._pass:
            key = np.array([self.seed & (2**64 - 1), number], np.uint64)
            generator = np.random.Generator(np.random.Philox(key=key))
            self._permuted = np.arange(self.windows, dtype=self._type)
            generator.shuffle(self._permuted)
            self._pass = number
        start = position * self.batch_size
        return self._permuted[start : start + self.batch_size].astype(np.intp)

    def parts(self) -> Iterator[np.ndarray]:
        """All windows in their order, a batch at a time; the last may be smaller."""
        for start in range(0, self.windows, self.batch_size):
            yield np.arange(start, min(start + self.batch_size, self.windows))


class InOrder:
    """Windows that follow each other: each step trains on the next ones, pass after pass alike.

    ``groups`` are the batches of a pass, each an array of windows; what an earlier one leaves
    behind (the states of a series) is what a later one begins with. Has the face of `Order`.
    """

    def __init__(self, groups: Sequence[np.ndarray]) -> None:
        self.groups = [np.asarray(group, np.intp) for group in groups]
        self.windows = sum(map(len, self.groups))
        self.batch_size = max(map(len, self.groups))

    def batch(self, step: int) -> np.ndarray:
        """The windows (batch,) of ``step``, counted from 0."""
        return self.groups[step % len(self.groups)]

    def parts(self) -> Iterator[np.ndarray]:
        """All windows, batch by batch."""
        return iter(self.groups)
