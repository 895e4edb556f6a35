from dataclasses import replace

import numpy as np
import pytest
import torch

from rollcast.errors import UsageError
from rollcast.model.inputs import filled
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec

from .test_network import batch_for, check_gradient, random_weights

SMALL = NetworkSpec(
    context=8, horizon=5, strategy="segment", segment=2, cell="gru", hidden=(4,), features=2,
    skip="naive", levels=(0.1, 0.5, 0.9),
)  # fmt: skip

SPECS = {
    "plain": replace(SMALL, features=0, skip="none"),
    "calendar": replace(SMALL, skip="none"),
    "skip": SMALL,
    "gated": replace(SMALL, maps=3, skip_gain=0.5),
    "indicator": replace(SMALL, indicator=True),
    "lstm of two layers": replace(SMALL, cell="lstm", hidden=(4, 3)),
    "relu": replace(SMALL, cell="rnn_relu"),
    "point": replace(SMALL, head="mae", levels=None),
    "rows that no segment reads": replace(SMALL, context=9, segment=4),
    "one segment": replace(SMALL, context=8, segment=8),
    "dropout": replace(SMALL, dropout=0.4, hidden=(4, 3)),
    "rows": replace(SMALL, segment=1),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


@every_spec
def test_the_gradient_is_that_of_the_loss(spec: NetworkSpec) -> None:
    check_gradient(spec)


@every_spec
def test_outputs_are_those_of_the_same_network_in_torch(spec: NetworkSpec) -> None:
    kinds = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_relu": torch.nn.RNN}
    given = {"nonlinearity": "relu"} if spec.cell == "rnn_relu" else {}
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)
    views = {name: torch.tensor(view) for name, view in network.views(weights).items()}
    past, rows = torch.tensor(filled(batch.past, batch.observed)), spec.segment_rows
    steps = spec.context // rows
    newest = slice(spec.context - steps * rows, None)
    # (steps, batch, rows of a segment), cut by torch's own unfold
    read = [(past - past[-1])[newest].unfold(0, rows, rows)]
    if spec.indicator:
        read.append(torch.tensor(batch.observed)[newest].to(past.dtype).unfold(0, rows, rows))
    with torch.no_grad():
        signal = torch.cat(read, dim=2) @ views["segment.weight"].T + views["segment.bias"]
        asked = views["position"][:, None].expand(-1, 5, -1)
        if spec.features:
            calendar = torch.tensor(batch.past_features)[newest][::rows]
            signal = signal + calendar @ views["past.calendar"].T
            asked = asked + torch.tensor(batch.future_features)[::rows] @ views["future.calendar"].T
        signal, state = signal.relu(), torch.empty(0)
        for layer, units in enumerate(spec.hidden):
            stack = kinds[spec.cell](signal.shape[2], units, dtype=torch.float64, **given)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(stack, f"{name}_l0").copy_(views[f"{name}_l{layer}"])
            signal, state = stack(signal)
            told = []  # each future segment by itself
            for one in asked:
                told.append(stack(one[None], state)[0][0])
            asked = torch.stack(told)
        final = signal[-1]
        width = network.head.width
        output = asked @ views["decoder.weight"].T  # (ahead, batch, rows · width)
        output = output.unflatten(2, (rows, width)).permute(0, 2, 1, 3).flatten(0, 1)
        output = output[: spec.horizon] + views["decoder.bias"].reshape(spec.horizon, 1, width)
        if spec.skip == "none":
            output = output + past[-1][:, None]
        else:
            skip = spec.skip_gain * (views["skip.weight"] @ past)
            if spec.maps > 1:
                gates = views["gate.weight"] @ final.T + views["gate.bias"][:, None]
                gates = gates.reshape(spec.maps, spec.horizon, 5).softmax(dim=0)
                skip = (gates * skip.reshape(gates.shape)).sum(dim=0)
            output = output + skip[..., None]
    found = network.outputs(weights, batch)
    np.testing.assert_allclose(found, output.numpy(), rtol=0, atol=1e-12)


@every_spec
def test_every_output_of_every_step_moves_with_the_newest_value(spec: NetworkSpec) -> None:
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    past = batch.past.copy()
    past[-1] += 0.5
    moved = network.outputs(weights, replace(batch, past=past))
    assert (np.abs(moved - network.outputs(weights, batch)) > 1e-9).all()


def test_a_level_that_moves_moves_the_forecast_with_it() -> None:
    spec = replace(SMALL, skip="none")
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = network.initial(0, "float64")
    higher = network.outputs(weights, replace(batch, past=batch.past + 3.0))
    np.testing.assert_allclose(higher, network.outputs(weights, batch) + 3.0, atol=1e-12)


def test_float32_agrees_with_float64() -> None:
    network = build(SMALL)
    weights = random_weights(network)
    single, double = (batch_for(SMALL, dtype=kind) for kind in ("float32", "float64"))
    loss, gradient = network.loss_and_gradient(weights.astype(np.float32), single)
    loss64, gradient64 = network.loss_and_gradient(weights, double)
    assert abs(loss - loss64) < 1e-5 * abs(loss64)
    assert np.abs(gradient - gradient64).max() < 1e-5 * np.abs(gradient64).max()


def test_dropout_is_keyed_by_seed_and_step_and_off_in_inference() -> None:
    spec = SPECS["dropout"]
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)

    def loss(seed: int, step: int) -> float:
        return network.loss_and_gradient(weights, batch, seed=seed, step=step)[0]

    assert loss(1, 2) == loss(1, 2)
    assert len({loss(1, 2), loss(1, 3), loss(2, 2)}) == 3
    plain = build(replace(spec, dropout=0.0))
    np.testing.assert_array_equal(network.outputs(weights, batch), plain.outputs(weights, batch))


@pytest.mark.parametrize(
    "changed",
    [{"segment": None}, {"segment": 9}, {"segment": 0}, {"fold": 2}, {"recurrent_steps": 3},
     {"strategy": "direct"}],
    ids=str,
)  # fmt: skip
def test_a_spec_that_cannot_be_is_refused(changed: dict) -> None:
    with pytest.raises(UsageError, match=r"segment|fold"):
        replace(SMALL, **changed)


@every_spec
def test_a_spec_survives_json(spec: NetworkSpec) -> None:
    assert NetworkSpec.from_json(spec.to_json()) == spec


def test_categories_of_series_are_read_as_features_that_never_change() -> None:
    spec = replace(SMALL, waves=2, static_codes=(4, 3))
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)
    views, codes = network.views(weights), batch.codes
    assert codes is not None
    vectors = np.concatenate(
        [views[f"embedding.static{i}"][codes.static[:, i]] for i in range(2)], axis=1
    )
    told = [
        np.concatenate(
            [each, np.broadcast_to(vectors, (*each.shape[:2], vectors.shape[1]))], axis=2
        )
        for each in (batch.past_features, batch.future_features)
    ]
    same = replace(batch, past_features=told[0], future_features=told[1], codes=None)
    other = build(replace(spec, features=told[0].shape[2], static_codes=()))
    found = other.outputs(weights[: other.count], same)
    np.testing.assert_allclose(network.outputs(weights, batch), found, rtol=0, atol=1e-12)
