"""Checkpoints through time: the gradients of the full recording from a fraction of its memory."""

import math

import numpy as np
import pytest
from native.oracle import Problem, worst

from rollcast import _native, engine
from rollcast.errors import NoGradientError, UsageError
from rollcast.nn.cells import CELLS


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


BOUND = {"float32": 1e-5, "float64": 1e-12}


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("time", "batch"), [(700, 3), (130, 33), (50, 97)])
def test_recomputing_changes_no_bit(row, cell, time, batch, dtype):
    problem = Problem(cell, (3, 33, 20), time, batch)
    assert same(problem.run(dtype), problem.run(dtype, recompute="chunks"))


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("time", "batch", "sizes"),
    [(1, 1, (3, 17, 5)), (97, 1, (3, 17, 5)), (1000, 1, (3, 17, 5)), (60, 90, (2, 3, 1))],
)
def test_where_the_full_recording_has_loops_of_its_own_only_rounding_differs(
    row, cell, time, batch, sizes, dtype
):
    """One row, and tiny layers: recomputing takes the general loops."""
    problem = Problem(cell, sizes, time, batch)
    error, name = worst(problem.run(dtype, recompute="chunks"), problem.run(dtype))
    assert error <= BOUND[dtype], name


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("projection", [0, 4])
def test_recomputing_goes_with_lengths_dropout_and_projection(row, cell, projection):
    if projection and cell != "lstm":
        pytest.skip("a projection belongs to the LSTM")
    problem = Problem(cell, (3, 17, 5), 300, 21, projection=projection)
    options = {
        "dropout": 0.3,
        "seed": 4,
        "step": 1,
        "lengths": np.random.default_rng(0).integers(1, 301, 21),
    }
    assert same(problem.run("float32", **options),
                problem.run("float32", recompute="chunks", **options))  # fmt: skip


def held(cell, sizes, time, batch, recompute):
    _native.release_idle()  # a block from an earlier call may be larger than asked for
    weights = np.zeros(engine.weight_count(cell, sizes), "float32")
    x = np.zeros((time, batch, sizes[0]), "float32")
    run = engine.forward(cell, sizes, weights, x, outputs=False, recompute=recompute)
    return run.recording


@pytest.mark.parametrize(("cell", "all_numbers", "states"), [("lstm", 6, 2), ("gru", 5, 1),
                                                            ("rnn_tanh", 1, 1)])  # fmt: skip
@pytest.mark.parametrize("batch", [1, 16])
def test_memory_is_what_the_docstring_says(cell, all_numbers, states, batch):
    time, units, rows = 20_000, 64, min(batch, 8)
    chunk = math.ceil(96 / rows)
    window = (math.floor(math.sqrt(time * states / all_numbers) / chunk) + 1) * chunk
    numbers = window * all_numbers + states * time / window
    stated = 4 * batch * units * numbers
    found = held(cell, (1, units), time, batch, "chunks").bytes
    assert stated * 0.9 <= found <= stated * 1.1 + 1e5 * batch
    full = held(cell, (1, units), time, batch, None).bytes
    assert full >= 4 * batch * units * all_numbers * time > 10 * found


def test_a_hundred_thousand_steps_train_in_the_memory_of_a_thousand():
    long = held("lstm", (1, 32), 100_000, 1, "chunks")
    short = held("lstm", (1, 32), 1_000, 1, None)
    assert long.bytes < 1.5 * short.bytes
    gradient = engine.backward(long, dh=[np.ones((1, 32), "float32")]).weights
    assert np.isfinite(gradient).all() and gradient.any()


def test_a_recomputed_recording_serves_one_backward():
    recording = held("gru", (1, 4), 500, 2, "chunks")
    engine.backward(recording)
    with pytest.raises(NoGradientError, match="twice"):
        engine.backward(recording)


def test_an_unknown_way_of_recomputing_is_refused():
    with pytest.raises(UsageError, match="possible are None and 'chunks'"):
        held("gru", (1, 4), 5, 2, "sqrt")
