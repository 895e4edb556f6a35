"""Linear layers and updates of one flat vector, on every row, against NumPy and PyTorch."""

import numpy as np
import pytest
import torch

from rollcast import engine

BOUND = {"float32": 1e-5, "float64": 1e-12}


def close(found, truth, dtype):
    return np.abs(found - truth).max() <= BOUND[dtype] * np.abs(truth).max()


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 2), (97, 64, 17), (200, 33, 336), (9, 1, 51)])
def test_a_linear_layer_and_its_gradients_equal_numpys_products(row, shape, dtype):
    rows, inputs, outputs = shape
    draw = np.random.default_rng(0)
    x, w = draw.normal(size=(rows, inputs)), draw.normal(size=(outputs, inputs))
    b, dy = draw.normal(size=outputs), draw.normal(size=(rows, outputs))
    cast = [value.astype(dtype) for value in (x, w, b, dy)]
    assert close(engine.linear(*cast[:3]), x @ w.T + b, dtype)
    assert close(engine.linear(*cast[:2]), x @ w.T, dtype)
    dx, dw, db = engine.linear_backward(cast[3], cast[0], cast[1])
    assert close(dx, dy @ w, dtype) and close(dw, dy.T @ x, dtype) and close(db, dy.sum(0), dtype)
    assert engine.linear_backward(cast[3], cast[0], cast[1], need_x=False)[0] is None


def test_threads_never_change_a_bit_of_a_linear_layer(threads):
    draw = np.random.default_rng(0)
    x, w, dy = (draw.normal(size=s).astype("float32") for s in ((500, 60), (40, 60), (500, 40)))
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append((engine.linear(x, w), *engine.linear_backward(dy, x, w)))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("size", [1, 7, 100_003])
def test_the_norm_is_that_of_float64(row, dtype, size):
    vector = np.random.default_rng(0).normal(size=size).astype(dtype)
    assert engine.norm(vector) == pytest.approx(np.linalg.norm(vector.astype("float64")), rel=1e-13)


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam", "adamw"])
def test_updates_follow_pytorchs_optimizers(row, kind):
    draw = np.random.default_rng(0)
    weights = draw.normal(size=53)
    leaf = torch.tensor(weights.copy(), requires_grad=True)
    momentum = 0.9 if kind == "momentum" else 0.0
    if kind in ("sgd", "momentum"):
        optimizer = torch.optim.SGD([leaf], lr=0.1, momentum=momentum, weight_decay=0.01)
    else:
        family = torch.optim.AdamW if kind == "adamw" else torch.optim.Adam
        optimizer = family([leaf], lr=0.1, betas=(0.8, 0.95), weight_decay=0.01)
    first, second = np.zeros(53), np.zeros(53)
    for step in range(1, 30):
        gradient = draw.normal(size=53)
        leaf.grad = torch.tensor(0.5 * gradient)
        optimizer.step()
        if kind in ("sgd", "momentum"):
            engine.sgd(weights, gradient, first, rate=0.1, momentum=momentum, weight_decay=0.01,
                       first=step == 1, scale=0.5)  # fmt: skip
        else:
            engine.adam(weights, gradient, first, second, step, rate=0.1, betas=(0.8, 0.95),
                        weight_decay=0.01, decoupled=kind == "adamw", scale=0.5)  # fmt: skip
    assert np.abs(weights - leaf.detach().numpy()).max() <= 1e-12
