"""Files, databases and frames opened as one thing: named columns, loaded when asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.errors import DataError, UsageError

_VALUE = re.compile(r"[+-]?[\d.,:/\s-]*\d[\d.,:/\s-]*")  # a number, a date or a time


@dataclass(frozen=True)
class Table:
    """A table that has been opened but not read.

    ``names`` of the columns; ``source`` for messages; ``kind`` of frame; ``load(names)`` gives a
    narwhals frame of those columns. ``typed`` is False for text files, where every column is text.
    ``decimal_comma`` says that ``1,5`` is a number. ``index`` names a pandas index that may have
    been meant as a column.
    """

    names: tuple[str, ...]
    source: str
    kind: str
    load: Callable[[list[str]], Any]
    typed: bool = True
    decimal_comma: bool = False
    index: str = ""

    def split(self, names: str | Sequence[str]) -> tuple[str, ...]:
        """One name, those of a comma list (unless a column has the whole of it as its name), or
        those of a sequence."""
        if not isinstance(names, str):
            return tuple(names)
        if names in self.names:
            return (names,)
        return tuple(name.strip() for name in names.split(","))

    def need(self, name: str, option: str, why: str) -> None:
        """Raise `DataError` unless there is a column ``name``."""
        if name in self.names:
            return
        near = get_close_matches(name, self.names, n=2, cutoff=0.6) or [
            other for other in self.names if other.lower() == name.lower()
        ]
        meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        index = ""
        if self.index:
            index = f" The {self.index} is not a column: pass table.reset_index()."
        header = ""
        if self.names and all(_VALUE.fullmatch(other.strip()) for other in self.names):
            header = " They look like values: give the table a first row of column names."
        raise DataError(
            f"{self.source} has no column {name!r} ({why}). Columns found: "
            f"{', '.join(map(repr, self.names)) or 'none'}.{header}{meant}{index} "
            f"Name the right one with {option}= (--{option}), or rename it."
        )


def open_table(source: Any, query: str | None = None, sheet: str | int | None = None) -> Table:
    """The `Table` behind a path, a connection string or a frame.

    ``query`` is for databases, ``sheet`` for Excel files. Raises DataError for what cannot be
    opened, UsageError for an option that does not go with it, MissingExtraError for a library that
    is not installed.
    """
    from rollcast.data import database, formats

    if isinstance(source, str) and database.is_connection(source):
        if sheet is not None:
            raise UsageError(f"sheet={sheet!r} is for Excel files. Leave it out.")
        return database.open_database(source, query)
    if query is not None:
        raise UsageError(
            f"query={query!r} is for databases, named by a connection string such as "
            "sqlite:///sales.db. Leave it out."
        )
    excel = isinstance(source, str | Path) and formats.is_excel(source)
    if sheet is not None and not excel:
        raise UsageError(f"sheet={sheet!r} is for Excel files. Leave it out.")
    if isinstance(source, str | Path):
        return formats.open_file(Path(source).expanduser(), sheet)
    return _open_frame(_as_frame(source))


# --------------------------------------------------------------------------------------- frames


def _as_frame(source: Any) -> Any:
    """One column of values as a table: of an array, a list or a series, whose stamps, if it has
    any, are the time."""
    import polars as pl

    library = type(source).__module__.split(".")[0]
    if library in ("pandas", "polars") and type(source).__name__ == "Series":
        frame = source.to_frame("y")
        if type(getattr(source, "index", None)).__name__ == "DatetimeIndex":
            frame = frame.rename_axis("ds").reset_index()
        return frame
    if isinstance(source, list | tuple) and source and not isinstance(source[0], Mapping):
        source = np.asarray(source)
    if isinstance(source, np.ndarray):
        if source.ndim != 1 or source.dtype.kind not in "iufb":
            raise DataError(
                f"cannot read a table from an array of {source.dtype} with shape {source.shape}. "
                "Expected numbers, (rows,), or a frame whose columns have names."
            )
        return pl.DataFrame({"y": source})
    return source


def _open_frame(source: Any) -> Table:
    import narwhals as nw

    index = _index_name(source)
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        names = [str(name) for name in source.columns]  # pandas also has columns 0, 1, 2
        must_differ(names, "pandas table")
        if names != list(source.columns):
            source = source.set_axis(names, axis=1)
    try:
        frame = nw.from_native(source)
    except TypeError:
        raise DataError(
            f"cannot read a table from {type(source).__name__}. Expected a path, or a pandas, "
            "polars or Arrow table."
        ) from None
    native = frame.implementation
    kind = "pandas" if native.is_pandas_like() else "polars" if native.is_polars() else "pyarrow"

    def load(wanted: list[str]) -> Any:
        chosen = frame.select(wanted)
        return chosen.collect(kind) if isinstance(chosen, nw.LazyFrame) else chosen

    names = tuple(frame.collect_schema().names())
    return Table(names, f"{kind} table", kind, load, index=index)


def must_differ(names: Sequence[str], source: str) -> None:
    """Raise DataError where two columns share a name."""
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{source}: two columns are named {name!r}. Rename or drop one.")


def _index_name(frame: Any) -> str:
    """How to name a pandas index that carries data; "" for plain row numbers or no index."""
    index = getattr(frame, "index", None)
    name = getattr(index, "name", None)
    if name is not None:
        return f"index {name!r}"
    return "index of stamps" if type(index).__name__ == "DatetimeIndex" else ""


def row_number(rows: np.ndarray | None, index: Any) -> int:
    """The number a person gives a row: 1 is the first below the header, before any filter."""
    return int(index if rows is None else rows[index]) + 1
