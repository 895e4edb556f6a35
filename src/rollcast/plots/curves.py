"""Losses, learning rates and other numbers over the steps of runs, side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.style import framed, log_axis, method_colours, plain
from rollcast.plots.thin import thinned
from rollcast.plots.training import running_mean, wide

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 2000
DASHES = ("solid", "dash", "dot", "dashdot")
MARKED = 30
MANY, SWINGS, FAINT = 200, 10.0, 0.3
UNEVEN = 30
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
    first is drawn as ours. ``log``: logarithmic y axes; None = where the numbers span so much. Of a
    run that goes up and down without end its numbers are drawn faintly, and their running mean.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.07)
    runs = list(dict.fromkeys(run for lines in panels.values() for run in lines))
    colours = method_colours(runs, runs[0])
    named: set[str] = set()
    for row, (quantity, lines) in enumerate(panels.items(), 1):
        points = {run: _points(curve) for run, curve in lines.items()}
        logarithmic = any(wide(y) for _, y in points.values()) if log is None else log
        for run, (steps, values) in points.items():
            colour = colours[run]
            if noisy(values, log=logarithmic):
                _line(figure, row, run, steps, values, {"color": colour, "width": 1}, FAINT, False)
                values = smooth(values, log=logarithmic)
            style = {
                "color": colour,
                "width": 2 if run == runs[0] else 1.6,
                "dash": DASHES[runs.index(run) % len(DASHES)],
            }
            _line(figure, row, run, steps, values, style, 1.0, run not in named)
            named.add(run)
        if logarithmic and points:
            figure.update_yaxes(
                **log_axis(np.concatenate([y for _, y in points.values()])), row=row
            )
        figure.update_yaxes(title_text=plain(quantity), row=row)
    # Room for a legend of several lines; a page, which has the title elsewhere, finds its own.
    room = 28 * (sum(len(run) + SYMBOL for run in runs) // LEGEND_LINE)
    height = 130 + (270 if len(panels) == 1 else 190 * len(panels))
    framed(figure, title=title, height=height + room)
    figure.update_layout(margin_t=76 + room)
    figure.update_xaxes(title_text=plain(x_title) + strong(figure), row=len(panels))
    if _uneven([_points(curve)[0] for lines in panels.values() for curve in lines.values()]):
        figure.update_xaxes(type="log", dtick=1, tickformat="~g")
    return figure


def _uneven(steps: list[NDArray]) -> bool:
    """Whether the shortest run would be a stroke at the edge of an axis that holds the longest."""
    steps = [each for each in steps if each.size]
    ends = [float(each.max()) for each in steps]
    return min((each.min() for each in steps), default=0) > 0 and max(ends) > UNEVEN * min(ends)


def strong(figure: "Figure") -> str:
    """What the strong lines are, for the axis, where there are faint ones."""
    lines: Any = figure.data
    return "; strong: running mean" if any(one.opacity < 1.0 for one in lines) else ""


def noisy(values: NDArray, *, log: bool) -> bool:
    """Whether a line of these values would be a smear: it goes up and down much more than along."""
    values = _drawn(values, log)
    values = values[~np.isnan(values)]
    if values.size < MANY:
        return False
    return bool(np.abs(np.diff(values)).sum() > SWINGS * np.ptp(values))


def smooth(values: NDArray, *, log: bool) -> NDArray:
    """The running mean over a fiftieth of the values, of their logarithms on such an axis."""
    mean = running_mean(_drawn(values, log), max(1, values.size // 50))
    return 10.0**mean if log else mean


def _drawn(values: NDArray, log: bool) -> NDArray:
    return np.log10(np.where(values > 0.0, values, np.nan)) if log else values


def _line(
    figure: "Figure", row: int, run: str, steps: NDArray, values: NDArray, style: dict[str, Any],
    opacity: float, named: bool,
) -> None:  # fmt: skip
    kept = thinned(values, MOST_POINTS)
    faint = opacity < 1.0
    figure.add_scatter(
        x=steps[kept],
        y=values[kept],
        name=plain(run.replace("_", " ")),
        mode="lines+markers" if len(values) <= MARKED else "lines",
        marker={"size": 5},
        line=style,
        opacity=opacity,
        hovertemplate=None if faint else "%{y:.4~g}",
        hoverinfo="skip" if faint else None,
        legendgroup=run,
        showlegend=named,
        row=row,
        col=1,
    )


def _points(curve: Curve) -> tuple[NDArray, NDArray]:
    if isinstance(curve, tuple):
        steps, values = np.asarray(curve[0]), np.array(curve[1], dtype=np.float64)
    else:
        values = np.array(curve, dtype=np.float64)
        steps = np.arange(1, values.size + 1)
    values[~np.isfinite(values)] = np.nan
    return steps, values
