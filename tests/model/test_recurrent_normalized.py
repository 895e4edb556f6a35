"""Batch normalisation within the recurrence against the equations in PyTorch, float64."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from rollcast.errors import UsageError
from rollcast.model.recurrent_normalized import RecurrentNormalizedNetwork
from rollcast.model.sequence import SequenceNetwork
from rollcast.model.steps import Steps

TIME, BATCH = 6, 5


def make(hidden=(4, 3), readout=True, last=False):
    plain = SequenceNetwork("lstm", 2, hidden, 2, readout=readout, last=last)
    network = RecurrentNormalizedNetwork(plain, TIME)
    weights = network.initial(0, "float64", "torch")
    draw = np.random.default_rng(1)
    for layer in network.layers(weights):
        layer.gain[:] += draw.normal(size=layer.gain.shape)
        layer.shift[:] += draw.normal(size=layer.shift.shape)
    x, target = draw.normal(size=(TIME, BATCH, 2)), draw.normal(size=(TIME, BATCH, 2))
    return network, weights, Steps(x, target, draw.random(target.shape) < 0.8)


def normalised(value, gain, shift, found):
    """By the statistics of the batch, which go to ``found``, or by those that lie there."""
    if isinstance(found, list):
        found.append((value.mean(0), value.var(0, unbiased=False)))
        return torch.nn.functional.batch_norm(value, None, None, gain, shift, training=True)
    mean, variance = next(found)
    return torch.nn.functional.batch_norm(value, mean, variance, gain, shift)


def oracle(network, weights, x, found):
    """Cooijmans et al. 2016, equations 6 to 8, written out; the flat leaf and the outputs."""
    flat = torch.tensor(weights, requires_grad=True)
    x, at, behind = torch.tensor(x), 0, network.plain.count
    for inputs, units in pairwise(network.stack.sizes):
        sizes = (4 * units * inputs, 4 * units * units, 4 * units, 4 * units)
        W_x, W_h, b, d = flat[at : at + sum(sizes)].split(sizes)
        at += sum(sizes)
        gains = flat[behind : behind + 10 * units].split((4 * units, 4 * units, units, units))
        behind += 10 * units
        h, c, y = torch.zeros(BATCH, units).double(), torch.zeros(BATCH, units).double(), []
        for row in x:
            a = normalised(row @ W_x.view(4 * units, -1).T, gains[0], None, found) + b + d
            a = a + normalised(h @ W_h.view(4 * units, -1).T, gains[1], None, found)
            i, f, g, o = a.split(units, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(normalised(c, gains[2], gains[3], found))
            y.append(h)
        x = torch.stack(y)
    if network.plain.readout.head is not None:
        units = network.stack.hidden[-1]
        head = flat[at : at + 2 * units + 2]
        x = torch.nn.functional.linear(x, head[: 2 * units].view(2, -1), head[2 * units :])
    return flat, x


@pytest.mark.parametrize("options", [{}, {"last": True}, {"hidden": (3, 2), "readout": False}])
def test_loss_and_gradient_are_those_of_autograd(options):
    network, weights, steps = make(**options)
    states = network.states(BATCH, "float64")
    loss, gradient, _ = network.gradient(weights, steps, states, seed=0, step=0)
    flat, y = oracle(network, weights, steps.x, [])
    counted = torch.tensor(steps.observed)
    if network.plain.last:
        counted[:-1] = False
    truth = ((y - torch.tensor(steps.target))[counted] ** 2).mean()
    truth.backward()
    slope = flat.grad.numpy()
    assert loss == pytest.approx(truth.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-11 * np.abs(slope).max())


def test_outputs_go_by_the_statistics_of_each_step_in_the_training_data():
    network, weights, steps = make()
    settled = network.settled(weights, steps.x, None)
    states = network.states(BATCH, "float64")
    y, _ = network.outputs_of(settled, steps.x, states)
    found = []
    whole = oracle(network, weights, steps.x, found)[1]
    np.testing.assert_allclose(y, whole.detach(), rtol=1e-9)
    other = steps.x[:, ::-1] + 1.0
    y, _ = network.outputs_of(settled, np.ascontiguousarray(other), states)
    given = [(mean.detach(), variance.detach()) for mean, variance in found]
    _, truth = oracle(network, weights, np.ascontiguousarray(other), iter(given))
    np.testing.assert_allclose(y, truth.detach(), rtol=1e-9)


def test_later_steps_go_by_the_statistics_of_the_last_and_outputs_can_be_fed():
    network, weights, steps = make()
    settled = network.settled(weights, steps.x, None)
    states = network.states(BATCH, "float64")
    longer = np.concatenate([steps.x, steps.x])
    y, _ = network.outputs_of(settled, longer, states)
    np.testing.assert_allclose(y[:TIME], network.outputs_of(settled, steps.x, states)[0])
    assert np.isfinite(y).all()
    rolled = network.roll(settled, longer, np.arange(2 * TIME) >= 8)
    longer[8] = rolled[7]
    np.testing.assert_allclose(network.outputs_of(settled, longer, states)[0][8], rolled[8])


def test_every_weight_has_a_place_of_its_name():
    network, weights, _ = make()
    places = network.places()
    ends = sorted((place.start, place.stop) for place in places.values())
    assert ends[0][0] == 0 and ends[-1][1] == network.count
    assert all(stop == start for (_, stop), (start, _) in pairwise(ends))
    np.testing.assert_array_equal(weights[places["gain_l1"]], network.layers(weights)[1].gain)
    variance = network.statistics(weights)[1][1]
    variance[:] = 7.0
    assert (weights[places["variance_l1"]] == 7.0).all()


def test_other_cells_and_dropout_are_refused():
    with pytest.raises(UsageError, match="cell='lstm' without dropout"):
        RecurrentNormalizedNetwork(SequenceNetwork("gru", 1, (3,), 1), 5)
