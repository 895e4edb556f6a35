from dataclasses import replace

import numpy as np
import pytest
import torch

from rollcast.data.batch import Codes
from rollcast.data.windows import Batch
from rollcast.model.inputs import filled
from rollcast.model.network import Network, build
from rollcast.model.skip import naive_map
from rollcast.model.spec import NetworkSpec

SMALL = NetworkSpec(context=7, horizon=3, season=2, hidden=(4, 3), features=2, future_units=3)

SPECS = {
    "plain": replace(SMALL, features=0),
    "calendar": SMALL,
    "indicator": replace(SMALL, indicator=True),
    "gru": replace(SMALL, cell="gru", hidden=(3, 5)),
    "relu": replace(SMALL, cell="rnn_relu", hidden=(5,)),
    "point": replace(SMALL, head="huber"),
    "one level": replace(SMALL, levels=(0.5,)),
    "no skip": replace(SMALL, skip="none"),
    "no skip, no calendar": replace(SMALL, skip="none", features=0),
    "short": replace(SMALL, recurrent_steps=3, skip="seasonal_mean", skip_gain=0.3),
    "fold": replace(SMALL, fold=3, indicator=True, context=8),
    "gated": replace(SMALL, context=9, maps=3, skip="seasonal_mean", skip_gain=0.5),
    "dropout": replace(SMALL, dropout=0.4),
    "dropout behind one layer": replace(SMALL, dropout=0.4, hidden=(4,)),
    "layer": replace(SMALL, normalize="layer", hidden=(4, 5, 3), dropout=0.3),
    "batch": replace(SMALL, normalize="batch", cell="gru", recurrent_steps=5),
    "one of each": replace(SMALL, context=1, horizon=1, season=1, hidden=(1,)),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def batch_for(
    spec: NetworkSpec, rows: int = 5, seed: int = 0, dtype: str = "float64", missing: bool = True
) -> Batch:
    generator = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return generator.normal(size=shape).astype(dtype)

    observed = np.ones((spec.context, rows), bool)
    target_observed = np.ones((spec.horizon, rows), bool)
    if missing and spec.context > 1:
        observed[:2, 0] = False
        observed[-1, 1] = False
        target_observed[0, 2] = False
    return Batch(
        past=np.where(observed, draw(spec.context, rows), 0).astype(dtype),
        observed=observed,
        past_features=draw(spec.context, rows, spec.features),
        future_features=draw(spec.horizon, rows, spec.features),
        target=np.where(target_observed, draw(spec.horizon, rows), 0).astype(dtype),
        target_observed=target_observed,
        location=draw(rows),
        scale=np.exp(draw(rows)),
        series=np.zeros(rows, np.int64),
        origin=np.arange(rows),
        past_inputs=draw(spec.context, rows, spec.past_inputs),
        codes=Codes(
            generator.integers(0, spec.past_codes or 1, (spec.context, rows, len(spec.past_codes))),
            generator.integers(
                0, spec.known_codes or 1, (spec.context + spec.horizon, rows, len(spec.known_codes))
            ),
            generator.integers(0, spec.static_codes or 1, (rows, len(spec.static_codes))),
        ),
        ratio=np.exp(draw(rows)),
    )


def random_weights(network: Network, seed: int = 0) -> np.ndarray:
    weights = np.random.default_rng(seed).normal(0, 0.5, network.count)
    for name, view in network.views(weights).items():
        if name.startswith("variance"):
            np.abs(view, out=view)
    return weights


NORMAL = ("gain", "shift", "mean", "variance")


def normalised(kind, signal, gain, shift, mean, variance):
    if kind == "layer":
        return torch.nn.functional.layer_norm(signal, gain.shape, gain, shift)
    flat = signal.reshape(-1, len(gain))
    return torch.nn.functional.batch_norm(flat, mean, variance, gain, shift).view_as(signal)


def check_gradient(spec: NetworkSpec) -> None:
    """The gradient of a network is that of its loss, by differences, with dropout and weights of
    rows."""
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)
    row_weight = np.linspace(0.5, 2.0, 5)

    def loss(changed: np.ndarray) -> float:
        return network.loss_and_gradient(changed, batch, seed=3, step=9, row_weight=row_weight)[0]

    _, gradient = network.loss_and_gradient(weights, batch, seed=3, step=9, row_weight=row_weight)
    small = 1e-6
    numeric = np.empty_like(weights)
    for place in range(network.count):
        there = np.zeros_like(weights)
        there[place] = small
        numeric[place] = (loss(weights + there) - loss(weights - there)) / (2 * small)
    assert np.abs(gradient - numeric).max() < 1e-7 * max(1, np.abs(numeric).max())


@every_spec
def test_the_gradient_is_that_of_the_loss(spec: NetworkSpec) -> None:
    check_gradient(spec)


@every_spec
def test_outputs_are_those_of_the_same_network_in_torch(spec: NetworkSpec) -> None:
    if spec.cell == "rnn_relu":
        stack = torch.nn.RNN(spec.inputs, 5, nonlinearity="relu", dtype=torch.float64)
        stacks = [stack]
    else:
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[spec.cell]
        sizes = (spec.inputs, *spec.hidden)
        stacks = [
            kind(sizes[layer], sizes[layer + 1], dtype=torch.float64)
            for layer in range(len(spec.hidden))
        ]
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)
    views = {name: torch.tensor(view) for name, view in network.views(weights).items()}
    past = torch.tensor(filled(batch.past, batch.observed))
    inputs = [past[..., None]]
    if spec.fold:
        inputs = [torch.stack([past[-spec.fold * back :][: spec.fold] for back in (2, 1)], dim=2)]
    if spec.indicator:
        inputs.append(torch.tensor(batch.observed[..., None], dtype=torch.float64))
    inputs.append(torch.tensor(batch.past_features))
    signal = torch.cat([each[-spec.steps :] for each in inputs], dim=2)
    with torch.no_grad():
        for layer, stack in enumerate(stacks):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(stack, f"{name}_l0").copy_(views[f"{name}_l{layer}"])
            signal, _ = stack(signal)
            if spec.normalize and layer < len(stacks) - 1:
                named = {name: views.get(f"{name}_l{layer}") for name in NORMAL}
                signal = normalised(spec.normalize, signal, **named)
        state = signal[-1]
        width = network.head.width
        expected = state @ views["decoder.weight"].T + views["decoder.bias"]
        expected = expected.reshape(5, spec.horizon, width).permute(1, 0, 2)
        if spec.skip != "none":
            skip = spec.skip_gain * (views["skip.weight"] @ past)
            if spec.maps > 1:
                gates = views["gate.weight"] @ state.T + views["gate.bias"][:, None]
                gates = gates.reshape(spec.maps, spec.horizon, 5).softmax(dim=0)
                skip = (gates * skip.reshape(gates.shape)).sum(dim=0)
            expected = expected + skip[..., None]
        if spec.features:
            inner = state @ views["future.state"].T + views["future.step"][:, None]
            inner = inner + torch.tensor(batch.future_features) @ views["future.calendar"].T
            expected = expected + torch.tanh(inner) @ views["future.output"].T
    found = network.outputs(weights, batch)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-12)


@every_spec
def test_every_output_of_every_step_moves_with_the_newest_value(spec: NetworkSpec) -> None:
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    past = batch.past.copy()
    past[-1] += 0.5
    moved = network.outputs(weights, replace(batch, past=past))
    assert (np.abs(moved - network.outputs(weights, batch)) > 1e-9).all()


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_every_step_moves_with_the_newest_value_before_any_training(cell: str) -> None:
    spec = replace(SMALL, cell=cell, season=2)
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = network.initial(0, "float64")
    past = batch.past.copy()
    past[-1] += 0.5
    moved = network.outputs(weights, replace(batch, past=past))
    assert (np.abs(moved - network.outputs(weights, batch)) > 1e-9).all()


@pytest.mark.parametrize("missing", [False, True])
def test_float32_agrees_with_float64(missing: bool) -> None:
    spec = replace(SMALL, hidden=(17, 9), context=30, indicator=True)
    network = build(spec)
    weights = network.initial(1, "float64")
    long = batch_for(spec, 33, missing=missing)
    short = batch_for(spec, 33, dtype="float32", missing=missing)
    loss64, gradient64 = network.loss_and_gradient(weights, long)
    loss32, gradient32 = network.loss_and_gradient(weights.astype("float32"), short)
    assert gradient32.dtype == np.float32
    assert loss32 == pytest.approx(loss64, rel=1e-5)
    assert np.abs(gradient32 - gradient64).max() < 1e-5 * np.abs(gradient64).max()


def test_training_and_inference_see_the_same_outputs() -> None:
    spec = replace(SMALL, head="mse")
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    loss, _ = network.loss_and_gradient(weights, batch)
    outputs = network.outputs(weights, batch)
    assert loss == pytest.approx(network.head.loss(outputs, batch.target, batch.target_observed))


# a single layer once had no dropout at all, and nobody was told
@pytest.mark.parametrize("hidden", [(16, 16), (16,)])
def test_dropout_is_keyed_by_seed_and_step_and_off_in_inference(hidden: tuple[int, ...]) -> None:
    spec = replace(SMALL, dropout=0.5, hidden=hidden)
    network, batch = build(spec), batch_for(spec)
    weights = random_weights(network)

    def gradient(seed: int, step: int) -> bytes:
        return network.loss_and_gradient(weights, batch, seed=seed, step=step)[1].tobytes()

    assert gradient(1, 2) == gradient(1, 2)
    assert len({gradient(1, 2), gradient(1, 3), gradient(2, 2)}) == 3
    plain = build(replace(spec, dropout=0.0))
    np.testing.assert_array_equal(network.outputs(weights, batch), plain.outputs(weights, batch))


@pytest.mark.parametrize(
    ("skip", "season", "context", "expected"),
    [
        ("naive", 3, 5, [5, 5, 5, 5]),
        ("seasonal_naive", 1, 5, [5, 5, 5, 5]),
        ("seasonal_naive", 3, 5, [3, 4, 5, 3]),
        ("seasonal_naive", 7, 5, [5, 5, 5, 5]),
        ("seasonal_mean", 2, 5, [3, 4, 3, 4]),
        ("seasonal_mean", 1, 5, [5, 5, 5, 5]),
    ],
)
def test_the_untrained_skip_path_repeats_the_window(
    skip: str, season: int, context: int, expected: list[float]
) -> None:
    spec = replace(SMALL, skip=skip, season=season, context=context, horizon=4)
    np.testing.assert_allclose(naive_map(spec, spec.skip) @ np.arange(1.0, context + 1), expected)


def test_an_untrained_network_with_a_silent_decoder_is_seasonal_naive() -> None:
    spec = replace(SMALL, skip="seasonal_naive", decoder_gain=0.0, season=2, context=8, horizon=5)
    network, batch = build(spec), batch_for(spec, missing=False)
    outputs = network.outputs(network.initial(0, "float64"), batch)
    expected = batch.past[[6, 7, 6, 7, 6]]
    np.testing.assert_allclose(outputs, np.repeat(expected[..., None], 7, axis=2), atol=1e-15)


def test_a_missing_value_is_the_last_one_before_it() -> None:
    past = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0], [4.0, 0.0]])
    observed = past != 0
    np.testing.assert_array_equal(filled(past, observed), [[0, 1], [2, 1], [2, 1], [4, 1]])


def test_names_cover_the_flat_vector_and_are_those_of_torch() -> None:
    network = build(SMALL)
    views = network.views(np.arange(network.count, dtype=float))
    together = np.concatenate([view.ravel() for view in views.values()])
    np.testing.assert_array_equal(together, np.arange(network.count))
    stack = torch.nn.LSTM(SMALL.inputs, 4)
    for name, weight in stack.named_parameters():
        assert views[name].shape == tuple(weight.shape)


def test_the_same_seed_gives_the_same_weights_in_either_precision() -> None:
    network = build(SMALL)
    assert network.initial(5).tobytes() == network.initial(5).tobytes()
    assert network.initial(5).tobytes() != network.initial(6).tobytes()
    np.testing.assert_array_equal(network.initial(5), network.initial(5, "float64").astype("f4"))
