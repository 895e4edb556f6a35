"""The shell of every page: one HTML file that loads nothing, in the colours of the theme."""

import html
import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollcast.atomic import whole_file
from rollcast.errors import UsageError
from rollcast.plots.style import DARK, LIGHT, twins
from rollcast.plots.tables import escaped

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


def page_html(title: str, body: str, figures: Mapping[str, Any]) -> str:
    """A page as text: ``body`` is HTML, and ``figures`` maps the id of a place in it to what is
    drawn there, as `drawing` gives it."""
    from plotly.offline import get_plotlyjs

    drawings = _json({"figures": figures, "twins": twins()})
    files = resources.files("rollcast.plots")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="generator" content="rollcast">'
        f"<title>{escaped(title)}</title>\n<style>\n{_colours()}"
        f"{files.joinpath('report.css').read_text(encoding='utf-8')}</style></head>\n<body><main>"
        f"{body}</main>\n"
        f'<script type="application/json" id="drawings">{drawings}</script>\n'
        f"<script>{get_plotlyjs()}</script>\n"
        f"<script>\n{files.joinpath('report.js').read_text(encoding='utf-8')}</script>\n"
        "</body></html>\n"
    )


def write_page(path: str | os.PathLike[str], text: str) -> Path:
    """Write a page; gives its path. The file appears whole or not at all.

    Raises UsageError when the folder does not exist or cannot be written.
    """
    target = Path(path).absolute()
    try:
        with whole_file(target) as file:
            file.write(text.encode())
    except OSError as error:
        raise UsageError(
            f"report {path}: {error.strerror or error}. Choose a folder that exists and can be "
            "written."
        ) from error
    return target


def figure_html(figure: "Figure", *, footer: str = "") -> str:
    """A page of one figure under its title."""
    title = html.unescape(figure.layout.title.text or "Figure")  # type: ignore[attr-defined]
    body = (
        f"<h1>{escaped(title)}</h1>\n"
        "<noscript><p>The figure needs JavaScript.</p></noscript>\n"
        '<section><div class="figure" id="figure"></div></section>'
        f"<footer>{escaped(footer)}</footer>"
    )
    return page_html(title, body, {"figure": drawing(figure)})


def drawing(figure: "Figure") -> dict[str, Any]:
    """A figure as a page holds it."""
    return json.loads(str(figure.to_json(engine="json")))


def _colours() -> str:
    def rules(palette: dict[str, str]) -> str:
        return " ".join(
            f"--{name}: {colour};" for name, colour in palette.items() if " " not in name
        )

    return (
        f":root {{ {rules(LIGHT)} }}\n"
        "@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) "
        f"{{ {rules(DARK)} }} }}\n"
        f":root[data-theme=dark] {{ {rules(DARK)} }}\n"
    )


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
