"""Every-step networks that read from both ends, against PyTorch in float64."""

import numpy as np
import polars as pl
import pytest
import torch

from rollcast import SequenceRegressor, Training, UsageError
from rollcast.model.bidirectional import BidirectionalNetwork
from rollcast.model.steps import Steps

TIME = 7


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("lengths", [None, (TIME, 2, 5)])
def test_loss_and_gradient_are_those_of_the_same_network_in_torch(cell, last, lengths):
    draw = np.random.default_rng(0)
    network = BidirectionalNetwork(cell, 2, (4, 3), 2, last=last)
    weights = draw.normal(0, 0.5, network.count)
    observed = draw.random((TIME, 3, 2)) < 0.8
    many = None if lengths is None else np.array(lengths, np.int32)
    steps = Steps(draw.normal(size=(TIME, 3, 2)), draw.normal(size=(TIME, 3, 2)), observed, many)
    flat = torch.tensor(weights, requires_grad=True)
    places = network.places()
    assert sum(place.stop - place.start for place in places.values()) == network.count
    y, within = torch.tensor(steps.x), np.arange(TIME)[:, None] < (lengths or (TIME,) * 3)
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN}[cell]
    for layer, units in enumerate((4, 3)):
        module = kind(y.shape[-1], units, bidirectional=True, dtype=torch.float64)
        named = {
            name: flat[places[name.replace("_l0", f"_l{layer}")]].view_as(leaf)
            for name, leaf in module.named_parameters()
        }
        rows = []
        for row, length in enumerate(lengths or (TIME,) * 3):
            part = torch.func.functional_call(module, named, (y[:length, row],))[0]
            rows.append(torch.nn.functional.pad(part, (0, 0, 0, TIME - length)))
        y = torch.stack(rows, 1)
    y = y @ flat[places["head.weight"]].view(2, -1).T + flat[places["head.bias"]]
    counted = observed & within[:, :, None]
    if last:
        ends = np.array(lengths or (TIME,) * 3) - 1
        counted &= (np.arange(TIME)[:, None] == ends)[:, :, None]
    truth = ((y - torch.tensor(steps.target))[torch.tensor(counted)] ** 2).mean()
    truth.backward()
    states = network.states(3, "float64")
    loss, gradient, _ = network.gradient(weights, steps, states, seed=0, step=0)
    assert loss == pytest.approx(truth.item(), rel=1e-12)
    assert network.loss(weights, steps, states)[:2] == (pytest.approx(loss), counted.sum())
    assert flat.grad is not None
    slope = flat.grad.numpy()
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-12 * np.abs(slope).max())
    found = network.outputs_of(weights, steps.x, states, many)[0]
    np.testing.assert_allclose(found[within], y.detach().numpy()[within], rtol=1e-11)


def test_an_output_follows_from_what_comes_after_it():
    """The mean of the rows before and after: one direction cannot know half of it."""
    noise = np.random.default_rng(1).normal(size=400)
    target = np.roll(noise, 1) + np.roll(noise, -1)
    table = pl.DataFrame({"ds": np.arange(400), "x": noise, "y": target})
    losses = {}
    for both in (False, True):
        model = SequenceRegressor(
            "x", "y", hidden=(8,), bidirectional=both, window=40,
            training=Training(steps=250, batch_size=10, learning_rate=2e-2),
        ).fit(table)  # fmt: skip
        losses[both] = model.scores_[-1]["loss"]
    assert losses[True] < 0.1 < 0.35 < losses[False]
    with pytest.raises(UsageError, match="reads the rows that follow"):
        model.stream(table)
    with pytest.raises(UsageError, match="ahead=1"):
        model.generate(table, 3)
