"""What a sequence network reads and learns in a step of training, and where there is a loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.nn.normalized import NormalizedRun

States = dict[str, np.ndarray]
"""h, and for an LSTM c: flat, layer after layer ``(batch, units)``; with a linear path also the
newest rows that it reads again, past ``(batch · rows · inputs,)``."""


@dataclass(frozen=True)
class Steps:
    """A batch to learn from, time first, scaled.

    x ``(time, batch, inputs)``; target ``(time, batch, outputs)``; observed, bool like target, says
    where there is a loss, None = everywhere; lengths int32 ``(batch,)``, None = all rows have all
    steps.
    """

    x: np.ndarray
    target: np.ndarray
    observed: np.ndarray | None = None
    lengths: np.ndarray | None = None

    def after(self, rows: int) -> Steps:
        """The same without the first ``rows``."""
        x, target, observed = (
            None if each is None else np.ascontiguousarray(each[rows:])
            for each in (self.x, self.target, self.observed)
        )
        lengths = self.lengths
        if lengths is not None:
            lengths = np.maximum(lengths - np.int32(rows), 1, dtype=np.int32)
        assert x is not None and target is not None
        return Steps(x, target, observed, lengths)


def flat_states(run: engine.Run | engine.Rollout | NormalizedRun) -> States:
    """The final states of a run."""
    found = {"h": run.h, "c": run.c}
    return {
        name: np.concatenate([layer.ravel() for layer in layers])
        for name, layers in found.items()
        if layers
    }


def counted_steps(steps: Steps, last: bool) -> np.ndarray | None:
    """Where there is a loss, bool like the target: within each row, ``last`` at its last step
    alone; None = everywhere."""
    time, batch = steps.x.shape[:2]
    ends = np.full(batch, time) if steps.lengths is None else steps.lengths
    if not last and steps.lengths is None:
        return steps.observed
    at = np.arange(time)[:, None]
    counted = (at == ends - 1 if last else at < ends)[:, :, None]
    observed = counted & (True if steps.observed is None else steps.observed)
    return np.ascontiguousarray(np.broadcast_to(observed, steps.target.shape))
