"""SQL queries: the same panel as from the table itself, and no password anywhere."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from data.postgres import PASSWORD, programs, server

from rollcast import Forecaster, Training, load, write_report
from rollcast.data.database import without_password
from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.errors import DataError, UsageError

DAYS = 60
ROWS = [
    (f"s{series}", dt.date(2024, 1, 1) + dt.timedelta(days=day), series + day % 7, "a")
    for series in (2, 1)
    for day in range(DAYS)
]
COLUMNS = {"id": "store", "time": "day", "target": "sold"}


def check(panel: Panel) -> None:
    assert panel.freq == "D"
    assert panel.season == 7
    assert list(panel.ids) == ["s1", "s2"]
    np.testing.assert_array_equal(panel.series(0).values, [1 + day % 7 for day in range(DAYS)])


def _sqlite(folder: Path) -> str:
    base = sqlite3.connect(folder / "sales.db")
    base.execute("CREATE TABLE sales (store TEXT, day TEXT, sold INTEGER, kind TEXT)")
    base.executemany(
        "INSERT INTO sales VALUES (?, ?, ?, ?)", [(s, str(d), v, k) for s, d, v, k in ROWS]
    )
    base.commit()
    base.close()
    return "sqlite:///sales.db"


def _duckdb(folder: Path) -> str:
    duckdb = pytest.importorskip("duckdb")
    base = duckdb.connect(folder / "sales.duckdb")
    base.execute("CREATE TABLE sales (store TEXT, day DATE, sold DECIMAL(8, 2), kind TEXT)")
    base.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", ROWS)
    base.close()
    return "duckdb:///sales.duckdb"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    psycopg = pytest.importorskip("psycopg")
    if programs() is None:
        pytest.skip("PostgreSQL's initdb is not installed: no server to test against")
    with server() as connection:
        with psycopg.connect(connection) as base:
            base.execute("CREATE TABLE sales (store TEXT, day DATE, sold NUMERIC, kind TEXT)")
            with base.cursor() as cursor:
                cursor.executemany("INSERT INTO sales VALUES (%s, %s, %s, %s)", ROWS)
            base.execute("CREATE SCHEMA other CREATE TABLE hours (ds timestamptz, y float8)")
            base.execute(
                "INSERT INTO other.hours SELECT t, extract(hour FROM t) FROM generate_series("
                "timestamptz '2024-03-30 00:00+00', '2024-04-02 00:00+00', '1 hour') AS t"
            )
            base.execute("ALTER DATABASE postgres SET timezone TO 'Europe/Berlin'")
        yield connection


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def connection(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with one table of sales (PostgreSQL's has another in another schema)."""
    monkeypatch.chdir(tmp_path)
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    return {"sqlite": _sqlite, "duckdb": _duckdb}[request.param](tmp_path)


def test_a_query_gives_the_panel_of_its_rows(connection: str) -> None:
    check(read(connection, query="SELECT store, day, sold FROM sales;", **COLUMNS))
    check(read(connection, query="sales", **COLUMNS))
    half = read(connection, query="select * from sales where store = 's2'", **COLUMNS)
    assert list(half.ids) == ["s2"]


def test_the_only_table_needs_no_query_and_several_are_listed(connection: str) -> None:
    if connection.startswith("postgresql"):
        with pytest.raises(UsageError, match=r"--query.*It holds other.hours, sales"):
            read(connection, **COLUMNS)
    else:
        check(read(connection, **COLUMNS))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sale", "has no table 'sale'. Did you mean sales?"),
        ("select * from nowhere", "nowhere"),
        ("selct * from sales", "selct"),
        ("select * from sales where kind = 'b'", "the query gives no rows"),
        ("select store, day, sold, sold from sales", "two columns are named 'sold'"),
        ("delete from sales", "Check the connection and the query"),
        ("select * from sales; delete from sales", "Check the connection and the query"),
        ("select * from sales; commit; drop table sales", "Check the connection and the query"),
        ("create table other as select 1 as a", "Check the connection and the query"),
    ],
)
def test_a_query_that_fails_says_why_and_changes_nothing(
    connection: str, query: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(connection, query=query, **COLUMNS)
    assert message in str(caught.value)
    check(read(connection, query="sales", **COLUMNS))


WRITES = {
    "sqlite": ("attach 'made.db' as other", "vacuum into 'made.db'", "pragma writable_schema = 1"),
    "duckdb": (
        "copy sales to 'made.csv'",
        "copy sales to 'made.csv'; select * from sales",
        "export database 'made'",
        "attach 'made.duckdb' as other",
        "load httpfs",
        "set memory_limit = '1GB'",
        "create table other as select 1 as a",
    ),
}


@pytest.mark.parametrize(("kind", "query"), [(k, q) for k, each in WRITES.items() for q in each])
def test_a_query_makes_no_file(
    kind: str, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = {"sqlite": _sqlite, "duckdb": _duckdb}[kind](tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    places = [named] if kind == "sqlite" or " sales" in query else [named, "duckdb://"]
    for place in places:
        with pytest.raises(DataError, match="Check the connection and the query"):
            read(place, query=query, **COLUMNS)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_text_column_of_a_query_is_no_target(connection: str) -> None:
    with pytest.raises(DataError, match="row 1: 'a' in target column 'kind' is not a number"):
        read(connection, query="sales", id="store", time="day", target="kind")


def test_a_model_reads_newer_rows_with_the_query_it_was_fitted_with(
    connection: str, tmp_path: Path
) -> None:
    model = Forecaster(3, context=14, training=Training(steps=2))
    model.fit(connection, query="select * from sales where store <> 's3'", **COLUMNS)
    model.save(tmp_path / "a.roll")
    again = load(tmp_path / "a.roll")
    assert again.predict(connection).equals(model.predict())
    only = again.predict(connection, query="select * from sales where store = 's1'")
    assert only["store"].unique().to_list() == ["s1"]
    write_report(model, tmp_path / "a.html")
    for path in ("a.roll", "a.html"):
        content = (tmp_path / path).read_text(errors="ignore")
        assert "from sales" in content
        assert PASSWORD not in content and "qzx" not in content


def test_zoned_stamps_of_postgres_keep_the_zone_of_the_session(postgres: str) -> None:
    panel = read(postgres, query="other.hours")
    assert (panel.freq, len(panel.values)) == ("h", 73)
    assert (panel.columns.zone, panel.columns.utc) == ("Europe/Berlin", True)
    assert not np.isnan(panel.values).any()


def test_no_message_shows_a_password(postgres: str) -> None:
    secrets = (PASSWORD, "qzx", "w%25rd")
    for wrong in (
        postgres.replace("/postgres", "/nobase"),
        postgres.replace("reader:", "nobody:"),
        postgres.replace("@", "@nowhere.invalid."),
        postgres + "?nonsense=1",
        postgres.replace("postgresql:", "mysql:"),
    ):
        with pytest.raises((DataError, UsageError)) as caught:
            read(wrong, query="sales")
        assert not any(secret in str(caught.value) for secret in secrets), caught.value
    assert all(secret not in repr(read(postgres, query="sales", **COLUMNS)) for secret in secrets)


@pytest.mark.parametrize(
    ("connection", "shown"),
    [
        ("postgresql://me:secret@host:5432/base", "postgresql://me@host:5432/base"),
        ("postgresql://host/base?user=me&password=secret", "postgresql://host/base"),
        ("postgres://me:se:c@ret@host/base#x", "postgres://me@host/base"),
        ("sqlite:///sales.db", "sqlite:///sales.db"),
    ],
)
def test_a_connection_is_shown_without_its_password(connection: str, shown: str) -> None:
    assert without_password(connection) == shown


def test_what_sqlite_holds_of_several_types_is_read(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "a.db")
    base.execute("CREATE TABLE t (ds, y)")
    base.executemany("INSERT INTO t VALUES (?, ?)", [(1, 1), (2, 2.5), (3, None), (4, "4")])
    base.commit()
    base.close()
    panel = read(f"sqlite:///{tmp_path / 'a.db'}")
    np.testing.assert_array_equal(panel.values, [1, 2.5, np.nan, 4])


def test_a_database_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no file 'sales.db' here. Check the path"):
        read("sqlite:///sales.db")
    assert not Path("sales.db").exists()
    _sqlite(tmp_path)
    rooted = str(tmp_path / "sales.db").removeprefix("/")
    with pytest.raises(DataError, match="A path from the root has four slashes: sqlite:////"):
        read(f"sqlite:///{rooted}")
    Path("text.db").write_text("no database at all, but long enough to be one" * 40)
    with pytest.raises(DataError, match="not a database"):
        read("sqlite:///text.db")


def test_an_unknown_kind_of_database_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"mysql://me@host/base: .*sqlite:///file.db, postgresql"):
        read("mysql://me:secret@host/base")


def test_a_query_is_for_databases() -> None:
    with pytest.raises(UsageError, match="query='sales' is for databases"):
        read(pl.DataFrame({"ds": [1], "y": [1]}), query="sales")


def test_many_rows_are_fetched_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rollcast.data.database.ROWS_AT_ONCE", 7)
    check(read(_sqlite(tmp_path), **COLUMNS))


def test_duckdb_without_a_file_reads_what_the_query_names(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    table = pl.DataFrame(ROWS, schema=["store", "day", "sold", "kind"], orient="row")
    table.write_parquet(tmp_path / "sales.parquet")
    check(read("duckdb://", query=f"select * from '{tmp_path / 'sales.parquet'}'", **COLUMNS))
