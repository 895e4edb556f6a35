"""``rollcast recipe``: a command for each published experiment, made from its function."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from rollcast.apps import options
from rollcast.apps.faults import exit_codes
from rollcast.apps.screen import TrainingBar, is_watched, mapping_table, screen
from rollcast.errors import UsageError

# Of the function, but not of the command line.
NOT_ASKED = "listeners"
KEYWORD = inspect.Parameter.KEYWORD_ONLY

OUT = "out"
IMAGES = "png"
QUIET = "quiet"

Folder = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="Where its pictures and results.json go",
        rich_help_panel=options.RESULT,
    ),
]
Images = Annotated[
    bool | None,
    typer.Option(
        "--png/--no-png",
        help="A PNG beside each page (default: where rollcast\\[png] is installed)",
        rich_help_panel=options.RESULT,
    ),
]


class Recipes(TyperGroup):
    """The recipes as commands, each made when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every name, in the order of the table."""
        from rollcast.recipes import RECIPES

        return list(RECIPES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a recipe; says what there is when there is none of that name."""
        from rollcast.recipes import RECIPES

        with exit_codes():
            if cmd_name not in RECIPES:
                raise UsageError(
                    f"no recipe {cmd_name!r}. There are {', '.join(RECIPES)}; rollcast recipe "
                    "says what each one is."
                )
        return command_of(cmd_name, RECIPES[cmd_name])


class RecipeCommand(TyperCommand):
    """Runs a recipe with the options that were read."""

    def invoke(self, ctx: Any) -> None:
        """Run it, print its table, and write its files where it was asked for."""
        from rollcast.recipes import RECIPES

        with exit_codes():
            given = dict(ctx.params)
            folder, images, quiet = (given.pop(name) for name in (OUT, IMAGES, QUIET))
            check(folder, images, quiet)
            recipe = RECIPES[str(self.name)]
            with TrainingBar(screen(errors=True), shown=is_watched() and not quiet) as bar:
                result = recipe(**arguments(recipe, given), listeners=(bar,))
                written = [] if folder is None else result.write(folder, images=images)
            if quiet:
                return
            console = screen()
            console.print(first_line(recipe))
            # lines that begin with another heading are a table of their own
            for _, lines in groupby(result.table, key=lambda line: next(iter(line), None)):
                console.print(mapping_table(list(lines)))
            for path in written:
                console.print(f"written: {path}", soft_wrap=True)
            kept = "" if written else "; --out FOLDER keeps the pictures"
            console.print(f"{result.seconds:.1f} s{kept}")


def show_recipes(context: typer.Context) -> None:
    """Run a published experiment, or list them all: rollcast recipe NAME --help has its options."""
    if context.invoked_subcommand is not None:
        return
    with exit_codes():
        from rollcast.recipes import RECIPES

        rows = [
            {"recipe": name, "what it shows": first_line(recipe)}
            for name, recipe in RECIPES.items()
        ]
        screen().print(mapping_table(rows), "rollcast recipe NAME --out FOLDER runs one", sep="\n")


app = typer.Typer(cls=Recipes, rich_markup_mode="rich", add_completion=False)
app.callback(invoke_without_command=True)(show_recipes)


def check(folder: str | None, images: bool | None, quiet: bool) -> None:
    """Raise UsageError, before any work, for results that nobody would have."""
    if quiet and folder is None:
        raise UsageError("--quiet would leave nothing at all. Add --out FOLDER.")
    if images and folder is None:
        raise UsageError("--png needs a place. Add --out FOLDER.")
    if images:
        from rollcast.plots.image import check_png

        check_png()


def command_of(name: str, recipe: Callable[..., Any]) -> Any:
    """The command of a recipe: an option for each argument of the function."""
    texts = parameter_texts(recipe)
    shown = [option(one, kind, texts.get(one.name, "")) for one, kind in asked(recipe)]
    for extra, kind, usual in (
        (OUT, Folder, None),
        (IMAGES, Images, None),
        (QUIET, options.Quiet, False),
    ):
        shown.append(inspect.Parameter(extra, KEYWORD, default=usual, annotation=kind))

    def signed() -> None: ...

    signed.__doc__ = inspect.cleandoc(recipe.__doc__ or "").split("\nParameters\n")[0]
    signed.__annotations__ = {one.name: one.annotation for one in shown}
    signed.__signature__ = inspect.Signature(shown)
    maker = typer.Typer(add_completion=False, rich_markup_mode="rich")
    maker.command(name, cls=RecipeCommand)(signed)
    command = typer.main.get_command(maker)
    command.name = name
    return command


def asked(recipe: Callable[..., Any]) -> list[tuple[inspect.Parameter, Any]]:
    """The arguments that become options, with their types."""
    kinds = get_type_hints(recipe)
    parameters = inspect.signature(recipe).parameters.values()
    return [(one, kinds[one.name]) for one in parameters if one.name != NOT_ASKED]


def option(parameter: inspect.Parameter, kind: Any, text: str) -> inspect.Parameter:
    """The argument as an option. A sequence is written with commas, or repeated."""
    name = "--" + parameter.name.replace("_", "-")
    if is_sequence(kind):
        usual = ",".join(str(each) for each in parameter.default)
        help = f"{text} (default: {usual})".lstrip() if usual else text
        several = Annotated[list[str] | None, typer.Option(name, metavar="A,B,…", help=help)]
        return parameter.replace(annotation=several, default=None)
    if kind is bool and parameter.default:
        name = f"{name}/--no-{name[2:]}"
    return parameter.replace(annotation=Annotated[kind, typer.Option(name, help=text)])


def is_sequence(kind: Any) -> bool:
    """Whether an argument takes several values."""
    return get_origin(kind) in (Sequence, tuple, list)


def arguments(recipe: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the function takes them; sequences that were not given are left out."""
    found: dict[str, Any] = {}
    for parameter, kind in asked(recipe):
        value = given[parameter.name]
        if not is_sequence(kind):
            found[parameter.name] = value
        elif value:
            inner = get_args(kind)[0]
            words = split(",".join(value))
            try:
                found[parameter.name] = tuple(inner(word) for word in words)
            except ValueError:
                what = "whole numbers" if inner is int else "numbers"
                raise UsageError(
                    f"--{parameter.name.replace('_', '-')} {','.join(value)}: expected {what}, "
                    "as in 64,32."
                ) from None
    return found


def split(text: str) -> list[str]:
    """Words between commas, save those in brackets: ``adam,lbfgs(history=5,line_search=wolfe)``."""
    words, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return [word.strip() for word in words]


def first_line(recipe: Callable[..., Any]) -> str:
    """What a recipe is, in one line."""
    return (recipe.__doc__ or "").strip().split("\n")[0].rstrip(".")


def parameter_texts(recipe: Callable[..., Any]) -> dict[str, str]:
    """What each argument is, from "Parameters" of the docstring, which is written as NumPy's."""
    texts: dict[str, str] = {}
    name = ""
    _, _, rest = inspect.cleandoc(recipe.__doc__ or "").partition("\nParameters\n----------\n")
    for line in rest.split("\n"):
        if line and not line.startswith(" "):
            name = line.strip()
            texts[name] = ""
        elif line.strip():
            texts[name] = f"{texts[name]} {line.strip()}".strip()
        else:
            break
    return texts
