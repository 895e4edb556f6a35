"""ONNX Runtime: LSTM nodes in one graph, states in and out."""

import itertools

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from workloads import Array, Task, Workload

_threads = 1


def start(threads: int, variant: str) -> None:
    global _threads
    _threads = threads


def gates(part: Array) -> Array:
    """torch's input, forget, cell, output gates as ONNX has them: input, output, forget, cell."""
    i, f, g, o = np.split(part, 4)
    return np.concatenate([i, o, f, g])[None]


def graph(work: Workload) -> bytes:
    """x (time, batch, input), then h and c of each layer (1, batch, units)."""
    kept = [numpy_helper.from_array(np.array([1], np.int64), "direction")]
    nodes, states, after = [], [], []
    current = "x"
    number = TensorProto.FLOAT
    for k, parts in enumerate(work.layers(work.split(work.weights()))):
        w, u, b, d = (gates(part) for part in parts)
        arrays = {f"W{k}": w, f"R{k}": u, f"B{k}": np.concatenate([b, d], axis=1)}
        kept += [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        units = work.sizes[k + 1]
        names = [current, f"W{k}", f"R{k}", f"B{k}", "", f"h{k}", f"c{k}"]
        nodes.append(
            helper.make_node("LSTM", names, [f"Y{k}", f"hn{k}", f"cn{k}"], hidden_size=units)
        )
        nodes.append(helper.make_node("Squeeze", [f"Y{k}", "direction"], [f"y{k}"]))
        shape = [1, work.batch, units]
        states += [helper.make_tensor_value_info(f"{s}{k}", number, shape) for s in "hc"]
        after += [helper.make_tensor_value_info(f"{s}n{k}", number, shape) for s in "hc"]
        current = f"y{k}"
    x = helper.make_tensor_value_info("x", number, ["time", work.batch, work.sizes[0]])
    y = helper.make_tensor_value_info(current, number, ["time", work.batch, work.sizes[-1]])
    whole = helper.make_graph(nodes, "stack", [x, *states], [y, *after], kept)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def build(work: Workload, mode: str, variant: str) -> Task:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph(work), options, providers=["CPUExecutionProvider"])
    names = [f"{state}{k}" for k in range(len(work.sizes) - 1) for state in "hc"]
    feed = {
        f"{state}{k}": np.zeros((1, work.batch, units), np.float32)
        for k, units in enumerate(work.sizes[1:])
        for state in "hc"
    }
    x = work.inputs()

    def infer() -> Array:
        return session.run(None, {"x": x, **feed})[0]

    inputs = itertools.cycle(list(np.split(x, work.time)))

    def one() -> Array:
        feed["x"] = next(inputs)
        y, *states = session.run(None, feed)
        feed.update(zip(names, states, strict=True))
        return y[0]

    if mode == "infer":
        return Task(infer, lambda: {"outputs": infer()})
    return Task(one, lambda: {"outputs": np.stack([one() for _ in range(3)])})
