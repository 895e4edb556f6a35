"""The forecast fan: the newest history, the median, intervals at several levels, and the truth."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rollcast.errors import UsageError
from rollcast.plots.pictures import SeriesPicture
from rollcast.plots.style import LIGHT, axis_values, framed, plain
from rollcast.plots.thin import thinned

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

RECENT_HORIZONS = 3  # how much history is shown at first, in horizons
FEWEST_RECENT = 60  # rows
OLD_POINTS = 1500  # history older than that is thinned to this many points
MOST_POINTS = 2000  # and any other line to this many
BANDS = 4


def forecast_fan(series: SeriesPicture | Sequence[SeriesPicture], *, title: str = "") -> "Figure":
    """A figure of one series, or of several to choose from in a list.

    At first the newest history is in view, three times the horizon or at least 60 rows; a double
    click shows all of it. Missing values are gaps in the line.
    """
    from plotly.graph_objects import Figure

    pictures = [series] if isinstance(series, SeriesPicture) else list(series)
    if not pictures:
        raise UsageError("forecast_fan: no series given, expected at least one SeriesPicture.")
    figure = Figure()
    per_picture = [_traces(picture) for picture in pictures]
    for index, traces in enumerate(per_picture):
        for trace in traces:
            figure.add_trace({**trace, "visible": index == 0})
    first = pictures[0]
    framed(figure, title=title or _title(first), height=420)
    figure.update_yaxes(title_text=plain(first.unit))
    view = recent_view(first)
    figure.update_xaxes(range=view["x"])
    figure.update_yaxes(range=view["y"])
    figure.update_layout(meta={"recent": view})
    if len(pictures) > 1:
        figure.update_layout(updatemenus=[_menu(pictures, per_picture, title)])
    return figure


def recent_view(picture: SeriesPicture) -> dict[str, list]:
    """The ranges of both axes that show the newest history and the forecast."""
    recent = _recent_rows(picture)
    times = np.concatenate([picture.times[-recent:], picture.forecast_times])
    parts = [picture.history[-recent:], picture.median]
    parts += [end for band in picture.bands.values() for end in band]
    parts += [] if picture.truth is None else [picture.truth]
    values = np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    ends = axis_values(times)[[0, -1]].tolist()
    return {"x": ends, "y": [float(low - room), float(high + room)]}


def _traces(picture: SeriesPicture) -> list[dict[str, Any]]:
    recent = _recent_rows(picture)
    history = np.asarray(picture.history, dtype=np.float64)
    old = thinned(history[: history.size - recent], OLD_POINTS)
    new = history.size - recent + thinned(history[history.size - recent :], MOST_POINTS)
    rows = np.concatenate([old, new])
    traces = [
        _line(picture.times[rows], history[rows], "observed", {"color": LIGHT["ink"], "width": 1.5})
    ]
    alone = rows[_alone(history[rows])]
    if alone.size:  # a line through one point is no line
        dots = _line(picture.times[alone], history[alone], "observed", {})
        marker = {"color": LIGHT["ink"], "size": 4}
        traces.append(dots | {"mode": "markers", "marker": marker, "showlegend": False})
    steps = thinned(picture.median, MOST_POINTS)
    times, joined = _joined(picture, steps, picture.median)
    shades = [f"band {rank}" for rank in range(1, BANDS + 1)]
    for rank, level in enumerate(sorted(picture.bands, reverse=True)):
        low, high = (_joined(picture, steps, end)[1] for end in picture.bands[level])
        invisible = {"width": 0, "color": LIGHT["ours"]}
        traces.append(
            _line(times, low, f"{level:g} %", invisible)
            | {"showlegend": False, "hoverinfo": "skip", "hovertemplate": None}
            | {"legendgroup": f"{level:g}"}
        )
        traces.append(
            _line(times, high, f"{level:g} %", invisible)
            | {
                "fill": "tonexty",
                "fillcolor": LIGHT[shades[min(rank, BANDS - 1)]],
                "legendgroup": f"{level:g}",
                "customdata": low,
                "hovertemplate": "%{customdata:.4~g} to %{y:.4~g}",
            }
        )
    traces.append(_line(times, joined, "median", {"color": LIGHT["ours"], "width": 2.5}))
    if picture.truth is not None:
        times, truth = _joined(picture, steps, picture.truth)
        traces.append(
            _line(times, truth, "what happened", {"color": LIGHT["ink"], "width": 1.5})
            | {"line": {"color": LIGHT["ink"], "width": 1.5, "dash": "dot"}}
        )
    return traces


def _line(times: NDArray, values: NDArray, name: str, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": axis_values(times),
        "y": values,
        "name": name,
        "line": line,
        "hovertemplate": "%{y:.4~g}",
        "connectgaps": False,
    }


def _alone(values: NDArray) -> NDArray:
    """Which values have a gap or the end on both sides."""
    missing = np.concatenate([[True], np.isnan(values), [True]])
    return ~missing[1:-1] & missing[:-2] & missing[2:]


def _joined(picture: SeriesPicture, steps: NDArray, values: NDArray) -> tuple[NDArray, NDArray]:
    """A line over the horizon, begun at the last row of the history where that is observed.

    There the value is known and every band has width 0; so one step ahead is a picture, too.
    """
    times, values = picture.forecast_times[steps], np.asarray(values, dtype=np.float64)[steps]
    if len(picture.history) == 0 or np.isnan(picture.history[-1]):
        return times, values
    return (
        np.concatenate([picture.times[-1:], times]),
        np.concatenate([np.asarray(picture.history[-1:], dtype=np.float64), values]),
    )


def _recent_rows(picture: SeriesPicture) -> int:
    rows = max(RECENT_HORIZONS * len(picture.median), FEWEST_RECENT)
    return min(rows, len(picture.history))


def _title(picture: SeriesPicture) -> str:
    steps = len(picture.median)
    return f"{picture.id}: {steps} step{'s' if steps > 1 else ''} ahead"


def _menu(
    pictures: list[SeriesPicture], per_picture: list[list[dict[str, Any]]], title: str
) -> dict[str, Any]:
    owner = np.repeat(np.arange(len(pictures)), [len(traces) for traces in per_picture])
    buttons = []
    for index, picture in enumerate(pictures):
        view = recent_view(picture)
        changes = {
            "title.text": plain(title or _title(picture)),
            "xaxis.range": view["x"],
            "yaxis.range": view["y"],
            "yaxis.title.text": plain(picture.unit),
        }
        visible = (owner == index).tolist()
        buttons.append(
            {
                "label": plain(picture.id),
                "method": "update",
                "args": [{"visible": visible}, changes],
            }
        )
    return {"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
