"""The stack over a flat vector: its names, its first values, its calls."""

import numpy as np
import pytest
import torch

from rollcast import engine
from rollcast.nn.cells import CELLS
from rollcast.nn.recurrent import Recurrent


def test_the_engine_and_the_specification_name_the_same_cells_and_gates():
    assert tuple(CELLS) == engine.CELLS
    assert {name: len(cell.gates) for name, cell in CELLS.items()} == engine.GATES
    for name, cell in CELLS.items():
        stack = Recurrent(name, 3, (5, 4))
        assert stack.count == stack.layout()[-1][2].stop
        assert sum(stack.cells) == cell.cells * 9


def test_names_and_order_are_those_of_pytorch():
    module = torch.nn.LSTM(3, 8, 2)
    expected = [(name, tuple(weight.shape)) for name, weight in module.named_parameters()]
    stack = Recurrent("lstm", 3, (8, 8))
    assert [(name, shape) for name, shape, _ in stack.layout()] == expected
    assert stack.layout()[-1][2].stop == stack.count


@pytest.mark.parametrize("cell", CELLS)
def test_first_weights_fill_the_interval_of_their_layer(cell):
    stack = Recurrent(cell, 4, (100, 16))
    weights = stack.initial(np.random.default_rng(0))
    for name, _, place in stack.layout():
        bound = 0.1 if name.endswith("l0") else 0.25
        part = weights[place]
        if name.startswith("gain"):
            assert (part == 1.0).all()
            continue
        assert np.abs(part).max() <= bound
        assert np.abs(part).max() > 0.8 * bound and abs(part.mean()) < 0.3 * bound


def test_dropout_acts_in_training_only():
    stack = Recurrent("gru", 2, (8, 8), dropout=0.5)
    weights = stack.initial(np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(9, 4, 2)).astype("float32")
    calm = stack.infer(weights, x).y
    assert np.array_equal(stack.infer(weights, x).y, calm)
    first, again = stack.forward(weights, x, seed=3).y, stack.forward(weights, x, seed=3).y
    assert np.array_equal(first, again) and not np.array_equal(first, calm)
    assert not np.array_equal(stack.forward(weights, x, seed=3, step=1).y, first)
