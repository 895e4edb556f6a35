"""``rollcast export``: a model for runtimes that know nothing of rollcast."""

from __future__ import annotations

from typing import Annotated

import typer

from rollcast.apps import files, options, typed
from rollcast.apps.faults import exit_codes
from rollcast.apps.results import levels_by_default
from rollcast.apps.screen import screen
from rollcast.errors import UsageError

EXAMPLES = """
[bold]Examples[/bold]

[cyan]rollcast fit sales.csv --horizon 14 --save sales.roll[/cyan]

[cyan]rollcast export sales.roll sales.onnx --level 80,95[/cyan]
"""

OnnxFile = Annotated[str, typer.Argument(metavar="FILE", help="The ONNX file to write: .onnx")]


def export(
    model: options.ModelFile,
    file: OnnxFile,
    level: options.Level = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a saved model as an ONNX file, which any ONNX runtime can forecast with.

    The file takes raw values and gives the median and the ends of its intervals. Its forecasts of
    the series in the model are compared with the model's own before it is written. Needs
    rollcast[onnx].
    """
    with exit_codes(quiet):
        asked = typed.levels_of(level)
        if not file.endswith(".onnx"):
            raise UsageError(f"{file}: expected a name that ends in .onnx.")
        files.check_target("FILE", file, source=model)
        from rollcast import Forecaster, load

        network = load(model)
        if not isinstance(network, Forecaster):
            raise UsageError(f"{model} is a SequenceRegressor; only a Forecaster can be exported.")
        from rollcast.interop import onnx

        made = onnx.export(network, file, level=asked or levels_by_default(network))
        if not quiet:
            console = screen()
            console.print(f"inputs:  {', '.join(made.inputs)}")
            console.print(f"outputs: {', '.join(made.outputs)}")
            console.print(
                f"compared with the model over {made.series} series: at most "
                f"{made.difference:.1g} scales of a window apart"
            )
            console.print(f"ONNX file: {made.path}", soft_wrap=True)
