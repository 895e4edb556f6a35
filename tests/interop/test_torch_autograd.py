"""Gradients of the modules: exact, twice, again, and in company of PyTorch's own machinery."""

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from rollcast.interop import torch as ours

STACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "tanh": ("RNN", {"num_layers": 2}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {"num_layers": 2}),
    "gru": ("GRU", {"bias": False}),
    "both ways": ("LSTM", {"num_layers": 2, "bidirectional": True}),
    "batch first": ("GRU", {"batch_first": True}),
    "unequal": ("LSTM", {"hidden_size": (3, 2), "bidirectional": True}),
    "layer by layer": ("LSTM", {"hidden_size": (3, 3)}),
}


def made(row: str, library: Any = ours, dtype: torch.dtype = torch.float64) -> torch.nn.Module:
    torch.manual_seed(1)
    name, options = STACKS[row]
    return getattr(library, name)(**({"input_size": 2, "hidden_size": 3} | options), dtype=dtype)


def called(module: torch.nn.Module, x: Any, weights: Any) -> tuple[torch.Tensor, ...]:
    names = [name for name, _ in module.named_parameters()]
    y, states = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x,))
    flat = torch.utils._pytree.tree_leaves(states)
    return y, *flat


@pytest.mark.parametrize("row", STACKS)
def test_gradcheck_and_gradgradcheck_hold(row: str) -> None:
    module = made(row)
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = [p.detach().clone().requires_grad_() for p in module.parameters()]

    def function(x, *weights):
        return called(module, x, weights)

    assert torch.autograd.gradcheck(function, (x, *weights), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *weights), fast_mode=True)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_gradients_of_states_and_packed_sequences_hold_twice(name: str) -> None:
    torch.manual_seed(0)
    module = getattr(ours, name)(2, 3, 2, dtype=torch.float64)
    x = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    c = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    states = (h, c) if name == "LSTM" else (h,)

    def function(x, *states):
        hx = tuple(states) if name == "LSTM" else states[0]
        packed = pack_padded_sequence(x, torch.tensor([2, 4, 3]), enforce_sorted=False)
        y, after = module(packed, hx)
        return (y.data, *(after if name == "LSTM" else (after,)))

    assert torch.autograd.gradcheck(function, (x, *states), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *states), fast_mode=True)


def test_a_penalty_on_the_gradient_trains_in_float32_where_onednn_cannot() -> None:
    module, x = made("lstm", dtype=torch.float32), torch.randn(4, 2, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert module.weight_ih_l0.grad.abs().sum() > 0


def test_an_input_that_stands_in_two_places_is_not_counted_twice_in_second_derivatives() -> None:
    def second(library: Any) -> torch.Tensor:
        module = made("tanh", library)
        h = torch.full((2, 2, 3), 0.3, dtype=torch.float64, requires_grad=True)
        x = h[:, :, :2] * 2
        (slope,) = torch.autograd.grad(module(x, h)[0].sum(), h, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), h)[0]

    torch.testing.assert_close(second(ours), second(torch.nn), rtol=1e-12, atol=1e-12)


def test_a_retained_graph_gives_the_same_gradient_again() -> None:
    for row in ("lstm", "both ways"):
        module, x = made(row), torch.randn(5, 2, 2, dtype=torch.float64, requires_grad=True)
        loss = module(x)[0].square().sum()
        inputs = [x, *module.parameters()]
        once = torch.autograd.grad(loss, inputs, retain_graph=True)
        again = torch.autograd.grad(loss, inputs, retain_graph=True)
        third = torch.autograd.grad(loss, inputs)
        for a, b, c in zip(once, again, third, strict=True):
            assert torch.equal(a, b) and torch.equal(a, c)
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()


def test_dropout_of_a_retained_graph_is_the_same_again() -> None:
    module = ours.LSTM(2, 3, 3, dropout=0.5, dtype=torch.float64)
    x = torch.randn(5, 2, 2, dtype=torch.float64, requires_grad=True)
    loss = module(x)[0].square().sum()
    once = torch.autograd.grad(loss, x, retain_graph=True)[0]
    torch.testing.assert_close(torch.autograd.grad(loss, x, create_graph=True)[0], once)
    assert torch.equal(torch.autograd.grad(loss, x)[0], once)


@pytest.mark.parametrize("what", ["input", "weight"])
def test_a_change_in_place_before_backward_is_refused_as_by_pytorch(what: str) -> None:
    module = made("lstm")
    x = torch.randn(3, 2, 2, dtype=torch.float64)
    loss = module(x)[0].sum()
    with torch.no_grad():
        (x if what == "input" else module.weight_ih_l0).mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_only_what_asks_for_a_gradient_gets_one() -> None:
    theirs, mine = (made("lstm", library) for library in (torch.nn, ours))
    x = torch.randn(3, 2, 2, dtype=torch.float64)
    for module in (theirs, mine):
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name == "weight_hh_l1")
        module(x)[0].square().sum().backward()
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
    torch.testing.assert_close(mine.weight_hh_l1.grad, theirs.weight_hh_l1.grad)


def test_nothing_flows_back_where_nothing_was_recorded() -> None:
    module, x = made("lstm"), torch.randn(3, 2, 2, dtype=torch.float64)
    with torch.no_grad():
        y = module(x)[0]
    with torch.inference_mode():
        z = module(x)[0]
    assert not y.requires_grad and torch.equal(y, module(x)[0].detach())
    assert torch.equal(z, y)
    with pytest.raises(RuntimeError, match="does not require grad"):
        y.sum().backward()


def test_hooks_see_tensors_and_gradients_accumulate() -> None:
    module, x = made("gru"), torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    seen: list[str] = []
    module.register_forward_hook(lambda *_: seen.append("forward"))
    module.register_full_backward_hook(lambda *_: seen.append("backward"))
    module.weight_ih_l0.register_hook(lambda g: seen.append("weight") or 2 * g)
    module(x)[0].sum().backward()
    first = module.weight_ih_l0.grad.clone()
    module(x)[0].sum().backward()
    assert seen[:3] == ["forward", "weight", "backward"]
    torch.testing.assert_close(module.weight_ih_l0.grad, 2 * first)


def test_checkpointing_gives_the_same_gradient() -> None:
    module, x = made("lstm"), torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(module(x)[0].sum(), x)[0]
    for reentrant in (False, True):
        y = torch.utils.checkpoint.checkpoint(lambda x: module(x)[0], x, use_reentrant=reentrant)
        x.grad = None
        y.sum().backward()
        assert torch.equal(x.grad, expected)


def test_transforms_that_are_not_supported_say_so() -> None:
    module, x = made("lstm"), torch.randn(4, 3, 2, 2, dtype=torch.float64)
    with pytest.raises(RuntimeError):
        torch.func.vmap(lambda x: module(x)[0])(x)
