"""From a file, a database or a frame to a `Panel`: the only place that knows column names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.frequency import parse_frequency
from rollcast.data.holidays import check_holidays
from rollcast.data.inputs import Input, asked_inputs, names_of, with_inputs
from rollcast.data.opened import DEFAULT_ID, opened
from rollcast.data.panel import Panel
from rollcast.data.table import open_table
from rollcast.data.targets import side_by_side, target_names
from rollcast.errors import UsageError

TARGET = ("target", "the values to forecast")


def read(
    source: Any,
    *,
    id: str = DEFAULT_ID,
    time: str | Sequence[str] = "ds",
    target: str | Sequence[str] = "y",
    freq: str | int | None = None,
    season: int | None = None,
    where: str | None = None,
    duplicates: str = "error",
    snap: bool = False,
    query: str | None = None,
    sheet: str | int | None = None,
    past: str | Sequence[str | Input] = (),
    future: str | Sequence[str | Input] = (),
    static: str | Sequence[str | Input] = (),
    categorical: str | Sequence[str] = (),
    holidays: str | None = None,
) -> Panel:
    """A `Panel` of the series in a table: sorted, regular, gaps filled with NaN.

    ``source`` is a path (CSV, TSV, JSON and JSON lines, also gzipped; Parquet, Arrow, Excel), a
    connection string (``sqlite:///sales.db``, ``postgresql://…``, ``duckdb:///sales.duckdb``) or a
    pandas, polars or Arrow table, or values alone: an array, a list, a series. A `Panel` is
    returned as it is. Rows may come in any order, series may have different lengths; a table
    without the default id column is one series. Where no column can be the time the order of the
    rows is, numbered from 0, and the log says so.

    Parameters
    ----------
    id, time, target
        Column names. ``time`` may name several: ``"year,month,day,hour"``. Times are dates,
        stamps or integers (``20240131`` and ``202401`` are dates); zoned stamps come back in
        their zone. ``target`` may name several, too, or all columns of numbers (``"*"``): each is
        a series of its own, with the name of its column as id; in a table with ids a series is
        an (id, target) pair, and pairs without a value are left out.
    freq
        A pandas alias (``h``, ``D``, ``MS``) or an integer for integer time; None = found.
    season
        Rows in a season, 1 = none; None = found.
    where
        A filter on rows: ``"split = train and year >= 2015"``.
    duplicates
        What to do when a stamp appears twice in a series: error, first, last or mean.
    snap
        Move each stamp to the nearest step, with a warning in the log that says how far. Rows
        that meet there are duplicates.
    query
        Of a database: what to select, or the name of a table (not needed where there is one).
    sheet
        Of an Excel file: a name, or a number from 1; None = the first.
    past, future, static
        Columns that help to forecast: known up to the newest row, known of rows to come as well,
        or one value a series (the id column too). Text and booleans are categories. With ``future``
        inputs, rows after a series' last value are its future.
    categorical
        Those of them that are categories though they look like numbers.
    holidays
        A country, ``"DE"`` or ``"DE-BY"``: its holidays are inputs. Needs the extra ``[holidays]``.

    Raises
    ------
    DataError
        For each fault of the table, with its place and a remedy.
    UsageError
        For options that cannot be; MissingExtraError for a library that is not installed.

    >>> import polars as pl
    >>> read(pl.DataFrame({"ds": ["2024-01", "2024-02", "2024-04"], "y": [1, 2, 4]}))
    Panel(polars table: 1 series, 4 rows, freq='MS', season=1, 2024-01-01 to 2024-04-01)
    """
    if isinstance(source, Panel):
        return source
    if freq is not None:
        freq = parse_frequency(freq).alias
    if season is not None and (isinstance(season, bool) or season < 1 or season != int(season)):
        raise UsageError(f"season={season!r}: expected a whole number of rows, 1 for none.")
    table = open_table(source, query, sheet)
    roles = (("past", past), ("future", future), ("static", static))
    others = [getattr(each, "name", each) for role, one in roles for each in names_of(one, role)]
    targets = target_names(target, table, id, time, where, others)
    columns = dict.fromkeys(targets, TARGET)
    taken = dict.fromkeys(table.split(time), "time") | dict.fromkeys(targets, "target")
    inputs = asked_inputs(past, future, static, categorical, taken)
    found = opened(table, id, time, columns, where, freq, duplicates, inputs)
    found = replace(found, names=replace(found.names, snap=snap))
    if len(targets) > 1:
        found = side_by_side(found, targets)
    panel = found.panel(found.values[:, 0], freq, season)
    if holidays is not None:
        check_holidays(holidays, panel.freq)
    return with_inputs(panel, found.codes, found.stamps.values, found.inputs, holidays)


def read_signals(
    source: Any,
    columns: Mapping[str, tuple[str, str]],
    *,
    id: str = DEFAULT_ID,
    time: str | Sequence[str] = "ds",
    freq: str | int | None = None,
    where: str | None = None,
    query: str | None = None,
    sheet: str | int | None = None,
) -> tuple[Panel, np.ndarray]:
    """As ``read``, but several columns: a `Panel` of the first, and all of them side by side.

    ``columns`` maps each name to the option that named it and what it is for, for messages. The
    values are float64 ``(rows of the panel, columns)``, NaN where missing. No row is left
    out, whatever is missing in it; gaps between stamps become rows of NaN.
    """
    if isinstance(source, Panel):
        raise UsageError("a Panel holds one column; give the table that it was read from.")
    if freq is not None:
        freq = parse_frequency(freq).alias
    table = open_table(source, query, sheet)
    found = opened(table, id, time, columns, where, freq, "error")
    # a panel of row numbers says where each row of the table went, and where there was none
    panel = found.panel(np.arange(len(found.values), dtype=np.float64), freq, 1)
    there = ~np.isnan(panel.values)
    values = np.full((len(there), len(columns)), np.nan)
    values[there] = found.values[panel.values[there].astype(np.int64)]
    return replace(panel, values=np.ascontiguousarray(values[:, 0])), values
