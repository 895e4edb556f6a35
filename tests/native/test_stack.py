"""The recurrent kernels against PyTorch in float64, on every row of the dispatch table."""

import os
import subprocess
import sys

import numpy as np
import pytest
from native.oracle import LEAST, Problem, problem_and_truth, worst

from rollcast import engine
from rollcast.errors import NoGradientError, UsageError
from rollcast.nn.cells import CELLS, reference_forward
from rollcast.nn.layers import dropout_mask

BOUND = {"float32": 1e-5, "float64": 1e-12}
SHAPES = [
    # time, batch, sizes: single numbers, odd sizes, unequal layers, several slices and chunks
    (1, 1, (1, 1)),
    (2, 3, (3, 17, 5)),
    (7, 17, (5, 51, 97)),
    (9, 30, (1, 10, 20, 1)),
    (40, 33, (2, 16, 64)),
    (20, 97, (7, 64, 64)),
    (130, 1, (1, 32, 32, 32)),
    (101, 1, (3, 97, 51, 17, 1)),
    # rows of the batch as lanes: one vector of rows a slice and several, with and without padding
    (9, 300, (1, 10, 20, 1)),
    (70, 65, (2, 1, 3)),
    (5, 128, (3, 5, 1, 2)),
]


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("time", "batch", "sizes"), SHAPES)
def test_outputs_and_every_gradient_equal_those_of_pytorch(row, cell, time, batch, sizes, dtype):
    problem, truth = problem_and_truth(cell, sizes, time, batch)
    error, name = worst(problem.run(dtype), truth, LEAST.get(cell, 0.0))
    # One or two numbers normalised are a sign, whose slope float32 cannot tell.
    steep = cell == "lstm_layer_norm" and min(sizes[1:]) < 3
    assert error <= BOUND[dtype] * (4 if steep else 1), name


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch", [1, 2])
def test_two_thousand_steps_stay_exact(row, cell, batch, dtype):
    if cell not in engine.TILED and batch > 1:
        pytest.skip("one row of those that PyTorch takes step by step is enough")
    problem, truth = problem_and_truth(cell, (1, 17), 2000, batch)
    error, name = worst(problem.run(dtype), truth, LEAST.get(cell, 0.0))
    assert error <= BOUND[dtype], name


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch", [1, 5, 21])
def test_rows_of_different_lengths_equal_packed_sequences(row, cell, batch, dtype):
    lengths = np.random.default_rng(1).integers(1, 27, batch)
    problem, truth = problem_and_truth(cell, (3, 17, 16), 26, batch, lengths=tuple(lengths))
    error, name = worst(problem.run(dtype, lengths=lengths), truth, LEAST.get(cell, 0.0))
    assert error <= BOUND[dtype], name


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
def test_rows_of_different_lengths_equal_packed_sequences_in_tiny_layers(row, cell, dtype):
    lengths = np.random.default_rng(1).integers(1, 41, 130)
    problem, truth = problem_and_truth(cell, (2, 3, 1), 40, 130, lengths=tuple(lengths))
    error, name = worst(problem.run(dtype, lengths=lengths), truth, LEAST.get(cell, 0.0))
    assert error <= BOUND[dtype], name


@pytest.mark.parametrize(("sizes", "copies"), [((3, 8, 8), 1), ((3, 3, 1), 9)])
def test_what_lies_past_a_rows_length_is_never_read(row, sizes, copies):
    problem = Problem("gru", sizes, 12, 9 * copies)
    lengths = np.tile(np.array([12, 3, 7, 1, 12, 5, 2, 11, 4]), copies)
    clean = problem.run("float64", lengths=lengths)
    for batch_row, length in enumerate(lengths):
        problem.x[length:, batch_row] = np.nan
        problem.dy[length:, batch_row] = np.nan
    dirty = problem.run("float64", lengths=lengths)
    assert all(np.array_equal(clean[name], dirty[name]) for name in clean)


@pytest.mark.parametrize("cell", CELLS)
def test_the_kernels_equal_the_numpy_specification(row, cell):
    problem = Problem(cell, (3, 17, 5), 6, 4)
    y, h, c = reference_forward(
        cell, problem.sizes, problem.weights, problem.x, problem.h0, problem.c0
    )
    found = problem.run("float64")
    assert np.abs(found["y"] - y).max() <= 1e-12
    for layer, state in enumerate(h + (c or [])):
        name = f"h[{layer}]" if layer < len(h) else f"c[{layer - len(h)}]"
        assert np.abs(found[name] - state).max() <= 1e-12


@pytest.mark.parametrize(("sizes", "copies"), [((3, 17, 9), 1), ((3, 3, 1), 15)])
@pytest.mark.parametrize("lengths", [None, [2, 6, 1, 6, 3], [5]])
def test_dropout_between_layers_is_the_mask_of_the_counter_based_generator(
    row, lengths, sizes, copies
):
    problem = Problem("lstm", sizes, 6, (5 if lengths is None else len(lengths)) * copies)
    lengths = None if lengths is None else np.tile(np.array(lengths), copies)

    def keep(layer, time, batch, hidden):
        return dropout_mask(0.4, 11, 3, layer, time, np.arange(batch), hidden)

    y, _, _ = reference_forward(
        "lstm", problem.sizes, problem.weights, problem.x, problem.h0, problem.c0,
        lengths=lengths, keep=keep,
    )  # fmt: skip
    found = problem.run("float64", dropout=0.4, seed=11, step=3, lengths=lengths)
    assert np.abs(found["y"] - y).max() <= 1e-12


@pytest.mark.parametrize(("sizes", "batch"), [((2, 5, 3), 1), ((2, 5, 3), 3), ((2, 3, 1), 70)])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_with_dropout_equal_numerical_ones(row, cell, sizes, batch):
    problem = Problem(cell, sizes, 4, batch)
    options = {"dropout": 0.3, "seed": 5, "step": 2}

    def loss(weights):
        run = engine.forward(cell, problem.sizes, weights, problem.x, **options)
        return float((run.y * problem.dy).sum())

    run = engine.forward(cell, problem.sizes, problem.weights, problem.x, **options)
    gradient = engine.backward(run.recording, problem.dy).weights
    for index in np.random.default_rng(0).choice(len(gradient), 25, replace=False):
        nudge = np.zeros_like(problem.weights)
        nudge[index] = 1e-6
        slope = (loss(problem.weights + nudge) - loss(problem.weights - nudge)) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_threads_never_changes_a_bit(cell, dtype, threads):
    problem = Problem(cell, (3, 40, 24), 30, 67)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(problem.run(dtype, dropout=0.2, seed=1))
    for other in results[1:]:
        assert all(np.array_equal(results[0][name], other[name]) for name in other)


@pytest.mark.parametrize("cell", CELLS)
def test_layers_of_one_row_give_the_same_bits_on_any_number_of_threads(row, cell, threads):
    problem = Problem(cell, (3, 64, 40, 24), 400, 1)
    lengths = np.array([390])
    results = []
    for count in (1, 2, 3, 7):
        threads(count)
        results.append(problem.run("float32", dropout=0.2, seed=1, lengths=lengths))
        run = engine.infer(cell, problem.sizes, problem.weights, problem.x, h0=problem.h0)
        results[-1] |= {"inferred": run.y, "state": np.concatenate(run.h, axis=1)}
    for other in results[1:]:
        assert all(np.array_equal(results[0][name], other[name]) for name in other)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch", [1, 3])
def test_what_lies_past_the_length_of_a_row_is_zero(row, cell, batch):
    problem = Problem(cell, (3, 17, 5), 60, batch)
    lengths = np.array([50, 60, 1])[:batch]
    problem.x[50:, 0] = problem.dy[50:, 0] = np.nan
    found = problem.run("float32", lengths=lengths)
    assert not found["y"][50:, 0].any() and not found["dx"][50:, 0].any()
    assert all(np.isfinite(array).all() for array in found.values())


@pytest.mark.parametrize("cell", CELLS)
def test_rows_of_the_table_agree(cell):
    problem = Problem(cell, (3, 40, 24), 30, 20)
    before, results = engine.isa(), []
    try:
        for name in engine.isas():
            engine.select_isa(name)
            results.append(problem.run("float32"))
    finally:
        engine.select_isa(before)
    for other in results[1:]:
        assert worst(other, results[0])[0] <= 1e-5


@pytest.mark.parametrize("cell", CELLS)
def test_inference_gives_the_recorded_outputs(row, cell):
    problem = Problem(cell, (3, 17, 16), 50, 11)
    recorded = problem.run("float64")
    packed = engine.pack(cell, problem.sizes, problem.weights)
    run = engine.infer(cell, problem.sizes, packed, problem.x, h0=problem.h0, c0=problem.c0)
    assert np.array_equal(run.y, recorded["y"])


def test_a_batch_gives_each_row_what_it_gets_alone(row):
    problem = Problem("gru", (3, 17, 16), 20, 19)
    together = engine.infer("gru", problem.sizes, problem.weights, problem.x).y
    for index in range(19):
        alone = engine.infer("gru", problem.sizes, problem.weights, problem.x[:, index : index + 1])
        assert np.abs(alone.y[:, 0] - together[:, index]).max() <= 1e-13


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_comes_out_where_nan_went_in_and_infinity_saturates(row, cell, value):
    problem = Problem(cell, (2, 20), 5, 3)
    problem.x[2, 1, 0] = value
    y = engine.infer(cell, problem.sizes, problem.weights.astype("float32"),
                     problem.x.astype("float32")).y  # fmt: skip
    assert np.isfinite(y[:, [0, 2]]).all() and np.isfinite(y[:2]).all()
    if np.isnan(value):
        assert np.isnan(y[2:, 1]).all()
    elif cell in ("lstm", "rnn_tanh"):
        assert np.isfinite(y[:, 1]).all()


def test_inference_keeps_nothing_and_says_so_when_asked_for_a_gradient():
    run = engine.infer("lstm", (1, 4), np.zeros(engine.weight_count("lstm", (1, 4))),
                       np.zeros((3, 2, 1)))  # fmt: skip
    with pytest.raises(NoGradientError, match="Call `forward`"):
        engine.backward(run.recording)


def test_a_recording_serves_one_backward():
    weights = np.zeros(engine.weight_count("gru", (1, 4)))
    recording = engine.forward("gru", (1, 4), weights, np.zeros((3, 2, 1))).recording
    engine.backward(recording)
    with pytest.raises(NoGradientError, match="twice"):
        engine.backward(recording)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cell": "lsmt"}, "unknown cell 'lsmt'"),
        ({"sizes": (1,)}, "sizes must be"),
        ({"sizes": (1, 0)}, "sizes must be"),
        ({"weights": np.zeros(3)}, "must be 112 float32"),
        ({"weights": np.zeros(112, "int64")}, "must be 112 float32"),
        ({"x": np.zeros((3, 2))}, "x has the shape"),
        ({"x": np.zeros((0, 2, 1))}, "x has the shape"),
        ({"x": np.zeros((3, 2, 1), "float32")}, "x is float32"),
        ({"h0": [np.zeros((2, 3))]}, r"h0\[0\]"),
        ({"lengths": np.array([4, 1])}, "lengths must be"),
        ({"lengths": np.array([0, 1])}, "lengths must be"),
        ({"dropout": 1.0}, "dropout must be"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_door(change, says):
    arguments = {
        "cell": "lstm", "sizes": (1, 4), "weights": np.zeros(112), "x": np.zeros((3, 2, 1)),
    }  # fmt: skip
    with pytest.raises(UsageError, match=says):
        engine.forward(**(arguments | change))


def test_any_memory_layout_of_x_is_accepted():
    problem = Problem("lstm", (3, 8), 6, 4)
    plain = engine.infer("lstm", problem.sizes, problem.weights, problem.x).y
    turned = np.asfortranarray(problem.x)
    assert np.array_equal(engine.infer("lstm", problem.sizes, problem.weights, turned).y, plain)


def test_calls_from_many_threads_at_once_give_the_same_bits():
    from concurrent.futures import ThreadPoolExecutor

    problem = Problem("lstm", (3, 40, 24), 30, 67)
    alone = problem.run("float32")
    with ThreadPoolExecutor(4) as workers:
        results = list(workers.map(lambda _: problem.run("float32"), range(8)))
    for other in results:
        assert all(np.array_equal(alone[name], other[name]) for name in other)


FORK = """
import os, sys, warnings
import numpy as np
from rollcast import engine
warnings.simplefilter("ignore")
engine.set_threads(2)
weights = np.full(engine.weight_count("lstm", (3, 64)), 0.1)
call = lambda: engine.infer("lstm", (3, 64), weights, np.ones((60, 64, 3))).y
before = call()
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(call(), before) else 1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_can_go_on():
    assert subprocess.run([sys.executable, "-c", FORK], timeout=120).returncode == 0
