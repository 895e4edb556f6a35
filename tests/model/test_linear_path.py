"""The linear path of sequence networks against PyTorch in float64: gradients, states, steps."""

import numpy as np
import pytest
import torch

from rollcast.model.linear_path import GAIN
from rollcast.model.networks import NORMALIZED
from rollcast.model.sequence import SequenceNetwork
from rollcast.model.steps import Steps
from rollcast.nn.cells import reference_forward

TIME, ROWS = 9, 4

KINDS = {
    "one output": {"outputs": 1},
    "alone": {"inputs": 1, "outputs": 1, "rows": 1},
    "two outputs": {"outputs": 2},
    "units": {"outputs": 2, "readout": False},
    "last": {"outputs": 1, "last": True},
    "more rows than steps": {"outputs": 1, "rows": TIME + 3},
    "layer": {"outputs": 2, "normalize": "layer"},
    "one layer": {"outputs": 1, "normalize": "layer", "cell": "lstm"},
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def make(kind, **more):
    given = {"inputs": 3, "rows": 3, "normalize": None, "cell": "gru", "outputs": 1} | kind | more
    normalize, rows, cell = given.pop("normalize"), given.pop("rows"), given.pop("cell")
    network = NORMALIZED[normalize](
        SequenceNetwork(cell, given.pop("inputs"), (4, 2), skip=rows, **given), TIME
    )
    return network, np.random.default_rng(0).normal(0, 0.4, network.count)


def steps_for(network, time=TIME, seed=1):
    draw = np.random.default_rng(seed)
    sizes = network.stack.sizes
    x = draw.normal(size=(time, ROWS, sizes[0]))
    target = draw.normal(size=(time, ROWS, network.outputs))
    return Steps(x, target, draw.random(target.shape) < 0.8)


def in_torch(network, weights, steps, fed, before=None):
    """Outputs and loss, row by row, by the definition; ``before``: rows read before the first."""
    path, places = network.readout.path, network.places()
    flat = torch.tensor(weights, requires_grad=True)
    stack, cells = network.stack, []
    for layer, units in enumerate(stack.hidden):
        module = {"gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}[stack.cell]
        cell = module(stack.sizes[layer], units, dtype=torch.float64)
        named = {
            name: flat[places[f"{name}_l{layer}"]].view_as(leaf)
            for name, leaf in cell.named_parameters()
        }
        cells.append((cell, named, torch.zeros(ROWS, units, dtype=torch.float64)))
    states = [(h, h) if stack.cell == "lstm" else h for *_, h in cells]
    map_ = GAIN * flat[places["skip.weight"]].view(network.outputs, path.rows, path.inputs)
    x, read, said = torch.tensor(steps.x), [], []
    before = [x[0]] * path.rows if before is None else list(torch.tensor(before))
    for now in range(len(x)):
        row = x[now]
        if fed[now]:
            row = torch.cat([said[-1], row[:, network.outputs :]], 1)
        read.append(row)
        top = row
        for layer, (cell, named, _) in enumerate(cells):
            states[layer] = torch.func.functional_call(cell, named, (top, states[layer]))
            top = states[layer][0] if stack.cell == "lstm" else states[layer]
            if f"gain_l{layer}" in places:
                gain, shift = (flat[places[f"{name}_l{layer}"]] for name in ("gain", "shift"))
                top = torch.nn.functional.layer_norm(top, gain.shape, gain, shift)
        if "head.weight" in places:
            head = flat[places["head.weight"]].view(network.outputs, -1)
            top = top @ head.T + flat[places["head.bias"]]
        newest = [*before, *read][-1 : -path.rows - 1 : -1]
        said.append(top + sum(each @ map_[:, back].T for back, each in enumerate(newest)))
    y = torch.stack(said)
    counted = torch.tensor(steps.observed)
    if network.readout.last:
        counted = counted & (torch.arange(len(x)) == len(x) - 1)[:, None, None]
    loss = ((y - torch.tensor(steps.target))[counted] ** 2).mean()
    loss.backward()
    assert flat.grad is not None
    return y.detach().numpy(), loss.item(), flat.grad.numpy()


@every_kind
@pytest.mark.parametrize("fed", [0, 4])
def test_loss_and_gradient_are_those_of_autograd(kind, fed):
    network, weights = make(kind)
    steps, states = steps_for(network), network.states(ROWS, "float64")
    mask = (np.arange(TIME) >= 4) & (fed > 0)
    y, truth, slope = in_torch(network, weights, steps, mask)
    key = {"seed": 0, "step": 0}
    if fed:
        loss, gradient, _ = network.fed_gradient(weights, steps, states, mask, **key)
    else:
        loss, gradient, _ = network.gradient(weights, steps, states, **key)
        assert network.loss(weights, steps, states)[0] == pytest.approx(truth, rel=1e-12)
        np.testing.assert_allclose(network.outputs_of(weights, steps.x, states)[0], y, rtol=1e-11)
    assert loss == pytest.approx(truth, rel=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-12 * np.abs(slope).max())
    np.testing.assert_allclose(network.roll(weights, steps.x, mask), y, rtol=1e-10, atol=1e-12)


@every_kind
@pytest.mark.parametrize("cut", [1, 5])
def test_what_was_read_goes_with_the_states(kind, cut):
    network, weights = make(kind)
    x, states = steps_for(network).x, network.states(ROWS, "float64")
    whole, final = network.outputs_of(weights, x, states)
    head, middle = network.outputs_of(weights, np.ascontiguousarray(x[:cut]), states)
    tail, end = network.outputs_of(weights, np.ascontiguousarray(x[cut:]), middle)
    np.testing.assert_allclose(np.concatenate([head, tail]), whole, rtol=1e-12)
    for name in final:
        np.testing.assert_allclose(end[name], final[name], rtol=1e-12)
    stepper = network.stepper(weights, ROWS)
    for name, state in middle.items():
        setattr(stepper, name, state)
    for now in range(cut, TIME):
        np.testing.assert_allclose(stepper.step(x[now]), whole[now], rtol=1e-11)
    some = network.rows_of(middle, np.array([2, 0]))
    part, _ = network.outputs_of(weights, np.ascontiguousarray(x[cut:, [2, 0]]), some)
    np.testing.assert_allclose(part, tail[:, [2, 0]], rtol=1e-12)


@every_kind
@pytest.mark.parametrize("fed", [False, True])
def test_every_gradient_hands_on_the_same_states(kind, fed):
    network, weights = make(kind)
    steps, states = steps_for(network), network.states(ROWS, "float64")
    key = {"seed": 0, "step": 0}
    if fed:  # the second half again, read true where the first said it
        mask = np.arange(TIME) >= 3
        after = network.fed_gradient(weights, steps, states, mask, **key)[2]
        read = steps.x.copy()
        read[3:, :, : network.outputs] = network.roll(weights, read, mask)[2:-1]
    else:
        after, read = network.gradient(weights, steps, states, **key)[2], steps.x
    expected = network.outputs_of(weights, read, states)[1]
    assert set(after) == set(expected)
    for name in expected:
        np.testing.assert_allclose(after[name], expected[name], rtol=1e-10, atol=1e-12)


def test_shorter_rows_hand_on_their_own_newest_rows():
    network, weights = make({"outputs": 1})
    steps, states = steps_for(network), network.states(ROWS, "float64")
    lengths = np.array([TIME, 2, 1, 5], np.int32)
    _, final = network.outputs_of(weights, steps.x, states, lengths)
    for row, length in enumerate(lengths):
        alone = network.states(1, "float64")
        x = np.ascontiguousarray(steps.x[:length, row : row + 1])
        expected = network.outputs_of(weights, x, alone)[1]
        found = network.rows_of(final, np.array([row]))
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


@pytest.mark.parametrize("outputs", [1, 2])
def test_dropout_in_the_loop_is_that_of_the_seed_and_its_gradient_exact(outputs):
    network, weights = make({"outputs": outputs, "dropout": 0.4})
    steps, states = steps_for(network), network.states(ROWS, "float64")
    mask = np.arange(TIME) >= 2

    def loss(changed, seed=1):
        return network.fed_gradient(changed, steps, states, mask, seed=seed, step=2)[0]

    gradient = network.fed_gradient(weights, steps, states, mask, seed=1, step=2)[1]
    assert loss(weights) == loss(weights) != loss(weights, seed=2)
    for place in range(0, network.count, 7):
        there = np.zeros_like(weights)
        there[place] = 1e-6
        numeric = (loss(weights + there) - loss(weights - there)) / 2e-6
        assert gradient[place] == pytest.approx(numeric, rel=1e-5, abs=1e-8)


def test_without_a_path_there_are_neither_weights_nor_states_of_one():
    network, weights = make({"outputs": 1, "rows": 0})
    assert "skip.weight" not in network.places()
    assert set(network.states(2, "float64")) == {"h"}
    x = steps_for(network).x
    y, *_ = reference_forward("gru", network.stack.sizes, weights[: network.stack.count], x)
    weight, bias = network.readout.matrix(weights)
    found = network.outputs_of(weights, x, network.states(ROWS, "float64"))[0]
    np.testing.assert_allclose(found, y @ weight.T + bias, rtol=1e-11)


def test_recomputing_gives_the_same_gradient():
    plain, other = (make({"outputs": 2}, recompute=kind)[0] for kind in (None, "chunks"))
    steps, weights = steps_for(plain), make({"outputs": 2})[1]
    states = plain.states(ROWS, "float64")
    one, two = (each.gradient(weights, steps, states, seed=0, step=0)[1] for each in (plain, other))
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_it_stands_beside_a_normalised_recurrence():
    network, weights = make({"cell": "lstm", "normalize": "recurrent_batch", "outputs": 2})
    weights = network.initial(0, "float64", "torch")
    weights[network.places()["skip.weight"]] = 0.5
    steps, states = steps_for(network), network.states(ROWS, "float64")

    def loss(changed):
        return network.gradient(changed, steps, states, seed=0, step=0)[0]

    gradient = network.gradient(weights, steps, states, seed=0, step=0)[1]
    for place in [0, 30, *range(*network.places()["skip.weight"].indices(network.count))]:
        there = np.zeros_like(weights)
        there[place] = 1e-6
        numeric = (loss(weights + there) - loss(weights - there)) / 2e-6
        assert gradient[place] == pytest.approx(numeric, rel=1e-5, abs=1e-8)
