"""A fitted Forecaster as an ONNX file, compared with itself before it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from rollcast.atomic import whole_file
from rollcast.data.calendar import calendar_feature_names
from rollcast.data.panel import Panel
from rollcast.errors import RollcastError, UsageError
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecaster import Forecaster
from rollcast.forecast.intervals import LEAST_SPREAD, SPREAD_LEVELS
from rollcast.forecast.result import USUAL_LEVELS, levels_for
from rollcast.interop.onnx.graph import Graph
from rollcast.interop.onnx.head import check_head, write_head
from rollcast.interop.onnx.networks import STRATEGIES, Known
from rollcast.interop.onnx.stack import check_cell
from rollcast.interop.onnx.window import read_window

Array = np.ndarray

CLOSE = 1e-3
"""How far a forecast of the file may lie from the model's own, in scales of the window. Sums of
float32 in another order come to 1e-6 or so, in a long closed loop to some 1e-5."""

SERIES_COMPARED = 200


@dataclass(frozen=True)
class Exported:
    """What was written: the file, the names of its inputs and outputs, and the largest
    ``difference`` from the model's own forecasts over ``series`` series, in scales of the window.
    """

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float
    series: int


def export(
    model: Forecaster,
    path: str | Path,
    *,
    level: float | Sequence[float] = USUAL_LEVELS,
    table: Any = None,
) -> Exported:
    """Write a fitted ``Forecaster`` as one ONNX file (operators of set 17, ONNX 1.12).

    Inputs, n series side by side; `feeds` gives them for a table:

    - ``values (n, rows)`` float64, oldest first, in the unit of the data, NaN where missing:
      ``rows`` is the context; of a recursive network scaled by series any number from 2.
    - ``past_features (n, rows, f)`` and ``future_features (n, horizon, f)``: the calendar of those
      rows and of the rows to come; absent where the network reads none.
    - ``location``, ``scale (n, 1)`` float64 of each series: absent unless it is scaled by series.

    Outputs, float64 ``(n, horizon)`` in the unit of the data: ``median``, and for each ``level`` in
    percent ``lo-80`` and ``hi-80``, calibrated as those of ``model.predict``.

    Before the file is written its forecasts of ``table`` (None: the series the model remembers, of
    many the first 200) are compared with the model's own. Raises UsageError for a model that has no
    such form: cells and heads ONNX has no operators for, inputs, differences, Box–Cox, a blend,
    normalisation between layers; RollcastError where the two disagree.
    """
    fitted = model._fitted("export")
    check_exportable(fitted)
    levels = levels_for(level, fitted.calibration)
    made = written(fitted, levels)
    difference, series = compared(made, model, levels, table)
    path = Path(path)
    with whole_file(path) as file:
        file.write(made.SerializeToString())
    return Exported(
        path,
        tuple(each.name for each in made.graph.input),
        tuple(each.name for each in made.graph.output),
        difference,
        series,
    )


def check_exportable(fitted: Fitted) -> None:
    """Raises UsageError for a model that ONNX has no form for."""
    check_cell(fitted.network.spec.cell)
    check_head(fitted.network.head)
    reasons = {
        "inputs besides the target": bool(fitted.inputs or fitted.holidays),
        f"a blend with {fitted.blend.method!r}": fitted.blend.share > 0.0,
        "normalisation between its layers": fitted.network.spec.normalize is not None,
        f"the transform {fitted.params['transform']!r}": fitted.params["transform"]
        not in (None, "log1p"),
    }
    for what, found in reasons.items():
        if found:
            raise UsageError(
                f"export: the model has {what}, which has no form in ONNX yet. Fit one without, or "
                "serve the model file with rollcast itself."
            )


def written(fitted: Fitted, levels: Sequence[float]) -> onnx.ModelProto:
    """The model as a graph."""
    spec, kind = fitted.network.spec, fitted.weights.dtype
    graph, head = Graph(), fitted.network.head
    whole = fitted.whole
    rows = "rows" if whole else spec.context
    values = given = graph.input("values", np.float64, ["batch", rows])
    logarithm = fitted.params["transform"] == "log1p"
    if logarithm:
        given = graph.node("Log", graph.node("Add", values, graph.constant(1.0, np.float64)))
    window = read_window(graph, given, fitted.scaling, kind)
    known = None
    if spec.features:
        names = {"past_features": rows, "future_features": spec.horizon}
        turned = [
            graph.transpose(graph.input(name, kind, ["batch", count, spec.features]), 1, 0, 2)
            for name, count in names.items()
        ]
        known = Known(*turned)
    spread = SPREAD_LEVELS if len(head.levels) > 1 else ()
    medians, ends, scales = [], [], window.scale
    for weights in np.atleast_2d(fitted.weights):
        numbers = STRATEGIES[spec.strategy](graph, fitted.network, weights, window, known)
        median, quantiles = write_head(graph, head, numbers, window.location, window.scale, spread)
        if logarithm:
            scales = _half_width(graph, median, window.scale)
            median, *quantiles = [_expm1(graph, each) for each in (median, *quantiles)]
        medians.append(median)
        ends.append(quantiles)
    mean = _mean(graph, medians)
    below = above = scales
    if spread:
        least = graph.node("Mul", scales, graph.constant(LEAST_SPREAD, np.float64))
        low, high = (_mean(graph, list(each)) for each in zip(*ends, strict=True))
        below = graph.node("Max", graph.node("Sub", mean, low), least)
        above = graph.node("Max", graph.node("Sub", high, mean), least)
    size = ["batch", spec.horizon]
    rounding = {"median": "Round", "lo": "Floor", "hi": "Ceil"}

    def give(name: str, value: str) -> None:
        if fitted.limits.integer:
            value = graph.node(rounding[name.split("-")[0]], value)
        if fitted.limits.nonnegative:
            value = graph.node("Max", value, graph.constant(0.0, np.float64))
        graph.output(name, value, np.float64, size)

    give("median", mean)
    for level in levels:
        radius = graph.constant(fitted.calibration.radius(level), np.float64)
        give(f"lo-{level:g}", graph.node("Sub", mean, graph.node("Mul", radius, below)))
        give(f"hi-{level:g}", graph.node("Add", mean, graph.node("Mul", radius, above)))
    notes = {
        "frequency": str(fitted.freq),
        "season": str(fitted.season),
        "target": fitted.columns.target,
        "strategy": spec.strategy,
        "cell": spec.cell,
        "features": ",".join(calendar_feature_names(fitted.freq)),
    }
    return graph.model("rollcast", notes)


def feeds(model: Forecaster, table: Any = None) -> Iterator[tuple[Array, dict[str, Array]]]:
    """Ids of series with the inputs of an exported file for them, as onnxruntime takes them: the
    series of ``table`` (None: those the model remembers), those of one length together."""
    fitted = model._fitted("feeds")
    panel = model._panel(table, None, None, "feeds")
    yield from _feeds(fitted, panel)


def _feeds(fitted: Fitted, panel: Panel) -> Iterator[tuple[Array, dict[str, Array]]]:
    spec, windows = fitted.network.spec, fitted.windows_at_end(panel)
    kept = windows.panel
    lengths = kept.lengths if fitted.whole else np.full(len(kept), spec.context)
    for rows in np.unique(lengths):
        chosen = np.flatnonzero(lengths == rows)
        ends = kept.offsets[chosen + 1][:, None]
        place = ends + np.arange(-int(rows), 0)
        inside = place >= kept.offsets[chosen][:, None]
        values = np.where(inside, kept.values[np.maximum(place, 0)], np.nan)
        found: dict[str, Array] = {"values": values}
        if spec.features:
            steps = np.arange(-int(rows), spec.horizon)[:, None]
            features = windows.features.of(chosen, kept.lengths[chosen] + steps)
            features = np.ascontiguousarray(features.transpose(1, 0, 2))
            found["past_features"] = features[:, : int(rows)]
            found["future_features"] = features[:, int(rows) :]
        if windows.statistics is not None and not _unscaled(fitted):
            location, scale = windows.statistics
            found |= {"location": location[chosen][:, None], "scale": scale[chosen][:, None]}
        yield panel.ids[chosen], found


def _unscaled(fitted: Fitted) -> bool:
    return fitted.scaling == "none"


def compared(
    made: onnx.ModelProto, model: Forecaster, levels: Sequence[float], table: Any
) -> tuple[float, int]:
    """The largest difference of the graph's forecasts from the model's own, in scales of each
    window, and of how many series. Raises RollcastError where it is too large."""
    fitted = model._fitted("export")
    panel = model._panel(table, None, None, "export")
    if len(panel) > SERIES_COMPARED:
        panel = panel.take(np.arange(SERIES_COMPARED))
    own = model.forecast(panel, level=levels)
    places = {id: place for place, id in enumerate(panel.ids.tolist())}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    largest = 0.0
    for ids, inputs in _feeds(fitted, panel):
        rows = [places[id] for id in ids.tolist()]
        wanted = [own.median[rows]]
        for level in levels:
            wanted += [end[rows] for end in own.bands[level]]
        scale = np.nanstd(inputs["values"], axis=1)[:, None]
        for found, expected in zip(session.run(None, inputs), wanted, strict=True):
            apart = np.abs(found - expected)
            if fitted.limits.integer:  # of whole numbers one more is rounding
                apart = np.where(apart <= 1.0, 0.0, apart)
            size = np.abs(expected)
            if fitted.params["transform"] is not None:  # what is far out is exact to a share of it
                scale = np.maximum(scale, size)
            unit = np.where(scale > 0, scale, np.maximum(size, 1.0))
            largest = max(largest, float(np.max(apart / unit)))
    if not largest <= CLOSE:
        raise RollcastError(
            f"export: forecasts of the ONNX file differ from the model's by {largest:.2g} scales "
            "of a window; nothing was written. Please report this with the model."
        )
    return largest, len(panel)


def _mean(graph: Graph, values: Sequence[str]) -> str:
    if len(values) == 1:
        return values[0]
    # runtimes have no Mean of float64
    count = graph.constant(float(len(values)), np.float64)
    return graph.node("Div", graph.node("Sum", *values), count)


def _expm1(graph: Graph, value: str) -> str:
    return graph.node("Sub", graph.node("Exp", value), graph.constant(1.0, np.float64))


def _half_width(graph: Graph, median: str, scale: str) -> str:
    """What a scale of logarithms comes to round a median, see `Transformed.undone`."""
    ends = [_expm1(graph, graph.node(sign, median, scale)) for sign in ("Add", "Sub")]
    half = graph.node("Mul", graph.node("Sub", *ends), graph.constant(0.5, np.float64))
    return graph.node("Max", half, graph.constant(np.finfo(float).tiny, np.float64))
