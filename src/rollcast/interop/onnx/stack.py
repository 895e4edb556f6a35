"""Recurrent layers as the operators RNN, GRU and LSTM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcast.engine.cells import name_of, wiring_of
from rollcast.errors import UsageError
from rollcast.interop.onnx.graph import Graph
from rollcast.nn.recurrent import Recurrent

Array = np.ndarray


@dataclass(frozen=True)
class Operator:
    """How a cell is written: the operator, torch's gates in the order of that operator, what it is
    told."""

    name: str
    gates: tuple[int, ...]
    options: dict[str, object]


OPERATORS = {
    "rnn_tanh": Operator("RNN", (0,), {"activations": ["Tanh"]}),
    "rnn_relu": Operator("RNN", (0,), {"activations": ["Relu"]}),
    # torch: input, forget, cell, output; ONNX: input, output, forget, cell
    "lstm": Operator("LSTM", (0, 3, 1, 2), {}),
    # torch: reset, update, new; ONNX: update, reset, new
    "gru": Operator("GRU", (1, 0, 2), {"linear_before_reset": 1}),
}
"""The cells that ONNX has an operator for."""


def check_cell(cell: str) -> None:
    """Raises UsageError for a cell that no operator of ONNX computes."""
    name, wiring = name_of(cell), wiring_of(cell)
    what = None
    if name not in OPERATORS:
        what = f"the cell {name}"
    elif wiring.steps or wiring.zoneout:
        what = "dilation" if wiring.steps else "zoneout"
    if what is not None:
        raise UsageError(
            f"ONNX has no operator for {what} (the model's cell is {cell!r}). Train with one of "
            f"{', '.join(OPERATORS)}, without dilation and zoneout."
        )


@dataclass(frozen=True)
class Ran:
    """What a stack gave: ``top (time, batch, units)`` of its last layer, and the final states of
    every layer, ``(1, batch, units)``."""

    top: str
    h: list[str]
    c: list[str]


def run_stack(
    graph: Graph,
    stack: Recurrent,
    weights: Array,
    x: str,
    h0: list[str] | None = None,
    c0: list[str] | None = None,
) -> Ran:
    """The layers over ``x (time, batch, inputs)``, from zero states unless they are given."""
    operator = OPERATORS[name_of(stack.cell)]
    residual = wiring_of(stack.cell).residual
    parts = {name: weights[place].reshape(shape) for name, shape, place in stack.layout()}
    h, c = [], []
    for layer, units in enumerate(stack.hidden):
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        own = [_ordered(parts[f"{kind}_l{layer}"], operator.gates, units) for kind in kinds]
        given = [graph.constant(each[None], weights.dtype) for each in own[:2]]
        given.append(graph.constant(np.concatenate(own[2:])[None], weights.dtype))
        states = [] if h0 is None else ["", h0[layer]]
        if c0:
            states.append(c0[layer])
        lstm = operator.name == "LSTM"
        found = graph.nodes(
            operator.name, 3 if lstm else 2, x, *given, *states,
            options={"hidden_size": units, **operator.options},
        )  # fmt: skip
        told = graph.node("Squeeze", found[0], graph.constant([1]))  # its one direction
        h.append(found[1])
        c += found[2:]
        width = stack.input if layer == 0 else stack.hidden[layer - 1]
        x = graph.node("Add", told, x) if residual and layer and width == units else told
    return Ran(x, h, c)


def _ordered(weight: Array, gates: tuple[int, ...], units: int) -> Array:
    """The rows of torch's gates in the operator's order."""
    return np.concatenate([weight[gate * units : (gate + 1) * units] for gate in gates])
