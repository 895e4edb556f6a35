"""The cells beside those of ``torch.nn``."""

import copy
from typing import Any

import pytest
import torch

from rollcast.interop import torch as ours

CELLS = {"tanh": ("RNNCell", {}), "relu": ("RNNCell", {"nonlinearity": "relu"})} | {
    name: (name, options) for name in ("LSTMCell", "GRUCell") for options in ({},)
}


def pair(row: str, **options: Any) -> tuple[Any, Any]:
    name, own = CELLS[row]
    cells = []
    for library in (torch.nn, ours):
        torch.manual_seed(1)
        cells.append(getattr(library, name)(3, 5, **own, **options))
    return cells[0], cells[1]


def unrolled(cell: Any, x: torch.Tensor, start: Any) -> torch.Tensor:
    state, outputs = start, []
    for step in x:
        state = cell(step, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(outputs)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("row", CELLS)
def test_a_loop_over_a_cell_gives_equal_outputs_and_gradients(row: str, bias: bool) -> None:
    theirs, mine = pair(row, bias=bias, dtype=torch.float64)
    assert isinstance(mine, type(theirs)) and repr(theirs) == repr(mine)
    for shape in ((6, 4, 3), (6, 3)):
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        h = torch.randn(*shape[1:-1], 5, dtype=torch.float64, requires_grad=True)
        results = []
        for cell in (theirs, mine):
            assert list(cell.state_dict()) == list(theirs.state_dict())
            y = unrolled(cell, x, (h, h * 2) if row == "LSTMCell" else h)
            wanted = [x, h, *cell.parameters()]
            results.append([y, *torch.autograd.grad(y.square().sum(), wanted)])
            with torch.no_grad():
                results[-1].append(unrolled(cell, x, None))
        for a, b in zip(*results, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("row", CELLS)
def test_second_derivatives_of_a_cell_hold(row: str) -> None:
    _, cell = pair(row, dtype=torch.float64)
    x = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: unrolled(cell, x, None), x, fast_mode=True)


def test_a_cell_lies_flat_through_moves_and_copies() -> None:
    _, cell = pair("GRUCell")
    for other in (cell, copy.deepcopy(cell), copy.deepcopy(cell).double()):
        x = torch.randn(2, 3, dtype=other.weight_ih.dtype)
        other(x).sum().backward()
        assert other._store.current(other._store.weights(other)) is not None
    assert cell.half()(torch.randn(2, 3).half()).dtype == torch.float16
