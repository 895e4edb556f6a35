from dataclasses import replace

import numpy as np
import pytest
import torch

from rollcast.errors import UsageError
from rollcast.model import effects
from rollcast.model.inputs import filled
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec

from .test_network import batch_for, check_gradient, random_weights

DIRECT = NetworkSpec(
    context=8, horizon=3, hidden=(4,), cell="gru", features=6, future_units=3, levels=(0.2, 0.5),
    waves=2, effects=3, past_inputs=2, input_lags=3, past_codes=(3,), known_codes=(4, 3),
    static_codes=(5,), skip_gain=0.5,
)  # fmt: skip
RECURSIVE = replace(
    DIRECT, strategy="recursive", indicator=True, skip="none", lags=3, horizon=4, levels=(0.5, 0.9)
)
SEGMENT = replace(DIRECT, strategy="segment", segment=2, horizon=5, indicator=True)

SPECS = {
    "direct": DIRECT,
    "direct folded": replace(DIRECT, fold=3, indicator=True, maps=2),
    "direct without skip": replace(DIRECT, skip="none"),
    "direct normalised": replace(DIRECT, hidden=(4, 3), normalize="layer"),
    "short": replace(DIRECT, recurrent_steps=3),
    "effects alone": replace(DIRECT, past_inputs=0, input_lags=0, past_codes=(), known_codes=(),
                             static_codes=()),
    "vectors alone": replace(DIRECT, waves=0, effects=0, features=0, past_inputs=0, input_lags=0),
    "many categories": replace(DIRECT, known_codes=(effects.MOST_DUMMIES + 1,), waves=0, effects=0,
                               features=0, static_codes=(), past_codes=(), past_inputs=0,
                               input_lags=0, horizon=1, context=3),
    "past inputs alone": replace(DIRECT, waves=0, effects=0, features=0, past_codes=(),
                                 known_codes=(), static_codes=()),
    "recursive": RECURSIVE,
    "recursive, one lag": replace(RECURSIVE, lags=1, input_lags=1),
    "recursive, short": replace(RECURSIVE, lags=8, recurrent_steps=3),
    "recursive without lags": replace(RECURSIVE, lags=0),
    "segment": SEGMENT,
    "segment without skip": replace(SEGMENT, skip="none", context=9, segment=4),
    "segment, series alone": replace(SEGMENT, waves=0, effects=0, features=0, past_codes=(),
                                     past_inputs=0, input_lags=0, known_codes=(),
                                     static_codes=(5, 3)),
}  # fmt: skip
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


@every_spec
def test_the_gradient_is_that_of_the_loss(spec: NetworkSpec) -> None:
    check_gradient(spec)


@pytest.mark.parametrize("spec", [DIRECT, SPECS["many categories"]], ids=["few", "many"])
def test_outputs_and_gradient_are_those_of_the_same_network_in_torch(spec: NetworkSpec) -> None:
    spec = replace(spec, head="mse", levels=None)
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    views = {name: torch.tensor(view, requires_grad=True)
             for name, view in network.views(weights).items()}  # fmt: skip
    features = torch.tensor(np.concatenate([batch.past_features, batch.future_features]))
    codes = batch.codes
    assert codes is not None
    known, static = torch.tensor(codes.known), torch.tensor(codes.static)
    one = torch.ones(*features.shape[:2], 1, dtype=torch.float64)
    waves = torch.cat([one, features[..., : spec.waves]], dim=2)
    waves = torch.cat([waves, waves * torch.tensor(batch.ratio)[:, None]], dim=2)
    effect = torch.zeros(features.shape[:2], dtype=torch.float64)
    for name, view in views.items():
        if name == "effect.weight":
            acting = features[..., spec.waves : spec.waves + spec.effects]
            effect = effect + (torch.einsum("tbi,ij->tbj", acting, view) * waves).sum(2)
        elif name.startswith("effect.known"):
            effect = effect + (view[known[..., int(name[-1])]] * waves).sum(2)
    effect = spec.skip_gain * effect
    look = torch.nn.functional.embedding
    parts = [features]
    parts += [look(known[..., i], views[f"embedding.known{i}"])
              for i in range(len(spec.known_codes))]  # fmt: skip
    parts += [look(static[:, i], views[f"embedding.static{i}"]).expand(len(features), -1, -1)
              for i in range(len(spec.static_codes))]  # fmt: skip
    features = torch.cat(parts, dim=2)
    inputs = [torch.tensor(batch.past_inputs)]
    inputs += [look(torch.tensor(codes.past[..., i]), views[f"embedding.past{i}"])
               for i in range(len(spec.past_codes))]  # fmt: skip
    past = torch.tensor(batch.past) - effect[: spec.context]
    signal = torch.cat([past[..., None], *inputs, features[: spec.context]], dim=2)
    stack = torch.nn.GRU(spec.inputs, 4, dtype=torch.float64)
    names = [f"{kind}_l0" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    states, _ = torch.func.functional_call(stack, {n: views[n] for n in names}, signal)
    state = states[-1]
    output = (state @ views["decoder.weight"].T + views["decoder.bias"]).T
    lagged = inputs[0][-spec.input_lags :].permute(1, 2, 0).reshape(5, -1)
    output = output + spec.skip_gain * (views["skip.weight"] @ torch.cat([past.T, lagged], dim=1).T)
    inner = state @ views["future.state"].T + views["future.step"][:, None]
    inner = inner + features[spec.context :] @ views["future.calendar"].T
    output = output + (torch.tanh(inner) @ views["future.output"].T)[..., 0]
    output = output + effect[spec.context :]
    np.testing.assert_allclose(
        network.outputs(weights, batch)[..., 0], output.detach().numpy(), rtol=0, atol=1e-12
    )
    seen = torch.tensor(batch.target_observed)
    loss = ((output - torch.tensor(batch.target)) ** 2)[seen].mean()
    loss.backward()
    found, gradient = network.loss_and_gradient(weights, batch)
    assert abs(found - float(loss.detach())) < 1e-12
    for name, view in network.views(gradient).items():
        expected = views[name].grad
        assert expected is not None
        np.testing.assert_allclose(view, expected.numpy(), rtol=0, atol=1e-12, err_msg=name)


@every_spec
def test_what_is_known_of_a_step_moves_it(spec: NetworkSpec) -> None:
    if not spec.features:
        return
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    future = batch.future_features.copy()
    future[1, :, spec.waves] += 1.0
    moved = network.outputs(weights, replace(batch, future_features=future))
    moved = np.abs(moved - network.outputs(weights, batch)).max(axis=(1, 2)) > 1e-9
    assert moved[1]
    if spec.strategy == "direct":
        assert moved.sum() == 1


@every_spec
def test_past_inputs_move_the_forecast(spec: NetworkSpec) -> None:
    if not spec.past_inputs:
        return
    network, batch = build(spec), batch_for(spec, missing=False)
    weights = random_weights(network)
    assert batch.past_inputs is not None
    past = batch.past_inputs.copy()
    past[-1, :, 0] += 1.0
    moved = network.outputs(weights, replace(batch, past_inputs=past))
    # a rectifier of a segment may be shut for a row
    assert (np.abs(moved - network.outputs(weights, batch)) > 1e-9).mean() > 0.7


def test_an_effect_is_taken_out_of_the_window_and_put_into_the_forecast() -> None:
    spec = SPECS["effects alone"]
    batch = batch_for(spec)
    network = build(spec)
    weights = np.zeros(network.count)
    views = network.views(weights)
    views["effect.weight"][0, 0] = 2.0
    entered = effects.enter(spec, views, batch)
    acting = 2.0 * spec.skip_gain * batch.past_features[..., spec.waves]
    expected = np.where(batch.observed, batch.past - acting, 0.0)
    np.testing.assert_allclose(entered.past, expected)
    assert entered.added is not None
    ahead = 2.0 * spec.skip_gain * batch.future_features[..., spec.waves]
    np.testing.assert_allclose(entered.added, ahead)
    seen = filled(entered.past, batch.observed)
    assert np.isfinite(seen).all()


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="effects=9"):
        replace(DIRECT, effects=9)
    with pytest.raises(UsageError, match="past_codes"):
        replace(DIRECT, past_codes=(1,))
    with pytest.raises(UsageError, match="input_lags=9"):
        replace(DIRECT, input_lags=9)
