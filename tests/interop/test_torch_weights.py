"""Weights moved between PyTorch's modules and flat vectors."""

import numpy as np
import pytest
import torch

from rollcast import engine
from rollcast.engine import bidirectional
from rollcast.errors import UsageError
from rollcast.interop import torch as ours


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_weights_of_pytorchs_module_drive_the_engine_and_come_back(name: str, bias: bool) -> None:
    module = getattr(torch.nn, name)(3, 5, 2, bias=bias)
    weights = ours.from_torch(module)
    cell = {"RNN": "rnn_tanh"}.get(name, name.lower())
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype("float32")
    y = engine.infer(cell, (3, 5, 5), weights, x).y
    np.testing.assert_allclose(y, module(torch.from_numpy(x))[0].detach(), rtol=1e-4, atol=1e-6)
    other = getattr(ours, name)(3, 5, 2, bias=bias, dtype=torch.float64)
    ours.to_torch(weights, other)
    for a, b in zip(other.parameters(), module.parameters(), strict=True):
        assert torch.equal(a, b.double())
    assert np.array_equal(ours.from_torch(other, "float32"), weights)


def test_bidirectional_and_unequal_layers_move_too() -> None:
    module = ours.GRU(3, (5, 2), bidirectional=True)
    weights = ours.from_torch(module)
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype("float32")
    y = bidirectional.infer("gru", (3, 5, 2), weights, x).y
    np.testing.assert_allclose(y, module(torch.from_numpy(x))[0].detach(), rtol=1e-4, atol=1e-6)


def test_a_vector_is_a_copy_and_a_wrong_one_is_refused() -> None:
    module = torch.nn.LSTM(3, 5, bias=False)
    weights = ours.from_torch(module)
    weights[:] = 1.0
    assert not (module.weight_ih_l0 == 1).any()
    with pytest.raises(UsageError, match="bias=False"):
        ours.to_torch(weights, module)
    with pytest.raises(UsageError, match="shape"):
        ours.to_torch(weights[1:], module)
    with pytest.raises(UsageError, match="float64"):
        ours.from_torch(module, "int8")
