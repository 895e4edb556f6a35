"""A figure as a PNG file, by the optional extra ``[png]``: kaleido with a browser."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rollcast.errors import MissingExtraError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

WIDTH, SCALE = 1000, 2  # pixels of the page, and of the file for each of them


def can_draw() -> bool:
    """Whether kaleido and a browser for it are installed."""
    return find_spec("kaleido") is not None and _browser() is not None


def png(figure: "Figure", *, scale: int = SCALE) -> bytes:
    """The figure on white as the contents of a PNG file, ``scale`` dots for each pixel of the page.
    Raises MissingExtraError."""
    check_png()
    white = type(figure)(figure).update_layout(paper_bgcolor="#ffffff", plot_bgcolor="#ffffff")
    return white.to_image(format="png", width=WIDTH, scale=scale)


def check_png() -> None:
    """Raise MissingExtraError where no PNG can be drawn."""
    if find_spec("kaleido") is None:
        raise MissingExtraError(
            "PNG needs kaleido, which is not installed. Run: pip install 'rollcast[png]'; the "
            "HTML page of each figure needs nothing."
        )
    if _browser() is None:
        raise MissingExtraError(
            "PNG needs Chromium or Chrome, and none was found. Install one or name it in "
            "BROWSER_PATH; the HTML page of each figure needs nothing."
        )


def _browser() -> str | None:
    chromium = import_module("choreographer.browsers.chromium")  # comes with kaleido
    return chromium.Chromium.find_browser(skip_local=False)
