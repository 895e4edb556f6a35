"""What commands leave: levels asked for, places checked before any work, files and the screen."""

import sys
from typing import Any

from rollcast.apps import files
from rollcast.apps.screen import row_table, score_table, screen
from rollcast.errors import UsageError

LEVELS = (80, 95)


def levels_by_default(model: Any) -> tuple[float, ...]:
    """The usual levels, as far as a short table has held-out windows to calibrate them."""
    return tuple(level for level in LEVELS if level <= model.fitted_.calibration.largest_level)


def missing(levels: tuple[float, ...], asked: tuple[float, ...] | None) -> tuple[float, ...]:
    """The usual levels that had to be left out, if nobody asked for others."""
    return () if asked else tuple(level for level in LEVELS if level not in levels)


def check_results(
    table: str | None,
    *,
    out: str | None = None,
    samples: str | None = None,
    report: str | None = None,
    save: str | None = None,
    quiet: bool,
) -> None:
    """Raise UsageError, before any work, for a place that cannot be written."""
    for path in (out, samples):
        if path is not None:
            files.check_table_target(path, source=table)
    for option, path in (("--report", report), ("--save", save)):
        if path is not None:
            files.check_target(option, path, source=table)
    named = [path for path in (out, samples, report, save) if path is not None]
    if len(set(named)) < len(named):
        raise UsageError("--out, --samples, --report and --save must name different files.")
    if quiet and not named:
        raise UsageError("--quiet would leave nothing at all. Add --out forecast.csv.")


def write(frame: Any, out: str | None) -> None:
    """Write the forecast where it was asked for, if it was."""
    if out == files.STDOUT:
        sys.stdout.write(files.with_short_times(files.in_polars(frame)).write_csv())
    elif out is not None:
        files.write_table(frame, out)


def show(
    frame: Any,
    written: dict[str, str | None],
    *,
    scores: Any = None,
    dropped: tuple[float, ...] = (),
) -> None:
    """Say what there is: the scores, the first rows of a forecast not kept, a line a file."""
    out = written["forecast"]
    # The scores must not mix with a forecast on stdout.
    console = screen(errors=out == files.STDOUT)
    if scores is not None:
        console.print(score_table(scores, "On windows held out of training"))
    if out is None:
        table = files.with_short_times(files.in_polars(frame))
        console.print(row_table(table))
        console.print(f"{len(table)} rows; --out forecast.csv keeps them")
    for level in dropped:
        console.print(f"no {level} % interval: the table is too short to calibrate it")
    for what, path in written.items():
        if path is not None and path != files.STDOUT:
            console.print(f"{what}: {path}", soft_wrap=True)


def show_fit(scores: Any, written: dict[str, str | None]) -> None:
    """Say how good a fit is, and a line a file."""
    console = screen()
    console.print(score_table(scores, "On windows held out of training"))
    for what, path in written.items():
        if path is not None:
            console.print(f"{what}: {path}", soft_wrap=True)
