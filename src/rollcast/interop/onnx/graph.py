"""A graph of ONNX operators, node after node; values go by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17
"""The operators of ONNX 1.12: old enough for every runtime in use, with all that is needed."""

IR_VERSION = 8
"""The file format that came with that set; newer ones older runtimes would refuse."""

Array = np.ndarray


class Graph:
    """Nodes, constants, inputs and outputs, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._known: dict[tuple[Any, ...], str] = {}
        self._count = 0

    def input(self, name: str, kind: Any, shape: Sequence[str | int]) -> str:
        """An input of the graph; sizes that vary have names."""
        self._inputs.append(_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, kind: Any, shape: Sequence[str | int]) -> None:
        """Makes ``value`` an output of the graph under this name."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(_info(name, kind, shape))

    def constant(self, values: Any, kind: Any = np.int64) -> str:
        """Numbers that are part of the graph; the same ones are stored once."""
        array = np.ascontiguousarray(np.asarray(values, kind))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self._name("constant")
            self._constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def node(self, operator: str, *inputs: str, options: Mapping[str, Any] | None = None) -> str:
        """The output of one operator; an input that is left out is ``""``."""
        return self.nodes(operator, 1, *inputs, options=options)[0]

    def nodes(
        self, operator: str, count: int, *inputs: str, options: Mapping[str, Any] | None = None
    ) -> list[str]:
        """As ``node``, of an operator with several outputs."""
        names = [self._name(operator.lower()) for _ in range(count)]
        made = helper.make_node(operator, list(inputs), names)
        for key, value in (options or {}).items():
            made.attribute.append(helper.make_attribute(key, value))
        self._nodes.append(made)
        return names

    def cast(self, value: str, kind: Any) -> str:
        """The value as numbers of another kind."""
        return self.node("Cast", value, options={"to": _tensor(kind)})

    def reshape(self, value: str, *shape: int) -> str:
        """In another shape; 0 keeps a size, -1 takes what is left."""
        return self.node("Reshape", value, self.constant(shape))

    def transpose(self, value: str, *axes: int) -> str:
        """With its axes in this order."""
        return self.node("Transpose", value, options={"perm": list(axes)})

    def cut(self, value: str, axis: int, begin: int, end: int | None = None, step: int = 1) -> str:
        """``value[begin:end:step]`` along an axis."""
        last = np.iinfo(np.int64).max if end is None else end
        bounds = [self.constant([each]) for each in (begin, last, axis, step)]
        return self.node("Slice", value, *bounds)

    def join(self, values: Sequence[str], axis: int) -> str:
        """Side by side along an axis."""
        if len(values) == 1:
            return values[0]
        return self.node("Concat", *values, options={"axis": axis})

    def linear(self, value: str, weight: Array, bias: Array | None = None) -> str:
        """``value (…, in)`` times ``weight (out, in)`` transposed, and a bias."""
        found = self.node("MatMul", value, self.constant(weight.T, weight.dtype))
        if bias is None:
            return found
        return self.node("Add", found, self.constant(bias, bias.dtype))

    def model(self, name: str, notes: Mapping[str, str]) -> onnx.ModelProto:
        """The graph as a model, with notes for those who read the file."""
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._constants)
        made = helper.make_model(
            graph, producer_name="rollcast", ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )  # fmt: skip
        helper.set_model_props(made, dict(notes))
        onnx.checker.check_model(made)
        return made

    def _name(self, of: str) -> str:
        self._count += 1
        return f"{of}_{self._count}"


def _tensor(kind: Any) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(kind))


def _info(name: str, kind: Any, shape: Sequence[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, _tensor(kind), list(shape))
