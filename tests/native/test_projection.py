"""The projected LSTM against torch.nn.LSTM(proj_size=…) in float64."""

import functools

import numpy as np
import pytest
import torch
from native.oracle import Problem, worst

from rollcast import engine
from rollcast.errors import UsageError
from rollcast.nn.cells import layout, reference_forward
from rollcast.nn.layers import dropout_mask

BOUND = {"float32": 1e-5, "float64": 1e-12}
SHAPES = [
    # time, batch, sizes, projection: single numbers, odd sizes, unequal layers, slices and chunks
    (1, 1, (1, 2), 1),
    (2, 3, (3, 17, 5), 3),
    (7, 17, (5, 51, 97), 33),
    (40, 33, (2, 20, 64), 17),
    (130, 1, (1, 32, 32, 32), 5),
]


@functools.cache
def problem_and_truth(sizes, time, batch, projection):
    """A problem and what PyTorch makes of it, for all rows and types at once."""
    problem = Problem("lstm", sizes, time, batch, projection=projection)
    return problem, problem.truth()


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize(("time", "batch", "sizes", "projection"), SHAPES)
def test_outputs_and_every_gradient_of_a_projected_lstm_equal_those_of_pytorch(
    row, time, batch, sizes, projection, dtype
):
    problem, truth = problem_and_truth(sizes, time, batch, projection)
    error, name = worst(problem.run(dtype), truth)
    assert error <= BOUND[dtype], name


@pytest.mark.parametrize("dtype", BOUND)
def test_two_thousand_projected_steps_stay_exact(row, dtype):
    problem, truth = problem_and_truth((1, 17), 2000, 2, 6)
    error, name = worst(problem.run(dtype), truth)
    assert error <= BOUND[dtype], name


@pytest.mark.parametrize("batch", [5, 21])
def test_projected_rows_of_different_lengths_equal_packed_sequences(row, batch):
    problem = Problem("lstm", (3, 17, 16), 26, batch, projection=9)
    lengths = np.random.default_rng(1).integers(1, 27, batch)
    error, name = worst(problem.run("float64", lengths=lengths), problem.truth(lengths))
    assert error <= 1e-12, name


def test_weights_of_a_projected_lstm_lie_as_in_pytorch():
    module = torch.nn.LSTM(3, 8, 2, proj_size=5)
    places = layout("lstm", (3, 8, 8), 5)
    expected = [(name, tuple(array.shape)) for name, array in module.named_parameters()]
    assert [(name, shape) for name, shape, _ in places] == expected
    count = sum(array.numel() for array in module.parameters())
    assert places[-1][2].stop == count == engine.weight_count("lstm", (3, 8, 8), 5)


def test_the_projected_kernels_equal_the_numpy_specification_with_dropout(row):
    problem = Problem("lstm", (3, 17, 12), 6, 5, projection=7)

    def keep(layer, time, batch, width):
        return dropout_mask(0.4, 11, 3, layer, time, np.arange(batch), width)

    y, h, c = reference_forward(
        "lstm", problem.sizes, problem.weights, problem.x, problem.h0, problem.c0,
        keep=keep, projection=7,
    )  # fmt: skip
    found = problem.run("float64", dropout=0.4, seed=11, step=3)
    assert np.abs(found["y"] - y).max() <= 1e-12
    for layer in range(2):
        assert np.abs(found[f"h[{layer}]"] - h[layer]).max() <= 1e-12
        assert np.abs(found[f"c[{layer}]"] - c[layer]).max() <= 1e-12


def test_gradients_of_a_projected_lstm_with_dropout_equal_numerical_ones(row):
    problem = Problem("lstm", (2, 5, 6), 4, 3, projection=3)
    options = {"dropout": 0.3, "seed": 5, "step": 2, "projection": 3}

    def loss(weights):
        run = engine.forward("lstm", problem.sizes, weights, problem.x, **options)
        return float((run.y * problem.dy).sum())

    run = engine.forward("lstm", problem.sizes, problem.weights, problem.x, **options)
    gradient = engine.backward(run.recording, problem.dy).weights
    for index in np.random.default_rng(0).choice(len(gradient), 25, replace=False):
        nudge = np.zeros_like(problem.weights)
        nudge[index] = 1e-6
        slope = (loss(problem.weights + nudge) - loss(problem.weights - nudge)) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_projected_bits_do_not_depend_on_threads_packing_or_recording(threads):
    problem = Problem("lstm", (3, 40, 24), 30, 67, projection=11)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(problem.run("float32"))
    for other in results[1:]:
        assert all(np.array_equal(results[0][name], other[name]) for name in other)
    packed = engine.pack("lstm", problem.sizes, problem.weights.astype("float32"), projection=11)
    cast = lambda parts: [part.astype("float32") for part in parts]  # noqa: E731
    run = engine.infer(
        "lstm", problem.sizes, packed, problem.x.astype("float32"), h0=cast(problem.h0),
        c0=cast(problem.c0),
    )  # fmt: skip
    assert np.array_equal(run.y, results[0]["y"])


@pytest.mark.parametrize(
    ("cell", "projection"), [("gru", 2), ("rnn_tanh", 1), ("lstm", 4), ("lstm", -1)]
)
def test_a_projection_that_cannot_be_is_refused(cell, projection):
    with pytest.raises(UsageError, match=f"projection={projection}"):
        engine.weight_count(cell, (1, 9, 4), projection)
    with pytest.raises(UsageError, match=f"projection={projection}"):
        engine.pack(cell, (1, 9, 4), np.zeros(3), projection=projection)
