"""The joined step against its parts (each with an outside oracle) and against PyTorch."""

from functools import cache

import numpy as np
import pytest
import torch
from native.oracle import make_module

from rollcast import engine
from rollcast.errors import UsageError

BOUND = {"float32": 1e-5, "float64": 1e-12}
LEVELS = (0.1, 0.5, 0.9)
SHAPES = [
    # time, batch, sizes: single numbers, odd sizes, unequal layers, several slices and chunks
    (1, 1, (1, 1)),
    (2, 3, (3, 17, 5)),
    (9, 30, (1, 10, 20, 1)),
    (8, 97, (7, 51, 3)),
    (110, 1, (1, 32, 32)),
]


def make(cell, sizes, **options):
    sequence = engine.Sequence(cell, sizes, **options)
    # small enough that no layer is chaotic, or float32 itself would be the error
    weights = np.random.default_rng(0).uniform(-1, 1, sequence.count) / np.sqrt(max(sizes))
    return sequence, weights


def data(sequence, time, batch):
    draw = np.random.default_rng(1)
    steps = time if sequence.steps == "all" else 1
    x = draw.normal(size=(time, batch, sequence.sizes[0]))
    return x, draw.normal(size=(steps, batch, sequence.outputs))


def truth(sequence, weights, x, target):
    """Mean squared error and its gradient by PyTorch."""
    parts, y, at = [], torch.tensor(x), 0
    for width, units in zip(sequence.sizes[:-1], sequence.sizes[1:], strict=True):
        module = make_module(sequence.cell, width, units)
        parts.append(module)
    if sequence.count > sequence.stack_count:
        parts.append(torch.nn.Linear(sequence.sizes[-1], sequence.numbers).double())
    leaves = [leaf for part in parts for leaf in part.parameters()]
    for leaf in leaves:
        leaf.data.copy_(torch.tensor(weights[at : at + leaf.numel()]).view_as(leaf))
        at += leaf.numel()
    for part in parts:
        y = part(y) if isinstance(part, torch.nn.Linear) else part(y)[0]
    y = y if sequence.steps == "all" else y[-1:]
    loss = torch.nn.functional.mse_loss(y, torch.tensor(target))
    loss.backward()
    gradient = np.concatenate([leaf.grad.numpy().ravel() for leaf in leaves])
    return loss.item(), gradient, y.detach().numpy()


@cache
def example(cell, steps, outputs, shape):
    """A problem and what PyTorch makes of it."""
    time, batch, sizes = shape
    sequence, weights = make(cell, sizes, outputs=outputs, steps=steps)
    x, target = data(sequence, time, batch)
    return sequence, (weights, x, target), truth(sequence, weights, x, target)


def close(found, expected, dtype, steep=1):
    largest = np.abs(expected).max() or 1.0
    return np.abs(found - expected).max() <= steep * BOUND[dtype] * largest


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", engine.CELLS)
@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("outputs", [None, 2])
def test_loss_gradient_and_outputs_equal_those_of_pytorch(row, cell, steps, outputs, dtype):
    for shape in SHAPES:
        sequence, arrays, (loss, gradient, y) = example(cell, steps, outputs, shape)
        cast = [array.astype(dtype) for array in arrays]
        found, slopes = sequence.gradient(*cast)
        assert found == pytest.approx(loss, rel=BOUND[dtype])
        # Normalising what is nearly equal multiplies rounding by up to 316, one over the root of
        # 1e-5: PyTorch's float32 is as far from its float64.
        steep = 20 if cell == "lstm_layer_norm" and dtype == "float32" else 1
        assert close(slopes, gradient, dtype, steep)
        assert sequence.loss(*cast) == pytest.approx(loss, rel=BOUND[dtype])
        assert close(sequence.outputs_of(*cast[:2]), y, dtype, steep)


def by_parts(sequence, weights, x, target, observed, weight, lengths, states, key, head):
    """The same through the engine's single calls."""
    cell, sizes = sequence.cell, sequence.sizes
    units, batch = sizes[-1], x.shape[1]
    cut = np.cumsum([batch * width for width in sizes[1:-1]])
    layers = [
        None if flat is None else [
            part.reshape(batch, -1) for part in np.split(flat, cut)
        ] for flat in states
    ]  # fmt: skip
    run = engine.forward(
        cell, sizes, weights[: sequence.stack_count], x, h0=layers[0], c0=layers[1],
        lengths=lengths, dropout=0.4, seed=key[0], step=key[1],
    )  # fmt: skip
    assert run.y is not None
    last = sequence.steps == "last"
    read = (run.h[-1] if last else run.y).reshape(-1, units)
    output = read
    if head:
        at = sequence.stack_count + sequence.numbers * units
        matrix = weights[sequence.stack_count : at].reshape(-1, units)
        output = engine.linear(read, matrix, weights[at:])
    width = sequence.numbers // sequence.outputs
    loss, slope = engine.loss(
        sequence.family, output.reshape(*target.shape, width), target, observed=observed,
        weight=np.broadcast_to(weight[..., None], target.shape), levels=LEVELS, delta=0.7,
    )  # fmt: skip
    assert slope is not None
    slope = slope.reshape(-1, sequence.numbers)
    tail = []
    if head:
        slope, dweight, dbias = engine.linear_backward(slope, read, matrix)
        assert slope is not None
        tail = [dweight.ravel(), dbias]
    if last:
        dh = [np.zeros_like(part) for part in run.h[:-1]] + [slope.reshape(batch, units)]
        back = engine.backward(run.recording, dh=dh)
    else:
        back = engine.backward(run.recording, slope.reshape(run.y.shape))
    flat = lambda parts: np.concatenate([part.ravel() for part in parts])  # noqa: E731
    return loss, np.concatenate([back.weights, *tail]), flat(run.h), flat(run.c) if run.c else None


@pytest.mark.parametrize("family", engine.FAMILIES)
@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_option_at_once_equals_the_single_calls(row, family, steps, head, cell):
    levels = LEVELS if family == "quantile" else ()
    outputs = 2 if head else None
    sequence, weights = make(cell, (3, 17, 6), outputs=outputs, steps=steps, family=family,
                             levels=levels, delta=0.7, dropout=0.4)  # fmt: skip
    for batch, each_step in ((5, False), (21, True)):
        x, target = data(sequence, 12, batch)
        draw = np.random.default_rng(2)
        lengths = draw.integers(1, 13, batch).astype(np.int32)
        observed = draw.random(target.shape) > 0.3
        inside = np.ones_like(observed)
        if steps == "all":
            inside = inside & (np.arange(12)[:, None, None] < lengths[:, None])
        target[~(observed & inside)] = np.nan
        weight = draw.random((len(target), batch) if each_step else batch) + 0.5
        states = [draw.normal(size=batch * 23) for _ in range(2 if cell == "lstm" else 1)]
        states += [None] * (2 - len(states))
        key = (3, 9)
        loss, gradient, h, c = by_parts(
            sequence, weights, x, target, observed & inside, weight, lengths, states, key, head
        )
        found, slopes = sequence.gradient(
            weights, x, target, observed=observed, weight=weight, lengths=lengths,
            h0=states[0], c0=states[1], hn=states[0], cn=states[1], seed=key[0], step=key[1],
        )  # fmt: skip
        assert found == pytest.approx(loss, rel=1e-12)
        assert close(slopes, gradient, "float64")
        assert close(states[0], h, "float64")
        assert c is None or close(states[1], c, "float64")


def test_threads_never_change_a_bit(threads):
    sequence, weights = make("gru", (5, 64, 33), outputs=3, dropout=0.2)
    x, target = data(sequence, 30, 97)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(sequence.gradient(weights, x, target, seed=5))
    for loss, gradient in results[1:]:
        assert loss == results[0][0]
        assert np.array_equal(gradient, results[0][1])


def test_the_gradient_is_written_where_the_caller_says():
    sequence, weights = make("rnn_tanh", (2, 4))
    x, target = data(sequence, 3, 2)
    room = np.full(sequence.count, np.nan)
    loss, gradient = sequence.gradient(weights, x, target, out=room)
    assert gradient is room
    again = sequence.gradient(weights, x, target)
    assert loss == again[0] and np.array_equal(room, again[1])


def test_nothing_observed_is_no_loss_and_no_gradient(row):
    sequence, weights = make("lstm", (2, 4), outputs=2)
    x, target = data(sequence, 3, 70)
    observed = np.zeros(target.shape, bool)
    loss, gradient = sequence.gradient(weights, x, np.full_like(target, np.nan), observed=observed)
    assert loss == 0.0
    assert not gradient.any()


def test_what_does_not_fit_is_refused_by_name():
    sequence, weights = make("lstm", (2, 4), outputs=2)
    x, target = data(sequence, 3, 5)
    good = {"weights": weights, "x": x, "target": target}
    bad = {
        "weights": weights[:-1],
        "x": x[..., :1],
        "target": target.transpose(0, 2, 1).copy(),
        "observed": np.ones(target.shape),
        "weight": np.ones(4),
        "lengths": np.array([3, 3, 3, 3, 4], np.int32),
        "h0": np.zeros(19),
        "cn": np.zeros(20, "float32"),
        "out": np.zeros(2 * len(weights))[::2],
    }
    for name, array in bad.items():
        with pytest.raises(UsageError, match=name):
            sequence.gradient(**(good | {name: array}))
    with pytest.raises(UsageError, match="x is"):
        sequence.outputs_of(weights, x.astype("float32"))
    with pytest.raises(UsageError, match="LSTM"):
        other, others = make("gru", (2, 4), outputs=2)
        other.gradient(others, x, target, c0=np.zeros(20))


@pytest.mark.parametrize(
    "options",
    [{"steps": "first"}, {"family": "crps"}, {"family": "quantile"}, {"dropout": 1.0},
     {"outputs": 0}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(options):
    with pytest.raises(UsageError, match=f"{next(iter(options))}|levels"):
        engine.Sequence("gru", (2, 4), **options)
