"""What a recipe found, and its files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollcast import __version__
from rollcast.atomic import whole_file
from rollcast.errors import UsageError
from rollcast.plots.image import can_draw, png
from rollcast.plots.page import figure_html

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class RecipeResult:
    """What a recipe found.

    ``name`` as on the command line; ``settings``: option → value, the seed among them;
    ``metrics``: name → number; ``figures``: name of a file without its ending → Plotly figure;
    ``table``: one mapping a row, from heading to text or number; rows with another first heading
    are another table. ``seconds`` it took, pictures left out.
    """

    name: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    figures: Mapping[str, Figure]
    table: Sequence[Mapping[str, Any]]
    seconds: float

    def write(self, folder: str | os.PathLike[str], *, images: bool | None = None) -> list[Path]:
        """Write a page for every figure and ``results.json`` into the folder, which is made where
        it is missing; gives the paths. Each file appears whole or not at all.

        ``images``: a PNG beside each page; None = where the extra ``[png]`` and a browser are
        installed. Raises UsageError for a folder that cannot be written, MissingExtraError for
        images that cannot be drawn here.
        """
        target = Path(folder)
        footer = f"rollcast {__version__}, recipe {self.name}, seed {self.settings.get('seed')}"
        files = {
            f"{name}.html": figure_html(figure, footer=footer).encode()
            for name, figure in self.figures.items()
        }
        if can_draw() if images is None else images:
            files |= {f"{name}.png": png(figure) for name, figure in self.figures.items()}
        files["results.json"] = self._json().encode()
        try:
            target.mkdir(parents=True, exist_ok=True)
            for name, contents in files.items():
                with whole_file(target / name) as file:
                    file.write(contents)
        except OSError as error:
            raise UsageError(
                f"folder {folder}: {error.strerror or error}. Choose one that can be written."
            ) from error
        return [target / name for name in files]

    def _json(self) -> str:
        found = {
            "recipe": self.name,
            "version": __version__,
            "settings": self.settings,
            "seed": self.settings.get("seed"),
            "metrics": self.metrics,
            "table": self.table,
            "seconds": self.seconds,
            "figures": [f"{name}.html" for name in self.figures],
        }
        return json.dumps(_plain(found), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """As JSON can say it: NumPy's numbers as Python's, what is no finite number as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, str) or value is None:
        return value
    if hasattr(value, "tolist"):  # a NumPy number or array
        value = value.tolist()
    if isinstance(value, Sequence):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float) else str(value)
