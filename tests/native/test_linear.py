"""Linear layers on every row, against NumPy."""

import numpy as np
import pytest

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
