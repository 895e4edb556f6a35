"""How often the truth lay within the intervals, step by step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.style import LIGHT, framed

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def coverage_by_step(
    coverage: Mapping[float, NDArray],
    *,
    first: int = 1,
    title: str = "Truths within the intervals, by step of the horizon",
) -> "Figure":
    """A figure of the share of truths inside at each step, beside the level in dashes.

    ``coverage`` maps a level in percent to shares from 0 to 1, ``(steps,)``; ``first`` is the
    number of the first step.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    colours = [LIGHT[name] for name in ("ours", "linear", "drift", "other 1")]
    for index, (level, shares) in enumerate(sorted(coverage.items())):
        values = 100.0 * np.asarray(shares, dtype=np.float64)
        steps = first + np.arange(values.size)
        colour = colours[index % len(colours)]
        figure.add_scatter(
            x=steps,
            y=values,
            name=f"{level:g} % interval",
            mode="lines+markers" if values.size <= 12 else "lines",
            line={"color": colour, "width": 2.5},
            hovertemplate="%{y:.1f} %",
        )
        figure.add_scatter(
            x=[steps[0] - 0.5, steps[-1] + 0.5],
            y=[level, level],
            mode="lines",
            line={"color": colour, "width": 1.2, "dash": "dash"},
            showlegend=False,
            hoverinfo="skip",
        )
    framed(figure, title=title, height=320)
    longest = max((np.size(shares) for shares in coverage.values()), default=0)
    figure.update_xaxes(title_text="steps ahead", dtick=1 if longest <= 12 else None)
    figure.update_yaxes(title_text="truths inside, %", range=_range(coverage))
    return figure


def _range(coverage: Mapping[float, NDArray]) -> list[float]:
    """From below the lowest share or level to 101."""
    low = [100.0 * float(np.nanmin(shares)) for shares in coverage.values() if np.size(shares)]
    return [max(0.0, min([*coverage, *low], default=0.0) - 8.0), 101.0]
