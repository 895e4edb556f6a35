"""What a network does with the values it is given before it reads them: gaps and scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcast.data.scaling import CONSTANT, DEVIATIONS, make_scaling
from rollcast.interop.onnx.graph import Graph

LARGE = 1e300
"""What stands for a missing value where values are sorted."""


@dataclass(frozen=True)
class Window:
    """Of a batch, time first as the operators want it: ``past (rows, batch)`` scaled and without
    gaps, ``observed (rows, batch)`` as 0 and 1, ``age (rows, batch)`` rows since a value was seen,
    infinite before the first; ``location`` and ``scale (batch, 1)``, float64;
    ``by_series``: whether these are of series, so that the rows may be the whole of one."""

    past: str
    observed: str
    age: str
    location: str
    scale: str
    by_series: bool


def read_window(graph: Graph, values: str, scaling: str, kind: np.dtype) -> Window:
    """The ``values (batch, rows)``, float64 and NaN where missing, as a network of numbers of
    ``kind`` reads them. Scaled by series, location and scale are inputs of the graph."""
    chosen = make_scaling(scaling)
    missing = graph.node("IsNaN", values)
    known = graph.node("Where", missing, graph.constant(0.0, np.float64), values)
    seen = graph.cast(graph.node("Not", missing), np.float64)
    if not chosen.by_series:
        location, scale = _statistics(graph, known, seen, chosen.measure or "deviation")
    elif chosen.measure is None:
        shape = graph.node("ReduceSum", known, graph.constant([1]), options={"keepdims": 1})
        location = graph.node("Mul", shape, graph.constant(0.0, np.float64))
        scale = graph.node("Add", location, graph.constant(1.0, np.float64))
    else:
        location = graph.input("location", np.float64, ["batch", 1])
        scale = graph.input("scale", np.float64, ["batch", 1])
    scaled = graph.node("Div", graph.node("Sub", known, location), scale)
    # 0 where missing, which stays before the first value
    scaled = graph.cast(graph.node("Mul", scaled, seen), kind)
    newest = _newest(graph, seen)
    row = graph.node("Max", newest, graph.constant(0))
    past = graph.node("GatherElements", scaled, row, options={"axis": 1})
    place = _places(graph, seen)
    age = graph.cast(graph.node("Sub", place, newest), kind)
    never = graph.node("Less", newest, graph.constant(0))
    age = graph.node("Where", never, graph.constant(np.inf, kind), age)
    past, observed, age = (
        graph.transpose(each, 1, 0) for each in (past, graph.cast(seen, kind), age)
    )
    return Window(past, observed, age, location, scale, chosen.by_series)


def _places(graph: Graph, seen: str) -> str:
    """The number of each row, shaped like ``seen (batch, rows)``."""
    ones = graph.node("Add", graph.node("Mul", seen, graph.constant(0.0, np.float64)),
                      graph.constant(1.0, np.float64))  # fmt: skip
    counted = graph.node("CumSum", ones, graph.constant(1))
    return graph.node("Sub", graph.cast(counted, np.int64), graph.constant(1))


def _newest(graph: Graph, seen: str) -> str:
    """The newest observed row up to each row ``(batch, rows)``; -1 = none.

    The k-th observed row is written to slot k, and slot k read where k were observed; there is no
    operator for running maxima.
    """
    place = _places(graph, seen)
    count = graph.cast(graph.node("CumSum", seen, graph.constant(1)), np.int64)
    slots = graph.node("Mul", count, graph.cast(seen, np.int64))  # unobserved rows: slot 0
    room = graph.join([graph.cut(place, 1, 0, 1), place], 1)
    found = graph.node("ScatterElements", room, slots, place, options={"axis": 1})
    newest = graph.node("GatherElements", found, count, options={"axis": 1})
    none = graph.node("Equal", count, graph.constant(0))
    return graph.node("Where", none, graph.constant(-1), newest)


def _statistics(graph: Graph, known: str, seen: str, measure: str) -> tuple[str, str]:
    """Location and scale ``(batch, 1)`` of each window, by the rules of the engine."""

    def total(each: str) -> str:
        return graph.node("ReduceSum", each, graph.constant([1]), options={"keepdims": 1})

    def number(each: float) -> str:
        return graph.constant(each, np.float64)

    count = graph.node("Max", total(seen), number(1.0))
    location = graph.node("Div", total(known), count)
    apart = graph.node("Mul", graph.node("Sub", known, location), seen)
    spread = graph.node("Div", total(graph.node("Mul", apart, apart)), count)
    spread = graph.node("Sqrt", spread)
    level = graph.node("Abs", location)
    if measure == "median":
        location, spread = _median(graph, known, seen, location, spread)
        level = graph.node("Abs", location)
    elif measure == "last":
        row = graph.node("Max", graph.cut(_newest(graph, seen), 1, -1), graph.constant(0))
        location = graph.node("GatherElements", known, row, options={"axis": 1})
        level = graph.node("Abs", location)
    elif measure == "mean":
        spread = level = graph.node("Div", total(graph.node("Abs", known)), count)
        location = graph.node("Mul", location, number(0.0))
    flat = graph.node("LessOrEqual", spread, graph.node("Mul", level, number(CONSTANT)))
    some = graph.node("Greater", level, number(0.0))
    instead = graph.node("Where", some, level, number(1.0))
    return location, graph.node("Where", flat, instead, spread)


def _median(graph: Graph, known: str, seen: str, mean: str, deviation: str) -> tuple[str, str]:
    """Median and interquartile range in deviations; where half of the values are alike the
    deviation, and where there are none the mean."""
    rows = graph.cut(graph.node("Shape", known), 0, 1)
    observed = graph.cast(seen, np.bool_)
    sortable = graph.node("Where", observed, known, graph.constant(LARGE, np.float64))
    options = {"axis": 1, "largest": 0, "sorted": 1}
    ordered, _ = graph.nodes("TopK", 2, sortable, rows, options=options)
    count = graph.node("ReduceSum", seen, graph.constant([1]), options={"keepdims": 1})
    last = graph.node("Sub", graph.node("Max", count, graph.constant(1.0, np.float64)),
                      graph.constant(1.0, np.float64))  # fmt: skip

    def at(share: float) -> str:
        place = graph.node("Mul", last, graph.constant(share, np.float64))
        low = graph.node("Floor", place)
        high = graph.node("Min", graph.node("Add", low, graph.constant(1.0, np.float64)), last)
        ends = [
            graph.node("GatherElements", ordered, graph.cast(each, np.int64), options={"axis": 1})
            for each in (low, high)
        ]
        part = graph.node("Sub", place, low)
        step = graph.node("Mul", part, graph.node("Sub", ends[1], ends[0]))
        return graph.node("Add", ends[0], step)

    some = graph.node("Greater", count, graph.constant(0.0, np.float64))
    location = graph.node("Where", some, at(0.5), mean)
    wide = graph.node("Sub", at(0.75), at(0.25))
    least = graph.node("Mul", graph.node("Abs", location), graph.constant(CONSTANT, np.float64))
    apart = graph.node("And", some, graph.node("Greater", wide, least))
    scaled = graph.node("Div", wide, graph.constant(DEVIATIONS, np.float64))
    return location, graph.node("Where", apart, scaled, deviation)
