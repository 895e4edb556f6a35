"""Arrays as tables, and outputs as arrays again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars


def long_frame(columns: Mapping[str, np.ndarray], start: int = 0) -> polars.DataFrame:
    """A table of series side by side: each column ``(series, rows)``, rows counted from start."""
    import polars

    series, rows = next(iter(columns.values())).shape
    return polars.DataFrame(
        {
            "unique_id": np.repeat(np.arange(series), rows),
            "ds": np.tile(np.arange(start, start + rows), series),
            **{name: values.ravel() for name, values in columns.items()},
        }
    )


def values_of(frame: Any, series: int, name: str = "rollcast") -> np.ndarray:
    """A column of outputs as ``(series, rows)``, float64."""
    return frame[name].to_numpy().astype(np.float64).reshape(series, -1)
