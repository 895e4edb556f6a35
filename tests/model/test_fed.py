"""What a recursive network reads while it trains: true values, its own forecasts, or both."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rollcast.forecast.feeding import FEEDING
from rollcast.model.inputs import filled
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec

from .test_effects import RECURSIVE
from .test_network import batch_for, random_weights
from .test_recursive import SMALL

MASKS = {
    "teacher": np.zeros((4, 5), bool),
    "by chance": np.random.default_rng(3).random((4, 5)) < 0.5,
    "a shorter one": np.arange(3)[:, None] >= np.array([1, 2, 1, 3, 2]),
}
for mask in MASKS.values():
    mask[0] = False
every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())


@every_mask
@pytest.mark.parametrize("spec", [SMALL, RECURSIVE, replace(SMALL, dropout=0.4)],
                         ids=["plain", "inputs", "dropout"])  # fmt: skip
def test_the_gradient_is_that_of_the_loss(spec: NetworkSpec, mask: np.ndarray) -> None:
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)

    def loss(changed: np.ndarray) -> float:
        return network.loss_and_gradient(changed, batch, seed=3, step=9, fed=mask)[0]

    gradient = network.loss_and_gradient(weights, batch, seed=3, step=9, fed=mask)[1]
    numeric, small = np.empty_like(weights), 1e-6
    for place in range(network.count):
        there = np.zeros_like(weights)
        there[place] = small
        numeric[place] = (loss(weights + there) - loss(weights - there)) / (2 * small)
    assert np.abs(gradient - numeric).max() < 1e-7 * max(1, np.abs(numeric).max())


@every_mask
def test_loss_and_gradient_are_those_of_the_same_loop_in_torch(mask: np.ndarray) -> None:
    spec = replace(SMALL, cell="gru", hidden=(4,), head="mse")
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)
    loss, gradient = network.loss_and_gradient(weights, batch, fed=mask)
    views = {
        name: torch.tensor(view, requires_grad=True)
        for name, view in network.views(weights).items()
    }
    cell = torch.nn.GRUCell(spec.inputs, 4, dtype=torch.float64)
    named = {name: views[f"{name}_l0"] for name, _ in cell.named_parameters()}
    calendar = torch.tensor(np.concatenate([batch.past_features[1:], batch.future_features]))
    values = list(torch.tensor(filled(batch.past, batch.observed)))
    ages, age = [], np.full(5, np.inf)
    for seen in batch.observed:
        age = np.where(seen, 0, age + 1)
        ages.append(age)
    h, said = torch.zeros(5, 4, dtype=torch.float64), torch.zeros(5, dtype=torch.float64)
    total, count = torch.zeros(()), 0
    for row in range(spec.context + spec.horizon - 1):
        step = row - spec.context + 1
        if step > 0:
            known = torch.tensor(batch.target_observed[step - 1])
            read = torch.tensor(mask[step]) if step < len(mask) else torch.ones(5, dtype=torch.bool)
            true = known & ~read
            values.append(torch.where(true, torch.tensor(batch.target[step - 1]), said))
            age = np.where(true.numpy(), 0, age + 1)
            ages.append(age)
        x = [values[row][:, None], torch.tensor(1 / (1 + ages[row]))[:, None], calendar[row]]
        h = torch.func.functional_call(cell, named, (torch.cat(x, 1), h))
        if step < 0:
            continue
        said = h @ views["head.weight"][0] + views["head.bias"]
        for back in range(spec.lags):
            said = said + spec.skip_gain * views["lags.weight"][back] * values[row - back]
        said = said + spec.skip_gain * calendar[row] @ views["calendar.weight"]
        if step < len(mask):
            seen = torch.tensor(batch.target_observed[step])
            total = total + ((said - torch.tensor(batch.target[step]))[seen] ** 2).sum()
            count += int(seen.sum())
    (total / count).backward()
    assert loss == pytest.approx(total.item() / count, rel=1e-12)
    for name, found in network.views(gradient).items():
        expected = views[name].grad
        assert expected is not None
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-10, atol=1e-12)


def test_fed_everywhere_it_is_the_loop_that_forecasts_to_the_bit() -> None:
    network, batch = build(RECURSIVE), batch_for(RECURSIVE)
    weights = random_weights(network)
    mask = FEEDING["free"]().mask(4, 5, 0, 0, 10)
    assert mask is not None
    plain, same = (network.loss_and_gradient(weights, batch, fed=fed) for fed in (None, mask))
    assert plain[0] == same[0]
    np.testing.assert_array_equal(plain[1], same[1])


def test_a_true_value_is_as_good_as_one_of_the_window() -> None:
    """Teacher forced, the last step says what a window that ends just before it says first."""
    spec = replace(SMALL, head="mse", context=9, horizon=2, lags=3)
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    later = replace(
        batch,
        past=np.concatenate([batch.past, batch.target[:1]]),
        observed=np.ones((10, 5), bool),
        past_features=np.concatenate([batch.past_features, batch.future_features[:1]]),
        future_features=batch.future_features[1:],
        target=batch.target[1:],
        target_observed=batch.target_observed[1:],
    )
    one = build(replace(spec, context=10, horizon=1))
    both, first = (
        network.loss_and_gradient(weights, batch, fed=np.zeros((rows, 5), bool))[0]
        for rows in (2, 1)
    )
    assert 2 * both - first == pytest.approx(one.loss_and_gradient(weights, later)[0], rel=1e-12)
