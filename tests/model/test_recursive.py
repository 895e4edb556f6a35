from dataclasses import replace

import numpy as np
import pytest

from rollcast.data.windows import Batch
from rollcast.errors import UsageError
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec
from rollcast.nn.cells import reference_forward

from .test_network import batch_for, check_gradient, random_weights

SMALL = NetworkSpec(
    context=7, horizon=4, hidden=(4, 3), strategy="recursive", indicator=True, features=2,
    skip="none", lags=3, skip_gain=0.5,
)  # fmt: skip

SPECS = {
    "plain": replace(SMALL, features=0, lags=0),
    "calendar": replace(SMALL, lags=0),
    "lags": replace(SMALL, features=0),
    "both": SMALL,
    "one lag": replace(SMALL, lags=1),
    "all lags": replace(SMALL, lags=7),
    "gru": replace(SMALL, cell="gru", hidden=(3, 5)),
    "relu": replace(SMALL, cell="rnn_relu", hidden=(5,)),
    "point": replace(SMALL, head="huber"),
    "levels without a median": replace(SMALL, levels=(0.2, 0.6, 0.9)),
    "short": replace(SMALL, recurrent_steps=3),
    "dropout": replace(SMALL, dropout=0.4),
    "one step": replace(SMALL, horizon=1),
    "one row": replace(SMALL, context=1, lags=1),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


@every_spec
def test_the_gradient_is_that_of_the_loss_through_the_closed_loop(spec: NetworkSpec) -> None:
    check_gradient(spec)


def slow_outputs(spec: NetworkSpec, weights: np.ndarray, batch: Batch) -> np.ndarray:
    """The definition, row by row: the whole signal is read again for every forecast."""
    network = build(spec)
    views, head = network.views(weights), network.head
    levels = head.levels or (0.5,)
    middle = int(np.argmin(np.abs(np.array(levels) - 0.5)))
    others = [index for index in range(len(levels)) if index != middle]
    output = np.empty((spec.horizon, len(batch), head.width))
    for row in range(len(batch)):
        values, fresh = [], []
        age = np.inf
        for value, seen in zip(batch.past[:, row], batch.observed[:, row], strict=True):
            age = 0 if seen else age + 1
            values.append(value if seen or not values else values[-1])
            fresh.append(1 / (1 + age))
        calendar = np.concatenate([batch.past_features[1:, row], batch.future_features[:, row]])
        for step in range(spec.horizon):
            rows = np.arange(spec.context - spec.steps, spec.context + step)
            x = np.stack([np.array(values)[rows], np.array(fresh)[rows]], axis=1)
            x = np.concatenate([x, calendar[rows]], axis=1)[:, None]
            y, _, _ = reference_forward(
                spec.cell, network.recurrent.sizes, weights[: network.recurrent.count], x
            )
            raw = views["head.weight"] @ y[-1, 0] + views["head.bias"]
            if spec.lags:
                newest = np.array(values)[::-1][: spec.lags]
                raw[0] += spec.skip_gain * views["lags.weight"] @ newest
                if spec.features:
                    raw[0] += spec.skip_gain * views["calendar.weight"] @ calendar[rows[-1]]
            output[step, row, middle] = raw[0]
            output[step, row, others] = raw[0] + raw[1:]
            if others:
                output[step, row, others] += views["head.spread"][step]
            values.append(raw[0])
            age += 1
            fresh.append(1 / (1 + age))
    return output


@every_spec
def test_forecasts_are_those_of_the_definition_in_numpy(spec: NetworkSpec) -> None:
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)
    expected = slow_outputs(spec, weights, batch)
    np.testing.assert_allclose(network.outputs(weights, batch), expected, rtol=1e-9, atol=1e-11)


@every_spec
def test_every_step_depends_on_the_newest_value(spec: NetworkSpec) -> None:
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    moved = batch.past.copy()
    moved[-1] += 0.1
    change = network.outputs(weights, replace(batch, past=moved)) - network.outputs(weights, batch)
    assert (np.abs(change[..., 0]) > 0).all()


def test_untrained_it_repeats_the_last_value() -> None:
    spec = replace(SMALL, decoder_gain=0.0, head="mse")
    network, batch = build(spec), batch_for(spec, missing=False)
    output = network.outputs(network.initial(0, "float64"), batch)
    np.testing.assert_allclose(output[..., 0], np.broadcast_to(batch.past[-1], (4, 5)))


@pytest.mark.parametrize(
    "change", [{"indicator": False}, {"fold": 2}, {"skip": "naive"}, {"lags": 8}, {"maps": 2}]
)
def test_a_recursive_spec_that_cannot_be_is_refused(change: dict) -> None:
    with pytest.raises(UsageError):
        replace(SMALL, **change)
    with pytest.raises(UsageError, match="lags"):
        NetworkSpec(context=4, horizon=2, lags=2)
