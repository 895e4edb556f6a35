"""Scores beside the baselines: which is best, in words, in bars, and by step of the horizon."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.style import DASHES, LIGHT, framed, method_colours, plain
from rollcast.score.metrics import METRICS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Scores = Mapping[str, Mapping[str, float]]  # method → metric → value

REFERENCE = "seasonal naive"
COMPARED = ("mae", "rmse", "smape", "mase", "crps")  # more bars would say the same
ROOM = 1.16
TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "smape": "sMAPE",
    "mase": "MASE",
    "crps": "CRPS",
    "owa": "OWA",
    "mape": "MAPE",
    "rmsse": "RMSSE",
    "scaled_width": "scaled width",
    "quantile_loss": "pinball loss",
}


def metric_title(metric: str) -> str:
    """The metric as a heading: ``smape`` is "sMAPE", ``coverage-80`` "coverage 80 %"."""
    name, level = _split(metric)
    title = TITLES.get(name, name.replace("_", " "))
    return title if level is None else f"{title} {level:g} %"


def metric_text(metric: str, value: float, *, beside: Iterable[float] = ()) -> str:
    """The value as text: shares and sMAPE in percent, a dash for none.

    It has as many decimals as the smallest value ``beside`` it needs for three digits.
    """
    if not math.isfinite(value):
        return "–"
    name, _ = _split(metric)
    if name == "coverage":
        return f"{100 * value:.1f} %"
    if name in ("smape", "mape"):
        return f"{value:.2f} %"
    if name in ("mase", "owa", "rmsse", "scaled_width"):
        return f"{value:.3f}"
    sizes = [abs(other) for other in (value, *beside) if math.isfinite(other) and other != 0]
    if not sizes:
        return "0"
    if max(sizes) >= 1e6 or min(sizes) < 1e-4:
        return f"{value:.3g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(min(sizes))))}f}"


def point_scores(scores: Scores) -> dict[str, dict[str, float]]:
    """Without the measures of intervals, which have a table of their own."""
    return {
        method: {metric: value for metric, value in row.items() if "-" not in metric}
        for method, row in scores.items()
    }


def best_methods(scores: Scores, metric: str) -> set[str]:
    """The methods with the best value of the metric; none where only one has it."""
    name, level = _split(metric)
    if name in ("width", "scaled_width"):
        return set()  # narrow says nothing without the coverage
    aim = 0.0
    if name in METRICS and METRICS[name].better == "nominal":
        if level is None:
            return set()
        aim = level / 100
    distance = {
        method: abs(row[metric] - aim)
        for method, row in scores.items()
        if metric in row and math.isfinite(row[metric])
    }
    if len(distance) < 2:
        return set()
    least = min(distance.values())
    return {method for method, value in distance.items() if value <= least * (1 + 1e-9)}


def headline(scores: Scores, *, what: str, ours: str = "", metric: str = "mase") -> str:
    """One sentence: what was forecast and how good it is beside seasonal naive, or that it is not.

    ``what`` is the subject ("48 steps of 414 series"); ``ours`` the network's row, at first the
    first one. Where a baseline is better it is named.
    """
    ours = ours or next(iter(scores))
    reference = next((name for name in scores if name.replace("_", " ") == REFERENCE), None)
    known = {
        method: row[metric]
        for method, row in scores.items()
        if metric in row and math.isfinite(row[metric])
    }
    title = metric_title(metric)
    if ours not in known:
        return f"{what}, not scored."
    text = f"{what}: {title} {metric_text(metric, known[ours])}"
    if reference in known and known[reference] > 0:
        change = known[ours] / known[reference] - 1
        side = "lower" if change < 0 else "higher"
        beside = f"{REFERENCE} ({metric_text(metric, known[reference])})"
        text += (
            f", the same as {beside}"
            if abs(change) < 5e-3
            else f", {abs(change):.0%} {side} than {beside}"
        )
    better = min(known, key=lambda method: known[method])
    if known[better] < known[ours]:
        name, value = better.replace("_", " "), metric_text(metric, known[better])
        text += f". {name.capitalize()} is better here ({value}): prefer it, or train longer"
    return f"{text}."


def reference_method(scores: Scores) -> str:
    """What the errors are compared with: seasonal naive, or without it the last method."""
    methods = list(scores)
    return next((name for name in methods if name.replace("_", " ") == REFERENCE), methods[-1])


def relative_scores(scores: Scores, *, ours: str = "", title: str = "") -> "Figure":
    """A figure of every error divided by that of seasonal naive: below 1 is better than it.

    A ratio has no unit, so all of COMPARED share one axis. Without seasonal naive among the methods
    the last one is the reference.
    """
    from plotly.graph_objects import Figure

    methods = list(scores)
    ours = ours or methods[0]
    reference = reference_method(scores)
    metrics = [
        metric
        for metric, value in scores[reference].items()
        if metric in COMPARED and math.isfinite(value) and value > 0
    ]
    colours = method_colours(methods, ours)
    figure = Figure()
    shown = [method for method in methods if any(metric in scores[method] for metric in metrics)]
    for method in shown:
        values = [scores[method].get(metric, math.nan) for metric in metrics]
        ratios = [v / scores[reference][m] for v, m in zip(values, metrics, strict=True)]
        figure.add_bar(
            y=[plain(metric_title(metric)) for metric in metrics],
            x=ratios,
            name=plain(method.replace("_", " ")),
            orientation="h",
            marker={"color": colours[method]},
            text=[f"{ratio:.2f}" if math.isfinite(ratio) else "" for ratio in ratios],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x:.3f} × " + plain(reference.replace("_", " ")),
        )
    title = title or f"Error relative to {reference.replace('_', ' ')}"
    framed(figure, title=title, height=120 + max(1, len(metrics)) * (19 * len(shown) + 14))
    figure.update_layout(hovermode="closest", bargap=0.18)
    ends = [x for bar in figure.data for x in bar.x if math.isfinite(x)]  # type: ignore[attr-defined]
    # Room for the number behind the longest bar, which would be cut off on a phone.
    figure.update_xaxes(range=[0, ROOM * max(ends, default=1.0)], showgrid=True)
    figure.update_yaxes(showgrid=False, autorange="reversed")
    figure.add_vline(x=1, line={"color": LIGHT["muted"], "width": 1, "dash": "dash"})
    return figure


def error_by_step(
    errors: Mapping[str, NDArray],
    *,
    ours: str = "",
    unit: str = "",
    first: int = 1,
    title: str = "Mean absolute error by step of the horizon",
) -> "Figure":
    """A figure of the error of each method at each step; ``errors`` maps it to ``(horizon,)``,
    ``first`` is the number of the first step."""
    from plotly.graph_objects import Figure

    methods = list(errors)
    ours = ours or methods[0]
    colours = method_colours(methods, ours)
    figure = Figure()
    for method in sorted(methods, key=lambda name: name == ours):  # ours is drawn over the others
        values = np.asarray(errors[method], dtype=np.float64)
        name = method.replace("_", " ")
        figure.add_scatter(
            x=first + np.arange(values.size),
            y=values,
            name=plain(name),
            legendrank=1000 + methods.index(method),
            mode="lines+markers" if values.size <= 12 else "lines",
            line={
                "color": colours[method],
                "width": 3 if method == ours else 1.7,
                "dash": "solid" if method == ours else DASHES.get(name, "solid"),
            },
            hovertemplate="%{y:.4~g}",
        )
    framed(figure, title=title, height=360)
    longest = max(np.size(values) for values in errors.values())
    figure.update_xaxes(title_text="steps ahead", dtick=1 if longest <= 12 else None)
    figure.update_yaxes(title_text=plain(f"MAE ({unit})" if unit else "MAE"), rangemode="tozero")
    return figure


def _split(metric: str) -> tuple[str, float | None]:
    """``coverage-80`` as ("coverage", 80.0); a metric without a level has None."""
    found = re.fullmatch(r"(.+?)-(\d+(?:\.\d+)?)", metric)
    return (found[1], float(found[2])) if found else (metric, None)
