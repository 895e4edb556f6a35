"""Several targets: the panel of a wide table is that of the same table made long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.errors import DataError, UsageError

DAYS = pd.date_range("2024-01-01", periods=20, freq="D")
WIDE = pd.DataFrame(
    {
        "day": DAYS,
        "load": np.arange(20.0),
        "heat": np.where(np.arange(20) < 5, np.nan, np.arange(20.0) ** 2),
        "sky": ["clear", "grey"] * 10,
        "open": [True, False] * 10,
        "none": np.nan,
    }
)
PAIRS = pd.concat([WIDE.assign(site=site, load=WIDE["load"] + n) for n, site in enumerate("ba")])
PAIRS = PAIRS.reset_index(drop=True)


def same(one: Panel, other: Panel) -> None:
    for name in ("values", "offsets", "times"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.ids.tolist() == other.ids.tolist()
    assert (one.freq, one.season) == (other.freq, other.season)


@pytest.mark.parametrize("target", [["heat", "load"], ("load", "heat"), "load, heat", "*"])
def test_a_wide_table_is_the_same_table_made_long(target: object) -> None:
    long = WIDE.melt("day", ["load", "heat"], var_name="unique_id", value_name="y")
    panel = read(WIDE.sample(frac=1, random_state=0), time="day", target=target)  # type: ignore
    same(panel, read(long, time="day"))
    assert panel.ids.tolist() == ["heat", "load"]
    assert panel.lengths.tolist() == [15, 20]
    assert panel.columns.id == "unique_id"
    panel.validate()


def test_a_series_of_a_table_with_ids_is_a_pair() -> None:
    panel = read(PAIRS, id="site", time="day", target="load,heat")
    assert panel.ids.tolist() == [(site, name) for site in "ab" for name in ("heat", "load")]
    for series in panel:
        site, name = series.id
        alone = read(PAIRS[PAIRS["site"] == site], id="site", time="day", target=name)
        np.testing.assert_array_equal(series.values, alone.values)
        np.testing.assert_array_equal(series.times, alone.times)
    assert panel.place(0) == "pandas table, series ('a', 'heat')"


def test_a_pair_without_a_value_is_no_series() -> None:
    table = PAIRS.copy()
    table.loc[table["site"] == "a", "heat"] = np.nan
    panel = read(table, id="site", time="day", target="*")
    assert panel.ids.tolist() == [("a", "load"), ("b", "heat"), ("b", "load")]
    assert panel.lengths.tolist() == [20, 15, 20]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_table_comes_back_long_in_its_kind(kind: str) -> None:
    import pyarrow as pa

    make = {"pandas": lambda t: t, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}[kind]
    wide = read(make(WIDE), time="day", target="load,heat").to_frame()
    pairs = read(make(PAIRS), id="site", time="day", target="load,heat").to_frame()
    assert type(wide).__module__.split(".")[0] == kind
    assert list(getattr(wide, "column_names", None) or wide.columns) == ["unique_id", "day", "y"]
    names = list(getattr(pairs, "column_names", None) or pairs.columns)
    assert names == ["site", "target", "day", "y"]
    pairs = pairs if kind == "pandas" else pairs.to_pandas()
    assert pairs.groupby(["site", "target"])["y"].sum()["b", "load"] == 190


def test_every_column_of_numbers_is_found_in_text_files(tmp_path: Path) -> None:
    WIDE.assign(whole=range(20)).to_csv(tmp_path / "wide.csv", index=False)
    panel = read(tmp_path / "wide.csv", time="day", target="*", where="sky = clear")
    assert panel.ids.tolist() == ["heat", "load", "whole"]
    panel = read(tmp_path / "wide.csv", time="day", target="*", where="whole < 9")
    assert panel.ids.tolist() == ["heat", "load"]


def test_one_target_however_it_is_named_is_one_series() -> None:
    plain = read(WIDE, time="day", target="load")
    for target in (["load"], "load"):
        same(read(WIDE, time="day", target=target), plain)
    only = read(WIDE[["day", "load"]], time="day", target="*")
    same(only, plain)
    assert only.columns == plain.columns


def test_a_column_named_with_a_comma_is_one_column() -> None:
    panel = read(WIDE.rename(columns={"load": "load, MW"}), time="day", target="load, MW")
    assert panel.columns.target == "load, MW"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (DataError, {"target": "load,cold"}, "no column 'cold'"),
        (UsageError, {"target": "load,load"}, "several different ones"),
        (UsageError, {"target": "load,"}, "several different ones"),
        (UsageError, {"target": []}, "several different ones"),
        (UsageError, {"target": "load,day"}, "name a column twice"),
        (DataError, {"target": "load,sky"}, "row 1: 'clear' in target column 'sky'"),
        (DataError, {"target": "load,none"}, "all 20 values of target column 'none'"),
    ],
)
def test_a_target_that_cannot_be_is_named(kind: type, options: dict, message: str) -> None:
    with pytest.raises(kind, match=message):
        read(WIDE, time="day", **options)


def test_no_column_of_numbers_is_said() -> None:
    with pytest.raises(DataError, match=r"target='\*' finds no column of numbers.*'day', 'sky'"):
        read(WIDE[["day", "sky"]], time="day", target="*")


def test_an_id_column_named_target_would_be_there_twice() -> None:
    with pytest.raises(UsageError, match="'target' of their own in the result"):
        read(PAIRS.rename(columns={"site": "target"}), id="target", time="day", target="load,heat")


def test_every_column_of_numbers_leaves_out_the_inputs() -> None:
    panel = read(WIDE, time="day", target="*", past="load")
    assert panel.columns.target == "heat"
    assert panel.inputs is not None
