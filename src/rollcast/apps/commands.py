"""The commands: options to arguments of the public classes, results to files and the screen."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollcast.apps import backtesting, exporting, input_options, inspect, options, recipes, typed
from rollcast.apps.cli import version_line
from rollcast.apps.faults import exit_codes
from rollcast.apps.fitting import Choices, Trains, with_choices
from rollcast.apps.results import (
    check_results,
    levels_by_default,
    missing,
    show,
    show_fit,
    write,
)
from rollcast.apps.train import begun, ready, train
from rollcast.errors import UsageError

if TYPE_CHECKING:
    from rollcast.forecast.forecaster import Forecaster
    from rollcast.forecast.sequence.regressor import SequenceRegressor
    from rollcast.train.watch import GradientWatch

app = typer.Typer(
    name="rollcast",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

app.add_typer(recipes.app, name="recipe")
app.command(epilog=inspect.EXAMPLES, no_args_is_help=True)(inspect.inspect)
app.command(epilog=exporting.EXAMPLES, no_args_is_help=True)(exporting.export)


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


@app.command(cls=Trains, epilog=options.FORECAST_EXAMPLES, no_args_is_help=True)
@with_choices
def forecast(
    table: options.Source,
    choices: Choices,
    horizon: options.HorizonUnlessContinued = None,
    continued: options.Continue = None,
    future_table: input_options.FutureTable = None,
    level: options.Level = None,
    out: options.Out = None,
    samples: options.Samples = None,
    paths: options.Paths = 100,
    report: options.Report = None,
    save: options.Save = None,
    quiet: options.Quiet = False,
) -> None:
    """Train a network on a table and forecast what comes next, with intervals."""
    with exit_codes(quiet):
        asked = typed.levels_of(level)
        check_results(table, out=out, samples=samples, report=report, save=save, quiet=quiet)
        model, go_on = begun(horizon, continued, choices)
        ahead = ready(model.get_params(), None if continued else asked, future_table)
        watch = train(go_on, choices, quiet, ahead, table=table)
        # First, so that a level beyond what was learnt does not cost the training.
        if save is not None:
            model.save(save)
        levels = asked or levels_by_default(model)
        frame = model.predict(level=levels, future=future_table)
        write(frame, out)
        if samples is not None:
            write(model.sample(paths=paths, future=future_table), samples)
        if report is not None:
            write_its_report(model, report, levels, watch, future_table)
        if not quiet:
            written = {"forecast": out, "samples": samples, "report": report, "model": save}
            show(frame, written, scores=model.scores_, dropped=missing(levels, asked))


@app.command(cls=Trains, epilog=options.FIT_EXAMPLES, no_args_is_help=True)
@with_choices
def fit(
    table: options.Source,
    save: options.SaveNow,
    choices: Choices,
    horizon: options.HorizonUnlessContinued = None,
    continued: options.Continue = None,
    report: options.Report = None,
    quiet: options.Quiet = False,
) -> None:
    """Train a network on a table and save it, for rollcast predict."""
    with exit_codes(quiet):
        check_results(table, report=report, save=save, quiet=quiet)
        model, go_on = begun(horizon, continued, choices)
        watch = train(go_on, choices, quiet, table=table)
        model.save(save)
        if report is not None:
            write_its_report(model, report, levels_by_default(model), watch)
        if not quiet:
            show_fit(model.scores_, {"report": report, "model": save})


def write_its_report(
    model: "Forecaster",
    path: str,
    levels: tuple[float, ...],
    watch: "GradientWatch | None",
    future: str | None = None,
) -> None:
    """Write the report of a fit."""
    from rollcast import write_report

    seen = None if watch is None else watch.runs[0]
    write_report(model, path, level=levels, gradients=seen, future=future)


@app.command(cls=Trains, epilog=backtesting.EXAMPLES, no_args_is_help=True)
@with_choices
def backtest(
    table: options.Source,
    horizon: options.Horizon,
    choices: Choices,
    windows: backtesting.Windows = 10,
    step: backtesting.Step = None,
    gap: backtesting.Gap = 0,
    refit: backtesting.Refit = False,
    refit_every: backtesting.RefitEvery = None,
    no_recalibration: backtesting.NoRecalibration = False,
    level: options.Level = None,
    out: backtesting.Out = None,
    report: options.Report = None,
    quiet: options.Quiet = False,
) -> None:
    """Forecast the last rows of a table from rolling origins, and say how good it was."""
    with exit_codes(quiet):
        asked = typed.levels_of(level)
        check_results(table, out=out, report=report, quiet=quiet)
        rolling = {"windows": windows, "step": step, "gap": gap}
        rolling |= {"refit": refit_every or refit, "recalibrate": not no_recalibration}
        if asked is not None:
            rolling["level"] = asked
        backtesting.run(table, horizon, choices, rolling, out=out, report=report, quiet=quiet)


@app.command(epilog=options.PREDICT_EXAMPLES, no_args_is_help=True)
def predict(
    model: options.ModelFile,
    table: options.NewerSource = None,
    horizon: options.GoOn = None,
    future: options.Future = None,
    query: options.Query = None,
    level: options.Level = None,
    out: options.Out = None,
    samples: options.Samples = None,
    paths: options.Paths = 100,
    quiet: options.Quiet = False,
) -> None:
    """Forecast with a saved model: from its own history, or from a newer table.

    A SequenceRegressor says its outputs at every row of the table, or with --horizon goes on from
    the last.
    """
    with exit_codes(quiet):
        asked = typed.levels_of(level)
        check_results(table, out=out, samples=samples, quiet=quiet)
        from rollcast import Forecaster, load

        network = load(model)
        dropped: tuple[float, ...] = ()
        if isinstance(network, Forecaster):
            if horizon is not None:
                raise UsageError(
                    f"--horizon: {model} is a Forecaster of {network.horizon} steps. Leave it out."
                )
            levels = asked or levels_by_default(network)
            dropped = missing(levels, asked)
            frame = network.predict(table, level=levels, query=query, future=future)
            if samples is not None:
                write(network.sample(table, paths=paths, query=query, future=future), samples)
        elif samples is not None:
            raise UsageError(f"--samples: {model} is a SequenceRegressor, which draws no paths.")
        else:
            frame = sequence_of(network, model, table, horizon, future, asked, query)
        write(frame, out)
        if not quiet:
            show(frame, {"forecast": out, "samples": samples}, dropped=dropped)


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
