"""What a person sees: a bar while it trains, one table of scores, the first rows of a forecast."""

import math
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from rollcast.train.events import Event, FitStarted, StepDone, TrialDone, ValidationDone

REDRAWS_PER_SECOND = 5
FIRST_ROWS = 8
# A pipe or a file has no width; this one holds the widest table that rollcast prints.
WIDTH_OF_A_FILE = 120

# What the columns of the summary are called on screen; any other metric shows under its own name.
TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "smape": "sMAPE",
    "mase": "MASE",
    "owa": "OWA",
    "crps": "CRPS",
}
ON_SCREEN = (*TITLES, "coverage")  # of the metrics; the others are in files and frames


def screen(*, errors: bool = False) -> Console:
    """A console on stdout (or stderr) that shows text as it is."""
    stream = sys.stderr if errors else sys.stdout
    width = None if stream.isatty() else WIDTH_OF_A_FILE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def is_watched() -> bool:
    """Whether a person is looking: both outputs are a terminal."""
    return sys.stdout.isatty() and sys.stderr.isatty()


class TrainingBar:
    """A listener of the training events that draws a bar on stderr and removes it at the end.

    Redrawn a few times a second, however many steps a second there are.
    """

    def __init__(self, console: Console, *, shown: bool) -> None:
        self.progress = Progress(
            TextColumn("{task.fields[what]}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("held-out {task.fields[score]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not shown,
            refresh_per_second=REDRAWS_PER_SECOND,
        )
        self.due = 0.0  # seconds of training at which the bar moves again
        self.task: TaskID = self.progress.add_task(
            "training", total=None, what="training", loss="–", score="–"
        )

    def __enter__(self) -> "TrainingBar":
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def warn(self, message: str) -> None:
        """Print a warning above the bar, whether that is shown or not."""
        self.progress.console.print(f"warning: {message}", soft_wrap=True)

    def __call__(self, event: Event) -> None:
        if isinstance(event, FitStarted):
            self.due = 0.0
            self.progress.update(
                self.task, total=event.steps, completed=event.step, what="training"
            )
        elif isinstance(event, TrialDone):
            self.progress.update(
                self.task, what=f"search: {event.name}", score=f"{event.score:.4f}"
            )
        elif isinstance(event, StepDone):
            # What nobody would see is not worth more than the step of a small network.
            if event.seconds >= self.due or event.step == event.steps:
                self.due = event.seconds + 1 / REDRAWS_PER_SECOND
                self.progress.update(self.task, completed=event.step, loss=f"{event.loss:.4f}")
        elif isinstance(event, ValidationDone):
            self.progress.update(self.task, score=f"{event.score:.4f}")


def number(value: float) -> str:
    """Four significant digits, without an exponent where a person would write none."""
    if math.isnan(value):
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        digits = 3 if value == 0 else max(0, 3 - math.floor(math.log10(abs(value))))
        return f"{value:.{min(digits, 4)}f}"
    return f"{value:.3g}"


def shown(metric: str, value: float) -> str:
    """A score as text: shares in percent, everything else as a number."""
    if metric.startswith("coverage") and not math.isnan(value):
        return f"{100 * value:.1f} %"
    return number(value)


def title_of(metric: str) -> str:
    """The heading of a metric: ``coverage-80`` becomes "in 80 %"."""
    name, _, level = metric.partition("-")
    return f"in {level} %" if name == "coverage" and level else TITLES.get(metric, metric)


def score_table(scores: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """One row a method, one column a metric; the network comes first, as in ``scores_``."""
    known = dict.fromkeys(metric for row in scores.values() for metric in row)
    metrics = [metric for metric in known if metric.partition("-")[0] in ON_SCREEN]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2))
    table.add_column("")
    for metric in metrics:
        table.add_column(title_of(metric), justify="right")
    for method, row in scores.items():
        table.add_row(
            method.replace("_", " "),
            *(shown(metric, row.get(metric, math.nan)) for metric in metrics),
        )
    return table


def row_table(frame: Any) -> Table:
    """The first rows of a forecast as text; `frame` is polars with short times."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    numeric = {name for name, kind in frame.schema.items() if kind.is_numeric()}
    for name in frame.columns:
        table.add_column(name, justify="right" if name in numeric else "left")
    for row in frame.head(FIRST_ROWS).iter_rows():
        table.add_row(*(number(cell) if isinstance(cell, float) else str(cell) for cell in row))
    return table


def mapping_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line a row, a column for each heading that any row has; numbers to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    for heading in headings:
        texts = any(isinstance(row.get(heading), str) for row in rows)
        table.add_column(heading, justify="left" if texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(heading)) for heading in headings))
    return table


def cell(value: object) -> str:
    """A value in a table: four digits of a number, a dash for none."""
    if value is None:
        return "–"
    return number(value) if isinstance(value, float) else str(value)
