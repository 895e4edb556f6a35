"""Losses, learning rates and other numbers over the steps of runs, side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.style import framed, method_colours, plain
from rollcast.plots.thin import thinned
from rollcast.plots.training import wide

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 2000
DASHES = ("solid", "dash", "dot", "dashdot")
MARKED = 30
SYMBOL, LEGEND_LINE = 9, 125  # characters: the sign before a name, and a line of the legend

# The numbers of a run at its steps 1, 2, …; or the steps (rows,) and the numbers (rows,).
Curve = NDArray | tuple[NDArray, NDArray]


def curves(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    title: str,
    x_title: str = "step",
    log: bool | None = None,
) -> "Figure":
    """A panel for each quantity, one below the other, with a line for each run.

    ``panels``: what the y axis says → run → its numbers; a run has one colour in all panels, the
    first is drawn as ours. ``log``: logarithmic y axes; None = where the numbers span so much.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.07)
    runs = list(dict.fromkeys(run for lines in panels.values() for run in lines))
    colours = method_colours(runs, runs[0])
    named: set[str] = set()
    for row, (quantity, lines) in enumerate(panels.items(), 1):
        spans = False
        for run, curve in lines.items():
            steps, values = _points(curve)
            spans = spans or wide(values)
            kept = thinned(values, MOST_POINTS)
            figure.add_scatter(
                x=steps[kept],
                y=values[kept],
                name=plain(run.replace("_", " ")),
                mode="lines+markers" if len(values) <= MARKED else "lines",
                marker={"size": 5},
                line={
                    "color": colours[run],
                    "width": 2 if run == runs[0] else 1.6,
                    "dash": DASHES[runs.index(run) % len(DASHES)],
                },
                legendgroup=run,
                showlegend=run not in named,
                row=row,
                col=1,
            )
            named.add(run)
        if spans if log is None else log:
            figure.update_yaxes(type="log", exponentformat="power", nticks=6, row=row)
        figure.update_yaxes(title_text=plain(quantity), row=row)
    # Room for a legend of several lines; a page, which has the title elsewhere, finds its own.
    room = 28 * (sum(len(run) + SYMBOL for run in runs) // LEGEND_LINE)
    height = 130 + (270 if len(panels) == 1 else 190 * len(panels))
    framed(figure, title=title, height=height + room)
    figure.update_layout(margin_t=76 + room)
    figure.update_traces(hovertemplate="%{y:.4~g}")
    figure.update_xaxes(title_text=plain(x_title), row=len(panels))
    return figure


def _points(curve: Curve) -> tuple[NDArray, NDArray]:
    if isinstance(curve, tuple):
        steps, values = np.asarray(curve[0]), np.array(curve[1], dtype=np.float64)
    else:
        values = np.array(curve, dtype=np.float64)
        steps = np.arange(1, values.size + 1)
    values[~np.isfinite(values)] = np.nan
    return steps, values
