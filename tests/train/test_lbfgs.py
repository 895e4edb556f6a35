"""L-BFGS against torch, iterate by iterate, and against SciPy at the minimum."""

import numpy as np
import pytest
import torch
from scipy import optimize

from rollcast.train.lbfgs import LBFGS, LONGEST_SEARCH
from rollcast.train.line_search import CURVATURE, DECREASE, Point, strong_wolfe
from rollcast.train.loop import run
from rollcast.train.training import Training

RNG = np.random.default_rng(0)
MATRIX, RIGHT = torch.tensor(RNG.normal(size=(40, 12))), torch.tensor(RNG.normal(size=40))
INPUTS = torch.tensor(RNG.normal(size=(30, 3)))


def rosenbrock(w):
    return ((1 - w[:-1]) ** 2 + 100 * (w[1:] - w[:-1] ** 2) ** 2).sum()


def least_squares(w):
    return ((MATRIX @ w - RIGHT) ** 2).mean()


def network(w):
    hidden = torch.tanh(INPUTS @ w[:24].reshape(3, 8) + w[24:32])
    return ((hidden @ w[32:40] + w[40] - torch.sin(INPUTS.sum(1))) ** 2).mean()


# function, weights, learning rate without a line search, steps before rounding has grown too far
PROBLEMS = {
    "rosenbrock": (rosenbrock, 10, 0.02, 6),
    "least squares": (least_squares, 12, 0.5, 8),
    "network": (network, 41, 0.3, 3),
}


def counted(function):
    """Loss and gradient of plain arrays, and how often they were asked for."""
    calls = []

    def evaluate(weights):
        calls.append(weights)
        leaf = torch.tensor(weights, requires_grad=True)
        loss = function(leaf)
        loss.backward()
        return loss.item(), leaf.grad.numpy().copy()

    return evaluate, calls


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("line_search", [None, "wolfe"])
@pytest.mark.parametrize(("history", "iterations", "most"), [(100, 20, None), (5, 20, None),
                                                            (100, 3, 3), (100, 1, 26)])  # fmt: skip
def test_every_step_is_that_of_torch(problem, line_search, history, iterations, most):
    function, size, rate, steps = PROBLEMS[problem]
    rate = rate if line_search is None else 1.0
    weights = 0.5 * np.random.default_rng(3).normal(size=size)
    guest = torch.nn.Parameter(torch.tensor(weights))
    torch_name = None if line_search is None else "strong_wolfe"
    theirs = torch.optim.LBFGS(
        [guest], rate, iterations, most, history_size=history, line_search_fn=torch_name
    )
    theirs_asked = []

    def closure():
        theirs_asked.append(1)
        theirs.zero_grad()
        loss = function(guest)
        loss.backward()
        return loss

    most = None if most == LONGEST_SEARCH + 1 else most  # what we have by default is torch's 26
    ours = LBFGS(iterations, most, history, line_search=line_search)
    evaluate, asked = counted(function)
    arrays = ours.start(weights)
    for step in range(steps):
        loss = theirs.step(closure)
        found = ours.search(weights, arrays, rate, evaluate)
        weights, arrays = found.weights, found.arrays
        assert found.loss == pytest.approx(loss.item(), rel=1e-6)
        assert len(asked) == len(theirs_asked)
        np.testing.assert_allclose(
            weights, guest.detach().numpy(), rtol=0, atol=3e-10 if step < 2 else 1e-8
        )
    assert len(arrays["moves"]) == len(arrays["turns"]) <= history


@pytest.mark.parametrize("problem", ["rosenbrock", "least squares"])
def test_the_minimum_is_that_of_scipy(problem):
    function, size, _, _ = PROBLEMS[problem]
    evaluate, _ = counted(function)
    weights = np.full(size, 0.5)
    expected = optimize.minimize(evaluate, weights, jac=True, method="L-BFGS-B", tol=1e-14)
    ours = LBFGS(line_search="wolfe", tolerance_change=0.0, tolerance_gradient=1e-9)
    arrays = ours.start(weights)
    for _ in range(10):
        found = ours.search(weights, arrays, 1.0, evaluate)
        weights, arrays = found.weights, found.arrays
    assert found.loss == pytest.approx(expected.fun, abs=1e-9)
    np.testing.assert_allclose(weights, expected.x, atol=1e-4)


def test_steps_of_one_move_reach_the_minimum():
    # the first trial is far too long: a search of no further point would stay where it is for ever
    evaluate, _ = counted(lambda w: 1e4 * (w**2).sum() + w.sum())
    ours, weights = LBFGS(iterations=1, line_search="wolfe"), np.zeros(3)
    arrays, losses = ours.start(weights), []
    for _ in range(8):
        found = ours.search(weights, arrays, 1.0, evaluate)
        weights, arrays = found.weights, found.arrays
        losses.append(found.loss)
    assert losses[1] < losses[0]
    np.testing.assert_allclose(weights, -0.5e-4, rtol=1e-4)


def test_a_search_changes_nothing_that_it_was_given():
    evaluate, _ = counted(rosenbrock)
    ours, weights = LBFGS(), np.zeros(4)
    found = ours.search(weights, ours.start(weights), 0.01, evaluate)
    before = {name: array.copy() for name, array in found.arrays.items()}
    again = [ours.search(found.weights, found.arrays, 0.01, evaluate) for _ in range(2)]
    np.testing.assert_array_equal(again[0].weights, again[1].weights)
    for name, array in found.arrays.items():
        np.testing.assert_array_equal(array, before[name])
    assert not weights.any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_and_memory_keep_their_type(dtype):
    weights = np.zeros(5, dtype)

    def evaluate(w):
        return float(((w - 1) ** 2).sum()), 2 * (w - 1)

    ours = LBFGS()
    found = ours.search(weights, ours.start(weights), 0.3, evaluate)
    arrays = {name: array.dtype for name, array in found.arrays.items() if name != "numbers"}
    assert {found.weights.dtype, *arrays.values()} == {np.dtype(dtype)}


def test_at_the_minimum_one_look_is_enough():
    evaluate, asked = counted(lambda w: (w**2).sum())
    ours, weights = LBFGS(), np.zeros(3)
    found = ours.search(weights, ours.start(weights), 1.0, evaluate)
    assert len(asked) == 1
    np.testing.assert_array_equal(found.weights, weights)


@pytest.mark.parametrize("most", [1, 4, 9])
@pytest.mark.parametrize("line_search", [None, "wolfe"])
def test_no_step_looks_more_often_than_it_may(line_search, most):
    evaluate, asked = counted(rosenbrock)
    ours = LBFGS(evaluations=most, line_search=line_search)
    weights = np.zeros(4)
    ours.search(weights, ours.start(weights), 0.001, evaluate)
    # The first trial of a line search is always made, as in torch.
    assert len(asked) <= most + 1


def point(step, slope_of, loss_of):
    return Point(step, loss_of(step), slope_of(step), np.zeros(1))


@pytest.mark.parametrize("first", [1e-4, 0.1, 1.0, 7.0, 300.0])
@pytest.mark.parametrize("beta", [1e-3, 0.01, 0.1])
def test_the_line_search_ends_where_the_strong_wolfe_conditions_hold(first, beta):
    # More and Thuente 1994, first function of their section 5.
    def loss(step):
        return -step / (step * step + 2 + beta)

    def slope(step):
        return (step * step - 2 - beta) / (step * step + 2 + beta) ** 2

    zero = point(0.0, slope, loss)
    looked_at = []

    def at(step):
        looked_at.append(step)
        return point(step, slope, loss)

    found, looked = strong_wolfe(at, zero, first, 1.0, 1e-9, 25)
    assert looked == len(looked_at)
    assert found.loss <= zero.loss + DECREASE * found.step * zero.slope
    assert abs(found.slope) <= CURVATURE * abs(zero.slope)


def test_the_line_search_comes_back_from_where_the_loss_is_not_finite():
    def at(step):
        if step > 0.1:
            return Point(step, float("inf"), 0.0, np.zeros(1))
        return Point(step, (step - 0.05) ** 2, 2 * (step - 0.05), np.zeros(1))

    found, looked = strong_wolfe(at, at(0.0), 1.0, 1.0, 1e-9, 25)
    assert 0.0 < found.step < 0.1 and looked < 10
    found, _ = strong_wolfe(at, at(0.0), 1.0, 1.0, 1e-9, 0)
    assert found.step == 0.0


def test_a_run_trains_on_all_windows_whatever_the_size_of_a_batch(line_problem):
    outcomes = []
    for batch_size in (7, 50, 1000):
        problem = line_problem(dtype="float64")
        training = Training(4, batch_size, "lbfgs(iterations=3)", 0.1, dtype="float64")
        events = []
        outcomes.append(run(problem, training, seed=1, listeners=[events.append]))
        assert events[0].batch_size == 50
        seen = [tuple(np.concatenate(problem.seen).tolist()[k : k + 50]) for k in range(0, 600, 50)]
        assert set(seen) == {tuple(range(50))}
    for other in outcomes[1:]:
        np.testing.assert_allclose(other.weights, outcomes[0].weights, rtol=1e-12)


def test_left_open_rate_and_schedule_are_those_of_the_method(line_problem):
    outcome = run(line_problem(), Training(5, optimizer="lbfgs(line_search=wolfe)"), seed=1)
    assert set(outcome.history.learning_rate) == {1.0}
    assert outcome.history.loss[1] < 0.02 < outcome.history.loss[0]
