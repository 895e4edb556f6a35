"""The loop on a small problem: what it learns, when it stops, what it tells."""

import dataclasses
import signal
import threading

import numpy as np
import pytest

from rollcast.errors import DataError, TrainingError, UsageError
from rollcast.train.events import FitFinished, FitStarted, StepDone, ValidationDone
from rollcast.train.loop import run
from rollcast.train.optimizers import OPTIMIZERS
from rollcast.train.schedule import SCHEDULES
from rollcast.train.training import Training, learning_rate_for

QUICK = Training(steps=60, batch_size=10, learning_rate=0.05)


def kinds(events):
    return [type(event) for event in events]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_optimizer_with_every_schedule_finds_the_line(
    line_problem, optimizer, schedule, dtype
):
    problem = line_problem(dtype=dtype)
    steps = 30 if optimizer == "lbfgs" else 300
    training = Training(steps, 10, optimizer, 0.05, schedule, dtype=dtype)
    outcome = run(problem, training, seed=1)
    assert outcome.weights.dtype == dtype
    assert outcome.reason == "finished"
    assert problem.validate(outcome.weights) == outcome.best_score < 0.02


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(line_problem):
    one, two = (run(line_problem(), QUICK, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)
    np.testing.assert_array_equal(one.history.loss, two.history.loss)
    other = run(line_problem(), QUICK, seed=4)
    assert not np.array_equal(other.weights, one.weights)


def test_the_history_has_an_entry_for_every_step_and_validation(line_problem):
    outcome = run(line_problem(), QUICK, seed=0, validation_every=7)
    history = outcome.history
    assert history.loss.shape == history.gradient_norm.shape == history.learning_rate.shape == (60,)
    np.testing.assert_array_equal(history.validation_step, [0, 7, 14, 21, 28, 35, 42, 49, 56, 60])
    assert history.validation_score.min() == outcome.best_score
    best = history.validation_step[history.validation_score.argmin()]
    assert outcome.best_step == best
    assert history.learning_rate[0] == 0.05
    assert np.all(np.diff(history.learning_rate) < 0)


def test_by_default_there_are_twenty_validations_after_that_of_the_first_weights(line_problem):
    assert run(line_problem(), QUICK, seed=0).history.validation_step.tolist() == list(
        range(0, 61, 3)
    )
    short = run(line_problem(), Training(steps=3), seed=0)
    assert short.history.validation_step.tolist() == [0, 1, 2, 3]


def test_the_first_score_is_that_of_the_first_weights(line_problem):
    problem = line_problem()
    outcome = run(problem, QUICK, seed=5)
    first = problem.initial(5).astype("float32")
    assert outcome.history.validation_score[0] == problem.validate(first)


def test_the_best_weights_come_back_not_the_last(line_problem):
    problem = line_problem()
    scores = iter([9.0, 3.0, 1.0, 2.0, 1.0])
    seen = []

    def validate(weights):
        seen.append(weights.copy())
        return next(scores)

    problem.validate = validate
    outcome = run(problem, Training(steps=40, batch_size=10), seed=0, validation_every=10)
    assert (outcome.best_step, outcome.best_score) == (20, 1.0)
    np.testing.assert_array_equal(outcome.weights, seen[2])
    assert len(seen) == 5


def test_the_first_weights_come_back_when_training_only_made_them_worse(line_problem):
    problem = line_problem()
    scores = iter([0.5, 3.0, 1.0, 2.0, 1.0])
    problem.validate = lambda weights: next(scores)
    outcome = run(problem, Training(steps=40, batch_size=10), seed=0, validation_every=10)
    assert (outcome.best_step, outcome.best_score, outcome.reason) == (0, 0.5, "finished")
    np.testing.assert_array_equal(outcome.weights, problem.initial(0).astype("float32"))
    assert len(outcome.history.loss) == 40


def test_patience_counts_validations_without_a_new_best(line_problem):
    problem = line_problem()
    scores = iter([6.0, 5.0, 4.0, 4.5, 3.0, 3.0, 3.5, 9.0, 0.0])
    problem.validate = lambda weights: next(scores)
    training = Training(steps=80, batch_size=10, patience=3)
    outcome = run(problem, training, seed=0, validation_every=10)
    assert outcome.reason == "patience"
    assert outcome.best_step == 40
    assert len(outcome.history.loss) == 70
    assert outcome.history.validation_step.tolist() == list(range(0, 71, 10))


def test_patience_measures_against_the_first_weights_too(line_problem):
    problem = line_problem()
    scores = iter([1.0, 2.0, 1.5, 1.0, 0.0])
    problem.validate = lambda weights: next(scores)
    training = Training(steps=80, batch_size=10, patience=3)
    outcome = run(problem, training, seed=0, validation_every=10)
    assert (outcome.reason, outcome.best_step, outcome.best_score) == ("patience", 0, 1.0)
    assert len(outcome.history.loss) == 30


def test_without_validation_windows_the_last_weights_are_taken(line_problem):
    problem = line_problem()
    problem.validate = lambda weights: None
    events = []
    outcome = run(problem, Training(steps=9, patience=1), seed=0, listeners=[events.append])
    assert (outcome.best_step, outcome.best_score, outcome.reason) == (9, None, "finished")
    assert ValidationDone not in kinds(events)
    assert outcome.history.validation_score.shape == (0,)


def test_a_plateau_lowers_the_rate_by_the_validation_score(line_problem):
    problem = line_problem()
    problem.validate = lambda weights: 1.0
    training = Training(steps=60, batch_size=10, learning_rate=0.01, schedule="plateau")
    rates = run(problem, training, seed=0, validation_every=10).history.learning_rate
    # The first weights set the mark; those of 10, 20 and 30 are waited for, 40 is one too many.
    assert set(rates[:40]) == {0.01}
    assert set(rates[40:]) == {0.005}


def test_a_plateau_may_watch_the_loss_of_every_step(line_problem):
    problem = line_problem()
    problem.validate = lambda weights: None
    learn = problem.loss_and_gradient
    problem.loss_and_gradient = lambda *a: (1.0, learn(*a)[1])
    training = Training(12, 10, learning_rate=0.01, schedule="plateau(watch=loss, patience=4)")
    rates = run(problem, training, seed=0).history.learning_rate
    # The first loss sets the mark, four are waited for, the sixth is one too many.
    np.testing.assert_array_equal(rates, [0.01] * 6 + [0.005] * 5 + [0.0025])


def test_a_plateau_without_validation_windows_goes_by_the_mean_loss_between(line_problem):
    problem = line_problem()
    problem.validate = lambda weights: None
    losses = iter([3.0, 5.0, 1.0, 1.0, 2.0, 0.0, 9.0, 9.0, 9.0, 9.0])
    learn = problem.loss_and_gradient
    problem.loss_and_gradient = lambda *a: (next(losses), learn(*a)[1])
    training = Training(10, 10, learning_rate=0.01, schedule="plateau(patience=0)")
    outcome = run(problem, training, seed=0, validation_every=2)
    # Means 4, 1, 1, 9: the third is not new.
    assert outcome.history.learning_rate.tolist() == [0.01] * 6 + [0.005] * 2 + [0.0025] * 2
    assert outcome.best_score is None


@pytest.mark.parametrize("line_search", ["none", "wolfe"])
@pytest.mark.parametrize("call", [1, 9, 11])
def test_lbfgs_says_when_a_loss_is_not_finite(line_problem, line_search, call):
    problem = line_problem()
    learn, calls = problem.loss_and_gradient, []

    def diverge(*arguments):
        calls.append(1)
        loss, gradient = learn(*arguments)
        return (np.nan if len(calls) >= call else loss), gradient

    problem.loss_and_gradient = diverge
    name = f"lbfgs(line_search={line_search}, iterations=4)"
    training = Training(5, 50, name, 0.001 if line_search == "none" else 1.0)
    with pytest.raises(TrainingError, match=r"step \d: the loss.* is nan") as caught:
        run(problem, training, seed=0)
    if call > 1:
        assert "line_search=wolfe" in str(caught.value)


def test_clipping_bounds_the_step_and_the_history_tells_the_norm_before(line_problem):
    problem = line_problem()
    training = Training(20, 10, "sgd(momentum=0.9)", 1.0, "constant", clip_norm=1e-3)
    start = problem.initial(0)
    outcome = run(problem, training, seed=0, validation_every=1)
    assert outcome.history.gradient_norm.min() > 1e-3
    # With momentum 0.9 a step is at most ten times the bound.
    assert np.linalg.norm(outcome.weights - start) <= 20 * 1e-2


def test_a_batch_holds_different_windows_and_passes_go_round(line_problem):
    problem = line_problem(windows=50)
    run(problem, Training(steps=10, batch_size=10), seed=0)
    for first in (0, 5):
        seen = np.concatenate(problem.seen[first : first + 5])
        np.testing.assert_array_equal(np.sort(seen), np.arange(50))


def test_the_events_tell_the_whole_story_in_order(line_problem, clock):
    problem = line_problem()
    problem.loss_and_gradient = clock.slow(problem.loss_and_gradient, 2.0)
    events = []
    training = Training(steps=4, batch_size=1000)
    outcome = run(problem, training, seed=0, listeners=[events.append], validation_every=2)
    assert kinds(events) == [
        FitStarted,
        ValidationDone,
        *([StepDone, StepDone, ValidationDone] * 2),
        FitFinished,
    ]
    assert events[0] == FitStarted(0, 4, 50, 50, 5, 2)
    steps = [event for event in events if type(event) is StepDone]
    assert [event.step for event in steps] == [1, 2, 3, 4]
    assert [event.loss for event in steps] == outcome.history.loss.tolist()
    assert [event.seconds for event in steps] == [2.0, 4.0, 6.0, 8.0]
    validations = [event for event in events if type(event) is ValidationDone]
    assert [event.step for event in validations] == [0, 2, 4]
    assert [event.score for event in validations] == outcome.history.validation_score.tolist()
    assert (validations[0].best, validations[0].best_step) == (True, 0)
    last = events[-1]
    assert (last.reason, last.step, last.best_step) == ("finished", 4, outcome.best_step)
    assert last.best_score == outcome.best_score


def test_time_for_the_last_validation_is_set_aside(line_problem, clock):
    problem = line_problem()
    problem.loss_and_gradient = clock.slow(problem.loss_and_gradient, 1.0)
    problem.validate = clock.slow(problem.validate, 5.0)
    training = Training(steps=1000, batch_size=10, max_seconds=35.0)
    outcome = run(problem, training, seed=0, validation_every=10)
    # 5 s, 10 steps, 5 s, 10 steps = 30 s; then the validation of step 20 ends the time.
    assert outcome.reason == "max_seconds"
    assert outcome.history.validation_step.tolist() == [0, 10, 20]
    assert outcome.seconds == 35.0
    training = Training(steps=1000, batch_size=10, max_seconds=33.0)
    outcome = run(problem, training, seed=0, validation_every=15)
    assert outcome.history.validation_step.tolist() == [0, 15, 18]
    assert outcome.seconds == 33.0


def test_a_run_without_time_still_makes_one_step_and_scores_it(line_problem, clock):
    problem = line_problem()
    problem.loss_and_gradient = clock.slow(problem.loss_and_gradient, 100.0)
    problem.validate = clock.slow(problem.validate, 1.0)
    outcome = run(problem, Training(steps=10, max_seconds=1.0), seed=0, validation_every=5)
    assert (outcome.reason, outcome.best_step) == ("max_seconds", 1)
    assert outcome.best_score == problem.validate(outcome.weights)
    assert outcome.history.validation_step.tolist() == [0, 1]
    assert len(outcome.history.loss) == 1
    assert outcome.seconds == 102.0


def test_steps_that_used_up_all_the_time_are_scored_unless_some_were(line_problem, clock):
    problem = line_problem()
    problem.loss_and_gradient = clock.slow(problem.loss_and_gradient, 10.0)
    problem.validate = clock.slow(problem.validate, 1.0)
    training = Training(steps=100, max_seconds=35.0)
    # 1 s, 10 s, 10 s, 10 s: 4 s are left and a step is begun; after it, no time is.
    outcome = run(problem, training, seed=0, validation_every=50)
    assert outcome.history.validation_step.tolist() == [0, 4]
    assert outcome.seconds == 42.0
    outcome = run(problem, training, seed=0, validation_every=2)
    assert outcome.history.validation_step.tolist() == [0, 2, 4]
    assert outcome.seconds == 43.0
    outcome = run(problem, training, seed=0, validation_every=3)
    assert outcome.history.validation_step.tolist() == [0, 3]
    assert outcome.seconds == 42.0


def test_a_first_step_is_scored_when_there_is_time_for_that(line_problem, clock):
    problem = line_problem()
    problem.loss_and_gradient = clock.slow(problem.loss_and_gradient, 10.0)
    problem.validate = clock.slow(problem.validate, 1.0)
    outcome = run(problem, Training(steps=10, max_seconds=12.0), seed=0, validation_every=5)
    assert outcome.history.validation_step.tolist() == [0, 1]
    assert (outcome.reason, outcome.seconds) == ("max_seconds", 12.0)


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_or_gradient_that_is_not_finite_names_the_step_and_the_remedies(
    line_problem, what, value
):
    problem = line_problem()
    learn = problem.loss_and_gradient

    def diverge(weights, indices, step):
        loss, gradient = learn(weights, indices, step)
        if step == 6:
            loss = value if what == "loss" else loss
            gradient[1] = value if what == "gradient" else gradient[1]
        return loss, gradient

    problem.loss_and_gradient = diverge
    events = []
    expected = rf"step 7: the {what}.*last loss was \d.*learning_rate=0\.05.*clip_norm=1\b.*scaling"
    with pytest.raises(TrainingError, match=expected):
        run(problem, QUICK, seed=0, listeners=[events.append])
    assert events[-1].reason == "failed"


def test_a_score_that_is_not_finite_stops_the_run_too(line_problem):
    problem = line_problem()
    scores = iter([1.0, float("nan")])
    problem.validate = lambda weights: next(scores)
    with pytest.raises(TrainingError, match=r"step 3: the validation score is nan.*rate=0\.05"):
        run(problem, QUICK, seed=0)


def test_first_weights_without_a_finite_score_are_no_fault_of_the_learning_rate(line_problem):
    problem = line_problem()
    problem.validate = lambda weights: float("inf")
    with pytest.raises(TrainingError, match="step 0: the validation score is inf") as caught:
        run(problem, QUICK, seed=0)
    assert "Look at the data" in str(caught.value)
    assert "learning" not in str(caught.value)


def test_the_learning_rate_that_was_too_large_is_named_also_when_it_was_left_open(line_problem):
    problem = line_problem(windows=50)
    scores = iter([1.0, float("nan")])
    problem.validate = lambda weights: next(scores)
    with pytest.raises(TrainingError, match=r"smaller learning rate \(learning_rate=0\.0001;"):
        run(problem, Training(steps=60, batch_size=10), seed=0)


def test_a_learning_rate_left_open_is_that_for_the_number_of_windows(line_problem):
    open_rate = Training(steps=20, batch_size=10, schedule="constant")
    left = run(line_problem(windows=30), open_rate, seed=0)
    assert set(left.history.learning_rate) == {learning_rate_for(30)}
    given = dataclasses.replace(open_rate, learning_rate=learning_rate_for(30))
    np.testing.assert_array_equal(
        left.weights, run(line_problem(windows=30), given, seed=0).weights
    )


def test_the_very_first_loss_may_be_the_bad_one(line_problem):
    problem = line_problem()
    problem.loss_and_gradient = lambda weights, indices, step: (np.nan, np.zeros(5))
    with pytest.raises(TrainingError, match="step 1: the loss is nan; it was the first"):
        run(problem, QUICK, seed=0)


def test_what_a_listener_raises_comes_through_and_the_others_hear_the_end(line_problem):
    events = []

    def faulty(event):
        if isinstance(event, StepDone) and event.step == 5:
            raise RuntimeError("full disk")

    with pytest.raises(RuntimeError, match="full disk"):
        run(line_problem(), QUICK, seed=0, listeners=[events.append, faulty])
    assert (events[-1].reason, events[-1].step) == ("failed", 5)


def test_ctrl_c_is_told_and_raised_again(line_problem):
    events = []

    def press(event):
        if isinstance(event, StepDone) and event.step == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(line_problem(), QUICK, seed=0, listeners=[press, events.append])
    assert events[-1].reason == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_training_runs_in_any_thread(line_problem):
    outcomes = []
    worker = threading.Thread(target=lambda: outcomes.append(run(line_problem(), QUICK, seed=3)))
    worker.start()
    worker.join()
    np.testing.assert_array_equal(outcomes[0].weights, run(line_problem(), QUICK, seed=3).weights)


def test_the_first_weights_of_the_problem_are_left_alone(line_problem):
    problem = line_problem(dtype="float64")
    kept = problem.initial(0)
    problem.initial = lambda seed: kept
    before = kept.copy()
    run(problem, Training(steps=5, dtype="float64"), seed=0)
    np.testing.assert_array_equal(kept, before)


def test_what_cannot_be_is_refused_at_the_door(line_problem, tmp_path):
    with pytest.raises(UsageError, match="validation_every=0"):
        run(line_problem(), QUICK, seed=0, validation_every=0)
    with pytest.raises(UsageError, match="there is no folder"):
        run(line_problem(), QUICK, seed=0, checkpoint=tmp_path / "no" / "file")
    with pytest.raises(DataError, match="no window"):
        run(line_problem(windows=0), QUICK, seed=0)
