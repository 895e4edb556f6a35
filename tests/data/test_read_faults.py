"""Every fault of a table has its own sentence: where, what was found, what to do."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from rollcast.data.read import read
from rollcast.errors import DataError, UsageError

GOOD = {"unique_id": ["a", "a", "b"], "ds": ["2024-01-01", "2024-01-02", "2024-01-01"]}
TABLE = pl.DataFrame({**GOOD, "y": [1.0, 2.0, 3.0]})


def fault(kind: type[Exception], *parts: str, source: object = TABLE, **options: object) -> None:
    """Reading fails with this kind, and the message holds every part, in order."""
    with pytest.raises(kind) as caught:
        read(source, **options)  # type: ignore[arg-type]
    assert re.search(".*".join(map(re.escape, parts)), str(caught.value)), str(caught.value)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ------------------------------------------------------------------------------------- the source


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "sales.csv", "ds,y\n1,1\n")
    wrong = tmp_path / "sale.csv"
    fault(DataError, "sale.csv: no such file.", "Did you mean sales.csv?", source=wrong)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    fault(DataError, "no such file", "no folder", source=tmp_path / "deep" / "a.csv")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    fault(DataError, "is a folder", source=tmp_path)


def test_an_unknown_ending_lists_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "a.docx", "ds,y\n1,1\n")
    fault(DataError, "'.docx'", ".csv, .tsv, .txt, .json", source=path)


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
def test_an_empty_file_says_so(tmp_path: Path, content: str) -> None:
    fault(DataError, "a.csv is empty", source=write(tmp_path / "a.csv", content))


def test_a_header_alone_is_no_table(tmp_path: Path) -> None:
    fault(DataError, "a.csv has column names but no rows", source=write(tmp_path / "a.csv", "ds,y"))


def test_rows_of_different_widths_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "ds,y\n1,1\n2,2,2\n")
    fault(DataError, "a.csv cannot be read as text", "same number of columns", source=path)


def test_a_binary_file_is_not_text(tmp_path: Path) -> None:
    fault(DataError, "a.csv is not a text file", source=write(tmp_path / "a.csv", b"\x00\x01"))


def test_a_damaged_gzip_file_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", b"\x1f\x8b not really")
    fault(DataError, "a.csv.gz is a damaged gzip file", source=path)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_damaged_binary_table_says_so(tmp_path: Path, name: str) -> None:
    fault(DataError, f"{name} is damaged", source=write(tmp_path / name, b"PAR1 but no more"))


def test_what_is_no_table_is_named() -> None:
    fault(DataError, "cannot read a table from dict", "pandas", source={"ds": [1], "y": [1]})


# ------------------------------------------------------------------------------------ the columns


@pytest.mark.parametrize("option", ["time", "target"])
def test_an_absent_column_lists_those_found_and_the_option(option: str) -> None:
    fault(
        DataError,
        "polars table has no column 'yy'",
        "'unique_id', 'ds', 'y'",
        f"{option}= (--{option}), or rename it",
        **{option: "yy"},
    )


def test_an_absent_column_names_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Month,Passengers\n2024-01,1\n")
    fault(DataError, "no column 'ds'", "'Month', 'Passengers'", "--time", source=path)
    near = {"time": "Month", "target": "passengers"}
    fault(DataError, "'passengers'", "Did you mean 'Passengers'?", "--target", source=path, **near)


def test_an_absent_id_column_is_a_fault_only_when_named() -> None:
    table = TABLE.drop("unique_id").head(2)
    assert read(table).columns.id is None
    fault(DataError, "no column 'shop'", "which series", "--id", source=table, id="shop")


def test_one_absent_part_of_a_stamp_is_named() -> None:
    fault(DataError, "no column 'hour'", "--time", time="ds,hour")


def test_stamps_in_the_index_of_pandas_are_pointed_at() -> None:
    table = pd.DataFrame({"y": [1.0, 2]}, index=pd.date_range("2024", periods=2, name="ds"))
    fault(DataError, "no column 'ds'", "index 'ds'", "reset_index", source=table)
    fault(DataError, "index of stamps", "reset_index", source=table.rename_axis(None))


def test_two_columns_of_one_name_are_refused() -> None:
    table = pd.DataFrame([[1, 1.0, 2.0]], columns=["ds", "y", "y"])
    fault(DataError, "'y'", source=table)


def test_two_columns_of_one_name_in_a_text_file_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "two.csv", 'ds,"y",y\n2024-01-01,1,2\n')
    fault(DataError, "two.csv: two columns are named 'y'", source=path)
    ends = write(tmp_path / "ends.csv", "ds,y,,\n2024-01-01,1,,\n2024-01-02,2,,\n")
    assert read(ends).values.tolist() == [1, 2]  # separators at the end name nothing


def test_a_table_without_column_names_is_told_from_one_with_others(tmp_path: Path) -> None:
    path = write(tmp_path / "bare.csv", "2024-01-01,1.5\n2024-01-02,2\n")
    fault(DataError, "no column 'ds'", "a first row of column names", source=path)


def test_one_column_cannot_be_two_things() -> None:
    fault(UsageError, "name a column twice", target="ds")
    fault(UsageError, "name a column twice", id="y")
    fault(UsageError, "several different ones", time="ds,ds")


def test_a_column_of_lists_is_nothing_to_forecast() -> None:
    table = TABLE.with_columns(y=pl.Series([[1], [2], [3]]))
    fault(DataError, "column 'y' holds List", source=table)


def test_periods_of_pandas_are_to_be_converted() -> None:
    table = pd.DataFrame({"ds": pd.period_range("2024", periods=2, freq="M"), "y": [1, 2]})
    fault(DataError, "column 'ds'", source=table)


# ------------------------------------------------------------------------------------- the target


def test_a_target_that_is_no_number_is_shown_with_its_row() -> None:
    table = TABLE.with_columns(y=pl.Series(["1", "two", "3e0"]))
    fault(DataError, "row 2: 'two' in target column 'y' is not a number.", source=table)


def test_row_numbers_are_those_before_the_filter() -> None:
    table = TABLE.with_columns(y=pl.Series(["1", "2", "three"]))
    fault(DataError, "row 3: 'three'", source=table, where="unique_id = b")


def test_an_infinite_target_is_shown_with_its_row() -> None:
    table = TABLE.with_columns(y=pl.Series([1.0, np.inf, 3.0]))
    fault(DataError, "row 2: inf in target column 'y'", source=table)


def test_a_target_that_is_a_date_is_no_number() -> None:
    table = TABLE.with_columns(y=pl.col("ds").str.to_date())
    fault(DataError, "row 1:", "is not a number (3 such rows)", source=table)


def test_a_target_without_any_value_is_the_wrong_column() -> None:
    table = TABLE.with_columns(y=pl.lit(None, pl.Float64))
    fault(DataError, "all 3 values of target column 'y' are missing", source=table)


def test_a_series_without_any_value_is_named() -> None:
    table = TABLE.with_columns(y=pl.Series([1.0, 2.0, None]))
    fault(DataError, "series 'b': all values are missing", "where", source=table)


# ------------------------------------------------------------------------------- ids and the times


def test_a_row_without_an_id_is_named() -> None:
    table = TABLE.with_columns(unique_id=pl.Series(["a", None, "b"]))
    fault(DataError, "row 2: no id in column 'unique_id'", source=table)


def test_a_row_without_a_time_is_named() -> None:
    table = TABLE.with_columns(ds=pl.Series(["2024-01-01", "2024-01-02", None]))
    fault(DataError, "row 3: no time in column 'ds'", source=table)


def test_a_stamp_that_appears_twice_is_named_with_its_series() -> None:
    table = pl.concat([TABLE, TABLE.tail(2)])
    fault(
        DataError,
        "series 'a': 2024-01-02 appears twice (and so do 1 more rows). Drop one, or pass "
        'duplicates="mean"',
        source=table,
    )


def test_an_hour_doubled_by_the_clocks_is_recognised() -> None:
    zoned = pd.date_range("2024-10-26 22:00", periods=6, freq="h", tz="Europe/Berlin")
    table = pd.DataFrame({"ds": zoned.tz_localize(None), "y": 1.0})
    fault(DataError, "2024-10-27 02:00 appears twice", "Clocks", "time zone", source=table)


def test_an_unknown_rule_for_duplicates_lists_the_known_ones() -> None:
    fault(UsageError, "duplicates='sum'", "error, first, last, mean", duplicates="sum")


# ---------------------------------------------------------------------------------- the frequency


def hourly(*minutes: int) -> pl.DataFrame:
    start = pd.Timestamp("2024-01-01")
    return pl.DataFrame({"ds": [start + pd.Timedelta(minutes=m) for m in minutes], "y": 1.0})


def test_irregular_stamps_are_shown_with_what_most_do() -> None:
    fault(
        DataError,
        "irregular stamps: 2024-01-01 02:00 is followed by 2024-01-01 02:45, 45 min later",
        "most steps are 'h'",
        "--freq",
        source=hourly(0, 60, 120, 165, 240, 300),
    )


def test_series_on_different_grids_are_told_apart() -> None:
    days = [f"2024-01-0{day}" for day in range(1, 6)]
    table = pl.DataFrame({"unique_id": "a", "ds": days, "y": 1.0})
    hour = pl.DataFrame(
        {"unique_id": "b", "ds": ["2024-01-01 00:00", "2024-01-01 01:00"], "y": 1.0}
    )
    table = pl.concat([table.with_columns(ds=pl.col("ds") + " 00:00"), hour])
    fault(DataError, "series 'b': irregular stamps", "1 h later", "'D'", source=table)


def test_a_frequency_that_contradicts_the_stamps_says_where() -> None:
    fault(
        DataError,
        "freq='D' contradicts the stamps: 2024-01-01 is followed by 2024-01-01 01:00, 1 h later",
        source=hourly(0, 60, 120),
        freq="D",
    )


def test_a_frequency_finer_than_all_steps_is_refused() -> None:
    days = [f"2024-01-{day:02}" for day in range(1, 21)]
    table = pl.DataFrame({"ds": days, "y": range(20)})
    fault(DataError, "freq='h' is too fine", "1 day, 24 such steps", source=table, freq="h")


def test_a_static_input_that_moves_is_shown_as_people_write_it() -> None:
    table = pl.DataFrame({"ds": [1, 2], "y": [1, 2], "size": [0.5, 3]})
    fault(DataError, "static input 'size' is 0.5 and 3.0;", source=table, static="size")


def test_a_first_stamp_off_the_grid_is_named() -> None:
    fault(DataError, "first stamp 2024-01-01 is not on the grid of freq='W-TUE'", "a Monday",
          source=TABLE, freq="W-TUE")  # fmt: skip
    weekend = pl.DataFrame({"ds": ["2024-01-06", "2024-01-08"], "y": [1, 2]})
    fault(DataError, "first stamp 2024-01-06", "'B' (it is a Saturday)", source=weekend, freq="B")
    middle = pl.DataFrame({"ds": ["2024-01-15", "2024-02-15"], "y": [1, 2]})
    fault(DataError, "first stamp 2024-01-15 is not on the grid of freq='ME'", source=middle,
          freq="ME")  # fmt: skip


@pytest.mark.parametrize(("times", "freq"), [([1, 2], "h"), (["2024-01-01", "2024-01-02"], 1)])
def test_integers_and_dates_want_frequencies_of_their_own_kind(times: list, freq: object) -> None:
    table = pl.DataFrame({"ds": times, "y": [1.0, 2.0]})
    fault(DataError, f"freq={freq!r} does not go with stamps that are", source=table, freq=freq)


def test_one_row_shows_no_frequency() -> None:
    fault(DataError, "one row a series shows no frequency", "--freq", source=TABLE.head(1))
    assert read(TABLE.head(1), freq="D").freq == "D"


def test_a_stamp_far_away_is_a_mistake_and_no_gap() -> None:
    far = pl.concat([hourly(*range(0, 600, 60)), hourly(60 * 2_000_000)])
    fault(DataError, "2252-02-28 08:00 comes 2000000 steps of 'h' after", source=far)


@pytest.mark.parametrize("freq", ["fortnight", "m", 0])
def test_an_unknown_frequency_lists_the_known_ones(freq: object) -> None:
    fault(UsageError, f"freq={freq!r}", freq=freq)


@pytest.mark.parametrize("season", [0, -3, 2.5])
def test_a_season_is_a_whole_number(season: object) -> None:
    fault(UsageError, f"season={season!r}", season=season)


# -------------------------------------------------------------------------------------- the filter


def test_a_filter_that_keeps_nothing_shows_what_there_is() -> None:
    fault(DataError, "where='unique_id = c' keeps none of 3 rows", "'a', 'b'",
          where="unique_id = c")  # fmt: skip


def test_a_filter_on_an_absent_column_lists_those_found() -> None:
    fault(DataError, "no column 'part'", "named in where", "'ds'", where="part = train")


def test_a_filter_that_cannot_be_understood_shows_one_that_can() -> None:
    fault(UsageError, "where='part ~ x'", "split = train", where="part ~ x")
