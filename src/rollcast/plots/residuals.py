"""What forecasts left over: errors in time, their distribution, and whether they hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollcast.plots.pictures import ResidualPicture
from rollcast.plots.style import LIGHT, framed

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from rollcast.forecast.backtest import Backtest

Array = np.ndarray

MOST_DOTS, BINS, MOST_LAGS = 3000, 41, 24

SURE = 1.959963984540054
"""Deviations within which 95 % of normal errors lie."""


def residual_picture(found: Backtest) -> ResidualPicture:
    """The network's errors, truth less forecast; of several series each in the unit of its MASE.

    Errors of the first step are not forecastable from each other where a forecast has used all
    there is to know; those of later steps overlap and always are alike.
    """
    errors = found.truth - found.forecasts[found.name]
    unit = found.panel.columns.target
    units = found.judged.units
    if len(np.unique(found.series)) > 1 and (units > 0).any():  # 0 where each season is the last
        errors = errors / np.where(units > 0, units, np.nan)[:, None]
        unit = "unit of MASE"
    order = np.lexsort((found.origin, found.series))
    first, series = errors[order, 0], found.series[order]
    return ResidualPicture(found.times, errors, unit, *autocorrelation(first, series))


def autocorrelation(values: Array, series: Array) -> tuple[Array, Array]:
    """Of ``values (n,)``, series by series in order: the correlation of neighbours 1, 2 … places
    apart, round the mean of their series, and how many pairs each is of. NaN is left out."""
    known = ~np.isnan(values)
    _, group = np.unique(series, return_inverse=True)
    count = np.maximum(np.bincount(group, known), 1)
    mean = np.bincount(group, np.where(known, values, 0.0)) / count
    apart = np.where(known, values - mean[group], 0.0)
    variance = apart[known] @ apart[known] / max(1, int(known.sum()))
    most = min(MOST_LAGS, int(np.bincount(group).max(initial=0)) // 2)
    found, pairs = np.full(most, np.nan), np.zeros(most, np.int64)
    for lag in range(1, most + 1):
        both = known[lag:] & known[:-lag] & (group[lag:] == group[:-lag])
        pairs[lag - 1] = both.sum()
        if both.any() and variance > 0:
            found[lag - 1] = (apart[lag:] * apart[:-lag])[both].mean() / variance
    return found, pairs


def residuals(picture: ResidualPicture, *, title: str = "What forecasts left over") -> Figure:
    """A figure of the errors in time, of their distribution beside a normal one, and of the
    autocorrelation of those at the first step, with the band within which 95 % of the bars of
    errors that are not forecastable lie."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=3, cols=1, vertical_spacing=0.13, row_heights=[0.4, 0.3, 0.3])
    flat = np.asarray(picture.errors, np.float64).ravel()
    known = np.flatnonzero(~np.isnan(flat))
    shown = known[np.linspace(0, len(known) - 1, min(MOST_DOTS, len(known))).astype(np.int64)]
    figure.add_scatter(
        x=np.asarray(picture.times).ravel()[shown], y=flat[shown], mode="markers",
        marker={"size": 4, "color": LIGHT["ours"], "opacity": 0.5}, name="error",
        showlegend=False, hovertemplate="%{y:.4~g}", row=1, col=1,
    )  # fmt: skip
    figure.add_hline(y=0, line={"color": LIGHT["muted"], "width": 1}, row=1, col=1)  # type: ignore[arg-type]
    _distribution(figure, flat[known])
    lags = np.arange(1, len(picture.autocorrelation) + 1)
    figure.add_bar(
        x=lags, y=picture.autocorrelation, marker={"color": LIGHT["ours"]}, width=0.5,
        showlegend=False, hovertemplate="%{y:.2f}", row=3, col=1,
    )  # fmt: skip
    edge = SURE / np.sqrt(np.maximum(picture.pairs, 1))
    for sign in (-1, 1):
        figure.add_scatter(
            x=lags, y=sign * edge, mode="lines", showlegend=False, hoverinfo="skip",
            line={"color": LIGHT["muted"], "dash": "dash", "width": 1.2}, row=3, col=1,
        )  # fmt: skip
    framed(figure, title=title, height=640)
    figure.update_layout(hovermode="closest", bargap=0.02)
    labels = {1: ("", picture.unit), 2: (f"truth less forecast, {picture.unit}", "share"),
              3: ("origins apart, errors of the first step", "autocorrelation")}  # fmt: skip
    for row, (below, beside) in labels.items():
        figure.update_xaxes(title_text=below, row=row)
        figure.update_yaxes(title_text=beside, row=row)
    figure.update_xaxes(dtick=1 if len(lags) <= 12 else None, row=3)
    return figure


def _distribution(figure: Figure, errors: Array) -> None:
    """A histogram of the middle 99 % and the normal curve of their mean and deviation."""
    if not len(errors):
        return
    low, high = np.quantile(errors, [0.005, 0.995])
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(errors, np.linspace(low, high, BINS))
    middle, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    figure.add_bar(
        x=middle, y=counts / len(errors), width=width, marker={"color": LIGHT["raw"]},
        name="errors", hovertemplate="%{y:.3f}", row=2, col=1,
    )  # fmt: skip
    mean, deviation = float(errors.mean()), float(errors.std())
    if deviation > 0:
        z = (middle - mean) / deviation
        figure.add_scatter(
            x=middle, y=np.exp(-0.5 * z * z) * width / (deviation * np.sqrt(2 * np.pi)),
            mode="lines", name="normal, as wide", hoverinfo="skip",
            line={"color": LIGHT["linear"], "width": 2}, row=2, col=1,
        )  # fmt: skip
