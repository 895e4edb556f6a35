"""The reference cells against PyTorch in float64."""

import itertools

import numpy as np
import pytest
import torch

from rollcast.errors import UsageError
from rollcast.nn.cells import CELLS, layer_weights, layout, reference_forward
from rollcast.nn.steps import sigmoid

CELL_NAMES = ["rnn_tanh", "rnn_relu", "lstm", "gru"]  # those of torch


def torch_stack(cell: str, size: int, hidden: int, layers: int) -> torch.nn.RNNBase:
    if cell == "lstm":
        return torch.nn.LSTM(size, hidden, layers, dtype=torch.float64)
    if cell == "gru":
        return torch.nn.GRU(size, hidden, layers, dtype=torch.float64)
    nonlinearity = cell.removeprefix("rnn_")
    return torch.nn.RNN(size, hidden, layers, nonlinearity=nonlinearity, dtype=torch.float64)


def flat(modules: list[torch.nn.RNNBase]) -> np.ndarray:
    arrays = [p.detach().numpy().ravel() for module in modules for p in module.parameters()]
    return np.concatenate(arrays)


def run_torch(module, x, h0, c0):
    states = torch.from_numpy(np.stack(h0))
    if c0 is not None:
        states = (states, torch.from_numpy(np.stack(c0)))
    with torch.no_grad():
        y, last = module(x, states)
    last = last if isinstance(last, tuple) else (last,)
    return y, [s.numpy() for s in last]


def initial_states(rng, cell, batch, hidden):
    h0 = [rng.standard_normal((batch, size)) for size in hidden]
    c0 = [rng.standard_normal((batch, size)) for size in hidden] if cell == "lstm" else None
    return h0, c0


@pytest.mark.parametrize("cell", CELL_NAMES)
@pytest.mark.parametrize(
    ("time", "batch", "size", "hidden", "layers"),
    [(1, 1, 1, 1, 1), (7, 3, 2, 5, 2), (40, 2, 3, 17, 3)],
)
def test_every_cell_computes_what_torch_computes(cell, time, batch, size, hidden, layers):
    rng = np.random.default_rng(5)
    torch.manual_seed(3)
    module = torch_stack(cell, size, hidden, layers)
    x = rng.standard_normal((time, batch, size))
    h0, c0 = initial_states(rng, cell, batch, [hidden] * layers)
    sizes = (size,) + (hidden,) * layers
    y, h, c = reference_forward(cell, sizes, flat([module]), x, h0, c0)
    expected, states = run_torch(module, torch.from_numpy(x), h0, c0)
    np.testing.assert_allclose(y, expected.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.stack(h), states[0], rtol=0, atol=1e-12)
    if cell == "lstm":
        np.testing.assert_allclose(np.stack(c), states[1], rtol=0, atol=1e-12)
    else:
        assert c is None


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_layers_of_unequal_sizes_are_torch_layers_one_on_the_other(cell):
    rng = np.random.default_rng(6)
    torch.manual_seed(4)
    sizes = (2, 6, 3, 1)
    modules = [torch_stack(cell, a, b, 1) for a, b in itertools.pairwise(sizes)]
    x = rng.standard_normal((9, 4, 2))
    h0, c0 = initial_states(rng, cell, 4, sizes[1:])
    y, h, _ = reference_forward(cell, sizes, flat(modules), x, h0, c0)
    expected = torch.from_numpy(x)
    for layer, module in enumerate(modules):
        start = None if c0 is None else [c0[layer]]
        expected, states = run_torch(module, expected, [h0[layer]], start)
        np.testing.assert_allclose(h[layer], states[0][0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(y, expected.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_rows_with_lengths_are_packed_sequences(cell):
    rng = np.random.default_rng(7)
    module = torch_stack(cell, 2, 4, 2)
    x = rng.standard_normal((8, 3, 2))
    lengths = np.array([8, 5, 1])
    y, h, _ = reference_forward(cell, (2, 4, 4), flat([module]), x, lengths=lengths)
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.from_numpy(x), torch.tensor(lengths))
    with torch.no_grad():
        out, last = module(packed)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(out)
    last = last[0] if isinstance(last, tuple) else last
    np.testing.assert_allclose(y, expected.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.stack(h), last.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_states_left_out_are_zero(cell):
    rng = np.random.default_rng(8)
    size = layout(cell, (2, 3))[-1][2].stop
    weights, x = rng.standard_normal(size), rng.standard_normal((4, 2, 2))
    zero, others = [np.zeros((2, 3))], [np.zeros((2, 3 * CELLS[cell].cells))]
    with_states = reference_forward(cell, (2, 3), weights, x, zero, others)
    without = reference_forward(cell, (2, 3), weights, x)
    np.testing.assert_array_equal(with_states[0], without[0])


def test_what_is_dropped_reaches_the_next_layer_but_not_the_output():
    rng = np.random.default_rng(9)
    sizes = (2, 3, 4)
    weights = rng.standard_normal(layout("gru", sizes)[-1][2].stop)
    x = rng.standard_normal((5, 2, 2))

    def drop_all(layer, time, batch, hidden):
        assert (layer, batch, hidden) == (0, 2, 3)
        return np.zeros((batch, hidden))

    y, h, _ = reference_forward("gru", sizes, weights, x, keep=drop_all)
    blind, _, _ = reference_forward("gru", sizes, weights, np.zeros_like(x), keep=drop_all)
    np.testing.assert_array_equal(y, blind)
    assert np.any(h[0] != 0.0)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_the_layout_has_the_names_shapes_and_order_of_torch(cell):
    module = torch_stack(cell, 3, 5, 2)
    places = layout(cell, (3, 5, 5))
    expected = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
    assert [(name, shape) for name, shape, _ in places] == expected
    assert [place.start for _, _, place in places[1:]] == [p.stop for _, _, p in places[:-1]]
    assert places[-1][2].stop == sum(p.numel() for p in module.parameters())


def test_layer_weights_are_views_of_the_flat_vector():
    weights = np.zeros(layout("lstm", (2, 3))[-1][2].stop)
    layer_weights("lstm", (2, 3), weights)[0].bias_hh[:] = 1.0
    assert weights.sum() == 12


def test_the_sigmoid_does_not_overflow():
    np.testing.assert_array_equal(sigmoid(np.array([-1e308, 0.0, 1e308])), [0.0, 0.5, 1.0])


def test_an_unknown_cell_is_answered_with_the_names_there_are():
    with pytest.raises(UsageError, match=r"'ltsm'.*rnn_tanh, rnn_relu, lstm, gru"):
        layout("ltsm", (1, 2))
