"""The dropout generator against plain integers and statistics; the linear layer against torch."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2, chisquare

from rollcast.nn.layers import Linear, dropout_mask, uniform

WORD = (1 << 64) - 1


def mix(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def slow_uniform(seed, step, layer, time, row, unit) -> float:
    key = mix(mix(seed & WORD) ^ step)
    for place in (layer, time, row, unit):
        key = mix(key ^ place)
    return (key >> 40) * 2.0**-24


def test_the_mixer_is_splitmix64():
    # The first outputs of splitmix64 seeded with 1234567, as its reference programs print them.
    golden, state, found = 0x9E3779B97F4A7C15, 1234567, []
    for _ in range(3):
        found.append(mix(state))
        state = (state + golden) & WORD
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("seed", [0, 7, -1, 2**63 + 5])
def test_the_numbers_are_those_of_plain_integer_arithmetic(seed):
    time, row = np.arange(3)[:, None], np.arange(4)
    numbers = uniform(seed, 11, 2, time, row, 5)
    assert numbers.shape == (3, 4, 5)
    for t, r, u in np.ndindex(numbers.shape):
        assert numbers[t, r, u] == slow_uniform(seed, 11, 2, t, r, u)


def test_a_place_has_its_number_whoever_asks():
    together = uniform(3, 1, 0, np.arange(6)[:, None], np.arange(5), 8)
    np.testing.assert_array_equal(together[4, 2, :3], uniform(3, 1, 0, 4, 2, 3))


def test_the_numbers_are_exact_in_float32():
    numbers = uniform(1, 0, 0, np.arange(50), 0, 50)
    np.testing.assert_array_equal(numbers.astype(np.float32).astype(np.float64), numbers)
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_the_numbers_are_uniform(seed):
    numbers = uniform(seed, 5, 1, np.arange(40)[:, None], np.arange(50), 100)
    counts = np.histogram(numbers, bins=64, range=(0, 1))[0]
    assert chisquare(counts).pvalue > 1e-4
    assert numbers.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * numbers.size))


def test_pairs_of_neighbours_fill_the_square_in_every_direction():
    numbers = uniform(9, 2, 0, np.arange(60)[:, None], np.arange(60), 60)
    cells = (numbers * 8).astype(int)
    for axis in range(3):
        first = cells.take(range(0, 59, 2), axis).ravel()
        second = cells.take(range(1, 60, 2), axis).ravel()
        counts = np.bincount(8 * first + second, minlength=64)
        assert chisquare(counts).pvalue > 1e-4


def test_nothing_is_correlated_along_time_row_or_unit():
    numbers = uniform(4, 3, 1, np.arange(60)[:, None], np.arange(60), 60) - 0.5
    for axis in range(3):
        for lag in (1, 2, 3, 16, 32):
            ahead = numbers.take(range(lag, 60), axis)
            behind = numbers.take(range(60 - lag), axis)
            correlation = 12 * (ahead * behind).mean()
            assert abs(correlation) < 5 / np.sqrt(ahead.size)


@pytest.mark.parametrize("position", range(3))
def test_another_seed_step_or_layer_gives_other_numbers(position):
    keys = [3, 4, 5]
    base = uniform(*keys, np.arange(100), 0, 100) - 0.5
    keys[position] += 1
    other = uniform(*keys, np.arange(100), 0, 100) - 0.5
    assert abs(12 * (base * other).mean()) < 5 / np.sqrt(base.size)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(probability):
    mask = dropout_mask(probability, 8, 1, 0, np.arange(50)[:, None], np.arange(40), 64)
    kept = np.count_nonzero(mask)
    variance = mask.size * probability * (1 - probability)
    if probability == 0.0:
        assert np.all(mask == 1.0)
    else:
        deviation = (kept - mask.size * (1 - probability)) ** 2 / variance
        assert deviation < chi2(1).ppf(1 - 1e-5)
        assert mask.max() == 1.0 / (1.0 - probability)


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_has_the_names_and_shapes_of_torch(bias):
    layer, module = Linear(3, 2, bias), torch.nn.Linear(3, 2, bias)
    expected = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
    assert [(name, shape) for name, shape, _ in layer.layout()] == expected
    assert layer.layout()[-1][2].stop == layer.count


def test_first_weights_are_uniform_within_the_bound_of_torch():
    weights = Linear(16, 500).initial(np.random.default_rng(0), "float32")
    assert weights.dtype == np.float32
    assert weights.shape == (17 * 500,)
    assert np.abs(weights).max() <= 0.25
    assert weights.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.03)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1,), (5,), (4, 3)])
def test_a_linear_layer_and_its_gradients_are_those_of_torch(bias, shape):
    rng = np.random.default_rng(2)
    layer, module = Linear(7, 5, bias), torch.nn.Linear(7, 5, bias, dtype=torch.float64)
    weights = layer.initial(rng, "float64")
    with torch.no_grad():
        for parameter, (_, form, place) in zip(module.parameters(), layer.layout(), strict=True):
            parameter.copy_(torch.from_numpy(weights[place].reshape(form)))
    x, dy = rng.standard_normal((*shape, 7)), rng.standard_normal((*shape, 5))
    guest = torch.from_numpy(x).requires_grad_()
    y = module(guest)
    y.backward(torch.from_numpy(dy))
    assert guest.grad is not None
    np.testing.assert_allclose(layer.forward(weights, x), y.detach().numpy(), rtol=0, atol=1e-12)
    dx, gradient = layer.backward(weights, dy, x)
    expected = np.concatenate([p.grad.numpy().ravel() for p in module.parameters()])
    np.testing.assert_allclose(dx, guest.grad.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)
    assert layer.backward(weights, dy, x, need_x=False)[0] is None
