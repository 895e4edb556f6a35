import numpy as np
import pytest

from rollcast import engine
from rollcast.model.rollout import Stepper, rollout, rollout_backward


def drawn(cell: str, outputs: int = 2, dtype: str = "float64"):
    generator = np.random.default_rng(0)
    sizes = (4, 5, 3)
    weights = generator.normal(0, 0.5, engine.weight_count(cell, sizes)).astype(dtype)
    head = (generator.normal(size=(outputs, 3)).astype(dtype), np.ones(outputs, dtype))
    x = generator.normal(size=(6, 2, 4)).astype(dtype)
    return sizes, weights, head, x


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
def test_what_is_not_fed_is_the_stack_and_a_linear_layer(cell: str) -> None:
    sizes, weights, head, x = drawn(cell)
    found = rollout(cell, sizes, weights, head, x, np.zeros(6, bool))
    run = engine.infer(cell, sizes, weights, x)
    assert run.y is not None
    np.testing.assert_allclose(found.y, run.y @ head[0].T + head[1])
    for one, other in zip([*found.h, *found.c], [*run.h, *run.c], strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_is_fed_are_the_outputs_of_the_step_before(cell: str) -> None:
    sizes, weights, head, x = drawn(cell)
    fed = np.array([[False, False], [True, False], [True, True], [False, True], [True, True],
                    [True, False]])  # fmt: skip
    found = rollout(cell, sizes, weights, head, x, fed)
    read = x.copy()
    read[1:, :, :2] = np.where(fed[1:, :, None], found.y[:-1], x[1:, :, :2])
    again = rollout(cell, sizes, weights, head, read, np.zeros(6, bool))
    np.testing.assert_allclose(again.y, found.y)
    assert rollout(cell, sizes, weights, head, x, fed, feed=1).y[2, 0, 0] != found.y[2, 0, 0]


def test_lags_and_offset_are_added_before_the_output_is_fed() -> None:
    sizes, weights, head, x = drawn("gru", 1)
    silent = (np.zeros_like(head[0]), np.zeros(1))
    offset = np.arange(12.0).reshape(6, 2)
    past = np.array([[3.0, 4.0]])
    fed = np.arange(6) > 0
    lags = np.array([1.0, 0.5])
    found = rollout(
        "gru", sizes, weights, silent, x, fed, lags=lags, past=past, offset=offset
    ).y[..., 0]  # fmt: skip
    values = [past[0], x[0, :, 0]]
    for step in range(6):
        values.append(values[-1] + 0.5 * values[-2] + offset[step])
    np.testing.assert_allclose(found, values[2:])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_of_all_that_went_in_are_those_of_differences(cell: str) -> None:
    sizes, weights, head, x = drawn(cell)
    generator = np.random.default_rng(1)
    fed = generator.random((6, 2)) < 0.6
    given = {
        "weights": weights, "head_weight": head[0], "head_bias": head[1], "x": x,
        "h0": generator.normal(size=(2, 5)), "lags": generator.normal(size=3),
        "offset": generator.normal(size=(6, 2)),
    }  # fmt: skip
    past, slope = generator.normal(size=(2, 2)), generator.normal(size=(6, 2, 2))
    last = generator.normal(size=(2, 3))

    def run(arrays: dict[str, np.ndarray], record: bool = False):
        return rollout(
            cell, sizes, arrays["weights"], (arrays["head_weight"], arrays["head_bias"]),
            arrays["x"], fed, h0=[arrays["h0"], np.ones((2, 3))],
            c0=[np.ones((2, 5)), np.ones((2, 3))] if cell == "lstm" else None,
            feed=2, lags=arrays["lags"], past=past, offset=arrays["offset"], record=record,
        )  # fmt: skip

    def loss(arrays: dict[str, np.ndarray]) -> float:
        found = run(arrays)
        return float((found.y * slope).sum() + (found.h[-1] * last).sum())

    recording = run(given, record=True).recording
    assert recording is not None
    found = rollout_backward(recording, slope, dh=[np.zeros((2, 5)), last])
    parts = {name: getattr(found, name) for name in given} | {"h0": found.h0[0]}
    for name, array in given.items():
        numeric = np.empty(array.size)
        for place in range(array.size):
            ends = []
            for sign in (1, -1):
                moved = array.copy()
                moved.flat[place] += sign * 1e-6
                ends.append(loss(given | {name: moved}))
            numeric[place] = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(parts[name].ravel(), numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_steps_one_by_one_are_the_rollout(cell: str) -> None:
    sizes, weights, head, x = drawn(cell)
    stepper = Stepper(engine.pack(cell, sizes, weights), 2, head)
    whole = rollout(cell, sizes, weights, head, x, np.zeros(6, bool)).y
    for row, expected in zip(x, whole, strict=True):
        np.testing.assert_allclose(stepper.step(row), expected)
