"""``rollcast backtest``: its options, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollcast.apps import files, options
from rollcast.apps.fitting import Choices
from rollcast.apps.results import write
from rollcast.apps.screen import TrainingBar, is_watched, score_table, screen

if TYPE_CHECKING:
    from rollcast.forecast.backtest import Backtest

ROLLING = "The backtest"

Windows = Annotated[
    int,
    typer.Option(min=1, metavar="N", help="Origins of each series", rich_help_panel=ROLLING),
]
Step = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Rows between origins (default: a horizon)",
        rich_help_panel=ROLLING,
    ),
]  # fmt: skip
Gap = Annotated[
    int,
    typer.Option(
        min=0, metavar="N", help="First rows of each forecast that do not count",
        rich_help_panel=ROLLING,
    ),
]  # fmt: skip
Refit = Annotated[
    bool,
    typer.Option(
        "--refit",
        help="Train again before each origin (default: once, before the first)",
        rich_help_panel=ROLLING,
    ),
]
RefitEvery = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Train again before each N origins", rich_help_panel=ROLLING
    ),
]
NoRecalibration = Annotated[
    bool,
    typer.Option(
        "--no-recalibration",
        help="Intervals as wide as the fit says, whatever errors were seen since",
        rich_help_panel=ROLLING,
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Every forecast with its truth: .csv, .parquet or .json; - = CSV on stdout",
        rich_help_panel=options.RESULT,
    ),
]

EXAMPLES = """
[bold]Examples[/bold]

How good are forecasts of two weeks, from ten origins two weeks apart?

[cyan]rollcast backtest seattle-weather.csv --time date --target temp_max --horizon 14[/cyan]

From every one of the last hundred days, trained again every twenty, with a report:

[cyan]rollcast backtest sales.csv --id store --time day --target units --horizon 7 \
--windows 100 --step 1 --refit-every 20 --report backtest.html[/cyan]
"""


def run(
    table: str,
    horizon: int,
    choices: Choices,
    rolling: dict[str, Any],
    *,
    out: str | None,
    report: str | None,
    quiet: bool,
) -> None:
    """Backtest as asked, and leave its files and the scores."""
    from rollcast import read

    panel = read(table, **choices.reading())
    model = choices.forecaster(horizon)
    if (limit := choices.max_seconds()) is not None:
        model.training = replace(model.training, max_seconds=limit)
    with TrainingBar(screen(errors=True), shown=is_watched() and not quiet) as bar:
        found = model.backtest(panel, listeners=(bar,), **rolling)
    write(found.frame(), out)
    if report is not None:
        from rollcast import write_backtest_report

        write_backtest_report(found, report)
    if not quiet:
        console = screen(errors=out == files.STDOUT)
        console.print(score_table(found.scores, said(found)))
        for line in widths(found):
            console.print(line)
        for what, path in (("forecasts", out), ("report", report)):
            if path is not None and path != files.STDOUT:
                console.print(f"{what}: {path}", soft_wrap=True)


def said(found: Backtest) -> str:
    """What was forecast how often, in a line."""
    count, steps = len(found), found.truth.shape[1]
    series = len(set(found.series.tolist()))
    gap = f" after a gap of {found.gap}" if found.gap else ""
    rows = f"{steps} row{'s' if steps > 1 else ''}{gap}"
    return f"{count} forecast{'s' if count > 1 else ''} of {rows}, {series} series"


def widths(found: Backtest) -> list[str]:
    """A line for each level: how wide its intervals were."""
    row = found.scores[found.name]
    return [
        f"{level:g} % intervals: {100 * row[f'coverage-{level:g}']:.1f} % of the truths, "
        f"{row[f'width-{level:g}']:.4g} wide"
        for level in found.bands
    ]
