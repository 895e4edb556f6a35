"""Closed-loop rollouts against PyTorch's autograd through the same loop in float64."""

import numpy as np
import pytest
from native.loops import Loop, after_warm_up, always, by_row, loop_and_truth, never
from native.oracle import LEAST, worst

from rollcast import engine
from rollcast.errors import NoGradientError, UsageError
from rollcast.nn.cells import CELLS

BOUND = {"float32": 1e-5, "float64": 1e-12}


LOOPS = [
    # time, batch, sizes, outputs, fed
    (1, 1, (1, 1), 1, never),
    (2, 3, (3, 17, 5), 1, always),
    (9, 17, (5, 51, 97), 3, by_row),
    (60, 2, (2, 17, 16, 3), 2, by_row),
    (40, 33, (3, 16, 24), 1, after_warm_up),
    (130, 1, (17, 24, 24), 17, after_warm_up),
]


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("time", "batch", "sizes", "outputs", "fed"), LOOPS)
def test_outputs_and_every_gradient_are_those_of_pytorch_through_the_same_loop(
    row, cell, time, batch, sizes, outputs, fed, dtype
):
    problem, truth = loop_and_truth(cell, sizes, time, batch, outputs, fed)
    error, name = worst(problem.run(dtype), truth, LEAST.get(cell, 0.0))
    assert error <= BOUND[dtype], name


@pytest.mark.parametrize("fed", [never, by_row, always])
def test_dropout_and_projection_go_through_the_loop(row, fed):
    problem = Loop("lstm", (3, 24, 19), 50, 5, 2, fed, projection=7)
    options = {"dropout": 0.3, "seed": 5, "step": 2}
    truth = problem.truth(**options)
    for recompute in (None, "chunks"):
        error, name = worst(problem.run("float64", recompute=recompute, **options), truth)
        assert error <= 1e-12, name


@pytest.mark.parametrize("cell", CELLS)
def test_a_long_free_run_stays_exact(row, cell):
    time = 2000 if cell in engine.TILED else 400  # PyTorch takes the others step by step
    problem, truth = loop_and_truth(cell, (2, 17), time, 2, 1, after_warm_up)
    least = LEAST.get(cell, 0.0)
    assert worst(problem.run("float64"), truth, least)[0] <= 1e-12
    error, name = worst(problem.run("float32"), truth, least)
    assert error <= 1e-5, name


def test_recomputing_changes_no_bit_of_a_rollout(row):
    problem = Loop("gru", (3, 16, 12), 700, 3, 1, by_row)
    full, chunks = problem.run("float32"), problem.run("float32", recompute="chunks")
    assert all(np.array_equal(full[name], chunks[name]) for name in full)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_the_loop_equal_numerical_ones(row, cell):
    problem = Loop(cell, (2, 5, 3), 6, 3, 2, by_row)
    arrays = [problem.weights, *problem.head, problem.x]

    def loss(nudged):
        weights, head_weight, head_bias, x = nudged
        run = engine.rollout(
            cell, problem.sizes, weights, (head_weight, head_bias), x, problem.fed
        )  # fmt: skip
        return float((run.y * problem.dy).sum())

    recording = engine.rollout(
        cell, problem.sizes, problem.weights, problem.head, problem.x, problem.fed, record=True
    ).recording
    back = engine.rollout_backward(recording, problem.dy)
    gradients = [back.weights, back.head_weight, back.head_bias, back.x]
    for place, gradient in enumerate(gradients):
        for index in np.random.default_rng(0).choice(gradient.size, min(8, gradient.size), False):
            slopes = []
            for nudge in (1e-6, -1e-6):
                nudged = [array.copy() for array in arrays]
                nudged[place].flat[index] += nudge
                slopes.append(loss(nudged))
            slope = (slopes[0] - slopes[1]) / 2e-6
            assert gradient.flat[index] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_threads_never_changes_a_bit_of_a_rollout(cell, threads):
    problem = Loop(cell, (3, 40, 24), 40, 67, 2, by_row)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(problem.run("float32", dropout=0.2, seed=1))
    for other in results[1:]:
        assert all(np.array_equal(results[0][name], other[name]) for name in other)


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_kept_or_packed_changes_no_bit_of_the_outputs(row, cell):
    problem = Loop(cell, (3, 17, 16), 50, 11, 2, by_row)
    packed = engine.pack(cell, problem.sizes, problem.weights)
    states = {"h0": problem.h0, "c0": problem.c0}
    runs = [
        engine.rollout(
            cell, problem.sizes, weights, problem.head, problem.x, problem.fed,
            record=record, **states,
        )
        for weights, record in ((problem.weights, True), (problem.weights, False), (packed, False))
    ]  # fmt: skip
    for run in runs[1:]:
        assert np.array_equal(run.y, runs[0].y)
        for state, other in zip(run.h + run.c, runs[0].h + runs[0].c, strict=True):
            assert np.array_equal(state, other)


def test_without_feeding_it_is_the_stack_and_a_linear_layer(row):
    problem = Loop("lstm", (3, 17, 16), 50, 11, 4, never)
    run = engine.rollout(
        "lstm", problem.sizes, problem.weights, problem.head, problem.x, problem.fed
    )
    stack = engine.infer("lstm", problem.sizes, problem.weights, problem.x)
    weight, bias = problem.head
    assert np.abs(run.y - (stack.y @ weight.T + bias)).max() <= 1e-13
    assert all(np.array_equal(a, b) for a, b in zip(run.h + run.c, stack.h + stack.c, strict=True))


@pytest.mark.parametrize("cell", CELLS)
def test_steps_of_a_stream_with_the_head_are_the_rollout(row, cell):
    problem = Loop(cell, (3, 17, 16), 30, 11, 2, by_row)
    run = engine.rollout(cell, problem.sizes, problem.weights, problem.head, problem.x, problem.fed)
    stream = engine.Stream(engine.pack(cell, problem.sizes, problem.weights), 11, problem.head)
    y = np.zeros((11, 2))
    for x, fed, expected in zip(problem.x, problem.fed, run.y, strict=True):
        x[:, :2] = np.where(fed[:, None], y, x[:, :2])
        y = stream.step(x)
        assert np.abs(y - expected).max() <= 1e-13


def test_what_the_loop_replaces_is_never_read(row):
    problem = Loop("gru", (3, 8, 8), 30, 9, 2, by_row)
    clean = problem.run("float64")
    problem.x[..., :2][problem.fed] = np.nan
    dirty = problem.run("float64")
    assert all(np.array_equal(clean[name], dirty[name]) for name in clean)
    assert not clean["dx"][..., :2][problem.fed].any()


def test_the_caller_may_change_its_arrays_before_the_way_back():
    problem = Loop("gru", (3, 8, 8), 300, 2, 2, by_row)
    expected = problem.run("float64", recompute="chunks")["dweights"]
    states = {"h0": problem.h0, "c0": problem.c0}
    x, fed, weights, head = problem.x, problem.fed, problem.weights, problem.head
    recording = engine.rollout(
        "gru", problem.sizes, weights, head, x, fed, record=True, recompute="chunks", **states
    ).recording
    for array in (x, weights, *head):
        array[...] = np.nan
    fed[1:] = True
    back = engine.rollout_backward(recording, problem.dy, problem.dh)
    assert np.array_equal(back.weights, expected)


def test_a_rollout_that_kept_nothing_says_so_and_a_recording_serves_once():
    problem = Loop("lstm", (2, 4), 5, 2, 1, always)
    call = (problem.cell, problem.sizes, problem.weights, problem.head, problem.x, problem.fed)
    with pytest.raises(NoGradientError, match="record=True"):
        engine.rollout_backward(engine.rollout(*call).recording)
    recording = engine.rollout(*call, record=True).recording
    assert recording.bytes > 0
    engine.rollout_backward(recording)
    with pytest.raises(NoGradientError, match="twice"):
        engine.rollout_backward(recording)


def test_one_row_that_turns_to_nan_leaves_the_others_alone(row):
    problem = Loop("lstm", (2, 20), 12, 3, 1, always)
    problem.x[0, 1] = np.nan
    run = engine.rollout(
        "lstm", problem.sizes, problem.weights, problem.head, problem.x, problem.fed
    )
    assert np.isnan(run.y[:, 1]).all() and np.isfinite(run.y[:, [0, 2]]).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fed": np.ones(3, bool)}, r"fed\[0\] is True"),
        ({"fed": np.zeros(3, int)}, "expected bool"),
        ({"fed": np.zeros((3, 4), bool)}, "expected bool"),
        ({"head": (np.zeros((1, 3)), np.zeros(1))}, "the head's weight"),
        ({"head": (np.zeros(4), np.zeros(1))}, "the head's weight has the shape"),
        ({"head": (np.zeros((1, 4)), np.zeros(2))}, "the head's bias"),
        ({"head": (np.zeros((2, 4)), np.zeros(2))}, "2 outputs are fed, but an input has only 1"),
        ({"feed": 0}, "feed=0; expected 1 to 1"),
        ({"feed": 2}, "feed=2; expected 1 to 1"),
        ({"lags": np.zeros(3), "past": np.zeros((3, 2))}, r"past is float64 \(3, 2\)"),
        ({"past": np.zeros((1, 2))}, "past is float64"),
        ({"lags": np.zeros((2, 1))}, "lags is float64"),
        ({"lags": np.zeros(2, "float32")}, "lags is float32"),
        ({"offset": np.zeros(3)}, "offset is float64"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"recompute": "all"}, "recompute='all'"),
        ({"projection": 4}, "projection=4"),
    ],
)
def test_what_does_not_fit_a_rollout_is_refused_at_the_door(change, says):
    arguments = {
        "cell": "lstm", "sizes": (1, 4), "weights": np.zeros(112), "x": np.zeros((3, 2, 1)),
        "head": (np.zeros((1, 4)), np.zeros(1)), "fed": np.array([False, True, True]),
    }  # fmt: skip
    with pytest.raises(UsageError, match=says):
        engine.rollout(**(arguments | change))


def test_packed_weights_cannot_be_recorded():
    packed = engine.pack("lstm", (1, 4), np.zeros(112))
    head = (np.zeros((1, 4)), np.zeros(1))
    with pytest.raises(UsageError, match="packed weights have no gradient"):
        engine.rollout(
            "lstm", (1, 4), packed, head, np.zeros((3, 2, 1)), np.zeros(3, bool), record=True
        )
