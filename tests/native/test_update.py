"""Sums and optimizer steps over one flat vector, on every row, against NumPy and PyTorch."""

from math import inf, nan

import numpy as np
import pytest
import torch

from rollcast import engine

SIZES = (1, 3, 17, 51, 97, 3000)
BOUND = {"float32": 1e-5, "float64": 1e-12}


def sgd(weights, gradient, arrays, step, bounds):
    return engine.sgd(weights, gradient, None, rate=0.1, weight_decay=0.01, **bounds)


def momentum(weights, gradient, arrays, step, bounds):
    return engine.sgd(
        weights, gradient, arrays[0], rate=0.1, momentum=0.9, weight_decay=0.01, first=step == 1,
        **bounds,
    )  # fmt: skip


def rmsprop(weights, gradient, arrays, step, bounds):
    return engine.rmsprop(weights, gradient, arrays[0], rate=0.1, weight_decay=0.01, **bounds)


def rmsprop_with_everything(weights, gradient, arrays, step, bounds):
    return engine.rmsprop(
        weights, gradient, *arrays, rate=0.01, alpha=0.9, epsilon=1e-3, momentum=0.5, **bounds
    )


def adam(weights, gradient, arrays, step, bounds):
    return engine.adam(
        weights, gradient, *arrays[:2], step, rate=0.1, betas=(0.8, 0.95), weight_decay=0.01,
        **bounds,
    )  # fmt: skip


def adamw(weights, gradient, arrays, step, bounds):
    return engine.adam(
        weights, gradient, *arrays[:2], step, rate=0.1, weight_decay=0.01, decoupled=True, **bounds
    )


STEPS = {
    sgd: lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.01),
    momentum: lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    rmsprop: lambda p: torch.optim.RMSprop(p, 0.1, weight_decay=0.01),
    rmsprop_with_everything: lambda p: torch.optim.RMSprop(
        p, 0.01, alpha=0.9, eps=1e-3, momentum=0.5, centered=True
    ),
    adam: lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.95), weight_decay=0.01),
    adamw: lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01),
}


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("size", [*SIZES, 100_003])
def test_sums_are_those_of_float64(row, dtype, size):
    draw = np.random.default_rng(0)
    one, other = (draw.normal(size=size).astype(dtype) for _ in range(2))
    wide = one.astype("float64"), other.astype("float64")
    assert engine.norm(one) == pytest.approx(np.linalg.norm(wide[0]), rel=1e-13)
    scale = np.linalg.norm(wide[0]) * np.linalg.norm(wide[1])
    assert abs(engine.dot(one, other) - wide[0] @ wide[1]) <= 1e-13 * scale


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bounds", [{}, {"clip_norm": 0.7}, {"clip_norm": 0.9, "clip_value": 0.1}])
def test_updates_with_clipping_follow_pytorch(row, step, size, bounds):
    draw = np.random.default_rng(0)
    weights = draw.normal(size=size)
    single = weights.astype("float32")
    leaf = torch.tensor(weights.copy(), requires_grad=True)
    optimizer = STEPS[step]([leaf])
    arrays, narrow = np.zeros((3, size)), np.zeros((3, size), "float32")
    for count in range(1, 30):
        gradient = draw.normal(size=size)
        leaf.grad = torch.tensor(gradient.copy())
        if "clip_value" in bounds:
            torch.nn.utils.clip_grad_value_([leaf], bounds["clip_value"])
        if "clip_norm" in bounds:
            torch.nn.utils.clip_grad_norm_([leaf], bounds["clip_norm"])
        optimizer.step()
        before = gradient.copy()
        norm = step(weights, gradient, arrays, count, bounds)
        step(single, gradient.astype("float32"), narrow, count, bounds)
        assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-13)
        assert np.array_equal(gradient, before)
    truth = leaf.detach().numpy()
    assert np.abs(weights - truth).max() <= 1e-12 * np.abs(truth).max()
    # Where the second moment of Adam and RMSprop is tiny, one rounding is a large part of a step.
    assert np.abs(single - truth).max() <= 1e-4 * np.abs(truth).max()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_gradient_that_is_not_finite_changes_nothing_and_says_so(row, step, dtype, value):
    for place in (0, 40, 96):
        weights, arrays = np.ones(97, dtype), np.zeros((3, 97), dtype)
        gradient = np.ones(97, dtype)
        gradient[place] = value
        norm = step(weights, gradient, arrays, 1, {"clip_norm": 1.0, "clip_value": 0.5})
        assert not np.isfinite(norm)
        assert (weights == 1.0).all() and not arrays.any()


def test_a_small_gradient_is_left_alone(row):
    gradient = np.array([0.1, -0.2])
    bounded, free = np.ones(2), np.ones(2)
    engine.sgd(bounded, gradient, None, rate=1.0, clip_norm=1.0, clip_value=0.5)
    engine.sgd(free, gradient, None, rate=1.0)
    assert np.array_equal(bounded, free) and np.array_equal(free, 1.0 - gradient)
    assert engine.sgd(free, np.zeros(2), None, rate=1.0, clip_norm=1.0) == 0.0


def test_a_huge_float32_gradient_has_a_finite_norm_and_is_clipped(row):
    weights = np.zeros(100, "float32")
    norm = engine.sgd(weights, np.full(100, 1e30, "float32"), None, rate=1.0, clip_norm=1.0)
    assert norm == pytest.approx(1e31)
    assert engine.norm(weights) == pytest.approx(1.0)


def test_rows_of_a_matrix_and_arrays_of_another_size():
    rows = np.arange(12.0).reshape(3, 4)
    assert engine.dot(rows[1], rows[2]) == rows[1] @ rows[2]
    with pytest.raises(ValueError, match="wrong size of b"):
        engine.dot(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="velocity"):
        engine.rmsprop(np.ones(3), np.ones(3), np.ones(3), rate=0.1, momentum=0.5)
