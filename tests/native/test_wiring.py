"""Dilation, residual connections and zoneout against PyTorch's autograd of the same in float64."""

import functools

import numpy as np
import pytest
import torch
from native.loops import Loop, by_row
from native.oracle import LEAST, Problem, make_module, named, worst

from rollcast import engine
from rollcast.errors import UsageError
from rollcast.nn.cells import CELLS, reference_forward
from rollcast.nn.layers import dropout_mask, zoneout_mask

BOUND = {"float32": 1e-5, "float64": 1e-12}
SEED, STEP = 11, 3
WIRINGS = ["dilation=2", "dilation=3-1-7, residual=true", "residual=true"]
CHOICES = [f"{cell}({wiring})" for cell in CELLS for wiring in WIRINGS]
CHOICES += [
    f"{cell}({wiring}zoneout=0.3)"
    for cell in engine.TILED
    for wiring in ("", "dilation=2, residual=true, ")
]


class Wired(Problem):
    """A problem whose states go as far back as the layers do."""

    def __post_init__(self):
        whole, self.cell = self.cell, engine.name_of(self.cell)
        super().__post_init__()
        self.cell, draw = whole, np.random.default_rng(3)
        self.widths = engine.state_widths(whole, self.sizes)
        self.backs = [n // u for n, u in zip(self.widths, self.sizes[1:], strict=True)]
        again = lambda each, back: np.concatenate([each] * back, 1)  # noqa: E731
        for name in ("h0", "dh", "c0", "dc"):
            values = getattr(self, name)
            if values is not None:
                values = [again(*pair) for pair in zip(values, self.backs, strict=True)]
                values = [each * draw.uniform(0.5, 1.5, each.shape) for each in values]
                setattr(self, name, values)

    def truth(self, lengths=None, dropout=0.0):
        name, wiring = engine.name_of(self.cell), engine.wiring_of(self.cell)
        cells = CELLS[name].cells
        leaf = lambda value: torch.tensor(value, requires_grad=True)  # noqa: E731
        x = y = leaf(self.x)
        h0, c0 = [leaf(part) for part in self.h0], [leaf(part) for part in self.c0 or []]
        ends = np.full(self.batch, self.time) if lengths is None else np.asarray(lengths)
        rows, modules, h, c, start = np.arange(self.batch), [], [], [], 0
        for layer, (width, units) in enumerate(zip(self.entering, self.sizes[1:], strict=True)):
            module = make_module(name, width, units)
            for weight in module.parameters():
                values = self.weights[start : start + weight.numel()]
                weight.data.copy_(torch.tensor(values).view_as(weight))
                start += weight.numel()
            modules.append(module)
            back = self.backs[layer]
            hs = list(h0[layer].view(self.batch, back, units).unbind(1))
            cs = list(c0[layer].view(self.batch, back, -1).unbind(1)) if cells else []
            add, given = wiring.residual and layer > 0 and width == units, []
            for t in range(self.time):
                states = (hs[t][None], cs[t][None]) if cells else hs[t][None]
                out, final = module(y[t][None], states)
                after = [out[0], final[1][0]] if cells else [out[0]]
                if wiring.zoneout:
                    for place, (name_of, old) in enumerate((("h", hs), ("c", cs))[: len(after)]):
                        stay = torch.tensor(
                            zoneout_mask(wiring.zoneout, SEED, STEP, layer, t, rows, units, name_of)
                        )
                        after[place] = torch.where(stay, old[t], after[place])
                hs.append(after[0])
                cs.extend(after[1:])
                given.append(out := after[0] + y[t] if add else after[0])
            y = torch.stack(given) * torch.tensor(np.arange(self.time)[:, None] < ends)[..., None]
            if dropout and layer + 2 < len(self.sizes):
                time = np.arange(self.time)[:, None]
                y = y * torch.tensor(dropout_mask(dropout, SEED, STEP, layer, time, rows, units))
            places = [ends + place for place in range(back)]
            h.append(torch.cat([torch.stack(hs)[place, rows] for place in places], 1))
            if cells:
                c.append(torch.cat([torch.stack(cs)[place, rows] for place in places], 1))
        loss = (y * torch.tensor(self.dy)).sum()
        for state, gradient in zip(h + c, self.dh + (self.dc or []), strict=True):
            loss = loss + (state * torch.tensor(gradient)).sum()
        loss.backward()
        plain = lambda parts: [part.detach().numpy() for part in parts]  # noqa: E731
        grads = lambda parts: [part.grad.numpy() for part in parts]  # noqa: E731
        flat = np.concatenate([w.grad.numpy().ravel() for m in modules for w in m.parameters()])
        return named(
            y.detach().numpy(), plain(h), plain(c), flat, *grads([x]), grads(h0), grads(c0)
        )


@functools.cache
def example(cell, sizes, time, batch, lengths=None, dropout=0.0):
    problem = Wired(cell, sizes, time, batch)
    return problem, problem.truth(lengths, dropout)


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("cell", CHOICES)
def test_outputs_and_every_gradient_equal_those_of_pytorch(row, cell, dtype):
    least = LEAST.get(engine.name_of(cell), 0.0)
    for time, batch, sizes in (
        (1, 1, (3, 5, 5, 5)),
        (5, 2, (1, 17, 17, 3)),
        (21, 19, (3, 6, 6, 6)),
    ):
        problem, truth = example(cell, sizes, time, batch)
        error, name = worst(problem.run(dtype, seed=SEED, step=STEP), truth, least)
        assert error <= BOUND[dtype], (name, time)


@pytest.mark.parametrize("recompute", [None, "chunks"])
@pytest.mark.parametrize("cell", ["gru(dilation=2, residual=true, zoneout=0.3)",
                                  "lstm(dilation=9-1-2, residual=true, zoneout=0.3)",
                                  "slstm(dilation=3, residual=true)"])  # fmt: skip
def test_lengths_dropout_and_recomputing_go_with_all_of_it(row, cell, recompute):
    lengths = tuple(int(n) for n in np.random.default_rng(1).integers(1, 41, 26))
    problem, truth = example(cell, (2, 5, 5, 5), 40, 26, lengths, 0.2)
    for batch_row, length in enumerate(lengths):
        problem.x[length:, batch_row] = problem.dy[length:, batch_row] = np.nan
    found = problem.run(
        "float64", lengths=np.array(lengths), dropout=0.2, seed=SEED, step=STEP, recompute=recompute
    )
    problem.x, problem.dy = np.nan_to_num(problem.x), np.nan_to_num(problem.dy)
    error, name = worst(found, truth, 1e-3)
    assert error <= 1e-12, name


@pytest.mark.parametrize("cell", CHOICES)
def test_inference_is_the_specification_and_a_stream_of_its_steps(row, cell):
    problem = Wired(cell, (3, 9, 9, 9), 12, 5)
    y, h, c = reference_forward(
        cell, problem.sizes, problem.weights, problem.x, problem.h0, problem.c0
    )
    packed = engine.pack(cell, problem.sizes, problem.weights)
    run = engine.infer(cell, problem.sizes, packed, problem.x, h0=problem.h0, c0=problem.c0)
    stream = engine.Stream(packed, 5)
    flat = lambda states: np.concatenate([state.ravel() for state in states])  # noqa: E731
    stream.h = flat(problem.h0)
    if problem.c0:
        stream.c = flat(problem.c0)
    steps = np.stack([stream.step(x).copy() for x in problem.x])
    for found in (run.y, steps):
        assert np.abs(found - y).max() <= 1e-12
    for found, truth in ((run.h, h), (run.c, c or [])):
        for one, other in zip(found, truth, strict=True):
            assert np.abs(one - other).max() <= 1e-12
    assert np.abs(stream.h - flat(h)).max() <= 1e-12


@pytest.mark.parametrize("cell", ["gru(dilation=2, residual=true)", "lstm(zoneout=0.3)",
                                  "rnn_tanh(dilation=2-1, zoneout=0.2)", "slstm(dilation=2)",
                                  "lstm_layer_norm(residual=true)"])  # fmt: skip
def test_a_rollout_and_its_gradient_go_through_all_of_it(row, cell):
    problem = Loop(engine.name_of(cell), (3, 6, 6), 40, 19, 2, by_row)
    arrays = [problem.weights, *problem.head, problem.x]
    options = {"record": True, "seed": SEED, "step": STEP}

    def rolled(weights, head_weight, head_bias, x):
        head = (head_weight, head_bias)
        return engine.rollout(cell, problem.sizes, weights, head, x, problem.fed, **options)

    back = engine.rollout_backward(rolled(*arrays).recording, problem.dy)
    gradients = [back.weights, back.head_weight, back.head_bias, back.x]
    draw = np.random.default_rng(0)
    along = [draw.normal(size=array.shape) for array in arrays]
    for place, direction in enumerate(along):
        slopes = []
        for nudge in (1e-6, -1e-6):
            nudged = [array.copy() for array in arrays]
            nudged[place] += nudge * direction
            slopes.append(float((rolled(*nudged).y * problem.dy).sum()))
        slope = (slopes[0] - slopes[1]) / 2e-6
        assert float((gradients[place] * direction).sum()) == pytest.approx(
            slope, rel=2e-6, abs=1e-7
        )


@pytest.mark.parametrize("steps", ["all", "last"])
@pytest.mark.parametrize("cell", ["lstm(dilation=2, residual=true, zoneout=0.3)",
                                  "min_gru(residual=true)"])  # fmt: skip
def test_a_step_in_one_call_is_that_of_its_parts(row, cell, steps):
    sizes, batch = (2, 5, 5), 19
    sequence = engine.Sequence(cell, sizes, outputs=None, steps=steps, dropout=0.2)
    draw = np.random.default_rng(0)
    weights, x = draw.normal(size=sequence.count) / 3, draw.normal(size=(9, batch, 2))
    lengths = draw.integers(1, 10, batch).astype("int32")
    target = draw.normal(size=(9 if steps == "all" else 1, batch, 5))
    loss, gradient = sequence.gradient(weights, x, target, lengths=lengths, seed=SEED, step=STEP)
    run = engine.forward(
        cell, sizes, weights, x, lengths=lengths, dropout=0.2, seed=SEED, step=STEP
    )
    counted = (np.arange(9)[:, None] < lengths) if steps == "all" else (
        np.arange(9)[:, None] == lengths - 1
    )  # fmt: skip
    away = np.where(counted[..., None], run.y - target, 0.0)
    count = counted.sum() * 5
    assert loss == pytest.approx((away**2).sum() / count, rel=1e-12)
    back = engine.backward(run.recording, 2 * away / count)
    assert np.abs(back.weights - gradient).max() <= 1e-12 * np.abs(gradient).max()


@pytest.mark.parametrize(
    "cell", ["gru(dilation=2, residual=true, zoneout=0.3)", "slstm(dilation=2)"]
)
def test_the_number_of_threads_never_changes_a_bit(cell, threads):
    problem = Wired(cell, (3, 24, 24), 30, 67)
    results = []
    for count in (1, 3):
        threads(count)
        results.append(problem.run("float32", dropout=0.2, seed=1))
    assert all(np.array_equal(results[0][name], results[1][name]) for name in results[0])


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("lstm(zoneout=1)", "zoneout=1.0; expected a probability below 1"),
        ("min_gru(zoneout=0.1)", "not one of its options"),
        ("gru(dilation=0)", "dilation='0'; expected whole numbers"),
        ("gru(dilation=1-2-3)", "expected one number, or one for each of 2 layers"),
    ],
)
def test_options_that_cannot_be_are_refused(cell, says):
    with pytest.raises(UsageError, match=says):
        engine.weight_count(cell, (1, 2, 2))
