"""The modules under ``torch.compile``, and the operators against PyTorch's own checks."""

from typing import Any

import pytest
import torch

from rollcast.interop import torch as ours
from rollcast.interop.torch import ops

STACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "tanh": ("RNN", {"num_layers": 2}),
    "lstm": ("LSTM", {"num_layers": 2, "batch_first": True}),
    "gru both ways": ("GRU", {"bias": False, "bidirectional": True}),
    "unequal": ("LSTM", {"hidden_size": (3, 2)}),
}


@pytest.fixture(autouse=True)
def forget_compiled_graphs():
    yield
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore")  # of PyTorch's compiler about itself
@pytest.mark.parametrize("row", STACKS)
def test_a_module_compiles_into_one_graph_with_equal_results(row: str) -> None:
    name, options = STACKS[row]
    module = getattr(ours, name)(**({"input_size": 2, "hidden_size": 3} | options))
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    x = torch.randn(4, 5, 2, requires_grad=True)

    def results(call: Any) -> list[torch.Tensor]:
        found = torch.utils._pytree.tree_leaves(call(x))
        loss = sum(output.square().sum() for output in found)
        return [*found, *torch.autograd.grad(loss, [x, *module.parameters()])]

    for a, b in zip(results(compiled), results(module), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell"])
def test_a_loop_over_a_cell_compiles_into_one_graph(name: str) -> None:
    cell = getattr(ours, name)(2, 3)

    def loop(x: torch.Tensor) -> torch.Tensor:
        state = None
        for step in x:
            state = cell(step, state)
        return state[0] if isinstance(state, tuple) else state  # type: ignore[return-value]

    x = torch.randn(3, 4, 2, requires_grad=True)
    compiled = torch.compile(loop, backend="aot_eager", fullgraph=True)
    for call in (compiled, loop):
        x.grad = None
        call(x).square().sum().backward()
        if call is compiled:
            found = x.grad
    torch.testing.assert_close(found, x.grad)


@pytest.mark.filterwarnings("ignore")
def test_compiled_dropout_follows_the_seed() -> None:
    module = ours.LSTM(2, 8, 2, dropout=0.5)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    x = torch.randn(4, 3, 2)

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        y = compiled(x)[0]
        y.sum().backward()
        return y.detach()

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    module.eval()
    with torch.no_grad():
        torch.testing.assert_close(compiled(x)[0], module(x)[0])


def arguments(cell: str, traits: list[int], record: bool = True) -> tuple:
    directions = 2 if traits[1] else 1
    plan = ops.plan_of(cell, (2, 3, 3), bool(traits[0]), bool(traits[1]), 0, bool(traits[3]))
    weights = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape, _, _ in plan.present
    ]
    x = torch.randn(4, 5, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(2 * directions, 5, 3, dtype=torch.float64, requires_grad=True)
    c = torch.randn_like(h, requires_grad=True) if cell == "lstm" else None
    seed = torch.tensor(3)
    return x, h, c, weights, seed, cell, [2, 3, 3], traits, 0.25, record, True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("cell", "traits"), [("lstm", [1, 0, 0, 0]), ("gru", [0, 1, 0, 0]), ("gru", [0, 0, 0, 1])]
)
def test_opcheck_passes(cell: str, traits: list[int]) -> None:
    given = arguments(cell, traits)
    torch.library.opcheck(torch.ops.rollcast.stack.default, given)
    y, hn, cn, kept = (t.detach() for t in torch.ops.rollcast.stack(*given))
    x, h, c, weights, seed, *rest = given
    plain = [t.detach() if t is not None else None for t in (x, h, c)]
    back = (
        kept, y, hn, cn if cell == "lstm" else None, *plain, [w.detach() for w in weights], seed,
        *rest[:4], True,
    )  # fmt: skip
    torch.library.opcheck(torch.ops.rollcast.stack_backward.default, back)


def test_the_operators_gradient_is_right_even_when_what_was_kept_is_lost() -> None:
    x, *rest = arguments("lstm", [1, 0, 0, 0])
    y, _, _, kept = torch.ops.rollcast.stack(x, *rest)
    (once,) = torch.autograd.grad(y.square().sum(), x, retain_graph=True)
    (again,) = torch.autograd.grad(y.square().sum(), x)
    assert torch.equal(once, again)
    count = len(ops._keepers)
    del y, kept
    assert len(ops._keepers) == count - 1
