"""Packed files that say little and would take much: refused before they fill the memory."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

from rollcast.errors import DataError

MOST_BYTES, MOST_TIMES = 256 * 2**20, 200
"""What a packed file may become: so many bytes, or so many times its own. Tables as text are
packed to a tenth, rarely to a fiftieth."""

MOST_CELLS, MOST_EMPTY = 20_000_000, 100
"""Cells of a sheet's rectangle, which is laid out whole: so many, or so many for each written."""

_CELL = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_AT_ONCE = 2**22


def unzipped(content: bytes, source: str) -> bytes:
    """The bytes of a gzip file; raises DataError for one that is damaged or says too little."""
    most = max(MOST_BYTES, MOST_TIMES * len(content))
    parts, size = [], 0
    while content:
        stream = zlib.decompressobj(wbits=31)  # gzip, its checksum among it
        try:
            parts.append(stream.decompress(content, most + 1 - size))
        except zlib.error:
            stream = None
        if stream is None or not (stream.eof or stream.unconsumed_tail):
            raise DataError(f"{source} is a damaged gzip file. Copy it anew.")
        size += len(parts[-1])
        if size > most or not stream.eof:
            raise too_large(source)
        content = stream.unused_data.lstrip(b"\0")  # several may be joined, and padded
    return b"".join(parts)


def too_large(source: str) -> DataError:
    """What is said of a file that becomes too large."""
    return DataError(
        f"{source} would become more than {MOST_TIMES} times as large as it is. If it is what it "
        "should be, unpack it, or save it as CSV or Parquet."
    )


def check_book(path: Path) -> None:
    """Raise DataError for an Excel file (a zip) that becomes too large, or has a sheet with a few
    cells far apart."""
    if not zipfile.is_zipfile(path):
        return  # an older kind, or damaged: the reader says it
    try:
        with zipfile.ZipFile(path) as book:
            size = sum(each.file_size for each in book.infolist())
            if size > max(MOST_BYTES, MOST_TIMES * path.stat().st_size):
                raise too_large(path.name)
            for each in book.infolist():
                if each.filename.startswith("xl/worksheets/") and each.filename.endswith(".xml"):
                    _check_sheet(book, each, path.name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
        return  # damaged: the reader says it


def _check_sheet(book: zipfile.ZipFile, sheet: zipfile.ZipInfo, source: str) -> None:
    rows, columns, cells, rest = 0, 0, 0, b""
    with book.open(sheet) as file:
        while part := file.read(_AT_ONCE):
            found = _CELL.findall(rest + part)
            cells += len(found)
            rows = max([rows, *(int(row) for _, row in found)])
            columns = max([columns, *map(_number, {column for column, _ in found})])
            rest = part[-16:]  # shorter than what names a cell twice
    if rows * columns > max(MOST_CELLS, MOST_EMPTY * cells):
        raise DataError(
            f"{source}: a sheet has {cells} cells in a rectangle of {rows} × {columns}. Delete "
            "those that stand far away, or save the sheet as CSV."
        )


def _number(letters: bytes) -> int:
    found = 0
    for letter in letters:
        found = 26 * found + letter - 64
    return found
