"""First weights: where they lie, how far they carry a state."""

import numpy as np
import pytest

from rollcast.errors import UsageError
from rollcast.nn.cells import CELLS
from rollcast.nn.initial import INITIAL
from rollcast.nn.recurrent import Recurrent


def drawn(cell, scheme, hidden=(40, 9), seed=0, dtype="float64"):
    stack = Recurrent(cell, 3, hidden)
    weights = stack.initial(np.random.default_rng(seed), dtype, scheme)
    return {name: weights[place].reshape(shape) for name, shape, place in stack.layout()}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("scheme", INITIAL)
def test_the_same_generator_gives_the_same_weights_and_all_are_finite(cell, scheme):
    one, again, other = (drawn(cell, scheme, seed=seed) for seed in (0, 0, 1))
    for name, array in one.items():
        np.testing.assert_array_equal(array, again[name])
        assert np.isfinite(array).all()
        assert name.startswith("gain") or not np.array_equal(array, other[name])


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.recurrent])
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_orthogonal_matrices_keep_every_length_gate_by_gate(cell, gain):
    arrays, usual = drawn(cell, f"orthogonal(gain={gain})"), drawn(cell, "torch")
    for layer, units in enumerate((40, 9)):
        for gate in arrays[f"weight_hh_l{layer}"].reshape(-1, units, units):
            np.testing.assert_allclose(gate @ gate.T, gain**2 * np.eye(units), atol=1e-10)
        assert np.abs(arrays[f"weight_ih_l{layer}"]).max() <= 1 / np.sqrt(units)
    np.testing.assert_array_equal(arrays["weight_ih_l0"], usual["weight_ih_l0"])


def test_orthogonal_matrices_are_spread_evenly():
    # Evenly over all rotations, the mean of each element is 0 and that of its square 1 / units.
    stacks = [drawn("rnn_tanh", "orthogonal", (3,), seed)["weight_hh_l0"] for seed in range(4000)]
    np.testing.assert_allclose(np.mean(stacks, axis=0), 0.0, atol=0.04)
    np.testing.assert_allclose(np.mean(np.square(stacks), axis=0), 1 / 3, atol=0.03)
    assert abs(np.mean([np.linalg.det(q) for q in stacks])) < 0.06


@pytest.mark.parametrize("cell", CELLS)
def test_normal_weights_have_the_deviation_asked_for(cell):
    for name, array in drawn(cell, "normal(std=0.001)", (100, 100)).items():
        if name.startswith("weight_hh"):
            assert array.std() == pytest.approx(0.001, rel=0.05)
        assert name.startswith("gain") or 0.0 < np.abs(array).max() < 0.006


@pytest.mark.parametrize("scheme", INITIAL)
def test_the_forget_bias_is_added_to_the_forget_gates_of_an_lstm_alone(scheme):
    plain, biased = drawn("lstm", scheme), drawn("lstm", f"{scheme}(forget_bias=1.5)")
    for name, array in plain.items():
        added = np.zeros_like(array)
        if name.startswith("bias_ih"):
            units = len(added) // 4
            added[units : 2 * units] = 1.5
        np.testing.assert_allclose(biased[name] - array, added, atol=1e-15)
    for cell in (name for name, cell in CELLS.items() if "f" not in cell.gates):
        plain, same = drawn(cell, scheme), drawn(cell, f"{scheme}(forget_bias=1.5)")
        assert all(np.array_equal(plain[name], same[name]) for name in plain)


@pytest.mark.parametrize("scheme", ["xavier", "normal(std=-1)", "orthogonal(gain=0)"])
def test_a_scheme_that_cannot_be_is_refused(scheme):
    with pytest.raises(UsageError, match="initial="):
        drawn("lstm", scheme)
