"""Files by their ending: text, JSON, Parquet, Arrow and Excel."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rollcast.data.objects import frame_of
from rollcast.data.packed import check_book, unzipped
from rollcast.data.table import Table, must_differ
from rollcast.errors import DataError, MissingExtraError


def open_file(path: Path, sheet: str | int | None = None) -> Table:
    """The table in a file. Raises DataError for a file that cannot be read."""
    if not path.exists():
        raise DataError(f"{path}: no such file.{_nearby(path)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name one file in it.")
    name = path.name.lower()
    zipped = name.endswith(".gz")
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix not in (*FORMATS, *EXCEL) or (zipped and suffix not in (*TEXT, *JSON)):
        raise DataError(
            f"{path}: cannot read files that end in {suffix or 'nothing'!r}. "
            f"Expected {', '.join((*FORMATS, *EXCEL))} (text and JSON also as .gz)."
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: not even a header. Expected one row of column names.")
    return _open_excel(path, sheet) if suffix in EXCEL else FORMATS[suffix](path)


def is_excel(source: str | Path) -> bool:
    """Whether the name is that of an Excel file."""
    return Path(source).suffix.lower() in EXCEL


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either."
    near = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f" Did you mean {near[0]}?" if near else " Check the path."


def _open_text(path: Path) -> Table:
    import polars as pl

    content = _decode(path)
    separator = _separator(content)
    if re.fullmatch(rb"\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*", content.partition(b"\n")[0]):
        content = b"y\n" + content  # a value a line, and no name for them

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
    must_differ(_written(content, separator), path.name)
    return Table(names, path.name, "polars", load, typed=False, decimal_comma=separator == ";")


def _written(content: bytes, separator: str) -> list[str]:
    """The names in the header as they stand there: of two alike polars renames the second. Those
    left out, as by separators at the end of each line, are none."""
    line = content.lstrip().partition(b"\n")[0].decode(errors="replace")
    return [name for name in next(csv.reader([line], delimiter=separator), []) if name.strip()]


def _decode(path: Path) -> bytes:
    """The bytes of a text file as UTF-8 without a byte-order mark."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = unzipped(content, path.name)
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


def _open_json(path: Path) -> Table:
    try:
        content = json.loads(_decode(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name} is no JSON: {error}. Write it anew.") from None
    return _of_json(content, path.name)


def _open_json_lines(path: Path) -> Table:
    rows = []
    for number, line in enumerate(_decode(path).splitlines(), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{path.name}, line {number} is no JSON: {error}. Expected one object a line."
                ) from None
    return _of_json(rows, path.name)


def _of_json(content: Any, source: str) -> Table:
    """A list of records, or an object of columns: each a list, or an object by row as pandas
    writes it."""
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        names = list(dict.fromkeys(name for row in content for name in row))
        columns = {name: [row.get(name) for row in content] for name in names}
    elif (
        isinstance(content, dict)
        and content
        and all(isinstance(column, list | dict) for column in content.values())
    ):
        columns = {
            name: list(column.values()) if isinstance(column, dict) else column
            for name, column in content.items()
        }
        lengths = {len(column) for column in columns.values()}
        if len(lengths) > 1:
            raise DataError(
                f"{source}: its columns have {min(lengths)} to {max(lengths)} rows. Expected as "
                "many in each."
            )
    else:
        raise DataError(
            f'{source}: expected a list of records, as in [{{"ds": "2024-01-31", "y": 1}}, …], or '
            'an object of columns, as in {"ds": […], "y": […]}.'
        )
    return _whole(frame_of(columns, source), source)


def _whole(frame: Any, source: str) -> Table:
    """A polars frame that is there already, as a table."""
    import narwhals as nw

    return Table(
        tuple(frame.columns), source, "polars", lambda wanted: nw.from_native(frame[wanted])
    )


def _open_excel(path: Path, sheet: str | int | None) -> Table:
    try:
        import fastexcel
    except ImportError:
        raise MissingExtraError(
            f"{path.name}: Excel files need fastexcel, which is not installed. Run: "
            "pip install 'rollcast[excel]'; or save the sheet as CSV."
        ) from None
    check_book(path)
    try:
        book = fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(f"{path.name} is damaged, or no Excel file: {reason}.") from None
    names = book.sheet_names
    if isinstance(sheet, str) and sheet not in names and sheet.isdecimal():
        sheet = int(sheet)  # as the command line gives it
    index = 0 if sheet is None else sheet - 1 if isinstance(sheet, int) else sheet
    if index not in names and index not in range(len(names)):
        raise DataError(
            f"{path.name} has no sheet {sheet!r}. It has {', '.join(map(repr, names))}; a number "
            "counts from 1."
        )
    source = path.name if sheet is None else f"{path.name}, sheet {sheet!r}"
    try:
        # (columns of several kinds as text: what they mean is decided in one place)
        found = book.load_sheet(index, schema_sample_rows=None)
    except fastexcel.FastExcelError as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(f"{source} cannot be read: {reason}.") from None
    frame = found.to_polars()
    if not frame.width:
        raise DataError(f"{source} is empty: not even a header. Expected one row of column names.")
    empty = frame.select(name for name in frame.columns if frame[name].null_count() < len(frame))
    return _whole(frame.filter(~_all_null(frame)) if empty.width else frame, source)


def _all_null(frame: Any) -> Any:
    """Rows without anything in them, which spreadsheets leave at their end."""
    import polars as pl

    return pl.all_horizontal(pl.all().is_null())


TEXT = (".csv", ".tsv", ".txt")
JSON = (".json", ".jsonl", ".ndjson")
EXCEL = (".xlsx", ".xls", ".xlsb", ".xlsm", ".ods")
FORMATS: dict[str, Callable[[Path], Table]] = {
    **dict.fromkeys(TEXT, _open_text),
    ".json": _open_json,
    **dict.fromkeys((".jsonl", ".ndjson"), _open_json_lines),
    ".parquet": _open_parquet,
    ".pq": _open_parquet,
    ".arrow": _open_arrow,
    ".feather": _open_arrow,
    ".ipc": _open_arrow,
}
