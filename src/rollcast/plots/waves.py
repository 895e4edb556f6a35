"""Series continued: what is known, what methods say of the rest, and what came; and a slider."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast.plots.pictures import WavePicture
from rollcast.plots.style import LIGHT, axis_values, framed, method_colours, plain
from rollcast.plots.thin import thinned

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 2000
# The first method is the one that matters; the others must be told apart without colour, too.
DOTS = ("dot", "dash", "dashdot", "longdash")


def waves(
    pictures: Sequence[WavePicture], *, title: str, unit: str = "value", x_title: str = "step"
) -> "Figure":
    """A panel for each series, one below the other: the known part and the truth solid, what each
    method says dotted. The first method is drawn as ours."""
    from plotly.subplots import make_subplots

    rows = len(pictures)
    figure = make_subplots(
        rows=rows,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.16 / max(rows, 2),
        subplot_titles=[plain(one.id) for one in pictures] if rows > 1 else None,
    )
    methods = list(dict.fromkeys(name for one in pictures for name in one.predictions))
    colours = method_colours(methods, methods[0]) if methods else {}
    named: set[str] = set()

    def line(row: int, name: str, x: np.ndarray, y: np.ndarray, style: dict) -> None:
        values = np.asarray(y, dtype=np.float64)
        kept = thinned(values, MOST_POINTS)
        figure.add_scatter(
            x=axis_values(np.asarray(x)[kept]),
            y=values[kept],
            name=plain(name.replace("_", " ")),
            mode="lines",
            line=style | {"simplify": False},  # a curve of few points would get corners
            legendgroup=name,
            showlegend=name not in named,
            row=row,
            col=1,
        )
        named.add(name)

    for row, one in enumerate(pictures, 1):
        line(row, "known", one.x, one.known, {"color": LIGHT["ink"], "width": 1.6})
        # From the last known value on: the line would seem to begin later than it does.
        x = np.concatenate([one.x[-1:], one.future_x])
        if one.truth is not None:
            then = np.concatenate([one.known[-1:], one.truth])
            line(row, "what came", x, then, {"color": LIGHT["naive"], "width": 1.6})
        for method, said in one.predictions.items():
            then = np.concatenate([one.known[-1:], said])
            dash = DOTS[methods.index(method) % len(DOTS)]
            line(row, method, x, then, {"color": colours[method], "width": 2.4, "dash": dash})
    framed(figure, title=title, height=max(340, 110 + 150 * rows))
    figure.update_annotations(
        font={"size": 12, "color": LIGHT["muted"]}, x=0, xanchor="left", yanchor="bottom"
    )
    figure.update_traces(hovertemplate="%{y:.4~g}")
    figure.update_yaxes(title_text=plain(unit), nticks=5)
    figure.update_xaxes(title_text=plain(x_title), row=rows)
    if rows > 1:  # room for the first series' name between the plot and the legend
        figure.update_layout(margin_t=100, legend_y=1 + 26 / (150 * rows - 60))
    return figure


def with_slider(figures: Mapping[str, "Figure"], *, title: str, of: str = "step") -> "Figure":
    """Figures of one layout as a single one with a slider over them; the last is shown first.

    ``figures`` maps what the slider says to the figure; all their y axes get the range that holds
    the last figure's lines, so that what moves is the line and not the axis.
    """
    names, parts = list(figures), list(figures.values())
    whole = type(parts[0])(layout=parts[-1].layout)
    owners: list[int] = []
    for owner, part in enumerate(parts):
        traces: Any = part.data
        whole.add_traces(traces)
        owners += [owner] * len(traces)
    shown = [[owner == step for owner in owners] for step in range(len(parts))]
    drawn: Any = whole.data
    for trace, visible in zip(drawn, shown[-1], strict=True):
        trace.visible = visible
    for axis, low, high in _ranges(parts[-1]):
        whole.layout[axis].range = (low, high)
    layout: Any = parts[-1].layout
    whole.update_layout(
        title_text=plain(title),
        height=(layout.height or 400) + 70,
        margin_b=118,
        sliders=[
            {
                "active": len(parts) - 1,
                "currentvalue": {"prefix": f"{plain(of)} ", "font": {"color": LIGHT["ink"]}},
                "pad": {"t": 52, "b": 4},
                "x": 0,
                "len": 1,
                "bgcolor": LIGHT["line"],
                "bordercolor": LIGHT["line"],
                "activebgcolor": LIGHT["ours"],
                "tickcolor": LIGHT["line"],
                "font": {"color": LIGHT["muted"], "size": 11},
                "steps": [
                    {
                        "label": plain(name),
                        "method": "restyle",
                        "args": [{"visible": visible}],
                    }
                    for name, visible in zip(names, shown, strict=True)
                ],
            }
        ],
    )
    return whole


def _ranges(figure: "Figure") -> list[tuple[str, float, float]]:
    """Each y axis of the figure with the ends that hold its lines and a little more."""
    values: dict[str, list[np.ndarray]] = {}
    traces: Any = figure.data
    for trace in traces:
        axis = "yaxis" + (trace.yaxis or "y")[1:]
        values.setdefault(axis, []).append(np.asarray(trace.y, dtype=np.float64))
    found = []
    for axis, lines in values.items():
        every = np.concatenate(lines)
        every = every[np.isfinite(every)]
        if every.size:
            low, high = float(every.min()), float(every.max())
            room = 0.08 * (high - low or 1.0)
            found.append((axis, low - room, high + room))
    return found
