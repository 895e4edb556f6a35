"""The report of a backtest: how good forecasts were, at which step, of which series."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.data.panel import stamp_text
from rollcast.forecast.backtest import Backtest
from rollcast.plots.coverage import coverage_by_step
from rollcast.plots.page import drawing, page_html, write_page
from rollcast.plots.pictures import RollingPicture
from rollcast.plots.residuals import residual_picture, residuals
from rollcast.plots.rolling import rolling_origins
from rollcast.plots.scores import (
    error_by_step,
    headline,
    point_scores,
    reference_method,
    relative_scores,
)
from rollcast.plots.tables import (
    escaped,
    interval_table,
    pair_table,
    row_table,
    score_table,
    section,
)

MOST_DRAWN = 12
"""Forecasts drawn over a series: more cannot be told apart."""

WORST = 10
"""Series in the table of the worst."""


def write_backtest_report(backtest: Backtest, path: str | os.PathLike[str]) -> Path:
    """Write a backtest as one HTML page that needs nothing else; returns its path.

    It shows the scores beside the baselines, errors and coverage by step, the worst series, and
    forecasts over the series that are worst, usual and best. Raises UsageError when the folder
    does not exist or cannot be written.
    """
    return write_page(path, backtest_html(backtest))


def backtest_html(found: Backtest) -> str:
    """The page as text."""
    ours, scores, unit = found.name, found.scores, found.panel.columns.target
    count, steps = len(found), found.truth.shape[1]
    series = np.unique(found.series)
    many = f"{len(series)} series" if len(series) > 1 else unit
    what = f"{count} forecasts of {steps} step{'s' if steps > 1 else ''} of {many}"
    figures: dict[str, Any] = {
        "relative": drawing(relative_scores(scores, ours=ours)),
        "steps": drawing(
            error_by_step(found.error_by_step, ours=ours, unit=unit, first=found.gap + 1)
        ),
    }
    covered = found.judged.scores(0)[ours]
    coverage = {level: np.asarray(covered[f"coverage-{level:g}"]) for level in found.bands}
    if coverage:
        figures["coverage"] = drawing(coverage_by_step(coverage, first=found.gap + 1))
    if not np.isnan(found.truth).all():
        figures["residuals"] = drawing(residuals(residual_picture(found)))
    drawn = _drawn(found, series)
    for index, which in enumerate(drawn.values()):
        figures[f"origins-{index}"] = drawing(rolling_origins(rolling_picture(found, which)))
    shown = [
        f"<h3>{escaped(title)}</h3>{_place(f'origins-{index}')}"
        for index, title in enumerate(drawn)
    ]
    reference = reference_method(scores).replace("_", " ")
    parts = (
        section(
            "scores",
            "Scores beside the baselines",
            score_table(point_scores(scores), ours),
            f"<h3>Error relative to {escaped(reference)}, below 1 is better</h3>",
            _place("relative"),
        ),
        section("origins", "Forecasts from rolling origins", *shown),
        section("horizon", "Error by step of the horizon", _place("steps")),
        section(
            "intervals",
            "Intervals",
            interval_table(found.scores[found.name]),
            _place("coverage") * bool(coverage),
        ),
        section("residuals", "Errors", _place("residuals") * ("residuals" in figures)),
        section("series", "The worst series", _worst(found, series)),
        section("data", "Data", pair_table(_data(found))),
    )
    body = (
        f"<h1>Backtest on {escaped(found.panel.source)}</h1>"
        f'<p class="headline">{escaped(headline(scores, what=what, ours=ours))}</p>\n'
        "<noscript><p>The figures need JavaScript; the tables do not.</p></noscript>\n"
        + "\n".join(part for part in parts if part)
        + "<footer>Written by rollcast.</footer>"
    )
    return page_html(f"Backtest on {found.panel.source}", body, figures)


def rolling_picture(found: Backtest, series: int) -> RollingPicture:
    """The forecasts of one series as they are drawn: those that do not overlap, the newest ones."""
    panel, steps = found.panel, found.truth.shape[1]
    windows = np.flatnonzero(found.series == series)
    first = found.origin[windows] + found.gap - panel.offsets[series]
    chosen = [len(windows) - 1]
    for index in range(len(windows) - 2, -1, -1):
        if len(chosen) < MOST_DRAWN and first[chosen[-1]] - first[index] >= steps:
            chosen.append(index)
    chosen = chosen[::-1]
    begin = max(0, int(first[chosen[0]]) - 3 * steps)
    one = panel.series(series)
    bands = found.bands[min(found.bands)] if found.bands else None
    rows = windows[chosen]
    return RollingPicture(
        id=panel.label(series),
        times=panel.local(one.times[begin:]),
        values=one.values[begin:],
        origins=(first[chosen] - begin).tolist(),
        forecasts=found.forecasts[found.name][rows],
        band=None if bands is None else (bands[0][rows], bands[1][rows]),
        level=min(found.bands) if found.bands else 0.0,
        unit=panel.columns.target,
    )


def _place(name: str) -> str:
    return f'<div class="figure" id="{name}"></div>'


def _mase(found: Backtest) -> np.ndarray:
    """Ours of each series that was forecast, in the order of their numbers."""
    _, group = np.unique(found.series, return_inverse=True)
    return np.asarray(found.judged.scores(group)[found.name]["mase"])


def _drawn(found: Backtest, series: np.ndarray) -> dict[str, int]:
    """Heading → which series is drawn under it."""
    if len(series) == 1:
        return {found.panel.label(int(series[0])): int(series[0])}
    order = series[np.argsort(np.nan_to_num(_mase(found), nan=-1.0), kind="stable")]
    places = {"The worst": -1, "A usual one": len(order) // 2, "The best": 0}
    picked = {title: int(order[place]) for title, place in places.items()}
    return {f"{title}: {found.panel.label(which)}": which for title, which in picked.items()}


def _worst(found: Backtest, series: np.ndarray) -> str:
    if len(series) == 1:
        return ""
    which, group = np.unique(found.series, return_inverse=True)
    scores = found.judged.scores(group)
    mase = np.asarray(scores[found.name]["mase"])
    order = np.argsort(-np.nan_to_num(mase, nan=-1.0), kind="stable")[:WORST]
    reference = reference_method(found.scores)
    ours, theirs = scores[found.name], scores[reference]
    columns = {
        "series": np.array([found.panel.label(int(index)) for index in which], object),
        "MASE": mase,
        f"MASE, {reference}": np.asarray(theirs["mase"]),
        "MAE": np.asarray(ours["mae"]),
    }
    for level in found.bands:
        columns[f"in {level:g} %"] = 100 * np.asarray(ours[f"coverage-{level:g}"])
    rows = zip(*(column[order].tolist() for column in columns.values()), strict=True)
    return row_table([dict(zip(columns, row, strict=True)) for row in rows])


def _data(found: Backtest) -> dict[str, object]:
    panel = found.panel
    starts = panel.local(found.times[:, 0])
    return {
        "table": panel.source,
        "series": len(panel),
        "rows": len(panel.values),
        "frequency": str(panel.freq),
        "season": panel.season,
        "forecasts": len(found),
        "first and last forecast begin": f"{stamp_text(starts.min())}, {stamp_text(starts.max())}",
        "gap": found.gap,
        "windows that training had seen": found.seen,
    }
