"""``as_one_parameter``: one flat parameter in the place of all, and nothing else changed."""

import copy
import pickle
from typing import Any

import pytest
import torch

from rollcast.errors import UsageError
from rollcast.interop import torch as ours

STACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "tanh": ("RNN", {"num_layers": 2}),
    "lstm": ("LSTM", {"num_layers": 2}),
    "without bias": ("GRU", {"bias": False}),
    "both ways": ("GRU", {"num_layers": 2, "bidirectional": True}),
    "projected": ("LSTM", {"proj_size": 2}),
    "unequal": ("LSTM", {"hidden_size": (4, 2)}),
}


def made(row: str, library: Any = ours, **more: Any) -> Any:
    torch.manual_seed(1)
    name, options = STACKS[row]
    return getattr(library, name)(**({"input_size": 3, "hidden_size": 4} | options | more))


def pair(row: str, **more: Any) -> tuple[Any, Any]:
    return made(row, **more), made(row, **more).as_one_parameter()


def loss_of(module: Any, x: torch.Tensor) -> torch.Tensor:
    found = torch.utils._pytree.tree_leaves(module(x))
    return sum(each.square().mean() for each in found)  # type: ignore[return-value]


@pytest.mark.parametrize("row", STACKS)
def test_a_run_of_training_ends_in_the_same_state_dictionary(row: str) -> None:
    x = torch.randn(6, 5, 3, dtype=torch.float64)
    plain, one = pair(row, dtype=torch.float64)
    assert [name for name, _ in one.named_parameters()] == ["weights"]
    for module in (plain, one):
        optimizer = torch.optim.AdamW(module.parameters(), 0.01)
        for _ in range(4):
            optimizer.zero_grad()
            loss_of(module, x).backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 0.1)
            optimizer.step()
    assert list(one.state_dict()) == list(plain.state_dict())
    for found, expected in zip(one.state_dict().values(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("row", STACKS)
def test_state_dictionaries_load_both_ways(row: str) -> None:
    plain, one = pair(row)
    x = torch.randn(5, 2, 3)
    for assign in (False, True):
        with torch.no_grad():
            for weight in plain.parameters():
                weight.uniform_(-0.5, 0.5)
        one.load_state_dict(plain.state_dict(), assign=assign)
        assert torch.equal(one(x)[0], plain(x)[0])
        assert list(one._parameters) == ["weights"] and one.weights.requires_grad
        plain.load_state_dict(one.state_dict())
    state = plain.state_dict()
    state["more"] = state.pop("weight_hh_l0")
    with pytest.raises(RuntimeError, match=r"(?s)weight_hh_l0.*more"):
        one.load_state_dict(state)
    assert list(one._parameters) == ["weights"]


@pytest.mark.parametrize("row", STACKS)
def test_gradients_hold_twice(row: str) -> None:
    one = made(row, dtype=torch.float64).as_one_parameter()
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)

    def function(x: torch.Tensor, weights: torch.Tensor) -> Any:
        found = torch.func.functional_call(one, {"weights": weights * present}, (x,))
        return tuple(torch.utils._pytree.tree_leaves(found))

    present = torch.from_numpy(ours.from_torch(one) != 0)
    weights = one.weights.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(function, (x, weights), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, weights), fast_mode=True)


def test_it_is_copied_pickled_moved_and_begun_anew_as_one() -> None:
    plain, one = pair("lstm")
    x = torch.randn(5, 2, 3)
    expected = plain(x)[0]
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one)), one.as_one_parameter()):
        assert torch.equal(other(x)[0], expected)
        assert list(other._parameters) == ["weights"]
    one.double()
    assert one(x.double())[0].dtype == torch.float64
    assert one._store.current(one._store.weights(one)) is not None
    one.float()
    torch.manual_seed(7)
    one.reset_parameters()
    torch.manual_seed(7)
    plain.reset_parameters()
    for found, drawn in zip(one.state_dict().values(), plain.state_dict().values(), strict=True):
        assert torch.equal(found, drawn)
    one.to("meta")
    assert one(x.to("meta"))[0].device.type == "meta"


def test_other_types_go_through_pytorch_and_weights_through_both_helpers() -> None:
    plain, one = pair("without bias", dtype=torch.bfloat16)
    x = torch.randn(5, 2, 3, dtype=torch.bfloat16)
    assert torch.equal(one(x)[0], plain(x)[0])
    one.float()
    ours.to_torch(ours.from_torch(plain) * 2, one)
    assert (ours.from_torch(one) == ours.from_torch(plain) * 2).all()


@pytest.mark.parametrize("row", ["unequal", "without bias"])
def test_it_compiles_into_one_graph_with_the_same_gradient(row: str) -> None:
    _, one = pair(row)
    x = torch.randn(4, 2, 3)
    loss_of(one, x).backward()
    expected, one.weights.grad = one.weights.grad, None
    loss_of(torch.compile(one, fullgraph=True, backend="aot_eager"), x).backward()
    torch.testing.assert_close(one.weights.grad, expected)


def test_the_one_parameter_can_be_parametrized_as_a_whole() -> None:
    plain, one = pair("tanh")
    x = torch.randn(5, 2, 3)
    torch.nn.utils.parametrize.register_parametrization(one, "weights", torch.nn.Identity())
    assert torch.equal(one(x)[0], plain(x)[0])
    assert list(one.state_dict()) == ["parametrizations.weights.original"]
    assert one.double()(x.double())[0].dtype == torch.float64


def test_parameters_that_are_not_alike_are_refused() -> None:
    frozen = ours.GRU(3, 4)
    frozen.weight_hh_l0.requires_grad_(False)
    parametrized = torch.nn.utils.parametrizations.weight_norm(ours.GRU(3, 4), "weight_ih_l0")
    for module in (frozen, parametrized):
        with pytest.raises(UsageError, match="all trained or none"):
            module.as_one_parameter()
    assert len(list(frozen.parameters())) == 4
