"""Direct, segment and recursive networks as graphs: what model/ computes, operator by operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rollcast.interop.onnx.graph import Graph
from rollcast.interop.onnx.stack import run_stack
from rollcast.interop.onnx.window import Window
from rollcast.model.network import Network
from rollcast.model.recursive import columns
from rollcast.model.spec import NetworkSpec
from rollcast.nn.recurrent import Recurrent

Array = np.ndarray


@dataclass(frozen=True)
class Known:
    """Features of the calendar, time first: ``past (rows, batch, features)`` and ``future (horizon,
    batch, features)``."""

    past: str
    future: str


Written = Callable[[Graph, Network, Array, Window, Known | None], str]
"""What gives the head's numbers ``(horizon, batch, width)``, scaled."""


def write_direct(
    graph: Graph, network: Network, weights: Array, window: Window, known: Known | None
) -> str:
    """See model/direct.py."""
    spec, views, stack = network.spec, network.views(weights), _stack(network)
    begin = spec.context - spec.steps
    if spec.fold:
        seasons = graph.cut(window.past, 0, spec.context - spec.folds * spec.fold)
        seasons = graph.reshape(seasons, spec.folds, spec.fold, -1)
        read = [graph.transpose(seasons, 1, 2, 0)]
    else:
        read = [_wide(graph, graph.cut(window.past, 0, begin), 2)]
    if spec.indicator:
        read.append(_wide(graph, graph.cut(window.observed, 0, begin), 2))
    if known is not None:
        read.append(graph.cut(known.past, 0, begin))
    ran = run_stack(graph, stack, weights[: stack.count], graph.join(read, 2))
    state = _last(graph, ran.top)
    told = graph.linear(state, views["decoder.weight"], views["decoder.bias"])
    told = graph.transpose(graph.reshape(told, -1, spec.horizon, network.head.width), 1, 0, 2)
    if known is not None:
        hidden = graph.linear(known.future, views["future.calendar"])
        hidden = graph.node("Add", hidden, graph.linear(state, views["future.state"]))
        step = graph.constant(views["future.step"][:, None], weights.dtype)
        hidden = graph.node("Tanh", graph.node("Add", hidden, step))
        told = graph.node("Add", told, graph.linear(hidden, views["future.output"]))
    if spec.skip == "none":
        return told
    return _located(graph, network, weights, told, _skip(graph, spec, views, window.past, state))


def write_segment(
    graph: Graph, network: Network, weights: Array, window: Window, known: Known | None
) -> str:
    """See model/segment.py."""
    spec, views, stack = network.spec, network.views(weights), _stack(network)
    width, ahead = spec.segment_rows, spec.segments_ahead
    begin, last = spec.context - spec.steps * width, graph.cut(window.past, 0, -1)

    def segments(each: str) -> str:
        return graph.transpose(graph.reshape(each, spec.steps, width, -1), 0, 2, 1)

    read = [segments(graph.node("Sub", graph.cut(window.past, 0, begin), last))]
    if spec.indicator:
        read.append(segments(graph.cut(window.observed, 0, begin)))
    x = graph.linear(graph.join(read, 2), views["segment.weight"], views["segment.bias"])
    asked = graph.constant(views["position"][:, None], weights.dtype)
    if known is not None:
        of_past = graph.cut(graph.cut(known.past, 0, begin), 0, 0, None, width)
        x = graph.node("Add", x, graph.linear(of_past, views["past.calendar"]))
        of_future = graph.cut(known.future, 0, 0, None, width)
        asked = graph.node("Add", asked, graph.linear(of_future, views["future.calendar"]))
    seen = run_stack(graph, stack, weights[: stack.count], graph.node("Relu", x))
    if known is None:  # one question for each window of the batch
        alike = graph.node("Mul", seen.h[0], graph.constant(0.0, weights.dtype))
        asked = graph.node("Add", asked, alike)
    asked = graph.reshape(asked, 1, -1, spec.inputs)
    many = graph.constant([1, ahead, 1])
    h0, c0 = ([graph.node("Tile", each, many) for each in states] for states in (seen.h, seen.c))
    told = run_stack(graph, stack, weights[: stack.count], asked, h0, c0).top
    told = graph.reshape(told, ahead, -1, spec.hidden[-1])
    told = graph.linear(told, views["decoder.weight"])
    told = graph.reshape(told, 0, 0, width, network.head.width)
    told = graph.reshape(graph.transpose(told, 0, 2, 1, 3), ahead * width, -1, network.head.width)
    bias = views["decoder.bias"].reshape(spec.horizon, 1, -1)
    told = graph.node(
        "Add", graph.cut(told, 0, 0, spec.horizon), graph.constant(bias, weights.dtype)
    )
    if spec.skip == "none":
        return _located(graph, network, weights, told, last)
    state = _last(graph, seen.top)
    return _located(graph, network, weights, told, _skip(graph, spec, views, window.past, state))


def write_recursive(
    graph: Graph, network: Network, weights: Array, window: Window, known: Known | None
) -> str:
    """See model/recursive.py: the rows before the newest one, then a step for each row ahead."""
    spec, views, stack = network.spec, network.views(weights), _stack(network)
    kind, recurrent = weights.dtype, weights[: stack.count]

    def freshness(age: str) -> str:
        one = graph.constant(1.0, kind)
        return graph.node("Div", one, graph.node("Add", one, age))

    read = [_wide(graph, window.past, 2), _wide(graph, freshness(window.age), 2)]
    if known is not None:
        read.append(graph.cut(known.past, 0, 1))  # each row's next one's
    # the newest rows of a window; of a series that is read from its beginning, all
    begin = 0 if window.by_series else spec.context - spec.steps
    read = [graph.cut(each, 0, begin, -1 if place < 2 else None) for place, each in enumerate(read)]
    ran = run_stack(graph, stack, recurrent, graph.join(read, 2))
    h, c = ran.h, ran.c
    value, age = _last(graph, window.past), _last(graph, window.age)
    lags = views["lags.weight"] * kind.type(spec.skip_gain) if spec.lags else None
    past = _lagged(graph, spec, window.past, kind)
    given = _wide(graph, value, 1)
    numbers = []
    for step in range(spec.horizon):
        fresh = freshness(graph.node("Add", age, graph.constant(float(step), kind)))
        x = [given, _wide(graph, fresh, 1)]
        if known is not None:
            x.append(_at(graph, known.future, step))
        ran = run_stack(graph, stack, recurrent, _wide(graph, graph.join(x, 1), 0), h, c)
        h, c = ran.h, ran.c
        said = graph.linear(_last(graph, ran.top), views["head.weight"], views["head.bias"])
        first = graph.cut(said, 1, 0, 1)
        if lags is not None:
            past = graph.join([graph.cut(past, 1, 1), given], 1)
            first = graph.node("Add", first, graph.linear(past, lags[::-1][None]))
            if known is not None:
                weight = views["calendar.weight"] * kind.type(spec.skip_gain)
                offset = graph.linear(_at(graph, known.future, step), weight[None])
                first = graph.node("Add", first, offset)
        given = first
        numbers.append(_wide(graph, _arranged(graph, network, views, first, said, step), 0))
    return graph.join(numbers, 0)


STRATEGIES: dict[str, Written] = {
    "direct": write_direct,
    "segment": write_segment,
    "recursive": write_recursive,
}


def _stack(network: Network) -> Recurrent:
    assert isinstance(network.recurrent, Recurrent)
    return network.recurrent


def _wide(graph: Graph, value: str, axis: int) -> str:
    return graph.node("Unsqueeze", value, graph.constant([axis]))


def _at(graph: Graph, value: str, place: int) -> str:
    """One step of what has time first."""
    end = None if place == -1 else place + 1
    return graph.node("Squeeze", graph.cut(value, 0, place, end), graph.constant([0]))


def _last(graph: Graph, value: str) -> str:
    return _at(graph, value, -1)


def _skip(graph: Graph, spec: NetworkSpec, views: dict[str, Array], past: str, state: str) -> str:
    """The skip path ``(horizon, batch)``, see model/skip.py."""
    rows = graph.transpose(past, 1, 0)
    gain = views["skip.weight"].dtype.type(spec.skip_gain)
    each = graph.reshape(graph.linear(rows, views["skip.weight"]), -1, spec.maps, spec.horizon)
    each = graph.node("Mul", each, graph.constant(gain, gain.dtype))
    if spec.maps > 1:
        gates = graph.linear(state, views["gate.weight"], views["gate.bias"])
        gates = graph.reshape(gates, -1, spec.maps, spec.horizon)
        each = graph.node("Mul", graph.node("Softmax", gates, options={"axis": 1}), each)
    mixed = graph.node("ReduceSum", each, graph.constant([1]), options={"keepdims": 0})
    return graph.transpose(mixed, 1, 0)


def _located(graph: Graph, network: Network, weights: Array, told: str, linear: str) -> str:
    """``told (horizon, batch, width)`` with ``linear (…, batch)`` added to its locations."""
    head, linear = network.head, _wide(graph, linear, 2)
    if head.locations < head.width:
        which = np.arange(head.width) < head.locations
        linear = graph.node("Mul", linear, graph.constant(which, weights.dtype))
    return graph.node("Add", told, linear)


def _lagged(graph: Graph, spec: NetworkSpec, past: str, kind: np.dtype) -> str:
    """The values before the newest one, one more than the loop shifts in: ``(batch, lags)``, oldest
    first, 0 before the beginning."""
    if not spec.lags:
        return ""
    before = graph.transpose(graph.cut(past, 0, 0, -1), 1, 0)
    pads = graph.constant([0, spec.lags, 0, 0])
    padded = graph.node("Pad", before, pads, graph.constant(0.0, kind))
    return graph.cut(padded, 1, -spec.lags)


def _arranged(
    graph: Graph, network: Network, views: dict[str, Array], first: str, said: str, step: int
) -> str:
    """The loop's numbers ``(batch, width)`` as the head has them, see `recursive.arranged`."""
    middle, others = columns(network.head)
    if not others:
        return first
    spread = views["head.spread"][step]
    rest = graph.node("Add", graph.cut(said, 1, 1), graph.constant(spread, spread.dtype))
    if network.head.locations > 1:
        rest = graph.node("Add", rest, first)
    both = graph.join([first, rest], 1)
    order = np.argsort([middle, *others])
    return graph.node("Gather", both, graph.constant(order), options={"axis": 1})
