"""Normalisation between layers against PyTorch in float64: outputs, gradients, states."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from native.oracle import make_module

from rollcast.model.normalized import NormalizedNetwork
from rollcast.model.sequence import SequenceNetwork
from rollcast.model.steps import Steps, counted_steps
from rollcast.nn.layers import dropout_mask
from rollcast.nn.normal import NORMALIZE

TIME, HIDDEN = 7, (5, 4, 3)


def make(cell, kind, readout=True, dropout=0.0, last=False):
    plain = SequenceNetwork(
        cell, 2, HIDDEN, 2 if readout else 3, readout=readout, dropout=dropout, last=last
    )
    network = NormalizedNetwork(plain, kind)
    weights = network.initial(0, "float64", "torch")
    draw = np.random.default_rng(1)
    for name, place in network.places().items():
        if name.startswith(("gain", "shift")):  # that they do something
            weights[place] += draw.normal(size=place.stop - place.start)
    return network, weights


def batch(network, lengths):
    draw = np.random.default_rng(2)
    x = draw.normal(size=(TIME, len(lengths), 2))
    target = draw.normal(size=(TIME, len(lengths), network.outputs))
    observed = draw.random(target.shape) < 0.8
    ragged = None if min(lengths) == TIME else np.array(lengths, np.int32)
    return Steps(x, target, observed, ragged)


def modules(network, flat):
    """PyTorch's layers with the names of their weights in ``flat``, and where those end."""
    at, layers = 0, []
    for width, units in pairwise(network.stack.sizes):
        module = make_module(network.stack.cell, width, units)
        named = {}
        for name, leaf in module.named_parameters():
            named[name] = flat[at : at + leaf.numel()].view_as(leaf)
            at += leaf.numel()
        layers.append((module, named))
    return layers, at


def oracle(network, weights, steps, *, population=None, seed=0, step=0):
    """Loss and gradient by autograd; outputs by these statistics where they are given."""
    flat = torch.tensor(weights, requires_grad=True)
    layers, at = modules(network, flat)
    head, at = flat[at : network.plain.count], network.plain.count
    y, rows = torch.tensor(steps.x), steps.x.shape[1]
    lengths = np.full(rows, TIME) if steps.lengths is None else steps.lengths
    within = torch.tensor(np.arange(TIME)[:, None] < lengths)
    for number, (module, named) in enumerate(layers):
        y = torch.func.functional_call(module, named, (y,))[0]
        if number == len(layers) - 1:
            break
        units, count = y.shape[-1], 2 + 2 * network.stack.normal.population
        gain, shift, *rest = flat[at : at + count * units].split(units)
        at += count * units
        if network.kind == "layer":
            y = torch.nn.functional.layer_norm(y, (units,), gain, shift)
        elif population is not None:
            y = torch.nn.functional.batch_norm(
                y.reshape(-1, units), *(each.detach() for each in rest), gain, shift
            )
            y = y.view(TIME, rows, units)
        else:
            there = torch.nn.functional.batch_norm(
                y[within], torch.zeros(units).double(), torch.ones(units).double(), gain, shift,
                training=True,
            )  # fmt: skip
            y = torch.zeros_like(y).index_put((within,), there)
        if network.stack.dropout and population is None:
            places = np.arange(TIME)[:, None], np.arange(rows)
            y = y * torch.tensor(
                dropout_mask(network.stack.dropout, seed, step, number, *places, units)
            )
    if network.plain.readout.head is not None:
        split = 2 * HIDDEN[-1]
        y = torch.nn.functional.linear(y, head[:split].view(2, -1), head[split:])
    counted = torch.tensor(steps.observed) & within[:, :, None]
    if network.plain.last:
        counted &= torch.tensor(np.arange(TIME)[:, None] == lengths - 1)[:, :, None]
    loss = ((y - torch.tensor(steps.target))[counted] ** 2).mean()
    loss.backward()
    return loss.item(), flat.grad.numpy(), y.detach().numpy()


@pytest.mark.parametrize("kind", NORMALIZE)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("lengths", [(TIME,) * 4, (TIME, 2, 5, 1)])
@pytest.mark.parametrize("options", [{}, {"dropout": 0.4, "last": True}, {"readout": False}])
def test_loss_and_gradient_are_those_of_autograd(kind, cell, lengths, options):
    network, weights = make(cell, kind, **options)
    steps = batch(network, lengths)
    states = network.states(len(lengths), "float64")
    loss, gradient, _ = network.gradient(weights, steps, states, seed=3, step=4)
    truth, slope, _ = oracle(network, weights, steps, seed=3, step=4)
    assert loss == pytest.approx(truth, rel=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-12 * np.abs(slope).max())


@pytest.mark.parametrize("kind", NORMALIZE)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_outputs_go_by_the_statistics_of_the_training_data(kind, cell):
    network, weights = make(cell, kind)
    steps = batch(network, (TIME,) * 6)
    settled = network.settled(weights, steps.x, None)
    states = network.states(6, "float64")
    y, _ = network.outputs_of(settled, steps.x, states)
    np.testing.assert_allclose(y, oracle(network, settled, steps, population=True)[2], rtol=1e-11)
    if kind == "batch":  # over all the data there is, they are those of that one batch
        np.testing.assert_allclose(
            network.loss(settled, steps, states)[0], oracle(network, weights, steps)[0], rtol=1e-9
        )


@pytest.mark.parametrize("kind", NORMALIZE)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_steps_and_rolled_outputs_are_those_of_the_whole(kind, cell):
    network, weights = make(cell, kind)
    x = batch(network, (TIME,) * 3).x
    weights = network.settled(weights, x, None)
    states = network.states(3, "float64")
    whole, final = network.outputs_of(weights, x, states)
    np.testing.assert_allclose(network.roll(weights, x, np.zeros(TIME, bool)), whole, rtol=1e-11)
    _, middle = network.outputs_of(weights, np.ascontiguousarray(x[:3]), states)
    stepper = network.stepper(weights, 3)
    stepper.h, stepper.c = middle["h"], middle.get("c")
    np.testing.assert_allclose(stepper.step(x[3]), whole[3], rtol=1e-11)
    fed = np.arange(TIME) >= 4
    rolled = network.roll(weights, x, fed)
    x[4] = rolled[3]
    np.testing.assert_allclose(rolled[4], network.outputs_of(weights, x, states)[0][4], rtol=1e-11)
    assert np.isfinite(final["h"]).all()


def looped(network, weights, steps, states, fed):
    """As ``oracle``, but step by step, outputs read as inputs where ``fed``; layer norm."""
    flat = torch.tensor(weights, requires_grad=True)
    layers, at = modules(network, flat)
    split, rest = at + 2 * HIDDEN[-1], flat[network.plain.count :]
    head = flat[at:split].view(2, -1), flat[split : network.plain.count]
    norms = [part.view(2, -1) for part in rest.split([2 * units for units in HIDDEN[:-1]])]
    begun = [network.plain.stack.layers_of(name, states[name]) for name in states]
    hidden = [[torch.tensor(part[None]) for part in each] for each in zip(*begun, strict=True)]
    said = []
    for now, x in enumerate(torch.tensor(steps.x)):
        y = x if now == 0 else torch.where(torch.tensor(fed[now])[:, None], said[-1], x)
        for number, (module, named) in enumerate(layers):
            before = tuple(hidden[number]) if len(states) > 1 else hidden[number][0]
            y, after = torch.func.functional_call(module, named, (y[None], before))
            hidden[number] = list(after) if len(states) > 1 else [after]
            y = y[0]
            if number < len(norms):
                y = torch.nn.functional.layer_norm(y, y.shape[-1:], *norms[number])
        said.append(torch.nn.functional.linear(y, *head))
    counted = torch.tensor(counted_steps(steps, network.plain.last))
    loss = ((torch.stack(said) - torch.tensor(steps.target))[counted] ** 2).mean()
    loss.backward()
    return loss.item(), flat.grad.numpy(), hidden


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("last", [False, True])
def test_the_gradient_of_a_closed_loop_is_that_of_autograd(cell, last):
    network, weights = make(cell, "layer", last=last)
    steps = batch(network, (TIME, 3, 5, TIME))
    draw = np.random.default_rng(3)
    states = {name: draw.normal(size=s.size) for name, s in network.states(4, "float64").items()}
    fed = draw.random((TIME, 4)) < 0.6
    fed[0] = False
    loss, gradient, final = network.fed_gradient(weights, steps, states, fed, seed=0, step=0)
    truth, slope, hidden = looped(network, weights, steps, states, fed)
    assert loss == pytest.approx(truth, rel=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-12 * np.abs(slope).max())
    for place, name in enumerate(states):
        ends = np.concatenate([each[place].detach().numpy().ravel() for each in hidden])
        np.testing.assert_allclose(final[name], ends, rtol=1e-11)


@pytest.mark.parametrize("options", [{"dropout": 0.4}, {"last": True}])
def test_a_loop_in_which_nothing_is_fed_is_the_open_one(options):
    network, weights = make("lstm", "layer", **options)
    steps = batch(network, (TIME,) * 3)
    states, fed = network.states(3, "float64"), np.zeros(TIME, bool)
    found = network.fed_gradient(weights, steps, states, fed, seed=5, step=6)
    expected = network.gradient(weights, steps, states, seed=5, step=6)
    assert found[0] == pytest.approx(expected[0], rel=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-13)
