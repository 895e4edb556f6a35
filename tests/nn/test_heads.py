"""Every head: its loss against torch, its gradient numerically, its quantiles against scipy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from rollcast.errors import UsageError
from rollcast.nn.heads import DEFAULT_LEVELS, make_head

from .heads_examples import NAMES, example, unit


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_the_slope_of_the_loss(name, weighted):
    head = make_head("huber(delta=0.7)" if name == "huber" else name)
    output, target, observed = example(head)
    row_weight = np.array([0.5, 2.0, 0.0, 1.0]) if weighted else None
    loss, gradient = head.loss_and_gradient(output, target, observed, row_weight, *unit())
    assert loss == head.loss(output, target, observed, row_weight, *unit())
    numeric = np.empty_like(gradient)
    step = 1e-6
    for place in np.ndindex(output.shape):
        up, down = output.copy(), output.copy()
        up[place] += step
        down[place] -= step
        rise = head.loss(up, target, observed, row_weight, *unit())
        fall = head.loss(down, target, observed, row_weight, *unit())
        numeric[place] = (rise - fall) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-9 * (1 + loss))


def test_point_losses_are_those_of_torch():
    functions = {
        "mse": torch.nn.functional.mse_loss,
        "mae": torch.nn.functional.l1_loss,
        "huber": lambda a, b: torch.nn.functional.huber_loss(a, b, delta=0.7),
    }
    for name, function in functions.items():
        head = make_head("huber(delta=0.7)" if name == "huber" else name)
        output, target, _ = example(head)
        everything = np.ones(target.shape, bool)
        guess = torch.from_numpy(output[..., 0]).requires_grad_()
        expected = function(guess, torch.from_numpy(target))
        expected.backward()
        assert guess.grad is not None
        loss, gradient = head.loss_and_gradient(output, target, everything)
        assert loss == pytest.approx(expected.item(), rel=1e-14)
        np.testing.assert_allclose(gradient[..., 0], guess.grad.numpy(), rtol=1e-13)


def test_the_quantile_loss_is_twice_the_pinball_loss_averaged_over_levels():
    head = make_head("quantile")
    output, target, observed = example(head)
    losses = []
    for k, level in enumerate(head.levels):
        under = np.maximum(target - output[..., k], 0.0)
        over = np.maximum(output[..., k] - target, 0.0)
        losses.append(2.0 * (level * under + (1.0 - level) * over)[observed].mean())
    assert head.loss(output, target, observed) == pytest.approx(np.mean(losses), rel=1e-13)


def test_the_median_alone_is_the_absolute_error():
    output, target, observed = example(make_head("mae"))
    median = make_head("quantile", (0.5,)).loss_and_gradient(output, target, observed)
    absolute = make_head("mae").loss_and_gradient(output, target, observed)
    assert median[0] == pytest.approx(absolute[0], rel=1e-14)
    np.testing.assert_allclose(median[1], absolute[1], rtol=1e-14)


def test_many_levels_are_the_continuous_ranked_probability_score():
    levels = (np.arange(2000) + 0.5) / 2000
    head = make_head("quantile", tuple(levels))
    output = norm.ppf(levels)[None, None, :]
    y = 0.4
    loss = head.loss(output, np.array([[y]]), np.ones((1, 1), bool))
    exact = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)  # Gneiting 2005
    assert loss == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_missing_does_not_matter(name, dtype):
    head = make_head(name)
    output, target, observed = example(head, dtype=dtype)
    strange = target.copy()
    strange[~observed] = np.nan
    loss, gradient = head.loss_and_gradient(output, strange, observed)
    expected, expected_gradient = head.loss_and_gradient(output, target, observed)
    assert loss == expected
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(gradient, expected_gradient)
    assert not gradient[~observed].any()
    only = make_head(name).loss(
        output[observed][:, None], target[observed][:, None], np.ones((observed.sum(), 1), bool)
    )
    assert loss == pytest.approx(only, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_weight_two_counts_like_two_rows(name):
    head = make_head(name)
    output, target, observed = example(head)
    twice = [np.concatenate([a, a[:, :1]], axis=1) for a in (output, target, observed)]
    weighted = head.loss(output, target, observed, np.array([2.0, 1.0, 1.0, 1.0]))
    assert weighted == pytest.approx(head.loss(*twice), rel=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_in_another_memory_order_count_the_same(name):
    head = make_head(name)
    output, target, observed = example(head)
    other = np.asfortranarray(output)
    row_weight = np.array([1.0, 2.0, 3.0, 4.0])
    expected = head.loss_and_gradient(output, target, observed, row_weight)
    loss, gradient = head.loss_and_gradient(other, target, observed, row_weight)
    assert loss == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    assert gradient.flags.c_contiguous


@pytest.mark.parametrize("name", NAMES)
def test_nothing_observed_is_no_loss_and_no_gradient(name):
    head = make_head(name)
    output, target, observed = example(head)
    loss, gradient = head.loss_and_gradient(output, target, np.zeros_like(observed))
    assert loss == 0.0
    assert not gradient.any()


@pytest.mark.parametrize("name", NAMES)
def test_the_inputs_are_left_alone(name):
    head = make_head(name)
    arrays = example(head)
    before = [a.copy() for a in arrays]
    head.loss_and_gradient(*arrays, np.ones(4))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@given(
    st.lists(st.floats(-5, 5), min_size=7, max_size=7),
    st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9),
)
def test_quantiles_never_cross(outputs, levels):
    output = np.array(outputs)[None, None, :]
    quantiles = make_head("quantile").quantiles(output, sorted(levels))[0, 0]
    assert np.all(np.diff(quantiles) >= -1e-12)


def test_trained_levels_are_read_off_as_they_are_and_others_between_them():
    head = make_head("quantile")
    output = np.arange(7.0)[None, None, ::-1]
    np.testing.assert_array_equal(head.quantiles(output, DEFAULT_LEVELS)[0, 0], np.arange(7.0))
    assert head.point(output)[0, 0] == 3.0
    assert head.quantiles(output, (0.5 + 0.05,))[0, 0, 0] == pytest.approx(3.2)
    # 1 − 0.9 is not 0.1 in binary and must not fall beside it.
    assert head.quantiles(output, (1.0 - 0.9,))[0, 0, 0] == 1.0


@pytest.mark.parametrize("levels", [DEFAULT_LEVELS, (0.1, 0.5), (0.5, 0.9), (0.2, 0.3)])
def test_beyond_the_outermost_level_a_normal_tail_continues(levels):
    head = make_head("quantile", levels)
    output = norm.ppf(levels, loc=3.0, scale=2.0)[None, None, :]
    wanted = (0.001, 0.01, 0.99, 0.999)
    expected = norm.ppf(wanted, loc=3.0, scale=2.0)
    np.testing.assert_allclose(head.quantiles(output, wanted)[0, 0], expected, rtol=1e-10)


def test_the_median_of_a_point_head_is_its_output():
    head = make_head("mae")
    output, _, _ = example(head)
    np.testing.assert_array_equal(head.point(output), output[..., 0])


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "smape"])
def test_a_point_head_has_no_quantiles_and_says_what_to_do(name):
    with pytest.raises(UsageError, match="head='quantile'"):
        make_head(name).quantiles(np.zeros((1, 1, 1)), (0.5,))


def test_one_trained_level_says_nothing_about_others():
    head = make_head("quantile", (0.5,))
    assert head.point(np.full((1, 1, 1), 2.0))[0, 0] == 2.0
    with pytest.raises(UsageError, match=r"only level 0\.5 was trained"):
        head.quantiles(np.zeros((1, 1, 1)), (0.9,))


@pytest.mark.parametrize("levels", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0), (-0.1,)])
def test_levels_that_cannot_be_are_refused(levels):
    with pytest.raises(UsageError, match="each above the one before"):
        make_head("quantile", levels)


def test_an_unknown_head_is_answered_with_the_names_there_are():
    with pytest.raises(UsageError, match="mse, mae, huber, smape, quantile"):
        make_head("mean")
    with pytest.raises(UsageError, match="only head quantile has levels"):
        make_head("mae", (0.5,))
    for text in ("huber(delta=0)", "mixture(components=0)", "tweedie(power=2)", "crps(levels=0)"):
        with pytest.raises(UsageError, match=r"expected|number"):
            make_head(text)
    with pytest.raises(UsageError, match="between 0 and 1"):
        make_head("quantile").quantiles(np.zeros((1, 1, 7)), (95,))
