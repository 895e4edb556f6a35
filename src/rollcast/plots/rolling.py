"""Rolling origins: the forecasts of a backtest over the series, and what each could see."""

from typing import TYPE_CHECKING

import numpy as np

from rollcast.plots.pictures import RollingPicture
from rollcast.plots.style import LIGHT, axis_values, framed, plain
from rollcast.plots.thin import thinned

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 2000


def rolling_origins(picture: RollingPicture, *, title: str = "") -> "Figure":
    """A figure of the series with the forecast of each origin over it, and below it one bar per
    origin: grey is what the forecast could see, blue what it had to say.
    """
    from plotly.subplots import make_subplots

    count, horizon = np.shape(picture.forecasts)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.62, 0.38]
    )
    values = np.asarray(picture.values, dtype=np.float64)
    shown = thinned(values, MOST_POINTS)
    figure.add_scatter(
        x=axis_values(picture.times[shown]),
        y=values[shown],
        name="observed",
        line={"color": LIGHT["ink"], "width": 1.3},
        row=1,
        col=1,
    )
    starts = picture.starts if picture.starts is not None else [0] * count
    for index, (origin, start) in enumerate(zip(picture.origins, starts, strict=True)):
        ahead = slice(origin, min(origin + horizon, len(values)))
        times = axis_values(picture.times[ahead])
        first = index == 0
        if picture.band is not None:
            for end, fill in zip(picture.band, ({}, {"fill": "tonexty"}), strict=True):
                figure.add_scatter(
                    x=times,
                    y=end[index][: len(times)],
                    name=f"{picture.level:g} %",
                    mode="lines",
                    line={"width": 0, "color": LIGHT["ours"]},
                    fillcolor=LIGHT["band 2"],
                    legendgroup="band",
                    showlegend=first and bool(fill),
                    hoverinfo="skip",
                    row=1,
                    col=1,
                    **fill,
                )
        figure.add_scatter(
            x=times,
            y=picture.forecasts[index][: len(times)],
            name="forecast",
            mode="lines+markers" if horizon == 1 else "lines",
            line={"color": LIGHT["ours"], "width": 2.2},
            legendgroup="forecast",
            showlegend=first,
            row=1,
            col=1,
        )
        for name, rows, colour in (
            ("could see", [start, origin - 1], "line"),
            ("forecast", [ahead.start, ahead.stop - 1], "ours"),
        ):
            figure.add_scatter(
                x=axis_values(picture.times[rows]),
                y=[index + 1] * 2,
                name=name,
                mode="lines",
                line={"color": LIGHT[colour], "width": max(3, min(9, 120 // count))},
                legendgroup=name,
                showlegend=first and name == "could see",
                row=2,
                col=1,
                hoverinfo="skip",
            )
    steps = f"{horizon} step{'s' if horizon > 1 else ''}"
    framed(figure, title=title or f"{picture.id}: {steps} from {count} origins", height=460)
    figure.update_traces(hovertemplate="%{y:.4~g}", row=1)
    figure.update_yaxes(title_text=plain(picture.unit), row=1)
    figure.update_yaxes(
        title_text="origin", autorange="reversed", showgrid=False, nticks=6, dtick=None, row=2
    )
    return figure
