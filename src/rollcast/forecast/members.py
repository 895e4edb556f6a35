"""The two runs of every member of an ensemble; of one network, the ensemble of one.

Members differ in their seed alone: first weights, the order of windows, dropout. What is delivered
is the mean of their medians, and of their quantiles at each level (Vincentization; Ratcliff 1979).
Each is trained after the other, on all threads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rollcast.errors import UsageError
from rollcast.forecast.deadline import Deadline, least
from rollcast.forecast.setup import Setup
from rollcast.train.events import Listener
from rollcast.train.loop import Outcome, run

Path = str | os.PathLike[str]


def first_runs(
    setup: Setup,
    seed: int,
    members: int,
    listeners: Sequence[Listener],
    files: Sequence[Path],
    deadline: Deadline,
    spent: float = 0.0,
) -> tuple[list[Outcome], np.ndarray]:
    """Each member trained with rows held out: how it went, and the weights, `joined`.

    ``files`` are checkpoints of the first members; of the others nothing is kept. The first member
    may have ``spent`` seconds before.
    """
    outcomes, found = [], []
    given = setup.training.max_seconds and setup.training.max_seconds / members
    for index in range(members):
        problem = setup.first(seed + index, index)
        file = files[index] if index < len(files) else None
        share = deadline.left / (members - index) + (spent if index == 0 else 0.0)
        training = replace(setup.training, max_seconds=least(given, share))
        outcome = run(problem, training, seed + index, listeners, file)
        outcomes.append(outcome)
        found.append(problem.settled(outcome.weights))
    return outcomes, joined(found)


def second_runs(
    setup: Setup,
    seed: int,
    firsts: Sequence[Outcome],
    listeners: Sequence[Listener],
    files: Sequence[Path],
    deadline: Deadline,
) -> tuple[float, np.ndarray]:
    """Each member as in its first run, at its learning rates, but on all windows, and no longer
    than was best there, or than there is time: the seconds, and the weights, `joined`."""
    seconds, found = 0.0, []
    for index, first in enumerate(firsts):
        problem = setup.second(seed + index, index)
        outcome = run(
            problem,
            replace(setup.training, max_seconds=least(deadline.left / (len(firsts) - index))),
            seed + index,
            listeners,
            file_of_second_run(files[index]) if files else None,
            stop_after=first.best_step,
            rates=first.history.learning_rate,  # a plateau was seen by its scores
        )
        seconds += outcome.seconds
        found.append(problem.settled(outcome.weights))
    return seconds, joined(found)


def joined(weights: list[np.ndarray]) -> np.ndarray:
    """The weights of one network ``(count,)``, of several ``(members, count)``."""
    return weights[0] if len(weights) == 1 else np.stack(weights)


def member_files(checkpoint: Path | None, members: int) -> list[str]:
    """Where each member keeps the state of its first run. Raises UsageError where a second run's
    is there without the first one's, before time is spent on a run that it does not belong to."""
    if checkpoint is None:
        return []
    name = os.fspath(checkpoint)
    files = [name, *(f"{name}.{index}" for index in range(2, members + 1))]
    for file in files:
        second = file_of_second_run(file)
        if os.path.exists(second) and not os.path.exists(file):  # noqa: PTH110
            raise UsageError(
                f"{second}: the second half of a checkpoint whose first half, {file}, is gone. "
                "Delete it to start again, or name another file."
            )
    return files


def file_of_second_run(file: Path) -> str:
    """The checkpoint of the second run beside that of the first."""
    return os.fspath(file) + ".final"
