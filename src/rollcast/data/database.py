"""SQL queries by connection string: SQLite, PostgreSQL and DuckDB, opened for reading only."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from rollcast.data.objects import series_of
from rollcast.data.table import Table, must_differ
from rollcast.errors import DataError, MissingExtraError, UsageError

SCHEME = re.compile(r"([a-z][a-z0-9+]*)://", re.IGNORECASE)

ROWS_AT_ONCE = 100_000
"""Rows fetched before they become columns: Python objects are ten times larger."""


READS = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
)
"""What SQLite may do here."""

ALONE: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""DuckDB fetches no code by itself."""


def is_connection(source: str) -> bool:
    """Whether the text is a connection string, not a path."""
    return SCHEME.match(source) is not None


def open_database(connection: str, query: str | None) -> Table:
    """What ``query`` selects; ``query`` may be a table's name, or None where there is one table.

    Raises DataError for a database that cannot be opened and a query that fails, UsageError for an
    unknown kind of database, MissingExtraError where its driver is not installed.
    """
    import narwhals as nw

    match = SCHEME.match(connection)
    scheme = match[1].lower().partition("+")[0] if match else ""
    if scheme not in DATABASES:
        raise UsageError(
            f"{without_password(connection)}: cannot read from {scheme}. Expected "
            "sqlite:///file.db, postgresql://user@host/database or duckdb:///file.duckdb."
        )
    if query is not None and not query.strip():
        raise UsageError("query is empty. Give a SELECT, or the name of a table.")
    source = without_password(connection)
    frame = DATABASES[scheme](connection, query, source)
    if not len(frame):
        what = "the query" if query is None or _is_query(query) else f"table {query!r}"
        raise DataError(f"{source}: {what} gives no rows. Check its conditions.")
    return Table(
        tuple(frame.columns), source, "polars", lambda wanted: nw.from_native(frame[wanted])
    )


def without_password(connection: str) -> str:
    """The connection string as messages, reports and model files show it."""
    scheme, _, rest = connection.partition("://")
    place = rest.partition("?")[0].partition("#")[0]
    user, at, host = place.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}"


def _is_query(query: str) -> bool:
    """A query, and not the name of a table, perhaps with that of its schema."""
    return re.fullmatch(r'"[^"]+"|[^\W\d][\w$]*(\.[^\W\d][\w$]*)?', query.strip()) is None


def _select(query: str | None, tables: Callable[[], list[str]], source: str) -> str:
    """The SQL to run: the query, all of the table named, or all of the only one."""
    if query is not None and _is_query(query):
        return query.strip().rstrip(";")
    there = tables()
    if query is None:
        if len(there) != 1:
            found = f"It holds {', '.join(there[:10])}" if there else "It holds no table"
            raise UsageError(
                f"{source}: say what to read with query= (--query): a SELECT, or the name of a "
                f"table. {found}."
            )
        query = there[0]
    name = query.strip().strip('"')
    if name not in there and name.lower() not in (table.lower() for table in there):
        near = get_close_matches(name, there, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise DataError(
            f"{source} has no table {name!r}.{meant} It holds {', '.join(there[:10]) or 'none'}."
        )
    return "SELECT * FROM " + ".".join(f'"{part}"' for part in name.split("."))


def _failed(source: str, error: Exception, connection: str = "") -> DataError:
    """What the driver says, in one line and without the password."""
    reason = " ".join(str(error).split()).rstrip(".")
    password = _password(connection)
    for secret in {password, unquote(password)} - {""}:
        reason = reason.replace(secret, "…")
    return DataError(f"{source}: {reason}. Check the connection and the query.")


def _password(connection: str) -> str:
    try:
        parts = urlsplit(connection)
    except ValueError:
        return ""
    given = re.search(r"(?:^|&)password=([^&]*)", parts.query)
    return parts.password or (given[1] if given else "")


def _in_chunks(names: Sequence[str], chunks: Iterator[list[tuple]], source: str) -> Any:
    """A polars frame of rows that come in chunks."""
    import polars as pl

    must_differ(names, source)
    parts: list[list[Any]] = [[] for _ in names]
    for chunk in chunks:
        for part, name, values in zip(parts, names, zip(*chunk, strict=True), strict=True):
            part.append(series_of(name, values))
    columns = []
    for name, part in zip(names, parts, strict=True):
        kinds = {each.dtype for each in part if each.null_count() < len(each)}
        if len(kinds) > 1:
            common = pl.Float64 if all(kind.is_numeric() for kind in kinds) else pl.String
            part = [each.cast(common) for each in part]
        elif kinds:
            part = [each.cast(next(iter(kinds))) for each in part]
        columns.append(pl.concat(part) if part else pl.Series(name, [], dtype=pl.String))
    return pl.DataFrame(columns)


def _chunks(cursor: Any) -> Iterator[list[tuple]]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


def _file_of(connection: str, source: str) -> Path:
    """The file after three slashes (``sqlite:////`` and a path from the root has four)."""
    rest = connection.partition("://")[2].partition("?")[0]
    path = Path(rest[1:] if rest.startswith("/") else rest).expanduser()
    if not path.is_file():
        rooted, hint = Path("/", path), "Check the path."
        if rooted.is_file():
            hint = (
                f"A path from the root has four slashes: {source.partition('://')[0]}:///{rooted}."
            )
        raise DataError(f"{source}: no file {str(path)!r} here. {hint}")
    return path


# ------------------------------------------------------------------------------------ databases


def _sqlite(connection: str, query: str | None, source: str) -> Any:
    path = _file_of(connection, source)

    def tables() -> list[str]:
        found = base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        return sorted(name for (name,) in found if not name.startswith("sqlite_"))

    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as base:
            base.set_authorizer(_only_reading)
            cursor = base.execute(_select(query, tables, source))
            names = [column[0] for column in cursor.description or ()]
            return _in_chunks(names, _chunks(cursor), source)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _failed(source, error) from None


def _only_reading(action: int, first: str | None, *others: str | None) -> int:
    """SQLite's question before each part of a statement. A file opened for reading alone still
    lets ATTACH and VACUUM INTO make others."""
    allowed = action in READS or (action == sqlite3.SQLITE_PRAGMA and first == "data_version")
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _postgres(connection: str, query: str | None, source: str) -> Any:
    try:
        import psycopg
    except ImportError:
        raise _missing(source, "PostgreSQL needs psycopg") from None

    def tables() -> list[str]:
        found = base.execute(
            "SELECT CASE WHEN table_schema = ANY (current_schemas(false)) THEN table_name "
            "ELSE table_schema || '.' || table_name END FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        return sorted(name for (name,) in found)

    # (postgresql+psycopg:// is how other libraries name the driver)
    plain = "postgresql://" + connection.partition("://")[2]
    try:
        with psycopg.connect(plain) as base:
            base.read_only = True  # (and a cursor of the server takes one SELECT alone)
            selected = _select(query, tables, source)
            # a cursor of the server: rows come as they are asked for
            with base.cursor(name="rollcast") as cursor:
                cursor.execute(selected.encode())
                names = [column.name for column in cursor.description or ()]
                return _in_chunks(names, _chunks(cursor), source)
    except psycopg.Error as error:
        raise _failed(source, error, connection) from None


def _duckdb(connection: str, query: str | None, source: str) -> Any:
    try:
        import duckdb
    except ImportError:
        raise _missing(source, "DuckDB needs duckdb") from None

    def tables() -> list[str]:
        found = base.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        )
        return sorted(name for (name,) in found.fetchall())

    nowhere = connection.partition("://")[2].strip("/") == ""  # it reads files named in the query
    path = ":memory:" if nowhere else str(_file_of(connection, source))
    try:
        with closing(duckdb.connect(path, read_only=not nowhere, config=ALONE)) as base:
            selected = _select(query, tables, source)
            # COPY, EXPORT and ATTACH write other files even where the database is read only
            parts = duckdb.extract_statements(selected)
            if [part.type for part in parts] != [duckdb.StatementType.SELECT]:
                raise DataError(
                    f"{source}: the query is not one SELECT. Check the connection and the query."
                )
            cursor = base.execute(parts[0])
            names = [column[0] for column in cursor.description or ()]
            return _in_chunks(names, _chunks(cursor), source)
    except duckdb.Error as error:
        raise _failed(source, error) from None


def _missing(source: str, what: str) -> MissingExtraError:
    return MissingExtraError(
        f"{source}: {what}, which is not installed. Run: pip install 'rollcast[sql]'."
    )


DATABASES: dict[str, Callable[[str, str | None, str], Any]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
    "duckdb": _duckdb,
}
