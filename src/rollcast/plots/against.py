"""Truth against prediction over very many points.

The figure itself holds few points, chosen by `thinned`. In a page, zooming in shows the others:
they travel with the figure as float32, and the page's script picks, for every column of pixels, the
first, last, least and greatest value (M4: Jugel et al. 2014, "M4: A Visualization-Oriented Time
Series Data Aggregation", section 4), which draws the same pixels as all of them.
"""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.style import LIGHT, framed, method_colours, plain
from rollcast.plots.thin import thinned

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 3000
SHOWN = 30


def against(
    truth: NDArray,
    predictions: Mapping[str, NDArray],
    *,
    title: str,
    unit: str = "value",
    x_title: str = "step",
    start: float = 0.0,
    step: float = 1.0,
) -> "Figure":
    """A figure of ``truth (rows,)`` and each method's prediction ``(rows,)``, the first as ours.

    Row i lies at ``start + i * step`` of the x axis; below the axis a strip chooses the part shown:
    at first all of it, or the end where the truth swings too often for its lines to be told apart.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    colours = method_colours(list(predictions), next(iter(predictions), ""))
    first = _first_shown(truth)
    dense: list[dict[str, object]] = []
    lines = {"truth": (truth, LIGHT["ink"], "solid")}
    for place, (method, values) in enumerate(predictions.items()):
        lines[method] = (values, colours[method], ("solid", "dash", "dot")[place % 3])
    for trace, (name, (values, colour, dash)) in enumerate(lines.items()):
        values = np.array(values, dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        # A picture that no script refines needs the part shown at first in full, too.
        near = first + thinned(values[first:], MOST_POINTS)
        kept = np.union1d(thinned(values, MOST_POINTS), near) if first else near
        figure.add_scatter(
            # Lists, because the page's script reads them.
            x=(start + step * kept).tolist(),
            y=[None if np.isnan(value) else value for value in values[kept].tolist()],
            name=plain(name.replace("_", " ")),
            mode="lines",
            line={"color": colour, "width": 3.0 if name == "truth" else 1.3, "dash": dash},
        )
        if len(kept) < len(values):
            rows = base64.b64encode(values.astype("<f4").tobytes()).decode()
            dense.append({"trace": trace, "rows": rows})
    framed(figure, title=title, height=440)
    figure.update_traces(hovertemplate="%{y:.4~g}")
    figure.update_yaxes(title_text=plain(unit), fixedrange=True)
    figure.update_xaxes(
        title_text=plain(x_title),
        rangeslider={
            "visible": True,
            "range": [start, start + step * (len(truth) - 1)],
            "thickness": 0.14,
            "bgcolor": "rgba(0,0,0,0)",
            "bordercolor": LIGHT["line"],
            "borderwidth": 1,
        },
    )
    if first:
        figure.update_xaxes(range=[start + step * first, start + step * (len(truth) - 1)])
    if dense:
        figure.update_layout(meta={"start": start, "step": step, "dense": dense})
    return figure


def _first_shown(truth: NDArray) -> int:
    """The row from which the truth crosses its mean ``SHOWN`` times; 0 if it seldom does."""
    values = np.asarray(truth, dtype=np.float64)
    values = values[np.isfinite(values)]
    if values.size != len(truth) or not values.size:
        return 0
    crossings = np.flatnonzero(np.diff(values > values.mean()))
    return int(crossings[-SHOWN]) if crossings.size > 2 * SHOWN else 0
