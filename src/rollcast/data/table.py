"""Files and frames opened as one thing: named columns, loaded when asked for."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.errors import DataError


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
        flag = option.replace("id", "--id").replace("time", "--time").replace("target", "--target")
        raise DataError(
            f"{self.source} has no column {name!r} ({why}). Columns found: "
            f"{', '.join(map(repr, self.names)) or 'none'}.{meant}{index} "
            f"Name the right one with {option}= ({flag} on the command line)."
        )


def open_table(source: Any) -> Table:
    """The `Table` behind a path or a frame. Raises `DataError` for what cannot be opened."""
    if isinstance(source, str | Path):
        return _open_file(Path(source).expanduser())
    return _open_frame(source)


# --------------------------------------------------------------------------------------- frames


def _open_frame(source: Any) -> Table:
    import narwhals as nw

    index = _index_name(source)
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        names = [str(name) for name in source.columns]  # pandas also has columns 0, 1, 2
        _must_differ(names, "pandas table")
        if names != list(source.columns):
            source = source.set_axis(names, axis=1)
    try:
        frame = nw.from_native(source)
    except TypeError:
        raise DataError(
            f"cannot read a table from {type(source).__name__}. Expected a path, or a pandas, "
            "polars or Arrow table."
        ) from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect("polars" if frame.implementation.is_polars() else "pyarrow")
    native = frame.implementation
    kind = "pandas" if native.is_pandas_like() else "polars" if native.is_polars() else "pyarrow"
    return Table(
        names=tuple(frame.columns),
        source=f"{kind} table",
        kind=kind,
        load=lambda wanted: frame.select(wanted),
        index=index,
    )


def _must_differ(names: list[str], source: str) -> None:
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


# ---------------------------------------------------------------------------------------- files


def _open_file(path: Path) -> Table:
    if not path.exists():
        raise DataError(f"{path}: no such file.{_nearby(path)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name one file in it.")
    name = path.name.lower()
    zipped = name.endswith(".gz")
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix not in FORMATS or (zipped and suffix not in TEXT):
        raise DataError(
            f"{path}: cannot read files that end in {suffix or 'nothing'!r}. "
            f"Expected {', '.join(FORMATS)} (text also as .gz)."
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: not even a header. Expected one row of column names.")
    return FORMATS[suffix](path)


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either."
    near = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f" Did you mean {near[0]}?" if near else " Check the path."


def _open_text(path: Path) -> Table:
    import polars as pl

    content = _decode(path)
    separator = _separator(content)

    def read(columns: Sequence[str] | None, rows: int | None) -> pl.DataFrame:
        try:
            # all as text: leading zeros survive, and what a column means is decided in one place
            return pl.read_csv(
                content, columns=columns, n_rows=rows, separator=separator, infer_schema=False
            )
        except pl.exceptions.PolarsError as error:
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise DataError(
                f"{path.name} cannot be read as text with columns split by {separator!r}: "
                f"{reason}. Expected the same number of columns in every row."
            ) from None

    def load(wanted: list[str]) -> Any:
        import narwhals as nw

        return nw.from_native(read(wanted, None).select(wanted))

    names = tuple(read(None, 0).columns)
    return Table(names, path.name, "polars", load, typed=False, decimal_comma=separator == ";")


def _decode(path: Path) -> bytes:
    """The bytes of a text file as UTF-8 without a byte-order mark."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError):
            raise DataError(f"{path.name} is a damaged gzip file. Copy it anew.") from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16").encode()
    if b"\x00" in content[:4096]:
        raise DataError(f"{path.name} is not a text file. Name it by its true ending.")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise DataError(f"{path.name} is empty: not even a header. Expected column names.")
    try:
        content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1").encode()
    return content


def _separator(content: bytes) -> str:
    """The separator met most often in both of the first two lines, outside quotes."""
    lines = content[:65536].decode(errors="ignore").splitlines()[:2]
    bare = ["".join(line.split('"')[::2]) for line in lines]
    return max(",;\t|", key=lambda mark: min(line.count(mark) for line in bare))


def _open_parquet(path: Path) -> Table:
    import polars as pl

    return _open_lazy(path, pl.scan_parquet)


def _open_arrow(path: Path) -> Table:
    import polars as pl

    return _open_lazy(path, pl.scan_ipc)


def _open_lazy(path: Path, scan: Callable[[Path], Any]) -> Table:
    import polars as pl

    try:
        lazy = scan(path)
        names = tuple(lazy.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(
            f"{path.name} is damaged, or no {path.suffix} file: {reason}. Write it anew."
        ) from None

    def load(wanted: list[str]) -> Any:
        import narwhals as nw

        return nw.from_native(lazy.select(wanted).collect())

    return Table(names, path.name, "polars", load)


TEXT = (".csv", ".tsv", ".txt")
FORMATS: dict[str, Callable[[Path], Table]] = {
    **dict.fromkeys(TEXT, _open_text),
    ".parquet": _open_parquet,
    ".pq": _open_parquet,
    ".arrow": _open_arrow,
    ".feather": _open_arrow,
    ".ipc": _open_arrow,
}


def row_number(rows: np.ndarray | None, index: Any) -> int:
    """The number a person gives a row: 1 is the first below the header, before any filter."""
    return int(index if rows is None else rows[index]) + 1
