"""Reading: whatever the file or frame, the same panel."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.data.panel import Panel
from rollcast.data.read import read

LONG = pl.DataFrame(
    {
        "unique_id": ["b", "a", "a", "b", "a"],
        "ds": ["2024-01-02", "2024-01-03", "2024-01-01", "2024-01-01", "2024-01-02"],
        "y": [2.5, 3.0, 1.0, 1.5, None],
    }
)


def check(panel: Panel) -> None:
    assert list(panel.ids) == ["a", "b"]
    assert panel.freq == "D"
    np.testing.assert_array_equal(panel.values, [1, np.nan, 3, 1.5, 2.5])
    np.testing.assert_array_equal(panel.offsets, [0, 3, 5])
    assert panel.times[0] == np.datetime64("2024-01-01")
    panel.validate()


def same(one: Panel, other: Panel) -> None:
    for name in ("values", "offsets", "times", "ids"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.freq, one.season) == (other.freq, other.season)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


# ------------------------------------------------------------------------------ kinds of source


@pytest.mark.parametrize(
    "ending", ["csv", "tsv", "txt", "parquet", "pq", "arrow", "feather", "ipc"]
)
def test_every_kind_of_file_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sales.{ending}"
    if ending in ("csv", "txt"):
        LONG.write_csv(path)
    elif ending == "tsv":
        LONG.write_csv(path, separator="\t")
    elif ending in ("parquet", "pq"):
        LONG.write_parquet(path)
    else:
        LONG.write_ipc(path)
    panel = read(path)
    check(panel)
    check(read(str(path)))
    assert panel.source == path.name
    assert panel.columns.frame == "polars"


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv.gz"
    path.write_bytes(gzip.compress(LONG.write_csv().encode()))
    check(read(path))


@pytest.mark.parametrize(
    "frame",
    [
        LONG,
        LONG.lazy(),
        LONG.to_pandas(),
        LONG.to_arrow(),
        nw.from_native(LONG),
        LONG.with_columns(pl.col("ds").str.to_date()),
        LONG.with_columns(pl.col("ds").str.to_datetime(time_unit="ns")),
        LONG.with_columns(pl.col("ds").str.to_datetime(time_unit="ms")),
        LONG.with_columns(pl.col("unique_id").cast(pl.Categorical)),
        LONG.with_columns(pl.col("y").cast(pl.Decimal(10, 2))),
        LONG.with_columns(pl.col("y").cast(pl.Float32)),
        LONG.with_columns(pl.col("y").cast(pl.String)),
        LONG.to_pandas().astype({"unique_id": "category", "ds": "datetime64[ns]"}),
        LONG.to_pandas().astype(object),
        LONG.to_pandas().convert_dtypes(),
        LONG.to_pandas().assign(ds=lambda t: pd.to_datetime(t.ds).dt.date),
        LONG.to_pandas().set_index(pd.Index([9, 9, 9, 9, 9])),
    ],
    ids=range(17),
)
def test_every_kind_of_frame_is_read(frame: object) -> None:
    check(read(frame))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_text_is_read_as_people_save_it(
    tmp_path: Path, separator: str, encoding: str, quote: str, newline: str
) -> None:
    rows = [("Datum", "Größe"), ("2024-01-01", "1.5"), ("2024-01-02", ""), ("2024-01-03", "2")]
    text = newline.join(separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows)
    panel = read(write(tmp_path / "a.csv", text, encoding), time="Datum", target="Größe")
    np.testing.assert_array_equal(panel.values, [1.5, np.nan, 2])


def test_a_comma_is_a_decimal_point_between_semicolons(tmp_path: Path) -> None:
    panel = read(write(tmp_path / "a.csv", "ds;y\n2024-01-01;1,5\n2024-01-02;-2\n"))
    np.testing.assert_array_equal(panel.values, [1.5, -2])


def test_a_separator_inside_quotes_does_not_count(tmp_path: Path) -> None:
    panel = read(write(tmp_path / "a.csv", 'ds,"y;a;b;c"\n1,2\n2,3\n'), target="y;a;b;c")
    np.testing.assert_array_equal(panel.values, [2, 3])


@pytest.mark.parametrize(
    "spelling", ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", ".", "?", "-", " NA "]
)
def test_the_usual_spellings_of_missing_are_missing(tmp_path: Path, spelling: str) -> None:
    panel = read(write(tmp_path / "a.csv", f"ds,y\n1,1\n2,{spelling}\n3,3\n"))
    np.testing.assert_array_equal(panel.values, [1, np.nan, 3])


def test_a_panel_is_read_as_it_is() -> None:
    panel = Panel.of([1, 2, 3])
    assert read(panel) is panel


def test_leading_zeros_of_ids_survive_but_plain_numbers_are_numbers(tmp_path: Path) -> None:
    zeros = read(write(tmp_path / "a.csv", "unique_id,ds,y\n007,1,1\n10,1,2\n"))
    plain = read(write(tmp_path / "b.csv", "unique_id,ds,y\n10,1,1\n7,1,2\n"))
    assert list(zeros.ids) == ["007", "10"]
    assert list(plain.ids) == [7, 10]


def test_columns_of_pandas_may_be_numbers() -> None:
    table = pd.DataFrame([[1, 5.0], [2, 6.0]])
    np.testing.assert_array_equal(read(table, time="0", target="1").values, [5, 6])
    assert list(table.columns) == [0, 1]


def test_only_the_needed_columns_are_looked_at(tmp_path: Path) -> None:
    panel = read(write(tmp_path / "a.csv", "ds,junk,y\n1,x,1\n2,#!,2\n"))
    np.testing.assert_array_equal(panel.values, [1, 2])


# ----------------------------------------------------------------------------------- rows to panel


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    rows = []
    for series in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, 30))
        slots = {*draw(st.sets(st.integers(0, 25), min_size=1)), 0, 1, 2, 3}
        rows += [(f"s{series}", start + slot, float(slot + series)) for slot in sorted(slots)]
    missing = draw(st.sets(st.integers(0, len(rows) - 1), max_size=len(rows) // 4))
    values = [None if i in missing and slot % 5 else y for i, (_, slot, y) in enumerate(rows)]
    day = pd.Timestamp("2023-12-30")
    return pl.DataFrame(
        {
            "unique_id": [row[0] for row in rows],
            "ds": pl.Series([day + pd.Timedelta(days=row[1]) for row in rows]).dt.date(),
            "y": values,
        }
    ).filter(pl.col("y").is_not_null().any().over("unique_id"))


@settings(deadline=None, max_examples=50)
@given(tables(), st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(table: pl.DataFrame, seed: int) -> None:
    shuffled = table.sample(fraction=1, shuffle=True, seed=seed)
    same(read(table, freq="D", season=1), read(shuffled, freq="D", season=1))


@settings(deadline=None, max_examples=50)
@given(tables())
def test_every_value_is_in_the_panel_and_nothing_else(table: pl.DataFrame) -> None:
    panel = read(table, freq="D", season=1)
    panel.validate()
    found = panel.to_frame().drop_nulls("y")
    assert found.equals(table.drop_nulls("y").cast({"y": pl.Float64}))
    assert not np.isnan(panel.values[panel.offsets[:-1]]).any()  # fronts are trimmed
    ends = table.group_by("unique_id").agg(pl.col("ds").max()).sort("unique_id")["ds"]
    np.testing.assert_array_equal(panel.times[panel.offsets[1:] - 1], ends.to_numpy())


@settings(deadline=None, max_examples=30)
@given(tables())
def test_writing_and_reading_again_changes_nothing(table: pl.DataFrame) -> None:
    panel = read(table, freq="D", season=1)
    same(panel, read(panel.to_frame(), freq="D", season=1))
    same(panel, read(panel.to_frame().to_pandas(), freq="D", season=1))


@settings(deadline=None, max_examples=40)
@given(
    alias=st.sampled_from(["s", "15min", "h", "D", "B", "W-TUE", "MS", "ME", "QS-FEB", "YE"]),
    gaps=st.sets(st.integers(1, 28)),
)
def test_gaps_are_filled_on_every_grid(alias: str, gaps: set[int]) -> None:
    index = pd.date_range("2019-05-05 12:00", freq=alias, periods=30)
    kept = [i for i in range(30) if i not in gaps]
    table = pd.DataFrame({"ds": index[kept], "y": np.array(kept, float)})
    panel = read(table, freq=alias)
    np.testing.assert_array_equal(panel.times, index.to_numpy())
    expected = np.where(np.isin(np.arange(30), kept), np.arange(30), np.nan)
    np.testing.assert_array_equal(panel.values, expected)


@pytest.mark.parametrize(("rule", "value"), [("first", 1.0), ("last", 5.0), ("mean", 3.0)])
def test_duplicates_are_settled_when_asked(rule: str, value: float) -> None:
    table = pl.DataFrame({"ds": [2, 1, 2, 2], "y": [1.0, 9.0, None, 5.0]})
    panel = read(table, duplicates=rule)
    np.testing.assert_array_equal(panel.values, [9, value])


def test_where_chooses_rows_before_anything_else() -> None:
    table = LONG.with_columns(part=pl.Series(["x", "x", "x", "x", "bad"]))
    table = pl.concat([table, table.with_columns(part=pl.lit("copy"))])
    check(read(table, where="part in (x, bad)"))


def test_rows_in_front_without_a_value_are_left_out_and_those_at_the_end_stay() -> None:
    panel = read(pl.DataFrame({"ds": [1, 2, 3, 4], "y": [None, 2.0, None, None]}))
    np.testing.assert_array_equal(panel.values, [2, np.nan, np.nan])
    np.testing.assert_array_equal(panel.times, [2, 3, 4])


def test_series_in_different_phases_share_a_frequency() -> None:
    table = pl.DataFrame(
        {
            "unique_id": ["a", "a", "b", "b"],
            "ds": ["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 00:30", "2024-01-01 01:30"],
            "y": [1, 2, 3, 4],
        }
    )
    panel = read(table)
    assert panel.freq == "h"
    assert len(panel.values) == 4


@pytest.mark.parametrize("season", [None, 1, 7])
def test_a_given_season_is_kept_and_none_is_looked_for(season: int | None) -> None:
    table = pl.DataFrame({"ds": range(60), "y": np.tile([1.0, 2, 7, 4], 15)})
    assert read(table, season=season).season == (4 if season is None else season)


def test_a_month_early_or_late_is_told_from_thirty_days() -> None:
    dates = ["2024-01-31", "2024-02-29", "2024-03-31"]
    assert read(pl.DataFrame({"ds": dates, "y": [1, 2, 3]})).freq == "ME"
    dates = ["2024-01-30", "2024-02-29", "2024-03-30"]
    assert read(pl.DataFrame({"ds": dates, "y": [1, 2, 3]})).freq == "30D"


@pytest.mark.parametrize(
    "alias", ["100ms", "s", "15min", "h", "6h", "D", "B", "W-SUN", "2W-FRI", "MS", "ME", "QE", "YS"]
)
def test_a_panel_written_as_csv_is_read_again_without_options(tmp_path: Path, alias: str) -> None:
    start = pd.date_range("2020-12-31", freq=alias, periods=1)[0]
    values = np.random.default_rng(0).normal(size=40)
    values[[3, 17, 38]] = np.nan
    panel = Panel.of({"a": values, "b": values[:20]}, start=start, freq=alias)
    panel.to_frame().write_csv(tmp_path / "a.csv")
    again = read(tmp_path / "a.csv", season=1)
    same(panel, replace(again, freq=alias))
    np.testing.assert_array_equal(again.future_times(50), panel.future_times(50))
