"""Every schedule against torch's."""

import numpy as np
import pytest
import torch

from rollcast.errors import UsageError
from rollcast.train.schedule import SCHEDULES, constant, cosine, one_cycle, plateau


def torch_optimizer(base):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], base)


def rates_of(schedule, base, steps):
    return [schedule.rate(base, step, steps, schedule.start) for step in range(steps)]


def test_cosine_is_that_of_torch():
    optimizer = torch_optimizer(0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    expected = []
    for _ in range(50):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    np.testing.assert_allclose(rates_of(cosine(), 0.3, 50), expected, rtol=1e-12)


def test_a_warm_up_climbs_straight_and_meets_the_cosine_at_its_top():
    rates = rates_of(cosine(warm_up=0.1), 1.0, 100)
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[10:], rates_of(cosine(), 1.0, 90))


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_rate_is_above_zero_and_at_most_the_base(name, steps):
    rates = rates_of(SCHEDULES[name](), 0.01, steps)
    assert max(rates) == pytest.approx(0.01, rel=0.3)
    assert all(0.0 < rate <= 0.01 for rate in rates)


@pytest.mark.parametrize("total", [4, 10, 37, 200])
@pytest.mark.parametrize("options", [(0.3, 25.0, 1e4), (0.5, 10.0, 100.0), (0.15, 4.0, 1.0)])
def test_one_cycle_is_that_of_torch(total, options):
    climb, first, last = options
    optimizer = torch_optimizer(1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.3, total, pct_start=climb, div_factor=first, final_div_factor=last,
        cycle_momentum=False,
    )  # fmt: skip
    expected = []
    for _ in range(total):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step() if len(expected) < total else None
    np.testing.assert_allclose(rates_of(one_cycle(*options), 0.3, total), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cosine(warm_up=1.0), "warm_up=1.0"),
        (lambda: one_cycle(climb=1.5), "climb=1.5"),
        (lambda: one_cycle(first_divisor=0.5), "first_divisor=0.5"),
        (lambda: plateau(factor=1.0), "factor=1.0"),
        (lambda: plateau(patience=-1), "patience=-1"),
        (lambda: plateau(watch="test"), "watch='test'; expected validation or loss"),
    ],
)
def test_an_option_out_of_range_is_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_constant_stays():
    assert rates_of(constant(), 0.2, 5) == [0.2] * 5


@pytest.mark.parametrize(
    ("factor", "patience", "threshold", "base"),
    [(0.5, 3, 1e-4, 0.1), (0.1, 0, 0.0, 1.0), (0.9, 1, 0.05, 2e-7)],
)
def test_plateau_is_that_of_torch(factor, patience, threshold, base):
    rng = np.random.default_rng(4)
    scores = np.abs(np.cumsum(rng.standard_normal(120)) + 5.0)
    scores[40:60] = scores[39]
    optimizer = torch_optimizer(base)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, threshold=threshold
    )
    schedule = plateau(factor, patience, threshold)
    state = schedule.start
    for step, score in enumerate(scores):
        theirs.step(score)
        state = schedule.observe(base, state, float(score))
        rate = schedule.rate(base, step, 120, state)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert rate < base


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_state_is_a_tuple_of_floats_for_the_checkpoint(name):
    schedule = SCHEDULES[name]()
    state = schedule.observe(0.1, schedule.start, 2.0)
    assert len(state) == len(schedule.start)
    assert all(type(number) is float for number in state)
