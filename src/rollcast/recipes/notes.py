"""What a recipe notes while it runs: settings, table, the numbers in it, seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rollcast.recipes.result import RecipeResult

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NOT_A_SETTING = "listeners"
NETWORK = ("cell", "hidden", "dropout", "normalize", "seed")


class Notes:
    """Begun in the first line of a recipe, with its ``locals()``: these are its settings.

    The clock runs until the last line of the table, so that pictures are left out.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self._began = perf_counter()
        self.name = name
        self.settings: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in arguments.items()
            if key != NOT_A_SETTING
        }
        self.table: list[dict[str, Any]] = []
        self.metrics: dict[str, float] = {}
        self.seconds = 0.0

    @property
    def network(self) -> dict[str, Any]:
        """The settings that a `SequenceRegressor` takes under the same names."""
        return {key: self.settings[key] for key in NETWORK}

    def line(self, of: Mapping[str, str | int], found: Mapping[str, Any]) -> None:
        """Add a line to the table: what it is of, and what was found. Each number of it is a
        metric, named by both: ``{"method": "as published"}`` and ``"RMSE, °C"`` make
        ``as_published_rmse_c``."""
        self.table.append({**of, **found})
        words = [text if isinstance(text, str) else f"{what} {text}" for what, text in of.items()]
        for what, value in found.items():
            if value is not None and not isinstance(value, str):
                self.metrics[snake(*words, what)] = value
        self.seconds = perf_counter() - self._began

    def result(self, figures: Mapping[str, Figure]) -> RecipeResult:
        """All of it, with the pictures."""
        return RecipeResult(
            self.name, self.settings, self.metrics, figures, self.table, self.seconds
        )


def snake(*texts: str, sep: str = "_") -> str:
    """Texts as one name.

    >>> snake("as published", "RMSE, °C")
    'as_published_rmse_c'
    """
    return sep.join(re.findall("[a-z0-9]+", " ".join(texts).lower()))
