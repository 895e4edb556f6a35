"""What ways of training cost and give, over the length of what they read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.curves import curves

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def costs(
    panels: Mapping[str, Mapping[str, tuple[NDArray, NDArray]]],
    *,
    title: str,
    x_title: str = "rows in a sequence",
) -> "Figure":
    """A panel for each cost, one below the other, with a line for each way: ``panels`` maps what
    the y axis says → way → its lengths and numbers. Both axes are logarithmic."""
    figure = curves(panels, title=title, x_title=x_title, log=True)
    lengths = sorted(
        {float(x) for lines in panels.values() for points in lines.values() for x in points[0]}
    )
    texts = [f"{length:,.0f}".replace(",", " ") for length in lengths]
    figure.update_xaxes(type="log", tickvals=lengths, ticktext=texts)
    if len(lengths) > 1:
        edge = 0.04 * np.log10(lengths[-1] / lengths[0])
        span = [float(np.log10(lengths[0]) - edge), float(np.log10(lengths[-1]) + edge)]
        figure.update_xaxes(range=span)
    figure.update_layout(hovermode="closest")
    return figure
