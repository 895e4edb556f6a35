"""``strategy="auto"``: a short search for the network that forecasts held-out windows best.

Candidates are trained side by side, a part of their steps at a time, and after each part the worse
half is left (successive halving: Jamieson and Talwalkar 2016, "Non-stochastic best arm
identification", section 3). Training goes on where it stopped, so that the winner's first run is
its trial carried to the end and nothing of it is done twice. The default direct network is never
left: a challenger must beat it after as many steps, by more than chance (`Judge.is_better`).

A budget in seconds decides how many candidates there are, by how long the default's first part
took; a number of trials gives the same result whatever the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isinf
from typing import Any

import numpy as np

from rollcast.data.panel import Panel
from rollcast.errors import RollcastError
from rollcast.forecast.deadline import Deadline, least
from rollcast.forecast.holdout import Holdout
from rollcast.forecast.search.candidates import Setting, applied, candidates, setting_text
from rollcast.forecast.search.rounds import Round, Rounds
from rollcast.forecast.search.trials import Trial, judge_of
from rollcast.forecast.setup import Setup, set_up
from rollcast.train.events import Listener, TrialDone
from rollcast.train.loop import run

PARTS = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the steps of a first run, after which candidates are compared."""

TOO_LONG = "the budget ended before anything could be compared"

ENOUGH = 4
"""Candidates for which there should be room before later parts are planned."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found: the winner's ``setting``, the ``setup`` of its network, the seconds its
    training took so far, and all ``trials``, the default first."""

    setting: Setting
    setup: Setup
    seconds: float
    trials: tuple[Trial, ...]


def search(
    params: dict[str, Any],
    panel: Panel,
    holdout: Holdout,
    file: str,
    deadline: Deadline,
    listeners: Sequence[Listener],
) -> Found:
    """Search for the network of these arguments within ``budget`` or ``trials``, and what is left
    of the deadline.

    The winner's training lies in ``file`` as the checkpoint of a first run; beside it, while the
    search goes on, those of the others, and what was found so far: a search that was killed goes
    on from there.
    """
    return _Search(params, panel, holdout, file, deadline, listeners).found()


class _Search:
    def __init__(
        self,
        params: dict[str, Any],
        panel: Panel,
        holdout: Holdout,
        file: str,
        deadline: Deadline,
        listeners: Sequence[Listener],
    ) -> None:
        self.params, self.panel, self.holdout, self.listeners = params, panel, holdout, listeners
        self.seed, self.steps = params["seed"], params["training"].steps
        default = set_up(applied(params, {}), panel, holdout)
        self.setups: dict[int, Setup] = {0: default}
        self.judge = judge_of(default)
        rate = default.training.base_rate(default.trained.count)
        found = candidates(params, panel, holdout, default.every.context, rate)
        self.settings: list[Setting] = [{}, *found]
        data = default.first(self.seed).fingerprint()
        key = [data, self.settings, str(params["training"]), params["trials"], self.seed]
        self.rounds = Rounds(file, key)
        self.notes: dict[int, str] = {}
        self.many = len(self.settings)
        before = sum(each.seconds for each in self.rounds.done.values())
        budget = None if params["trials"] else max(params["budget"] - before, 0.0)
        self.time = Deadline(least(budget, deadline.left / 2))

    def found(self) -> Found:
        """Search, and choose."""
        if self.rounds.winner is None:
            winner = self.winner()
        else:
            winner = min(self.rounds.winner, len(self.settings) - 1)
        setup = self.setup(winner)  # before its file is moved: it may not fit
        self.rounds.finish(winner, len(self.settings))
        seconds = sum(
            found.seconds for (one, _), found in self.rounds.done.items() if one == winner
        )
        return Found(self.settings[winner], setup, seconds, self.trials(winner))

    def winner(self) -> int:
        """Which candidate is chosen."""
        if not self.go(0, 0):
            return 0
        self.many, parts = self.plan()
        alive, winner = list(range(1, self.many)), 0
        for part in range(parts):
            if not self.go(0, part):
                break
            alive = [index for index in alive if self.go(index, part)]
            if not alive:
                break
            alive.sort(key=lambda index: self.ratio(index, part))
            winner = alive[0] if self.is_better(alive[0], part) else 0
            alive = alive[: -(-(self.many - 1) // 2 ** (part + 1))]
        return winner

    def plan(self) -> tuple[int, int]:
        """How many candidates, the default among them, and up to which part."""
        if self.params["trials"]:
            return min(self.params["trials"], len(self.settings)), len(PARTS)
        first = self.rounds.done[0, 0].seconds
        lengths = np.diff([0.0, *PARTS]) / PARTS[0]  # of each part, in those of the first
        for parts in range(len(PARTS), 0, -1):
            many = 1
            while many < len(self.settings):
                rounds = [1 + -(-many // 2**part) for part in range(parts)]
                if first * float(lengths[:parts] @ rounds) > first + self.time.left:
                    break
                many += 1
            if many >= min(ENOUGH, len(self.settings)):
                break
        return many, parts

    def setup(self, index: int) -> Setup:
        """The network and windows of a candidate."""
        if index not in self.setups:
            setting = applied(self.params, self.settings[index])
            self.setups[index] = set_up(setting, self.panel, self.holdout)
        return self.setups[index]

    def go(self, index: int, part: int) -> bool:
        """Train a candidate up to the end of a part and judge it; False when it cannot be, or time
        is over before."""
        if (index, part) in self.rounds.done:
            return True
        if index in self.notes or not self.time.left:
            return False
        clock = Deadline(None)
        before = [found.seconds for (one, _), found in self.rounds.done.items() if one == index]
        limit = None if isinf(self.time.left) else sum(before) + self.time.left
        try:
            setup = self.setup(index)
            problem = setup.first(self.seed)
            training = replace(setup.training, max_seconds=least(limit, setup.training.max_seconds))
            outcome = run(
                problem, training, self.seed, (), self.rounds.training_of(index),
                stop_after=self.end(part),
            )  # fmt: skip
        except RollcastError as error:
            if index == 0:
                raise
            self.notes[index] = str(error).partition(". ")[0]
            return False
        if outcome.reason == "max_seconds":
            return False
        errors = self.judge.errors(setup, problem.settled(outcome.weights))
        found = Round(len(outcome.history.loss), clock.spent, errors)
        self.rounds.add(index, part, found)
        done = TrialDone(
            index, self.many, setting_text(self.settings[index]), found.steps, _mean(errors),
            clock.spent,
        )  # fmt: skip
        for listener in self.listeners:
            listener(done)
        return True

    def end(self, part: int) -> int:
        """After how many steps a part ends: where the loop validates anyway."""
        every = max(1, self.steps // 20)
        return min(self.steps, -(-int(self.steps * PARTS[part]) // every) * every)

    def ratio(self, index: int, part: int) -> float:
        done = self.rounds.done
        return self.judge.ratio(done[index, part].errors, done[0, part].errors)

    def is_better(self, index: int, part: int) -> bool:
        done = self.rounds.done
        return self.judge.is_better(done[index, part].errors, done[0, part].errors)

    def trials(self, winner: int) -> tuple[Trial, ...]:
        """All candidates that were tried."""
        result = []
        for index, setting in enumerate(self.settings):
            parts = [part for one, part in self.rounds.done if one == index]
            if not parts:
                note = self.notes.get(index, TOO_LONG if index == winner else "")
                if note:
                    result.append(Trial(setting, 0, 0.0, None, None, index == winner, note))
                continue
            last = self.rounds.done[index, max(parts)]
            default = self.rounds.done[0, max(parts)]
            result.append(
                Trial(
                    setting=setting,
                    steps=last.steps,
                    seconds=sum(self.rounds.done[index, part].seconds for part in parts),
                    score=_mean(last.errors),
                    default=_mean(default.errors),
                    chosen=index == winner,
                )
            )
        return tuple(result)


def _mean(errors: np.ndarray) -> float:
    return float(np.nanmean(errors))
