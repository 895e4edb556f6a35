"""JSON and Excel files, lazy frames, and numbers as spreadsheets write them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.errors import DataError, UsageError

RECORDS = [
    {"unique_id": "b", "ds": "2024-01-02", "y": 2.5},
    {"unique_id": "a", "ds": "2024-01-03", "y": 3},
    {"unique_id": "a", "ds": "2024-01-01", "y": 1},
    {"unique_id": "b", "ds": "2024-01-01", "y": 1.5},
    {"unique_id": "a", "ds": "2024-01-02"},
]
COLUMNS = {name: [row.get(name) for row in RECORDS] for name in ("unique_id", "ds", "y")}


def check(panel: Panel) -> None:
    assert list(panel.ids) == ["a", "b"]
    assert panel.freq == "D"
    np.testing.assert_array_equal(panel.values, [1, np.nan, 3, 1.5, 2.5])
    assert panel.columns.frame == "polars"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ------------------------------------------------------------------------------------------ JSON

LINES = "\n".join(json.dumps(row) for row in RECORDS) + "\n\n"
JSON = {
    "records.json": json.dumps(RECORDS),
    "columns.json": json.dumps(COLUMNS),
    "pandas.json": pd.DataFrame(COLUMNS).to_json(),
    "lines.jsonl": LINES,
    "lines.ndjson": LINES,
    "marked.json": "\ufeff" + json.dumps(RECORDS),
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_read_as_records_columns_and_lines(tmp_path: Path, name: str) -> None:
    check(read(write(tmp_path / name, JSON[name])))


@pytest.mark.parametrize("name", ["records.json", "lines.jsonl"])
def test_json_may_be_gzipped(tmp_path: Path, name: str) -> None:
    check(read(write(tmp_path / f"{name}.gz", gzip.compress(JSON[name].encode()))))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "[1, 2", "a.json is no JSON"),
        ("a.json", "[1, 2]", "expected a list of records"),
        ("a.json", '{"ds": [1, 2], "y": [1]}', "1 to 2 rows"),
        ("a.jsonl", '{"ds": 1, "y": 2}\n{"ds"', "a.jsonl, line 2 is no JSON"),
        ("a.json", "[" * 100_000, "a.json is no JSON"),
        ("a.json", '[{"ds": 1, "y": "many"}]', "row 1: 'many' in target column 'y'"),
        ("a.json", '[{"ds": 1, "y": 2}, {"ds": 2, "y": Infinity}]', "row 2: inf"),
    ],
)
def test_a_fault_of_json_says_where(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / name, content))


def test_integers_and_fractions_of_json_are_one_column(tmp_path: Path) -> None:
    rows = [{"ds": day, "y": value} for day, value in enumerate([1, 2.5, None, True, "4"])]
    panel = read(write(tmp_path / "a.json", json.dumps(rows[:4])))
    np.testing.assert_array_equal(panel.values, [1, 2.5, np.nan, 1])
    panel = read(write(tmp_path / "a.json", json.dumps([*rows[:3], rows[4]])))
    np.testing.assert_array_equal(panel.values, [1, 2.5, np.nan, np.nan, 4])


# ----------------------------------------------------------------------------------------- Excel


@pytest.fixture
def book(tmp_path: Path) -> Path:
    pytest.importorskip("fastexcel")
    path = tmp_path / "sales.xlsx"
    table = pd.DataFrame(COLUMNS).assign(ds=lambda frame: pd.to_datetime(frame["ds"]))
    empty = pd.DataFrame({name: [None] for name in COLUMNS})
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        pd.concat([table, empty.astype(table.dtypes)]).to_excel(
            writer, sheet_name="days", index=False
        )
        other = table.assign(y=table["y"] * 2)
        other.to_excel(writer, sheet_name="twice", index=False)
        pd.DataFrame().to_excel(writer, sheet_name="nothing", index=False)
    return path


def test_the_first_sheet_of_a_book_is_read_without_its_empty_rows(book: Path) -> None:
    check(read(book))
    check(read(book, sheet="days"))
    check(read(str(book), sheet=1))


@pytest.mark.parametrize("sheet", ["twice", 2, "2"])
def test_another_sheet_is_named_or_numbered(book: Path, sheet: str | int) -> None:
    assert np.nansum(read(book, sheet=sheet).values) == 2 * (1 + 3 + 1.5 + 2.5)


def test_faults_of_a_book_are_named(book: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no sheet 'weeks'. It has 'days', 'twice', 'nothing'"):
        read(book, sheet="weeks")
    with pytest.raises(DataError, match="no sheet 4"):
        read(book, sheet=4)
    with pytest.raises(DataError, match="sheet 'nothing' is empty"):
        read(book, sheet="nothing")
    with pytest.raises(DataError, match=r"a.xlsx is damaged, or no Excel file"):
        read(write(tmp_path / "a.xlsx", b"no book"))
    with pytest.raises(UsageError, match="sheet=1 is for Excel"):
        read(write(tmp_path / "a.csv", "ds,y\n1,1\n"), sheet=1)


@pytest.mark.parametrize(
    ("module", "source", "extra"),
    [
        ("fastexcel", "a.xlsx", "excel"),
        ("psycopg", "postgresql://host/base", "sql"),
        ("duckdb", "duckdb:///a.duckdb", "sql"),
    ],
)
def test_an_absent_library_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, source: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.chdir(tmp_path)
    Path("a.xlsx").write_bytes(b"PK")
    with pytest.raises(UsageError, match=rf"pip install 'rollcast\[{extra}\]'"):
        read(source)


# ----------------------------------------------------------------------------------- lazy frames


def test_a_lazy_frame_is_collected_with_the_needed_columns_alone() -> None:
    def never(values: pl.Series) -> pl.Series:
        raise AssertionError("a column that nobody needs")

    other = pl.col("y").map_batches(never, return_dtype=pl.Float64).alias("other")
    check(read(pl.DataFrame(COLUMNS).lazy().with_columns(other)))


def test_files_need_neither_pandas_nor_pyarrow(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pandas'] = sys.modules['pyarrow'] = None\n"
        "import rollcast; from pathlib import Path\n"
        "Path('a.json').write_text('[{\"ds\": 1, \"y\": 2}]')\n"
        "print(rollcast.read('a.json').values)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert found.stdout.strip() == "[2.]", found.stderr


# --------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["1,5", "2"], [1.5, 2]),
        (["1.234,5", "-2"], [1234.5, -2]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["1,234,567", "1"], [1234567, 1]),
        (["0,125", "1"], [0.125, 1]),
    ],
)
def test_commas_are_read_where_the_column_says_what_they_mean(
    written: list[str], values: list[float]
) -> None:
    table = pl.DataFrame({"ds": [1, 2], "y": written})
    np.testing.assert_array_equal(read(table).values, values)


def test_a_comma_that_could_be_either_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'1,234' .*A comma may mean decimals or thousands"):
        read(pl.DataFrame({"ds": [1, 2], "y": ["1,234", "5"]}))
    between_semicolons = write(tmp_path / "a.csv", "ds;y\n1;1,234\n2;5\n")
    np.testing.assert_array_equal(read(between_semicolons).values, [1.234, 5])
    grouped = write(tmp_path / "b.csv", "ds;y\n1;1.234,5\n2;5,25\n")
    np.testing.assert_array_equal(read(grouped).values, [1234.5, 5.25])
