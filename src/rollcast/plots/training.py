"""How training went: the loss, the validation score, the learning rate."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rollcast.plots.pictures import TrainingCurve
from rollcast.plots.style import LIGHT, framed, log_axis
from rollcast.plots.thin import thinned

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 2000
WIDE = 50.0


def training_curve(curve: TrainingCurve, *, title: str = "Training") -> "Figure":
    """A figure of the loss of every step with its running mean, and, each on its own axis because
    their units differ, the validation score with the best step marked and the learning rate.
    """
    from plotly.subplots import make_subplots

    panels = ["loss"]
    panels += ["validation"] if len(curve.validation_steps) else []
    panels += ["learning rate"] if curve.learning_rate is not None else []
    share = {"loss": 0.45, "validation": 0.35, "learning rate": 0.2}
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.06,
        row_heights=[share[panel] for panel in panels],
    )
    steps, loss = np.asarray(curve.steps), np.array(curve.loss, dtype=np.float64)
    loss[~np.isfinite(loss)] = np.nan
    shown = thinned(loss, MOST_POINTS)
    smooth = running_mean(loss, max(1, loss.size // 50))
    figure.add_scatter(
        x=steps[shown],
        y=loss[shown],
        name="loss",
        line={"color": LIGHT["raw"], "width": 1},
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=steps[shown],
        y=smooth[shown],
        name="running mean",
        line={"color": LIGHT["ours"], "width": 2},
        row=1,
        col=1,
    )
    if "validation" in panels:
        row = panels.index("validation") + 1
        figure.add_scatter(
            x=curve.validation_steps,
            y=curve.validation_score,
            name="validation",
            showlegend=False,
            mode="lines+markers",
            line={"color": LIGHT["linear"], "width": 2},
            marker={"size": 5},
            row=row,
            col=1,
        )
        _mark_best(figure, curve, row)
    if curve.learning_rate is not None:
        rate = np.asarray(curve.learning_rate, dtype=np.float64)
        rows = thinned(rate, MOST_POINTS)
        figure.add_scatter(
            x=steps[rows],
            y=rate[rows],
            name="learning rate",
            showlegend=False,
            line={"color": LIGHT["muted"], "width": 1.5},
            row=len(panels),
            col=1,
        )
        # Plotly would say 0.0004 as 400µ.
        small = {"rangemode": "tozero", "nticks": 3, "exponentformat": "power"}
        figure.update_yaxes(**small, row=len(panels), col=1)
    framed(figure, title=title, height=140 + 110 * len(panels))
    for row, panel in enumerate(panels, 1):
        figure.update_yaxes(title_text=panel if panel != "learning rate" else "rate", row=row)
    figure.update_traces(hovertemplate="%{y:.4~g}")
    if wide(loss):
        figure.update_yaxes(**log_axis(loss), row=1)
    figure.update_xaxes(title_text="step", row=len(panels))
    return figure


def running_mean(values: NDArray, window: int) -> NDArray:
    """The mean of the last ``window`` values at each place, of fewer at the start, without NaN."""
    known = ~np.isnan(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    end = np.arange(1, values.size + 1)
    start = np.maximum(end - window, 0)
    number = count[end] - count[start]
    return np.where(number > 0, (total[end] - total[start]) / np.maximum(number, 1), np.nan)


def wide(values: NDArray) -> bool:
    """Whether positive values span so much that only a logarithmic axis shows them all."""
    values = values[~np.isnan(values)]
    return bool(values.size and values.min() > 0 and values.max() > WIDE * values.min())


def _mark_best(figure: "Figure", curve: TrainingCurve, row: int) -> None:
    at = np.flatnonzero(np.asarray(curve.validation_steps) == curve.best_step)
    if at.size == 0:
        return
    figure.add_scatter(
        x=[curve.best_step],
        y=[curve.validation_score[at[0]]],
        mode="markers",
        name=f"best, step {curve.best_step}",
        row=row,
        col=1,
        marker={"size": 12, "symbol": "star", "color": LIGHT["seasonal naive"]},
    )
