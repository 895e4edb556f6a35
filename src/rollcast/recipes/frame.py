"""Arrays as tables, outputs as arrays again, and their picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast.plots import WavePicture, waves

if TYPE_CHECKING:
    import polars
    from plotly.graph_objects import Figure

Series = Sequence[np.ndarray] | np.ndarray
"""Several series, ``(rows,)`` each, of any lengths."""


def long_frame(columns: Mapping[str, Series], ids: Sequence[int] | None = None) -> polars.DataFrame:
    """A table with these columns of the same series, their rows counted from 0."""
    import polars

    lengths = [len(series) for series in next(iter(columns.values()))]
    return polars.DataFrame(
        {
            "unique_id": np.repeat(range(len(lengths)) if ids is None else list(ids), lengths),
            "ds": np.concatenate([np.arange(rows) for rows in lengths]),
            **{name: np.concatenate(list(series)) for name, series in columns.items()},
        }
    )


def values_of(frame: Any, series: int, name: str = "rollcast") -> np.ndarray:
    """A column of outputs as ``(series, rows)``, float64."""
    return frame[name].to_numpy().astype(np.float64).reshape(series, -1)


def continued(
    known: Series,
    future: Series,
    said: Mapping[str, Series],
    *,
    names: Sequence[str],
    title: str,
    x: Series | None = None,
    unit: str = "",
    x_title: str = "step",
) -> Figure:
    """A picture of series, what came after them, and what each method said of that. ``x``: where
    the rows of both lie, ``(rows + steps,)`` a series."""
    pictures = []
    for k, name in enumerate(names):
        rows = len(known[k])
        at = np.arange(rows + len(future[k])) if x is None else x[k]
        ahead = {method: each[k] for method, each in said.items()}
        pictures.append(WavePicture(name, at[:rows], known[k], at[rows:], ahead, future[k]))
    return waves(pictures, title=title, unit=unit, x_title=x_title)
