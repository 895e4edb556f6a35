"""Colours and the common frame of all figures.

A figure is drawn in the colours of LIGHT. Each has its twin in DARK, and a page that is dark swaps
them by value, which is why no two colours of LIGHT may be the same.
"""

import html
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LIGHT: dict[str, str] = {
    "page": "#fcfcfb",
    "card": "#ffffff",
    "ink": "#1c2430",
    "muted": "#5b6675",
    "line": "#c9d0d9",
    "grid": "#e7eaee",
    "ours": "#1f5fd0",
    "ours_soft": "#e8effc",
    "seasonal naive": "#c2590a",
    "naive": "#7a828e",
    "drift": "#a3437e",
    "linear": "#0b7d63",
    "other 1": "#8a6d00",
    "other 2": "#6a4fc0",
    "other 3": "#b3261e",
    "band 1": "rgba(31, 95, 208, 0.13)",
    "band 2": "rgba(31, 95, 208, 0.20)",
    "band 3": "rgba(31, 95, 208, 0.26)",
    "band 4": "rgba(31, 95, 208, 0.32)",
    "raw": "rgba(31, 95, 208, 0.35)",
    "hover": "rgba(255, 255, 255, 0.93)",
}
DARK: dict[str, str] = {
    "page": "#12161c",
    "card": "#191f27",
    "ink": "#e6eaf0",
    "muted": "#9aa6b5",
    "line": "#3d4755",
    "grid": "#29313c",
    "ours": "#6ea3ff",
    "ours_soft": "#1d2c47",
    "seasonal naive": "#f0914a",
    "naive": "#8f99a8",
    "drift": "#dd86ba",
    "linear": "#3fc3a1",
    "other 1": "#d9b83d",
    "other 2": "#a792f0",
    "other 3": "#f2857d",
    "band 1": "rgba(110, 163, 255, 0.15)",
    "band 2": "rgba(110, 163, 255, 0.22)",
    "band 3": "rgba(110, 163, 255, 0.28)",
    "band 4": "rgba(110, 163, 255, 0.34)",
    "raw": "rgba(110, 163, 255, 0.35)",
    "hover": "rgba(25, 31, 39, 0.93)",
}
OTHERS = ("other 1", "other 2", "other 3")
# Lines can be told apart without colour, too.
DASHES = {"seasonal naive": "dash", "naive": "dot", "drift": "dashdot", "linear": "longdash"}
# Baselines lend their colours where there are more methods than others; grey is of what came.
LENT = ("seasonal naive", "linear", "drift")
DECADES = 3.0
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def twins() -> dict[str, str]:
    """Each colour of LIGHT with its twin in DARK."""
    return {LIGHT[name]: DARK[name] for name in LIGHT}


def method_colours(methods: list[str], ours: str) -> dict[str, str]:
    """A colour per method, in the order given; a known baseline always has its own."""
    colours: dict[str, str] = {}
    names = [method.replace("_", " ") for method in methods]
    others = [*OTHERS, *(name for name in LENT if name not in names)]
    unknown = 0
    for method, name in zip(methods, names, strict=True):
        if method == ours:
            colours[method] = LIGHT["ours"]
        elif name in DASHES:
            colours[method] = LIGHT[name]
        else:
            colours[method] = LIGHT[others[unknown % len(others)]]
            unknown += 1
    return colours


def plain(text: object) -> str:
    """Text that Plotly shows as it stands: it would read ``<b>`` or ``<a href>`` as markup."""
    return html.escape(str(text), quote=False)


def axis_values(times: NDArray) -> NDArray:
    """Times as Plotly reads them: integers, or ISO text no longer than the stamps need."""
    times = np.asarray(times)
    if not np.issubdtype(times.dtype, np.datetime64):
        return times
    for unit in ("D", "m", "s"):
        if np.array_equal(times, times.astype(f"datetime64[{unit}]"), equal_nan=True):
            return np.datetime_as_string(times, unit=unit)
    return np.datetime_as_string(times, unit="ms")


def log_axis(values: NDArray) -> dict[str, Any]:
    """Settings of a logarithmic axis for these values: powers of ten where they span many, else
    plain numbers."""
    values = values[np.isfinite(values) & (values > 0.0)]
    decades = float(np.log10(values.max() / values.min())) if values.size else DECADES
    if decades < DECADES:
        return {"type": "log", "dtick": "D2", "tickformat": "~g"}  # 1, 2, 5, 10 …
    # Plotly draws a power a quarter larger than the font says.
    power = {"exponentformat": "power", "tickfont": {"size": 10}}
    return {"type": "log", "dtick": int(np.ceil(decades / 7))} | power


def framed(figure: "Figure", *, title: str, height: int) -> "Figure":
    """The figure with title, fonts, margins, legend above the plot and hover box set."""
    figure.update_layout(
        template="none",
        title={
            "text": plain(title),
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 12},
            "font": {"size": 15, "color": LIGHT["ink"]},
        },
        height=height,
        autosize=True,
        margin={"l": 56, "r": 12, "t": 76, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": LIGHT["muted"]},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
        hovermode="x unified",
        hoverlabel={
            "bgcolor": LIGHT["hover"],
            "bordercolor": LIGHT["line"],
            "font": {"color": LIGHT["ink"]},
        },
        dragmode="zoom",
    )
    quiet: dict[str, Any] = {
        "gridcolor": LIGHT["grid"],
        "linecolor": LIGHT["line"],
        "tickcolor": LIGHT["line"],
        "zeroline": False,
        "automargin": True,
        "title_standoff": 8,
    }
    figure.update_xaxes(**quiet, showgrid=False, showline=True, ticks="outside", ticklen=4)
    figure.update_yaxes(**quiet, showgrid=True, showline=False)
    return figure
