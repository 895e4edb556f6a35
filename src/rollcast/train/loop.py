"""The training loop: draw a batch, loss and gradient, clipped update; now and then, validate.

What is trained is the problem's affair (``Problem``); the loop knows flat vectors, windows by
number, and time. Between any two lines the state of the run is whole, so an interrupt, a listener
that raises or a kill leaves something that goes on to the same bits.
"""

from collections.abc import Sequence
from contextlib import suppress
from math import isfinite
from os import PathLike
from time import perf_counter

import numpy as np

from rollcast.errors import TrainingError, UsageError
from rollcast.train.checkpoint import checkpoint_at
from rollcast.train.divergence import diverged
from rollcast.train.events import (
    Event,
    FitFinished,
    FitStarted,
    GradientSeen,
    Listener,
    Reason,
    StepDone,
    ValidationDone,
)
from rollcast.train.gradients import norm_called, norms_of
from rollcast.train.interrupts import Interrupts
from rollcast.train.lbfgs import LBFGS
from rollcast.train.optimizers import Optimizer
from rollcast.train.order import InOrder, Order
from rollcast.train.problem import Carrying, Outcome, Problem, on_all_windows
from rollcast.train.state import State
from rollcast.train.training import Training

# Between validations a checkpoint is written when the last one is older than this.
CHECKPOINT_SECONDS = 30.0


def run(
    problem: Problem,
    training: Training,
    seed: int,
    listeners: Sequence[Listener] = (),
    checkpoint: str | PathLike[str] | None = None,
    validation_every: int | None = None,
    stop_after: int | None = None,
    rates: np.ndarray | None = None,
    order: InOrder | None = None,
) -> Outcome:
    """Train ``problem`` and return its best weights with the history.

    ``listeners`` get every event. With ``checkpoint``, a path, the run is written there at every
    validation, every half minute and when it is interrupted; when the file exists, the run goes on
    from it to the same bits as if it had never stopped. ``validation_every`` counts steps, by
    default a twentieth of them; the first weights (step 0) and the last are always validated.

    ``stop_after`` ends the run after so many steps, 0 or more, of a schedule that is made for
    ``training.steps``: those are the first steps of the longer run, which the checkpoint can still
    become. A checkpoint that is beyond ``stop_after`` is begun anew. ``rates``, one a step, take
    the place of learning rate and schedule; the file does not remember them. ``order`` says which
    windows each step trains on, None = batches drawn anew in every pass.

    Raises ``TrainingError`` where a loss, gradient or score is not finite, ``UsageError`` and
    ``ModelFileError`` for a checkpoint that is of no use. KeyboardInterrupt and what listeners
    raise come through, after the checkpoint is written.
    """
    last = training.steps if stop_after is None else min(stop_after, training.steps)
    args = problem, training, seed, listeners, checkpoint, validation_every, last, rates, order
    return _Run(*args).train()


class _Run:
    def __init__(
        self,
        problem: Problem,
        training: Training,
        seed: int,
        listeners: Sequence[Listener],
        checkpoint: str | PathLike[str] | None,
        validation_every: int | None,
        last: int,
        rates: np.ndarray | None,
        order: InOrder | None,
    ) -> None:
        if validation_every is not None and validation_every < 1:
            raise UsageError(f"validation_every={validation_every}: expected a number from 1.")
        if last < 0:
            raise UsageError(f"stop_after={last}: expected a number from 0.")
        if rates is not None and len(rates) < last:
            raise UsageError(f"rates: {len(rates)} of them; expected one for each of {last} steps.")
        self.problem, self.training, self.listeners = problem, training, listeners
        self.last, self.rates = last, rates
        self.learning_rate = training.base_rate(problem.windows)
        self.every = validation_every or max(1, training.steps // 20)
        self.order = order or Order(problem.windows, training.batch_size, seed)
        self.optimizer = training.make_optimizer()
        self.schedule = training.make_schedule()
        self.bounds = training.clip_norm, training.clip_value
        self.watched = any(getattr(each, "watches_gradients", False) for each in listeners)
        self.interrupts = Interrupts()
        setting = problem, training, self.learning_rate, seed, self.every
        self.file = None if checkpoint is None else checkpoint_at(checkpoint, *setting)
        state = None if self.file is None else self.file.read()
        if state is None or state.step > last:
            weights = np.array(problem.initial(seed), training.dtype)
            state = State(weights, self.optimizer.start(weights), self.schedule.start)
        self.state = state
        self.carrying = problem if isinstance(problem, Carrying) else None
        if self.carrying:
            self.carrying.carried = state.carried
        self.began = self.written = perf_counter()

    @property
    def seconds(self) -> float:
        return self.state.seconds + perf_counter() - self.began

    def train(self) -> Outcome:
        searches = isinstance(self.optimizer, LBFGS)
        try:
            with self.interrupts.installed():
                self.emit(
                    FitStarted(
                        step=self.state.step,
                        steps=self.last,
                        windows=self.order.windows,
                        batch_size=self.order.windows if searches else self.order.batch_size,
                        weights=self.state.weights.size,
                        validation_every=self.every,
                    )
                )
                reason = self.until_done()
                finished = self.finished(reason)
                self.emit(finished)
        except BaseException as error:
            self.broken_off(error)
            raise
        weights, best_step = self.state.best()
        score, history = self.state.best_score, self.state.history()
        return Outcome(weights, best_step, score, history, reason, finished.seconds)

    def until_done(self) -> Reason:
        state, training = self.state, self.training
        while True:
            due = state.step % self.every == 0 or state.step == training.steps
            if due and state.validated != state.step:
                self.validate()
                self.write()
            if training.patience is not None and state.waited >= training.patience:
                return "patience"
            if state.step == self.last:
                if state.validated != state.step:
                    self.write()
                    self.file = None  # what follows is not part of a longer run
                    self.validate()
                return "finished"
            # Time for a last validation is set aside; one step is always made and scored.
            if training.max_seconds is not None and state.step > 0:
                left = training.max_seconds - self.seconds
                if left <= state.validation_seconds:
                    self.write()
                    self.file = None  # as above
                    if state.validated != state.step and (left > 0 or state.validated <= 0):
                        self.validate()
                    return "max_seconds"
            self.step()
            if self.file is not None and perf_counter() - self.written > CHECKPOINT_SECONDS:
                self.write()

    def step(self) -> None:
        rate = self.rate()
        if isinstance(self.optimizer, LBFGS):
            loss, norm = self.search(self.optimizer, rate)
        else:
            loss, norm = self.update(self.optimizer, rate)
        if self.listeners:
            state = self.state
            self.emit(StepDone(state.step, self.last, loss, norm, rate, self.seconds))

    def update(self, optimizer: Optimizer, rate: float) -> tuple[float, float]:
        """An update from one batch; the loss and the norm of its gradient."""
        state = self.state
        indices = self.order.batch(state.step)
        loss, gradient = self.problem.loss_and_gradient(state.weights, indices, state.step)
        loss = float(loss)
        self.show(gradient, *self.bounds)
        if not isfinite(loss):
            raise self.diverged(state.step + 1, "loss", loss)
        with self.interrupts:
            count = state.step + 1
            norm = optimizer.update(
                state.weights, gradient, state.arrays, count, rate, *self.bounds
            )
            if isfinite(norm):  # otherwise nothing was updated
                self.count(loss, norm, rate)
        if not isfinite(norm):
            raise self.diverged(state.step + 1, norm_called(gradient, self.problem.places()), norm)
        return loss, norm

    def search(self, optimizer: LBFGS, rate: float) -> tuple[float, float]:
        """A step of several evaluations on all windows; loss and norm before it."""
        state = self.state

        def evaluate(weights: np.ndarray) -> tuple[float, np.ndarray]:
            return on_all_windows(self.problem, self.order, weights, state.step)

        found = optimizer.search(state.weights, state.arrays, rate, evaluate)
        self.show(found.gradient, None, None)
        found_values = (found.loss, found.gradient_norm, found.last_loss)
        whats = ("loss", "gradient norm", "loss within the step")
        for what, value in zip(whats, found_values, strict=True):
            if not isfinite(value):
                raise self.diverged(state.step + 1, what, value)
        with self.interrupts:
            state.weights[...] = found.weights
            state.arrays = found.arrays
            self.count(found.loss, found.gradient_norm, rate)
        return found.loss, found.gradient_norm

    def count(self, loss: float, norm: float, rate: float) -> None:
        state = self.state
        state.take_step(loss, norm, rate)
        if self.carrying:
            state.carried = self.carrying.carried
        if self.schedule.by_step:
            state.schedule = self.schedule.observe(self.learning_rate, state.schedule, loss)

    def rate(self) -> float:
        state = self.state
        if self.rates is not None:
            return float(self.rates[state.step])
        return self.schedule.rate(
            self.learning_rate, state.step, self.training.steps, state.schedule
        )

    def validate(self) -> None:
        state = self.state
        began = perf_counter()
        score = self.problem.validate(state.weights)
        state.validation_seconds = max(state.validation_seconds, perf_counter() - began)
        if score is not None and not isfinite(score):
            raise self.diverged(state.step, "validation score", score)
        losses = state.losses[max(state.validated, 0) :]
        with self.interrupts:
            best = state.take_score(score)
            if not self.schedule.by_step and (score is not None or losses):
                seen = sum(losses) / len(losses) if score is None else score
                state.schedule = self.schedule.observe(self.learning_rate, state.schedule, seen)
        if score is not None:
            assert state.best_score is not None
            self.emit(ValidationDone(state.step, score, best, state.best_step, state.best_score))

    def show(self, gradient: np.ndarray, *bounds: float | None) -> None:
        if self.watched:
            norms, clipped = norms_of(gradient, self.problem.places(), *bounds)
            self.emit(GradientSeen(self.state.step + 1, norms, clipped))

    def diverged(self, step: int, what: str, value: float) -> TrainingError:
        losses = self.state.losses
        return diverged(self.training, self.learning_rate, losses, step, what, value)

    def finished(self, reason: Reason) -> FitFinished:
        state = self.state
        _, best_step = state.best()
        return FitFinished(reason, state.step, best_step, state.best_score, self.seconds)

    def broken_off(self, error: BaseException) -> None:
        """Leave a checkpoint where that makes sense, and tell everybody that it is over."""
        # After a loss that is not finite, going on would only find it again.
        if not self.interrupts.torn and not isinstance(error, TrainingError):
            try:
                self.write()
            except OSError as failure:
                error.add_note(f"The checkpoint could not be written: {failure}")
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        for listener in self.listeners:
            with suppress(Exception):  # the first error is the one to report
                listener(self.finished(reason))

    def emit(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def write(self) -> None:
        if self.file is None:
            return
        now = perf_counter()
        earlier, self.state.seconds = self.state.seconds, self.seconds
        try:
            self.file.write(self.state)
        finally:
            self.state.seconds = earlier
        self.written = now
