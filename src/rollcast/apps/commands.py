"""The commands: options to arguments of the public classes, results to files and the screen."""

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollcast.apps import durations, files, fit_options, inspect, options, recipes
from rollcast.apps.cli import version_line
from rollcast.apps.faults import exit_codes
from rollcast.apps.screen import TrainingBar, is_watched, row_table, score_table, screen
from rollcast.errors import UsageError

if TYPE_CHECKING:
    from rollcast.forecast.sequence import SequenceRegressor

app = typer.Typer(
    name="rollcast",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

app.add_typer(recipes.app, name="recipe")
app.command(epilog=inspect.EXAMPLES, no_args_is_help=True)(inspect.inspect)

LEVELS = (80, 95)


def print_version(asked: bool) -> None:
    """Answer --version and leave."""
    if asked:
        typer.echo(version_line())
        raise typer.Exit()


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Show the version and leave"
        ),
    ] = False,
) -> None:
    """Recurrent networks that forecast time series: from a table to a forecast with intervals."""


@app.command(epilog=options.FORECAST_EXAMPLES, no_args_is_help=True)
def forecast(
    table: options.Source,
    horizon: options.Horizon,
    id: options.Id = None,
    time: options.Time = None,
    target: options.Target = None,
    where: options.Where = None,
    freq: options.Freq = None,
    season: options.Season = None,
    duplicates: options.Duplicates = None,
    snap: options.Snap = False,
    query: options.Query = None,
    sheet: options.Sheet = None,
    cell: fit_options.Cell = None,
    hidden: fit_options.Hidden = None,
    dropout: fit_options.Dropout = None,
    normalize: fit_options.Normalize = None,
    context: fit_options.Context = None,
    strategy: fit_options.Strategy = None,
    segment: fit_options.Segment = None,
    skip: fit_options.Skip = None,
    ensemble: fit_options.Ensemble = None,
    blend: fit_options.Blend = None,
    head: fit_options.Head = None,
    scaling: fit_options.Scaling = None,
    initial: fit_options.Initial = None,
    steps: fit_options.Steps = None,
    batch_size: fit_options.BatchSize = None,
    optimizer: fit_options.Optimizer = None,
    learning_rate: fit_options.LearningRate = None,
    schedule: fit_options.Schedule = None,
    clip_norm: fit_options.ClipNorm = None,
    budget: fit_options.Budget = None,
    trials: fit_options.Trials = None,
    max_time: fit_options.MaxSeconds = None,
    validation: fit_options.Validation = None,
    no_refit: fit_options.NoRefit = False,
    seed: fit_options.Seed = None,
    watch_gradients: fit_options.WatchGradients = False,
    level: options.Level = None,
    out: options.Out = None,
    report: options.Report = None,
    save: options.Save = None,
    quiet: options.Quiet = False,
) -> None:
    """Train a network on a table and forecast what comes next, with intervals."""
    with exit_codes():
        asked = levels_of(level)
        check_results(table, out=out, report=report, save=save, quiet=quiet)
        from rollcast import Forecaster, GradientWatch, Training, write_report

        network = {"cell": cell, "context": context, "strategy": strategy or "auto", "head": head}
        network |= {"scaling": scaling, "initial": initial, "seed": seed, "dropout": dropout}
        network |= {"hidden": units_of(hidden), "normalize": normalize, "segment": segment}
        network |= {"skip": skip, "ensemble": ensemble, "blend": blend, "validation": validation}
        network |= {"refit": False if no_refit else None, "trials": trials}
        network |= {"budget": durations.seconds_of("--budget", budget)}
        steering = {"optimizer": optimizer, "learning_rate": learning_rate, "schedule": schedule}
        setting = given({"steps": steps, "batch_size": batch_size} | steering)
        if clip_norm is not None:
            setting["clip_norm"] = clip_norm or None
        columns = {"id": id, "time": time, "target": target, "where": where}
        rows = {"freq": frequency_of(freq), "season": season, "duplicates": duplicates}
        rows |= {"snap": snap or None, "query": query, "sheet": sheet}
        training = dataclasses.replace(Training(), **setting)
        model = Forecaster(horizon, training=training, **given(network))
        with TrainingBar(screen(errors=True), shown=is_watched() and not quiet) as bar:
            warn = (lambda message: None) if quiet else bar.warn
            watch = GradientWatch(warn=warn) if watch_gradients else None
            listeners = (bar,) if watch is None else (bar, watch)
            limit = durations.seconds_of("--max-time", max_time)
            model.fit(table, listeners=listeners, max_seconds=limit, **given(columns | rows))
            # First, so that a level beyond what was learnt does not cost the training.
            if save is not None:
                model.save(save)
            levels = asked or levels_by_default(model)
            frame = model.predict(level=levels)
            write(frame, out)
            if report is not None:
                seen = None if watch is None else watch.runs[0]
                write_report(model, report, level=levels, gradients=seen)
        if not quiet:
            written = {"forecast": out, "report": report, "model": save}
            show(frame, written, scores=model.scores_, dropped=missing(levels, asked))


@app.command(epilog=options.PREDICT_EXAMPLES, no_args_is_help=True)
def predict(
    model: options.ModelFile,
    table: options.NewerSource = None,
    horizon: options.GoOn = None,
    future: options.Future = None,
    query: options.Query = None,
    level: options.Level = None,
    out: options.Out = None,
    quiet: options.Quiet = False,
) -> None:
    """Forecast with a saved model: from its own history, or from a newer table.

    A SequenceRegressor says its outputs at every row of the table, or with --horizon goes on from
    the last.
    """
    with exit_codes():
        asked = levels_of(level)
        check_results(table, out=out, quiet=quiet)
        from rollcast import Forecaster, load

        network = load(model)
        dropped: tuple[float, ...] = ()
        if isinstance(network, Forecaster):
            if horizon is not None or future is not None:
                raise UsageError(
                    f"--horizon and --future: {model} is a Forecaster of {network.horizon} steps "
                    "that reads its target alone. Leave them out."
                )
            levels = asked or levels_by_default(network)
            dropped = missing(levels, asked)
            frame = network.predict(table, level=levels, query=query)
        else:
            frame = sequence_of(network, model, table, horizon, future, asked, query)
        write(frame, out)
        if not quiet:
            show(frame, {"forecast": out}, dropped=dropped)


def sequence_of(
    network: "SequenceRegressor",
    model: str,
    table: str | None,
    steps: int | None,
    future: str | None,
    levels: tuple[float, ...] | None,
    query: str | None,
) -> Any:
    """Outputs at the rows of a table, or after them."""
    what = f"{model} is a SequenceRegressor"
    if table is None:
        raise UsageError(f"{what}, which keeps no rows. Name a table: predict MODEL TABLE.")
    if query is not None:
        raise UsageError(f"--query is of a Forecaster; {what}. Leave it out.")
    if levels is not None:
        raise UsageError(f"--level: {what}, which has no intervals. Leave it out.")
    if steps is not None:
        return network.generate(table, steps, future=future)
    if future is not None:
        raise UsageError("--future: rows to come are read with --horizon. Say how many.")
    return network.predict(table)


def given(choices: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; the others keep the defaults of the public classes."""
    return {name: value for name, value in choices.items() if value is not None}


def levels_of(texts: list[str] | None) -> tuple[float, ...] | None:
    """Interval levels in percent from ``--level 80 --level 95`` or ``--level 80,95``."""
    if not texts:
        return None
    levels = []
    for text in ",".join(texts).split(","):
        try:
            levels.append(float(text))
        except ValueError:
            raise UsageError(
                f"--level {text!r}: not a number. Give percentages, as in --level 80,95."
            ) from None
    from rollcast.forecast.result import checked_levels

    return checked_levels(levels)


def units_of(text: str | None) -> tuple[int, ...] | None:
    """The units of each layer from ``--hidden 64,32``."""
    if text is None:
        return None
    try:
        return tuple(int(units) for units in text.split(","))
    except ValueError:
        raise UsageError(
            f"--hidden {text!r}: not whole numbers. Give the units of each layer, as in 64,32."
        ) from None


def levels_by_default(model: Any) -> tuple[float, ...]:
    """The usual levels, as far as a short table has held-out windows to calibrate them."""
    return tuple(level for level in LEVELS if level <= model.fitted_.calibration.largest_level)


def missing(levels: tuple[float, ...], asked: tuple[float, ...] | None) -> tuple[float, ...]:
    """The usual levels that had to be left out, if nobody asked for others."""
    return () if asked else tuple(level for level in LEVELS if level not in levels)


def frequency_of(text: str | None) -> str | int | None:
    """A frequency by name, or a whole number for integer time."""
    return int(text) if text is not None and text.isdecimal() else text


def check_results(
    table: str | None,
    *,
    out: str | None = None,
    report: str | None = None,
    save: str | None = None,
    quiet: bool,
) -> None:
    """Raise UsageError, before any work, for a place that cannot be written."""
    if out is not None:
        files.check_table_target(out, source=table)
    for option, path in (("--report", report), ("--save", save)):
        if path is not None:
            files.check_target(option, path, source=table)
    named = [path for path in (out, report, save) if path is not None]
    if len(set(named)) < len(named):
        raise UsageError("--out, --report and --save must name different files.")
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
