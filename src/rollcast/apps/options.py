"""The options of tables and results with their help, and the examples that --help ends with.

None stands for "not given": the default is that of the public class, said in the help text.
"""

from typing import Annotated

import typer

TABLE = "The table"
RESULT = "What is left"

Source = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="A file (.csv, .tsv, .json, .jsonl, .parquet, .arrow, .feather, .xlsx …; text also as "
        ".gz) or a database (sqlite:///file.db, postgresql://…, duckdb:///file.duckdb)",
    ),
]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A file that --save left")]
NewerSource = Annotated[
    str | None,
    typer.Argument(
        metavar="TABLE",
        help="Rows to go on from, with the columns of the first table (default: the saved history)",
    ),
]
Horizon = Annotated[
    int, typer.Option("--horizon", min=1, metavar="N", help="How many steps to forecast")
]
HorizonUnlessContinued = Annotated[
    int | None,
    typer.Option(
        "--horizon",
        min=1,
        metavar="N",
        help="How many steps to forecast (with --continue that of the model)",
    ),
]
Continue = Annotated[
    str | None,
    typer.Option(
        "--continue",
        metavar="MODEL",
        help="Train on from a saved model: TABLE has all rows to train on, old and new, with the "
        "columns of its first table; goes with --steps, --learning-rate, --max-time, --where and "
        "--query",
    ),
]
GoOn = Annotated[
    int | None,
    typer.Option(
        "--horizon",
        min=1,
        metavar="N",
        help="Of a SequenceRegressor: go on for N rows, each output read as the next input",
    ),
]
Future = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Rows to come of the inputs that are known ahead, or (SequenceRegressor, with "
        "--horizon) not forecast",
    ),
]

Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="COLUMN",
        help="Column that names the series (default: unique_id; absent = one series)",
        rich_help_panel=TABLE,
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMNS",
        help="Column of the time, or several: year,month,day,hour (default: ds)",
        rich_help_panel=TABLE,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMNS",
        help="Column to forecast, or several, each a series of its own: load,heat or "
        '"*" for all columns of numbers (default: y)',
        rich_help_panel=TABLE,
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="RULE", help='Rows to take: "split = train and year >= 2010"', rich_help_panel=TABLE
    ),
]
Freq = Annotated[
    str | None,
    typer.Option(
        metavar="FREQ",
        help="Frequency: h, D, W, MS … or a whole number for integer time (default: found)",
        rich_help_panel=TABLE,
    ),
]
Season = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Rows in a season, 1 = none (default: found)",
        rich_help_panel=TABLE,
    ),
]
Duplicates = Annotated[
    str | None,
    typer.Option(
        metavar="RULE",
        help="A time that comes twice: error, first, last or mean (default: error)",
        rich_help_panel=TABLE,
    ),
]
Snap = Annotated[
    bool,
    typer.Option(
        "--snap",
        help="Move each stamp to the nearest step, and say how far",
        rich_help_panel=TABLE,
    ),
]
Query = Annotated[
    str | None,
    typer.Option(
        metavar="SQL",
        help='Of a database: "select day, sold from sales", or the name of a table',
        rich_help_panel=TABLE,
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of an Excel file: a sheet's name, or its number from 1 (default: the first)",
        rich_help_panel=TABLE,
    ),
]

Level = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PERCENT",
        help="Interval levels in percent, repeated or as 80,95 (default: 80,95)",
        rich_help_panel=RESULT,
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The forecast: .csv, .parquet or .json; - = CSV on stdout",
        rich_help_panel=RESULT,
    ),
]
Samples = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Sampled paths, a table as --out, with a column sample",
        rich_help_panel=RESULT,
    ),
]
Paths = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Paths of each series in --samples", rich_help_panel=RESULT
    ),
]
Report = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The report, one HTML file", rich_help_panel=RESULT),
]
Save = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The model, for rollcast predict", rich_help_panel=RESULT),
]
SaveNow = Annotated[
    str,
    typer.Option(
        "--save", metavar="FILE", help="The model, for rollcast predict", rich_help_panel=RESULT
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="Print nothing but errors", rich_help_panel=RESULT)
]

FIT_EXAMPLES = """
[bold]Examples[/bold]

Train once, forecast later:

[cyan]rollcast fit sales.csv --id store --time day --target units --horizon 28 \
--save sales.roll[/cyan]

[cyan]rollcast predict sales.roll newer.csv --out forecast.csv[/cyan]

A month later, trained on from there with the rows that came since:

[cyan]rollcast fit sales-june.csv --continue sales.roll --steps 200 --save sales-june.roll[/cyan]
"""

FORECAST_EXAMPLES = """
[bold]Examples[/bold]

One series, the next two weeks:

[cyan]rollcast forecast seattle-weather.csv --time date --target temp_max --horizon 14[/cyan]

Many series, everything kept:

[cyan]rollcast forecast sales.csv --id store --time day --target units --horizon 28 \
--out forecast.csv --report report.html --save sales.roll[/cyan]

Part of a table, a season given, intervals of 50 and 90 percent:

[cyan]rollcast forecast hourly.parquet --where "split = train" --season 24 --horizon 48 \
--level 50,90[/cyan]

Another optimizer, with its options:

[cyan]rollcast forecast sales.csv --horizon 7 --optimizer "sgd(momentum=0.9)" --learning-rate 0.01 \
--schedule one_cycle[/cyan]

Narrower layers, normalised, with dropout between them:

[cyan]rollcast forecast sales.csv --horizon 7 --hidden 64,32 --normalize layer --dropout 0.1[/cyan]

Time in four columns:

[cyan]rollcast forecast pollution.csv --time year,month,day,hour --target pm2.5 --horizon 24[/cyan]

Into another program:

[cyan]rollcast forecast sales.csv --horizon 7 --out - | head[/cyan]

[bold]Exit codes[/bold]

0 done, 1 our fault, 2 usage, 3 something in the table, 130 interrupted
"""

PREDICT_EXAMPLES = """
[bold]Examples[/bold]

From the history that the model was saved with:

[cyan]rollcast predict sales.roll --out forecast.csv[/cyan]

From newer rows:

[cyan]rollcast predict sales.roll sales-june.csv --out forecast.csv[/cyan]

What a SequenceRegressor says at every row, and how it goes on by itself:

[cyan]rollcast predict sensor.roll rows.csv --out outputs.csv[/cyan]

[cyan]rollcast predict wave.roll rows.csv --horizon 100 --out future.csv[/cyan]

[bold]Exit codes[/bold]

0 done, 1 our fault, 2 usage, 3 something in the table, 4 the model file, 130 interrupted
"""
