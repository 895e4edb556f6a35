"""Gradients: how they fade or grow over time, and what training saw of them, weight by weight."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.curves import DASHES, noisy, smooth, strong
from rollcast.plots.pictures import GradientPicture
from rollcast.plots.style import LIGHT, framed, log_axis, plain
from rollcast.plots.thin import thinned

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 1000
LOWEST = -30.0
"""Powers of ten below this are cut off: no network learns from them, and they flatten the rest."""

ROUNDING = float(np.log10(np.finfo(np.float32).eps))

COLOURS = (
    "ours", "seasonal naive", "linear", "other 2", "drift", "other 1", "other 3", "naive",
)  # fmt: skip

FAINT = 0.2

# The kinds of weight of one layer, told apart by the line; others, of a head, in this order.
OTHER_KINDS = ("solid", "dot", "dash", "dashdot", "longdash", "longdashdot")
KINDS = {"weight_ih": "dash", "weight_hh": "solid", "bias_ih": "dot", "bias_hh": "dashdot"}


def gradient_flow(
    flows: Mapping[str, NDArray], *, title: str, norm: str = "norm of ∂h_T/∂h_k"
) -> "Figure":
    """A figure of norms over the steps that they were carried back, one line each.

    ``flows``: name → log10 of the norms for k = 0 … T. The axis shows powers of ten, since over
    many steps the norms leave what a float can hold. A thin line is where float32 loses what is
    added to 1.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    longest = max(len(logs) for logs in flows.values()) - 1
    every = np.concatenate([np.asarray(logs, np.float64) for logs in flows.values()])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if every.size else (-1.0, 0.0)
    if low < ROUNDING:
        figure.add_scatter(
            x=[0, longest],
            y=[ROUNDING, ROUNDING],
            name="rounding of float32",
            mode="lines",
            line={"color": LIGHT["muted"], "width": 1, "dash": "dot"},
            hoverinfo="skip",
        )
    for index, (name, logs) in enumerate(flows.items()):
        values = np.array(logs, np.float64)[::-1]
        values[~np.isfinite(values)] = np.nan
        kept = thinned(values, MOST_POINTS)
        figure.add_scatter(
            x=kept,
            y=values[kept],
            name=plain(name),
            mode="lines",
            line={
                "color": LIGHT[COLOURS[index % len(COLOURS)]],
                "width": 2,
                "dash": DASHES[index // len(COLOURS) % len(DASHES)],
            },
            hovertemplate="10^%{y:.1f}",
        )
    framed(figure, title=title, height=460)
    low = max(low, LOWEST)
    room = 0.04 * (high - low) + 0.2
    figure.update_yaxes(
        title_text=plain(norm),
        tickprefix="10<sup>",
        ticksuffix="</sup>",
        tickformat="d",
        tickmode="auto",
        nticks=8,
        range=[low - room, high + room],
    )
    if high - low < 8:
        figure.update_yaxes(dtick=1)
    figure.update_xaxes(title_text="steps back, T − k", range=[0, longest])
    return figure


def gradient_norms(picture: GradientPicture, *, title: str = "Gradients") -> "Figure":
    """A figure of the norm of each weight's gradient before clipping, a colour a layer and a dash a
    kind of weight, and below it of the whole before and after clipping."""
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07, row_heights=[0.6, 0.4]
    )
    parts = [_parts(name) for name in picture.names]
    layers = list(dict.fromkeys(layer for layer, _ in parts))
    for column, (layer, kind) in enumerate(parts):
        others = [one for other, one in parts if other == layer and one not in KINDS]
        dash = KINDS[kind] if kind in KINDS else OTHER_KINDS[others.index(kind) % len(OTHER_KINDS)]
        colour = LIGHT[COLOURS[layers.index(layer) % len(COLOURS)]]
        name = plain(picture.names[column])
        _line(figure, 1, picture.steps, picture.norms[:, column], name, colour, dash, 1.3)
    whole = np.linalg.norm(picture.norms, axis=1)
    clipped = np.linalg.norm(picture.clipped, axis=1)
    _line(figure, 2, picture.steps, whole, "whole", LIGHT["ink"], "solid", 1.6)
    _line(figure, 2, picture.steps, clipped, "whole, clipped", LIGHT["other 3"], "dash", 1.6)
    framed(figure, title=title, height=540)
    figure.update_yaxes(**log_axis(np.asarray(picture.norms)), row=1)
    figure.update_yaxes(**log_axis(np.concatenate([whole, clipped])), row=2)
    figure.update_yaxes(title_text="norm, each weight", row=1)
    figure.update_yaxes(title_text="norm, whole", row=2)
    figure.update_xaxes(title_text="step" + strong(figure), row=2)
    figure.update_layout(hovermode="closest")
    return figure


def _line(
    figure: "Figure", row: int, steps: NDArray, values: NDArray, name: str, colour: str, dash: str,
    width: float,
) -> None:  # fmt: skip
    values = np.array(values, np.float64)
    values[~np.isfinite(values) | (values <= 0.0)] = np.nan  # a logarithm has no place for them
    lines = [(values, dash, width, 1.0)]
    if noisy(values, log=True):
        lines = [(values, "solid", 1.0, FAINT), (smooth(values, log=True), dash, width, 1.0)]
    for line, line_dash, line_width, opacity in lines:
        kept = thinned(np.log10(line), MOST_POINTS)
        figure.add_scatter(
            x=np.asarray(steps)[kept],
            y=line[kept],
            name=name,
            mode="lines",
            line={"color": colour, "width": line_width, "dash": line_dash},
            opacity=opacity,
            hovertemplate="step %{x}: %{y:.3~g}" if opacity == 1.0 else None,
            hoverinfo="skip" if opacity < 1.0 else None,
            legendgroup=name,
            showlegend=opacity == 1.0,
            row=row,
            col=1,
        )


def _parts(name: str) -> tuple[str, str]:
    """The layer (or part of the network) of a weight, and which of its kinds it is."""
    kind, mark, layer = name.rpartition("_l")
    return (f"_l{layer}", kind) if mark and kind in KINDS else (name.partition(".")[0], name)
