"""Bidirectional stacks against PyTorch in float64."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rollcast.engine import bidirectional
from rollcast.errors import NoGradientError, UsageError
from rollcast.nn.layers import dropout_mask

MODULES = {
    "rnn_tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (torch.nn.LSTM, {}),
    "gru": (torch.nn.GRU, {}),
}
BOUND = {"float32": 1e-5, "float64": 1e-12}


def case(cell: str, layers: int = 2, units: int = 5, time: int = 9, batch: int = 4):
    """The module, its weights as a flat vector, and tensors for x, h0 and c0."""
    torch.manual_seed(0)
    kind, options = MODULES[cell]
    module = kind(3, units, layers, bidirectional=True, dtype=torch.float64, **options)
    flat = torch.cat([p.detach().reshape(-1) for p in module.parameters()]).numpy()
    x = torch.randn(time, batch, 3, dtype=torch.float64, requires_grad=True)
    states = [
        torch.randn(2 * layers, batch, units, dtype=torch.float64, requires_grad=True)
        for _ in range(2 if cell == "lstm" else 1)
    ]
    return module, flat, x, states


def near(found: np.ndarray, expected: torch.Tensor, dtype: str) -> None:
    truth = expected.detach().numpy()
    assert np.abs(found - truth).max() <= BOUND[dtype] * max(np.abs(truth).max(), 1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("cell", MODULES)
def test_both_directions_equal_pytorch(cell: str, with_lengths: bool, dtype: str) -> None:
    module, flat, x, states = case(cell)
    time = x.shape[0]
    lengths = torch.tensor([3, 9, 1, 6]) if with_lengths else None
    hx = tuple(states) if cell == "lstm" else states[0]
    if lengths is None:
        y, after = module(x, hx)
    else:
        packed, after = module(pack_padded_sequence(x, lengths, enforce_sorted=False), hx)
        y, _ = pad_packed_sequence(packed, total_length=time)
    after = after if cell == "lstm" else (after,)
    seeds = [torch.randn_like(t) for t in (y, *after)]
    wanted = [x, *states, *module.parameters()]
    expected = torch.autograd.grad([y, *after], wanted, seeds)

    def arrays(tensor: torch.Tensor) -> list[np.ndarray]:
        return list(tensor.detach().numpy().astype(dtype))

    sizes = (3, 5, 5)
    weights = flat.astype(dtype)
    given = {"h0": arrays(states[0]), "c0": arrays(states[1]) if cell == "lstm" else None}
    given["lengths"] = None if lengths is None else lengths.numpy()
    inputs = x.detach().numpy().astype(dtype)
    run = bidirectional.forward(cell, sizes, weights, inputs, need_x=True, **given)
    kept_nothing = bidirectional.infer(cell, sizes, weights, inputs, **given)
    assert np.array_equal(run.y, kept_nothing.y) and np.array_equal(run.h, kept_nothing.h)
    near(run.y, y, dtype)
    for found, truth in zip((run.h, run.c), after, strict=False):
        near(np.array(found), truth, dtype)
    dy = seeds[0].numpy().astype(dtype)
    dc = arrays(seeds[2]) if cell == "lstm" else None
    gradients = bidirectional.backward(run.recording, dy, arrays(seeds[1]), dc)
    near(gradients.x, expected[0], dtype)
    near(np.array(gradients.h0), expected[1], dtype)
    if cell == "lstm":
        near(np.array(gradients.c0), expected[2], dtype)
    truth = torch.cat([g.reshape(-1) for g in expected[1 + len(states) :]])
    near(gradients.weights, truth, dtype)


def test_dropout_between_layers_is_that_of_the_counter_based_generator() -> None:
    module, flat, x, _ = case("gru")
    dropped = {"dropout": 0.4, "seed": 2**63 + 5, "step": 3}
    run = bidirectional.forward("gru", (3, 5, 5), flat, x.detach().numpy(), need_x=True, **dropped)
    first = torch.nn.GRU(3, 5, bidirectional=True, dtype=torch.float64)
    second = torch.nn.GRU(10, 5, bidirectional=True, dtype=torch.float64)
    parameters = list(module.parameters())
    for layer, own in zip((first, second), (parameters[:8], parameters[8:]), strict=True):
        for parameter, value in zip(layer.parameters(), own, strict=True):
            parameter.data = value.data
    mask = dropout_mask(0.4, 2**63 + 5, 3, 0, np.arange(9)[:, None], np.arange(4), 10)
    y = second(first(x)[0] * torch.from_numpy(mask))[0]
    near(run.y, y, "float64")
    gradients = bidirectional.backward(run.recording, np.ones_like(run.y))
    near(gradients.x, torch.autograd.grad(y.sum(), x)[0], "float64")


def test_mistakes_say_what_is_expected() -> None:
    _, flat, x, _ = case("gru")
    inputs = x.detach().numpy()
    with pytest.raises(UsageError, match="bidirectional gru"):
        bidirectional.forward("gru", (3, 5), flat, inputs)
    with pytest.raises(UsageError, match="a layer and direction"):
        bidirectional.infer("gru", (3, 5, 5), flat, inputs, h0=[np.zeros((4, 5))] * 2)
    with pytest.raises(UsageError, match="dropout"):
        bidirectional.forward("gru", (3, 5, 5), flat, inputs, dropout=1.0)
    with pytest.raises(NoGradientError):
        bidirectional.backward(bidirectional.infer("gru", (3, 5, 5), flat, inputs).recording)
