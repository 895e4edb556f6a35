"""The autoregressive path of a rollout, its offset and what of it is fed, against PyTorch."""

import numpy as np
import pytest
from native.loops import Loop, after_warm_up, always, by_row, loop_and_truth, never
from native.oracle import worst

from rollcast import engine

CELLS = (*engine.TILED, "slstm")

BOUND = {"float32": 1e-5, "float64": 1e-12}

LOOPS = [
    # time, batch, sizes, outputs, fed, lags, feed
    (1, 1, (1, 1), 1, never, 3, 1),
    (2, 3, (3, 17, 5), 2, always, 1, 1),
    (9, 17, (5, 51, 97), 3, by_row, 51, 2),
    (60, 2, (2, 17, 16, 3), 5, by_row, 17, 2),
    (40, 33, (3, 16, 24), 3, after_warm_up, 97, 1),
    (130, 1, (17, 24, 24), 17, after_warm_up, 3, None),
    (70, 65, (2, 8), 1, never, 17, 1),
    (50, 7, (4, 9), 2, by_row, 0, 1),  # an offset alone
]


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("time", "batch", "sizes", "outputs", "fed", "lags", "feed"), LOOPS)
def test_lags_and_offset_and_their_gradients_are_those_of_pytorch(
    row, cell, time, batch, sizes, outputs, fed, lags, feed, dtype
):
    problem, truth = loop_and_truth(cell, sizes, time, batch, outputs, fed, lags=lags, feed=feed)
    error, name = worst(problem.run(dtype), truth)
    assert error <= BOUND[dtype], name


def test_they_go_along_with_dropout_projection_and_recomputing(row):
    problem = Loop("lstm", (3, 24, 19), 250, 5, 4, by_row, projection=7, lags=120, feed=2)
    options = {"dropout": 0.3, "seed": 5, "step": 2}
    truth = problem.truth(**options)
    full, chunks = (problem.run("float64", recompute=way, **options) for way in (None, "chunks"))
    error, name = worst(full, truth)
    assert error <= 1e-12, name
    assert all(np.array_equal(full[name], chunks[name]) for name in full)


def test_a_long_free_run_with_lags_stays_exact(row):
    problem, truth = loop_and_truth("gru", (2, 17), 2000, 2, 1, after_warm_up, lags=51)
    assert worst(problem.run("float64"), truth)[0] <= 1e-12
    error, name = worst(problem.run("float32"), truth)
    assert error <= 1e-5, name


def test_the_number_of_threads_never_changes_a_bit_of_them(threads):
    problem = Loop("lstm", (3, 40, 24), 40, 67, 2, by_row, lags=31, feed=1)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(problem.run("float32", dropout=0.2, seed=1))
    for other in results[1:]:
        assert all(np.array_equal(results[0][name], other[name]) for name in other)


@pytest.mark.parametrize("batch", [1, 11])
def test_what_is_kept_changes_no_bit_of_outputs_with_lags(row, batch):
    problem = Loop("gru", (3, 17, 16), 250, batch, 2, by_row, lags=120, feed=1)
    call = (problem.cell, problem.sizes, problem.weights, problem.head, problem.x, problem.fed)
    runs = [
        engine.rollout(*call, h0=problem.h0, feed=1, record=record, **problem.path)
        for record in (False, True)
    ]  # fmt: skip
    assert np.array_equal(runs[0].y, runs[1].y)


def test_a_silent_head_leaves_the_recursion_of_the_lags(row):
    x, past, offset = np.full((6, 2, 3), 2.0), np.array([[3.0, 4.0]]), np.arange(12.0)
    lags, offset = np.array([1.0, 0.5]), offset.reshape(6, 2)
    weights = np.ones(engine.weight_count("gru", (3, 4)))
    head = (np.zeros((1, 4)), np.zeros(1))
    found = engine.rollout(
        "gru", (3, 4), weights, head, x, np.arange(6) > 0, lags=lags, past=past, offset=offset
    ).y[..., 0]  # fmt: skip
    values = [past[0], x[0, :, 0]]
    for step in range(6):
        values.append(values[-1] + 0.5 * values[-2] + offset[step])
    np.testing.assert_allclose(found, values[2:], rtol=1e-14)


def test_values_before_the_first_step_are_zero_if_none_are_given(row):
    problem = Loop("rnn_tanh", (3, 5), 4, 3, 1, always, lags=4)
    without = problem.path | {"past": None}
    zeros = problem.path | {"past": np.zeros((3, 3))}
    call = (problem.cell, problem.sizes, problem.weights, problem.head, problem.x, problem.fed)
    assert np.array_equal(engine.rollout(*call, **without).y, engine.rollout(*call, **zeros).y)


def test_only_what_is_fed_is_replaced_and_that_is_never_read(row):
    problem = Loop("gru", (3, 8, 8), 30, 9, 3, by_row, lags=5, feed=2)
    clean = problem.run("float64")
    problem.x[..., :2][problem.fed] = np.nan
    dirty = problem.run("float64")
    assert all(np.array_equal(clean[name], dirty[name]) for name in clean)
    problem.x[..., 2] += 1
    assert not np.array_equal(problem.run("float64")["y"], clean["y"])


def test_the_caller_may_change_lags_and_offset_before_the_way_back():
    problem = Loop("gru", (3, 8, 8), 300, 2, 2, by_row, lags=9)
    expected = problem.run("float64")
    recording = engine.rollout(
        "gru", problem.sizes, problem.weights, problem.head, problem.x, problem.fed, h0=problem.h0,
        record=True, **problem.path,
    ).recording  # fmt: skip
    for array in problem.path.values():
        array[...] = np.nan
    back = engine.rollout_backward(recording, problem.dy, problem.dh)
    assert np.array_equal(back.weights, expected["dweights"])
    assert np.array_equal(back.lags, expected["dlags"])


def test_one_row_of_nan_leaves_the_others_alone_with_lags(row):
    problem = Loop("lstm", (2, 20), 12, 3, 1, always, lags=4)
    problem.path["past"][-1, 1] = np.nan
    found = problem.run("float64")
    others = [0, 2]
    assert np.isnan(found["y"][:, 1]).all() and np.isfinite(found["y"][:, others]).all()
    assert np.isfinite(found["dx"][:, others]).all()


def test_memory_without_a_recording_does_not_grow_with_time():
    def working_memory(time: int) -> int:
        engine.rows._native.release_idle()
        x, lags = np.zeros((time, 3, 2)), np.zeros(40)
        weights = np.zeros(engine.weight_count("gru", (2, 8)))
        head = (np.zeros((1, 8)), np.zeros(1))
        engine.rollout("gru", (2, 8), weights, head, x, np.arange(time) > 0, feed=1, lags=lags)
        return engine.rows._native.idle_bytes()

    assert working_memory(4000) == working_memory(400)
