"""Streams: one step a call, the states kept inside, against the whole series at once."""

import threading

import numpy as np
import pytest
from native.oracle import Problem

from rollcast import engine
from rollcast.errors import UsageError
from rollcast.nn.cells import CELLS


def flat(states):
    return np.concatenate([state.ravel() for state in states])


def whole(problem, dtype):
    cast = lambda states: states and [state.astype(dtype) for state in states]  # noqa: E731
    return engine.infer(
        problem.cell, problem.sizes, problem.weights.astype(dtype), problem.x.astype(dtype),
        h0=cast(problem.h0), c0=cast(problem.c0),
    )  # fmt: skip


def opened(problem, dtype="float64", head=None):
    packed = engine.pack(problem.cell, problem.sizes, problem.weights.astype(dtype))
    stream = engine.Stream(packed, problem.batch, head)
    stream.h = flat(problem.h0).astype(dtype)
    if problem.c0:
        stream.c = flat(problem.c0).astype(dtype)
    return stream


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("batch", "sizes"),
    [(1, (1, 1)), (1, (3, 17, 51)), (1, (5, 97)), (3, (3, 17, 16)), (65, (2, 5))],
)
def test_steps_of_a_stream_give_what_the_whole_series_gives(row, cell, batch, sizes, dtype, bound):
    problem = Problem(cell, sizes, 20, batch)
    stream, truth = opened(problem, dtype), whole(problem, dtype)
    steps = [stream.step(x).copy() for x in problem.x.astype(dtype)]
    assert np.abs(np.stack(steps) - truth.y).max() <= bound
    assert np.abs(stream.h - flat(truth.h)).max() <= bound
    if problem.c0:
        assert np.abs(stream.c - flat(truth.c)).max() <= bound
    else:
        assert stream.c is None


@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("outputs", [1, 3, 17])
def test_a_head_is_a_linear_layer_on_the_output(row, batch, outputs):
    problem = Problem("lstm", (3, 17, 9), 5, batch)
    draw = np.random.default_rng(0)
    weight, bias = draw.normal(size=(outputs, 9)), draw.normal(size=outputs)
    stream = opened(problem, head=(weight, bias))
    found = np.stack([stream.step(x).copy() for x in problem.x])
    assert np.abs(found - (whole(problem, "float64").y @ weight.T + bias)).max() <= 1e-12


@pytest.mark.parametrize("cell", CELLS)
def test_saved_states_put_back_continue_to_the_same_bits(cell):
    problem = Problem(cell, (3, 17, 5), 12, 1)
    stream = opened(problem)
    for x in problem.x[:6]:
        stream.step(x)
    h, c = stream.h, stream.c
    before = [stream.step(x).copy() for x in problem.x[6:]]
    other = opened(problem)
    other.h = h
    if c is not None:
        other.c = c
    assert np.array_equal(before, [other.step(x).copy() for x in problem.x[6:]])


def test_zero_begins_a_stream_anew_and_states_are_copies():
    problem = Problem("lstm", (3, 8), 4, 2)
    stream = engine.Stream(engine.pack("lstm", problem.sizes, problem.weights), 2)
    first = stream.step(problem.x[0]).copy()
    kept = stream.h
    before = kept.copy()
    stream.step(problem.x[1])
    assert np.array_equal(kept, before)
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1.0
    stream.h = stream.c = 0
    assert np.array_equal(stream.step(problem.x[0]), first)


def test_the_output_is_one_array_that_the_next_step_overwrites():
    problem = Problem("gru", (3, 8), 2, 1)
    stream = opened(problem)
    first = stream.step(problem.x[0, 0])
    before = first.copy()
    assert stream.step(problem.x[1, 0]) is first
    assert not np.array_equal(first, before)


def test_any_memory_layout_of_x_is_accepted_by_a_stream():
    problem = Problem("gru", (4, 8), 1, 6)
    plain, turned = opened(problem), opened(problem)
    assert np.array_equal(turned.step(np.asfortranarray(problem.x[0])), plain.step(problem.x[0]))


@pytest.mark.parametrize(
    ("batch", "x", "says"),
    [
        (1, np.zeros(4), r"expected float64 \(3,\)"),
        (1, np.zeros((2, 3)), r"expected float64 \(1, 3\)"),
        (2, np.zeros(3), r"expected float64 \(2, 3\)"),
        (2, np.zeros((2, 3), "float32"), "x is float32"),
        (1, np.zeros(3, ">f8"), "x is >f8"),
        (1, np.zeros(3, "int64"), "x is int64"),
        (1, [0.0, 0.0, 0.0], "not list"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(batch, x, says):
    stream = opened(Problem("lstm", (3, 8), 1, batch))
    with pytest.raises(UsageError, match=says):
        stream.step(x)
    stream.step(np.zeros((batch, 3)))


def test_a_stream_says_what_it_cannot_be():
    packed = engine.pack("gru", (3, 8), np.zeros(engine.weight_count("gru", (3, 8))))
    with pytest.raises(UsageError, match="at least one row"):
        engine.Stream(packed, 0)
    with pytest.raises(UsageError, match=r"expected float64 \(2, 8\)"):
        engine.Stream(packed, 1, (np.zeros((2, 7)), np.zeros(2)))
    with pytest.raises(UsageError, match="head's bias"):
        engine.Stream(packed, 1, (np.zeros((2, 8)), np.zeros(3)))
    stream = engine.Stream(packed)
    with pytest.raises(UsageError, match="gru has none"):
        stream.c = np.zeros(8)
    with pytest.raises(UsageError, match=r"h is float64 \(9,\)"):
        stream.h = np.zeros(9)


def test_a_stream_outlives_the_names_of_its_weights():
    problem = Problem("lstm", (3, 17), 1, 1)
    stream = engine.Stream(engine.pack("lstm", problem.sizes, problem.weights))
    truth = stream.step(problem.x[0]).copy()
    weights = np.zeros_like(problem.weights)
    for _ in range(20):
        engine.pack("lstm", problem.sizes, weights)  # would take the memory, were it free
    stream.h = stream.c = 0
    assert np.array_equal(stream.step(problem.x[0]), truth)


@pytest.mark.parametrize("batch", [1, 200])
def test_two_threads_on_one_stream_take_turns_or_are_refused(batch):
    problem = Problem("lstm", (3, 40, 24), 1, batch)
    stream, faults, refused = opened(problem), [], []

    def work():
        for _ in range(30):
            try:
                if not np.isfinite(stream.step(problem.x[0])).all():
                    faults.append("not finite")
            except UsageError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert all("in use by another thread" in text for text in refused)
