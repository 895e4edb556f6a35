"""The options of inputs beside the target with their help."""

from typing import Annotated

import typer

from rollcast.apps.options import TABLE

Past = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMNS",
        help="Inputs known up to the newest row: price,clicks",
        rich_help_panel=TABLE,
    ),
]
FutureInputs = Annotated[
    str | None,
    typer.Option(
        "--future",
        metavar="COLUMNS",
        help="Inputs known of rows to come as well: promo,temperature; rows after the last value "
        "are the future",
        rich_help_panel=TABLE,
    ),
]
Static = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMNS",
        help="Inputs with one value a series: region; the id column too",
        rich_help_panel=TABLE,
    ),
]
Categorical = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMNS",
        help="Inputs that are categories though they look like numbers",
        rich_help_panel=TABLE,
    ),
]
Holidays = Annotated[
    str | None,
    typer.Option(
        metavar="COUNTRY",
        help="Holidays of a country as inputs: DE, US, DE-BY …",
        rich_help_panel=TABLE,
    ),
]
FutureTable = Annotated[
    str | None,
    typer.Option(
        "--future-table",
        metavar="FILE",
        help="Rows to come of the inputs named in --future, with the columns of id and time",
        rich_help_panel=TABLE,
    ),
]
