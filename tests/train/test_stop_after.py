"""A run that is to end early is the beginning of the longer one."""

import numpy as np
import pytest

from rollcast.errors import UsageError
from rollcast.train.events import FitStarted, StepDone
from rollcast.train.loop import run
from rollcast.train.optimizers import OPTIMIZERS
from rollcast.train.schedule import SCHEDULES
from rollcast.train.training import Training


def without_scores(problem):
    """So that the last weights come back."""
    problem.validate = lambda weights: None
    return problem


def with_coarse_scores(problem):
    """So that they stand still and a plateau lowers the rate."""
    score = problem.validate
    problem.validate = lambda weights: float(np.ceil(score(weights)))
    return problem


def assert_begins(short, whole, steps):
    for name in ("loss", "gradient_norm", "learning_rate"):
        found, expected = getattr(short.history, name), getattr(whole.history, name)
        assert found.shape == (steps,)
        np.testing.assert_array_equal(found, expected[:steps])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 1, 17, 40])
def test_its_bits_are_those_of_the_first_steps_of_a_longer_run(line_problem, optimizer, steps):
    training = Training(40, 8, optimizer, 0.05)
    problem = without_scores(line_problem())
    learn, passed = problem.loss_and_gradient, {}

    def watched(weights, indices, step):
        passed.setdefault(step, weights.copy())  # lbfgs asks several times
        return learn(weights, indices, step)

    problem.loss_and_gradient = watched
    whole = run(problem, training, seed=3)
    passed[40] = whole.weights
    short = run(without_scores(line_problem()), training, seed=3, stop_after=steps)
    np.testing.assert_array_equal(short.weights, passed[steps])
    assert (short.best_step, short.best_score, short.reason) == (steps, None, "finished")
    assert_begins(short, whole, steps)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_its_schedule_and_its_scores_are_those_of_the_longer_run(line_problem, schedule):
    training = Training(60, 8, "sgd", 0.1, schedule)
    whole = run(with_coarse_scores(line_problem()), training, seed=2)
    assert schedule == "constant" or len(set(whole.history.learning_rate[:34])) > 1
    short = run(with_coarse_scores(line_problem()), training, seed=2, stop_after=34)
    assert_begins(short, whole, 34)
    # Every third step is validated, as in the longer run, and then the last.
    assert short.history.validation_step.tolist() == [*range(0, 34, 3), 34]
    np.testing.assert_array_equal(
        short.history.validation_score[:-1], whole.history.validation_score[:12]
    )


def test_it_can_end_before_the_first_step_and_not_after_the_last(line_problem):
    training = Training(20, 8)
    problem = line_problem()
    none = run(problem, training, seed=1, stop_after=0)
    np.testing.assert_array_equal(none.weights, problem.initial(1).astype("float32"))
    assert (none.best_step, none.reason, problem.seen) == (0, "finished", [])
    assert none.best_score == problem.validate(none.weights)
    more = run(line_problem(), training, seed=1, stop_after=21)
    np.testing.assert_array_equal(more.weights, run(line_problem(), training, seed=1).weights)
    with pytest.raises(UsageError, match="stop_after=-1"):
        run(line_problem(), training, seed=1, stop_after=-1)


def test_the_events_count_up_to_where_it_ends(line_problem):
    events = []
    run(line_problem(), Training(20, 8), 1, [events.append], stop_after=7)
    assert {event.steps for event in events if type(event) in (FitStarted, StepDone)} == {7}


def test_patience_may_end_it_earlier(line_problem):
    problem = line_problem()
    problem.validate = lambda weights: 1.0
    training = Training(40, 8, patience=2)
    outcome = run(problem, training, seed=1, validation_every=5, stop_after=30)
    assert (outcome.reason, len(outcome.history.loss)) == ("patience", 10)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_its_checkpoint_can_become_the_longer_run(line_problem, tmp_path, schedule):
    training, path = Training(60, 8, "sgd", 0.1, schedule), tmp_path / "run"
    whole = run(with_coarse_scores(line_problem()), training, seed=2)
    for last in (10, 34):  # 10 and 34 are no steps that the longer run validates
        run(with_coarse_scores(line_problem()), training, seed=2, checkpoint=path, stop_after=last)
    problem = with_coarse_scores(line_problem())
    outcome = run(problem, training, seed=2, checkpoint=path)
    assert len(problem.seen) == 60 - 34
    np.testing.assert_array_equal(outcome.weights, whole.weights)
    assert_begins(outcome, whole, 60)
    np.testing.assert_array_equal(outcome.history.validation_step, whole.history.validation_step)
    np.testing.assert_array_equal(outcome.history.validation_score, whole.history.validation_score)


def test_when_it_was_done_it_is_not_done_again(line_problem, tmp_path):
    training, path = Training(60, 8), tmp_path / "run"
    first = run(line_problem(), training, seed=2, checkpoint=path, stop_after=10)
    problem = line_problem()
    again = run(problem, training, seed=2, checkpoint=path, stop_after=10)
    assert problem.seen == []
    np.testing.assert_array_equal(again.weights, first.weights)
    np.testing.assert_array_equal(again.history.validation_step, first.history.validation_step)


def test_a_checkpoint_that_is_beyond_the_end_is_begun_anew(line_problem, tmp_path):
    training, path = Training(60, 8), tmp_path / "run"
    run(line_problem(), training, seed=2, checkpoint=path, stop_after=30)
    outcome = run(line_problem(), training, seed=2, checkpoint=path, stop_after=10)
    straight = run(line_problem(), training, seed=2, stop_after=10)
    np.testing.assert_array_equal(outcome.weights, straight.weights)
    assert_begins(outcome, straight, 10)


def test_the_rates_of_one_run_lead_another_the_same_way(line_problem):
    training = Training(60, 8, learning_rate=0.3, schedule="plateau")
    problem = line_problem()
    problem.validate = lambda weights: 1.0
    whole = run(problem, training, seed=2)
    assert len(set(whole.history.learning_rate)) > 1
    rates = whole.history.learning_rate[:50]
    led = run(without_scores(line_problem()), training, 2, stop_after=50, rates=rates)
    assert_begins(led, whole, 50)
    with pytest.raises(UsageError, match="50 of them; expected one for each of 51 steps"):
        run(line_problem(), training, 2, stop_after=51, rates=rates)
