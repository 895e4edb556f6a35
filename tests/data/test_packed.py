"""Files that would become immense are refused; those that are only well packed are read."""

import gzip
import zipfile
import zlib
from pathlib import Path

import pytest

from rollcast.data import packed
from rollcast.data.packed import check_book, unzipped
from rollcast.data.read import read
from rollcast.errors import DataError


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_what_was_zipped_comes_back_joined_and_padded_or_not(size: int) -> None:
    content = b"2024-01-01,1\n" * size
    one = gzip.compress(content)
    assert unzipped(one, "a.gz") == content == gzip.decompress(one)
    assert unzipped(one + one + b"\0\0", "a.gz") == content * 2


def test_damaged_files_are_said() -> None:
    whole = gzip.compress(b"ds,y\n1,2\n" * 100)
    for broken in (whole[:-3], whole[:30], whole[:12] + b"\xff" + whole[13:], whole + b"more"):
        with pytest.raises(DataError, match=r"a.csv.gz is a damaged gzip file"):
            unzipped(broken, "a.csv.gz")


def test_a_small_file_that_unpacks_to_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_BYTES", 1_000_000)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"ds,y\n" + b"1" * 3_000_000))
    with pytest.raises(DataError, match=r"bomb.csv.gz would become more than 200 times"):
        read(path)


def sheet(path: Path, *cells: str) -> Path:
    """A book whose sheet has these cells, as little of one as its reader needs to be asked."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        rows = "".join(f'<row><c r="{cell}"><v>1</v></c></row>' for cell in cells)
        book.writestr("xl/worksheets/sheet1.xml", f"<sheetData>{rows}</sheetData>")
    return path


def test_cells_far_apart_are_refused_before_their_rectangle_is_laid_out(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel")
    far = sheet(tmp_path / "far.xlsx", "A1", "B2", "XFD1048576")
    with pytest.raises(DataError, match="3 cells in a rectangle of 1048576 × 16384"):
        read(far)
    check_book(sheet(tmp_path / "near.xlsx", "A1", "B2", "ZZ900"))
    check_book(sheet(tmp_path / "long.xlsx", "A1", "B1048576"))


def test_a_book_that_unpacks_to_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_BYTES", 1_000_000)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", "a" * 3_000_000)
    with pytest.raises(DataError, match=r"bomb.xlsx would become more than 200 times"):
        check_book(path)
    path.write_bytes(zlib.compress(b"no zip"))
    check_book(path)  # what it is, its reader says
