"""The report: one HTML file that needs nothing else, for a screen, a phone or a printer.

Its size is that of plotly.js, about 4.8 MB, which is inlined once, and some 0.1 MB a series. The
page may load nothing: a content security policy says so to the browser.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rollcast.plots.fan import forecast_fan
from rollcast.plots.gradients import gradient_norms
from rollcast.plots.page import drawing, page_html, write_page
from rollcast.plots.pictures import GradientPicture, RollingPicture, SeriesPicture, TrainingCurve
from rollcast.plots.rolling import rolling_origins
from rollcast.plots.scores import (
    Scores,
    error_by_step,
    point_scores,
    reference_method,
    relative_scores,
)
from rollcast.plots.tables import (
    code_block,
    command_block,
    escaped,
    interval_table,
    pair_table,
    row_table,
    score_table,
    section,
)
from rollcast.plots.training import training_curve

MOST_SERIES = 12


@dataclass(frozen=True, eq=False)
class Report:
    """All that a report shows; what is empty is left out.

    ``scores`` maps method → metric → value and ``error_by_step`` method → ``(horizon,)``, in the
    unit ``unit``; ``method`` is the row that is the network's, at first the first. ``scored_on``
    says on what; ``trials`` are the rows of a search, ``searched_on`` says what they are.
    ``settings`` and ``data`` are names and values. At most MOST_SERIES series are drawn, the first
    ones.
    """

    title: str
    headline: str
    series: Sequence[SeriesPicture] = ()
    scores: Scores = field(default_factory=dict)
    error_by_step: Mapping[str, NDArray] = field(default_factory=dict)
    training: TrainingCurve | None = None
    gradients: GradientPicture | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    code: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    footer: str = ""
    rolling: RollingPicture | None = None
    method: str = ""
    unit: str = ""
    scored_on: str = ""
    trials: Sequence[Mapping[str, object]] = ()
    searched_on: str = ""


def write_report(path: str | os.PathLike[str], report: Report) -> Path:
    """Write the report; gives its path. The file appears whole or not at all.

    Raises UsageError when the folder does not exist or cannot be written.
    """
    return write_page(path, report_html(report))


def report_html(report: Report) -> str:
    """The report as the text of one HTML page."""
    figures = _figures(report)
    body = (
        f'<h1>{escaped(report.title)}</h1><p class="headline">{escaped(report.headline)}</p>\n'
        "<noscript><p>The figures need JavaScript; the tables do not.</p></noscript>\n"
        f"{_sections(report, set(figures))}"
        f"<footer>{escaped(report.footer)}</footer>"
    )
    return page_html(report.title, body, figures)


def _figures(report: Report) -> dict[str, Any]:
    """Every figure by the id of its place in the page, as Plotly's JSON."""
    ours = report.method
    figures: dict[str, Any] = {}
    if report.series:
        figures["fan"] = [drawing(forecast_fan(one)) for one in report.series[:MOST_SERIES]]
    if len(report.scores) > 1 and (relative := relative_scores(report.scores, ours=ours)).data:
        figures["relative"] = drawing(relative)
    if report.error_by_step:
        steps = error_by_step(report.error_by_step, ours=ours, unit=report.unit)
        figures["steps"] = drawing(steps)
    if report.training is not None:
        figures["curve"] = drawing(training_curve(report.training))
    if report.gradients is not None:
        figures["gradients"] = drawing(gradient_norms(report.gradients))
    if report.rolling is not None:
        figures["origins"] = drawing(rolling_origins(report.rolling))
    return figures


def _sections(report: Report, drawn: set[str]) -> str:
    def figure(name: str, heading: str = "") -> str:
        if name not in drawn:
            return ""
        title = f"<h3>{escaped(heading)}</h3>" if heading else ""
        return f'{title}<div class="figure" id="{name}"></div>'

    ours = report.method or next(iter(report.scores), "")
    scores = score_table(point_scores(report.scores), ours) if report.scores else ""
    widths = interval_table(report.scores.get(ours, {}))
    about = f"<p>{escaped(report.scored_on)}</p>" if report.scored_on and scores else ""
    reference = reference_method(report.scores).replace("_", " ") if report.scores else ""
    compared = f"Error relative to {reference}, below 1 is better"
    settings = pair_table(report.settings) if report.settings else ""
    command = "<h3>Command line</h3>" + command_block(report.command) if report.command else ""
    code = "<h3>Python</h3>" + code_block(report.code) if report.code else ""
    parts = (
        section("forecast", "Forecast", _chooser(report.series) + figure("fan")),
        section(
            "scores",
            "Scores beside the baselines",
            about,
            scores,
            figure("relative", compared),
        ),
        section("intervals", "Intervals", widths),
        section("horizon", "Error by step of the horizon", figure("steps")),
        section("backtest", "Forecasts from rolling origins", figure("origins")),
        section("search", "The search for the network", *_search(report)),
        section(
            "training",
            "Training",
            figure("curve"),
            figure("gradients", "Norm of the gradient, weight by weight"),
        ),
        section("data", "Data", pair_table(report.data) if report.data else ""),
        section("setting", "The setting that reproduces it", command, code, settings),
    )
    return "\n".join(part for part in parts if part)


def _search(report: Report) -> tuple[str, ...]:
    if not report.trials:
        return ()
    return f"<p>{escaped(report.searched_on)}</p>", row_table(report.trials)


def _chooser(series: Sequence[SeriesPicture]) -> str:
    if not series:
        return ""
    options = "".join(f"<option>{escaped(one.id)}</option>" for one in series[:MOST_SERIES])
    names = (
        f'<label for="series">Series</label><select id="series">{options}</select>'
        if len(series) > 1
        else f"<span>{escaped(series[0].id)}</span>"
    )
    left_out = len(series) - MOST_SERIES
    note = f'<p class="note">{left_out} more series are not drawn.</p>' if left_out > 0 else ""
    return (
        f'<div class="pick">{names}<span class="range">'
        '<button type="button" data-range="recent" aria-pressed="true">Recent</button>'
        '<button type="button" data-range="all" aria-pressed="false">All</button>'
        f"</span></div>{note}"
    )
