"""From the head's numbers to medians and quantiles in the unit of the data."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from rollcast.errors import UsageError
from rollcast.interop.onnx.graph import Graph
from rollcast.nn.heads import Head
from rollcast.nn.heads.between import at_level
from rollcast.nn.heads.link import LEAST

WRITTEN = ("mse", "mae", "huber", "smape", "quantile", "normal")
"""The heads whose quantiles have a closed form in operators of ONNX."""


def check_head(head: Head) -> None:
    """Raises UsageError for a distribution whose quantiles ONNX cannot compute."""
    if head.name not in WRITTEN:
        raise UsageError(
            f"the quantiles of head {head.name!r} have no operators in ONNX. Train with one of "
            f"{', '.join(WRITTEN)}, or crps."
        )


def write_head(
    graph: Graph, head: Head, numbers: str, location: str, scale: str, levels: Sequence[float]
) -> tuple[str, list[str]]:
    """The point forecast ``(batch, horizon)`` and its quantiles, each alike, float64, of
    ``numbers (horizon, batch, width)``."""
    flat = graph.cast(graph.transpose(numbers, 1, 0, 2), np.float64)

    def value(column: str) -> str:
        return graph.node("Add", graph.node("Mul", column, scale), location)

    def number(place: int) -> str:
        column = graph.cut(flat, 2, place, None if place == -1 else place + 1)
        return graph.node("Squeeze", column, graph.constant([2]))

    if head.family is None and head.levels:
        asked = [0.5, *levels]
        eye = np.eye(head.width)
        # any level is a weighted sum of the sorted numbers: its weights are those of unit vectors
        weights = np.stack([at_level(eye, head.levels, level) for level in asked])
        count = graph.constant([head.width])
        options = {"axis": -1, "largest": 0, "sorted": 1}
        ordered, _ = graph.nodes("TopK", 2, flat, count, options=options)
        found = graph.linear(ordered, weights)
        each = []
        for place in range(len(asked)):
            column = graph.cut(found, 2, place, place + 1)
            each.append(value(graph.node("Squeeze", column, graph.constant([2]))))
        return each[0], each[1:]
    median = number(0)
    if not head.levels:
        return value(median), []
    spread = _positive(graph, number(1))
    quantiles = []
    for level in levels:
        away = graph.constant(NormalDist().inv_cdf(level), np.float64)
        quantiles.append(value(graph.node("Add", median, graph.node("Mul", spread, away))))
    return value(median), quantiles


def _positive(graph: Graph, number: str) -> str:
    """See `link.positive`; runtimes have no Softplus of float64."""
    zero, one, least = (graph.constant(each, np.float64) for each in (0.0, 1.0, LEAST))
    away = graph.node("Exp", graph.node("Neg", graph.node("Abs", number)))
    bend = graph.node("Log", graph.node("Add", one, away))
    return graph.node("Sum", graph.node("Max", number, zero), bend, least)
