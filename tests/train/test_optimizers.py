"""Every optimizer and both clippings against torch in float64, over many steps."""

import numpy as np
import pytest
import torch

from rollcast.train.optimizers import OPTIMIZERS, adam, adamw, clip, sgd

PAIRS = {
    "sgd, as it comes": (OPTIMIZERS["sgd"], lambda p: torch.optim.SGD(p, 0.01, momentum=0.9)),
    "sgd without momentum": (sgd(0.0), lambda p: torch.optim.SGD(p, 0.01)),
    "sgd with decay": (
        sgd(0.5, 0.1),
        lambda p: torch.optim.SGD(p, 0.01, momentum=0.5, weight_decay=0.1),
    ),
    "adam, as it comes": (OPTIMIZERS["adam"], lambda p: torch.optim.Adam(p, 0.01)),
    "adam with everything": (
        adam(0.8, 0.95, 1e-3, 0.1),
        lambda p: torch.optim.Adam(p, 0.01, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    ),
    "adamw, as it comes": (OPTIMIZERS["adamw"], lambda p: torch.optim.AdamW(p, 0.01)),
    "adamw with more decay": (
        adamw(weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.3),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_every_optimizer_walks_the_way_of_torch(pair):
    optimizer, make = PAIRS[pair]
    rng = np.random.default_rng(1)
    weights = rng.standard_normal(37)
    guest = torch.nn.Parameter(torch.from_numpy(weights.copy()))
    theirs = make([guest])
    arrays = optimizer.start(weights)
    for step in range(1, 301):
        gradient = rng.standard_normal(37) + weights
        guest.grad = torch.from_numpy(gradient.copy())
        rate = 0.01 if step < 150 else 0.003  # a schedule at work
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
        optimizer.update(weights, gradient, arrays, step, rate, 1.0)
        np.testing.assert_allclose(weights, guest.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_factor_of_clipping_is_a_factor_of_the_gradient(name):
    optimizer, rng = OPTIMIZERS[name], np.random.default_rng(2)
    one = rng.standard_normal(20)
    two, gradient = one.copy(), rng.standard_normal(20)
    optimizer.update(one, gradient, optimizer.start(one), 1, 0.1, 0.25)
    optimizer.update(two, 0.25 * gradient, optimizer.start(two), 1, 0.1, 1.0)
    np.testing.assert_allclose(one, two, rtol=1e-14)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_arrays_start_at_zero_and_look_like_the_weights(name, dtype):
    arrays = OPTIMIZERS[name].start(np.ones(6, dtype))
    assert set(arrays) == set(OPTIMIZERS[name].arrays)
    for array in arrays.values():
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, np.zeros(6))


@pytest.mark.parametrize("bound", [0.01, 1.0, 5.0, 1e6])
def test_clipping_by_norm_is_that_of_torch(bound):
    gradient = np.random.default_rng(3).standard_normal(101)
    guest = torch.nn.Parameter(torch.zeros(101, dtype=torch.float64))
    guest.grad = torch.from_numpy(gradient.copy())
    expected = torch.nn.utils.clip_grad_norm_([guest], bound)
    norm, scale = clip(gradient, bound, None)
    assert norm == pytest.approx(expected.item(), rel=1e-13)
    np.testing.assert_allclose(gradient * scale, guest.grad.numpy(), rtol=1e-12)


def test_clipping_by_value_comes_first_and_the_norm_reported_is_the_one_before():
    gradient = np.array([3.0, -4.0, 0.5])
    norm, scale = clip(gradient, 1.0, 1.0)
    assert norm == pytest.approx(np.sqrt(25.25))
    np.testing.assert_array_equal(gradient, [1.0, -1.0, 0.5])
    assert scale == pytest.approx(1.0 / 1.5, rel=1e-5)


def test_a_small_gradient_is_left_alone():
    gradient = np.array([0.1, -0.2])
    assert clip(gradient, 1.0, 0.5)[1] == 1.0
    assert clip(gradient, None, None)[1] == 1.0
    np.testing.assert_array_equal(gradient, [0.1, -0.2])
    assert clip(np.zeros(3), 1.0, 1.0) == (0.0, 1.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_has_a_norm_that_is_not(value):
    gradient = np.array([1.0, value, 2.0], np.float32)
    assert not np.isfinite(clip(gradient, 1.0, 1.0)[0])


def test_the_norm_of_a_huge_float32_gradient_is_finite():
    assert np.isfinite(clip(np.full(10, 1e30, np.float32), 1.0, None)[0])
