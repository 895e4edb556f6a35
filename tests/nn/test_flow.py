"""The flow of gradients through time, beside PyTorch's own Jacobians in float64."""

import doctest

import numpy as np
import pytest
import torch

from rollcast.errors import UsageError
from rollcast.nn import flow as module
from rollcast.nn.cells import CELLS
from rollcast.nn.flow import recurrent_matrices, state_flow
from rollcast.nn.recurrent import Recurrent

NETWORKS = {"rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN, "lstm": torch.nn.LSTM}
NETWORKS["gru"] = torch.nn.GRU


def drawn(cell, hidden, time=6, batch=2, scheme="torch", seed=0):
    generator = np.random.default_rng(seed)
    stack = Recurrent(cell, 3, hidden)
    weights = stack.initial(generator, "float64", scheme)
    return stack, weights, generator.normal(size=(time, batch, 3))


def jacobians_of_torch(stack, weights, x, step):
    """∂h_T/∂(h_k, c_k) of every layer by autograd, for one row: h's then c's."""
    depth, units = len(stack.hidden), stack.hidden[0]
    options = {"nonlinearity": "relu"} if stack.cell == "rnn_relu" else {}
    network = NETWORKS[stack.cell](3, units, depth, **options).double()
    torch.nn.utils.vector_to_parameters(torch.tensor(weights), network.parameters())
    zero = torch.zeros(depth, units, dtype=torch.float64)
    start = (zero, zero) if stack.cell == "lstm" else zero
    rows = torch.tensor(x)
    _, states = network(rows[:step], start) if step else (None, start)
    given = tuple(state.detach() for state in (states if stack.cell == "lstm" else (states,)))

    def last(*states):
        if step == len(x):
            return states[0][-1]
        _, final = network(rows[step:], states if stack.cell == "lstm" else states[0])
        return (final[0] if stack.cell == "lstm" else final)[-1]

    found = torch.autograd.functional.jacobian(last, given)
    return [each.numpy()[:, layer] for each in found for layer in range(depth)]


@pytest.mark.parametrize("cell", NETWORKS)
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("norm", ["spectral", "frobenius"])
def test_every_jacobian_is_that_of_pytorch(cell, layers, norm):
    stack, weights, x = drawn(cell, (5,) * layers)
    flow = state_flow(stack, weights, x, norm=norm)
    found = 10 ** np.concatenate([flow.log_h, flow.log_c])
    kind = 2 if norm == "spectral" else "fro"
    for row in range(x.shape[1]):
        for step in range(len(x) + 1):
            truth = jacobians_of_torch(stack, weights, x[:, row], step)
            expected = [np.linalg.norm(each, ord=kind) for each in truth]
            assert found[:, step, row] == pytest.approx(expected, rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("cell", CELLS)
def test_unequal_layers_have_a_flow_and_the_last_state_is_one_by_itself(cell):
    stack, weights, x = drawn(cell, (4, 7, 1), time=9)
    flow = state_flow(stack, weights, x)
    assert flow.log_h.shape == (3, 10, 2)
    assert flow.log_h[2, -1] == pytest.approx(0.0) and np.isneginf(flow.log_h[:2, -1]).all()
    assert flow.log_c.shape == ((3 if CELLS[cell].cells else 0), 10, 2)


@pytest.mark.parametrize(("gain", "decades"), [(0.001, -3.0), (1.0, 0.0), (100.0, 2.0)])
def test_over_thousands_of_steps_no_norm_leaves_what_can_be_held(gain, decades):
    """An orthogonal matrix times a gain, where tanh is straight: powers of the gain."""
    stack = Recurrent("rnn_tanh", 1, (6,))
    weights = stack.initial(np.random.default_rng(0), "float64", f"orthogonal(gain={gain})")
    for name, _, place in stack.layout():
        if "bias" in name:
            weights[place] = 0.0
    flow = state_flow(stack, weights, np.zeros((1500, 1, 1)))
    assert flow.log_h[0, :, 0] == pytest.approx(decades * np.arange(1500, -1, -1), abs=1e-6)
    assert flow.decades() == pytest.approx([decades])


def test_a_relu_that_answers_to_nothing_has_a_flow_of_zero():
    stack = Recurrent("rnn_relu", 1, (3,))
    weights = np.full(stack.count, -1.0)
    flow = state_flow(stack, weights, np.ones((4, 1, 1)))
    assert np.isneginf(flow.log_h[0, :4]).all()


@pytest.mark.parametrize("cell", CELLS)
def test_singular_values_are_those_of_each_gate_and_of_all_in_one(cell):
    stack, weights, _ = drawn(cell, (6, 4))
    found = recurrent_matrices(stack, weights)
    gates = CELLS[cell].gates
    assert len(found) == (2 * (len(gates) + (len(gates) > 1)) if CELLS[cell].recurrent else 0)
    for name, shape, place in stack.layout():
        if not name.startswith("weight_hh"):
            continue
        matrix = weights[place].reshape(shape)
        ours = [each for each in found if each.layer == int(name[-1])]
        blocks = ([matrix] if len(gates) > 1 else []) + np.split(matrix, len(gates))
        for each, block in zip(ours, blocks, strict=True):
            assert each.singular_value == pytest.approx(np.linalg.svd(block)[1][0])
            assert each.radius <= each.singular_value or np.isnan(each.radius)


def test_an_orthogonal_matrix_has_gain_as_its_singular_value_and_radius():
    stack = Recurrent("lstm", 2, (8,))
    weights = stack.initial(np.random.default_rng(0), "float64", "orthogonal(gain=1.5)")
    for each in recurrent_matrices(stack, weights):
        expected = 3.0 if each.gate == "all" else 1.5  # four blocks: √4 times one
        assert each.singular_value == pytest.approx(expected)


def test_what_cannot_be_followed_is_refused():
    stack, weights, x = drawn("gru", (3,))
    with pytest.raises(UsageError, match=r"norm='nuclear'.*spectral"):
        state_flow(stack, weights, x, norm="nuclear")
    with pytest.raises(UsageError, match="finite"):
        state_flow(stack, weights * np.nan, x)


def test_the_example_shows_what_happens():
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0
