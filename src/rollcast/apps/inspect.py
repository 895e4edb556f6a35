"""``rollcast inspect``: what a table holds, its faults and remedies, options that suit it."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from rollcast.apps import input_options, options
from rollcast.apps.faults import exit_codes
from rollcast.apps.inspect_model import is_model, show_model
from rollcast.apps.screen import screen
from rollcast.apps.typed import names_of
from rollcast.data.inspection import Inspection

EXAMPLES = """
[bold]Examples[/bold]

Any table, before its columns are known:

[cyan]rollcast inspect sales.csv[/cyan]

As a forecast would read it, for a program:

[cyan]rollcast inspect sales.csv --id store --time day --target units --json[/cyan]

A model that fit or forecast saved:

[cyan]rollcast inspect sales.roll[/cyan]
"""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


def inspect(
    table: options.Source,
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
    past: input_options.Past = None,
    future: input_options.FutureInputs = None,
    static: input_options.Static = None,
    categorical: input_options.Categorical = None,
    holidays: input_options.Holidays = None,
    as_json: AsJson = False,
) -> None:
    """Say what a table holds, all of its faults and what to do, and options that suit it.

    Of a model file: network, training, scores, and what lies in it.
    """
    with exit_codes():
        if is_model(table):
            show_model(table, as_json=as_json)
            return
        from rollcast import inspect as inspected

        columns: dict[str, Any] = {"id": id, "time": time, "target": target, "where": where}
        columns |= {"freq": freq, "season": season, "duplicates": duplicates, "snap": snap or None}
        columns |= {"query": query, "sheet": sheet, "holidays": holidays}
        inputs = {"past": past, "future": future, "static": static, "categorical": categorical}
        columns |= {name: names_of(text) for name, text in inputs.items() if text is not None}
        chosen = {name: value for name, value in columns.items() if value is not None}
        found = inspected(table, **chosen)
        if as_json:
            typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
        else:
            show(found, screen())


def show(found: Inspection, console: Console) -> None:
    """The properties as a table, then faults and suggestions."""
    console.print(found.source, soft_wrap=True)
    console.print(Padding(_rows(found.properties()), (0, 0, 0, 2), expand=False))
    for title, faults in found.by_weight().items():
        console.print(f"\n{title}")
        for number, fault in enumerate(faults, 1):
            text = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
            text.add_row(f"{number}.", fault.what)
            text.add_row("→", fault.remedy)
            console.print(Padding(text, (0, 0, 0, 2), expand=False))
    if found.suggestions:
        console.print("\nOptions that suit it")
        rows = [(one.flag, one.why) for one in found.suggestions]
        console.print(Padding(_rows(rows), (0, 0, 0, 2), expand=False))
    if found.panel is not None:
        console.print(f"\n  {found.command()}", soft_wrap=True)


def _rows(rows: list[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
