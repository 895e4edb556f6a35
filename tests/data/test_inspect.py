"""Inspecting: all that is wrong is listed at once, with what to do; what is right is described."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import rollcast
from rollcast import DataError, Inspection, UsageError
from rollcast.data.inspect import inspect
from rollcast.data.panel import Panel
from rollcast.data.read import read

MESS = """store,day,units,note
a,2024-01-01,3,x
a,2024-01-02,4,x
a,2024-01-02,5,x
a,2024-01-05,inf,x
a,someday,5,x
b,2024-01-01,,x
b,,2,x
b,2024-01-03,many,y
b,2024-01-04,7,y
b,2024-01-05 06:00,8,y
,2024-01-06,8,y
c,2024-01-06,,y
c,2024-01-07,,y
"""
COLUMNS = {"id": "store", "time": "day", "target": "units"}


def hourly(values: np.ndarray, **columns: object) -> pd.DataFrame:
    stamps = pd.date_range("2024-01-01", periods=len(values), freq="h")
    return pd.DataFrame({"ds": stamps, "y": values, **columns})


def faults(found: Inspection) -> str:
    return "\n".join(f"{fault.what} {fault.remedy}" for fault in found.faults)


def options(found: Inspection) -> dict[str, object]:
    return {one.option: one.value for one in found.suggestions}


def test_every_fault_of_a_table_is_listed_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "mess.csv").write_text(MESS)
    found = inspect(tmp_path / "mess.csv", **COLUMNS)
    assert found.stops
    for pattern in (
        "1 row has no time, first row 7",
        r"row 5: time 'someday' .*2 such rows",
        "1 row has no number .*first row 8: 'many'",
        "1 row has an infinite .*first row 4: 'inf'",
        "1 row has no id, first row 11",
        r"1 row has the stamp of another .*2024-01-02 \(series 'a'\)\. 1 of them has another value",
        "1 series without any value: 'c'",
    ):
        assert re.search(pattern, faults(found)), (pattern, faults(found))
    assert found.panel is not None
    found.panel.validate()
    assert found.panel.ids.tolist() == ["a", "b"]
    assert found.duplicates == 1


def test_row_numbers_are_those_before_the_filter(tmp_path: Path) -> None:
    (tmp_path / "mess.csv").write_text(MESS)
    found = inspect(tmp_path / "mess.csv", where="note = y", **COLUMNS)
    assert "first row 8: 'many'" in faults(found)
    assert found.rows == 6


def test_a_table_without_faults_has_none_and_its_panel_is_the_one_that_is_read() -> None:
    table = hourly(np.sin(np.arange(500) * 2 * np.pi / 24))
    found = inspect(table)
    assert not found.faults and not found.stops
    panel = read(table)
    assert found.panel is not None
    np.testing.assert_array_equal(found.panel.values, panel.values)
    assert (found.panel.freq, found.panel.season) == ("h", 24)
    assert found.facts is not None
    assert found.facts.seasons[24] > 0.9
    assert repr(found) == "Inspection(pandas table: 1 series, 500 rows, 0 faults, 0 suggestions)"


@pytest.mark.parametrize(
    ("columns", "time", "target", "id"),
    [
        ({"when": pd.date_range("2024", periods=40), "sold": range(40)}, "when", "sold", None),
        ({"Date": [f"{day + 1:02}.01.2024" for day in range(30)], "v": 1.5}, "Date", "v", None),
        (
            {"year": 2024, "month": 1, "day": range(1, 31), "a": 1.0, "b": 2.0},
            "year,month,day", "*", None,
        ),
        (
            {"date": np.repeat(pd.date_range("2024", periods=20), 24), "hour": [*range(24)] * 20,
             "load": range(480)},
            "date,hour", "load", None,
        ),
        (
            {"shop": ["b", "a"] * 20, "day": np.repeat(pd.date_range("2024", periods=20), 2),
             "units": range(40)},
            "day", "units", "shop",
        ),
        ({"year": range(1900, 1950), "value": 1.5}, "year", "value", None),
    ],
)  # fmt: skip
def test_columns_are_guessed_where_the_options_name_none(
    columns: dict, time: str, target: str, id: str | None
) -> None:
    found = inspect(pl.from_pandas(pd.DataFrame(columns)))
    assert found.columns.get("id") == id
    assert (found.columns["time"], found.columns["target"]) == (time, target)
    assert f"--time {time}" in found.command()
    again = {"time": time, "target": target} | ({"id": id} if id else {})
    assert not inspect(pl.from_pandas(pd.DataFrame(columns)), **again).stops


def test_a_part_of_the_stamp_that_was_forgotten_is_pointed_at() -> None:
    table = pd.DataFrame(
        {
            "date": np.repeat(pd.date_range("2024", periods=20), 24),
            "hour": [*range(24)] * 20,
            "y": range(480),
        }
    )
    assert "time='date,hour' (--time date,hour)" in faults(inspect(table, time="date"))


def test_what_looks_like_no_time_is_said() -> None:
    found = inspect(pl.DataFrame({"Y": [1.5, 2.5], "shop": ["a", "b"]}))
    assert found.panel is None and found.stops
    assert "Of 'Y', 'shop' none looks like it" in faults(found)
    assert "series" not in dict(found.properties())
    json.dumps(found.to_json())


def test_gaps_missing_values_and_outliers_are_counted_and_shown() -> None:
    values = np.sin(np.arange(300) * 2 * np.pi / 24)
    values[100] = 40.0
    values[200:203] = np.nan
    table = hourly(values).drop(range(50, 60))
    found = inspect(table)
    assert found.facts is not None
    assert found.gaps == 10
    assert dict(found.properties())["missing"].startswith("3 values")
    assert "10 rows from 2024-01-03 02:00" in dict(found.properties())["gaps"]
    assert [outlier.value for outlier in found.facts.outliers] == [40.0]
    assert "2024-01-05 04:00: 40" in dict(found.properties())["outliers"]


def test_noise_has_no_outliers() -> None:
    draw = np.random.default_rng(0)
    for values in (draw.normal(size=2000), draw.poisson(3, 2000), draw.exponential(size=2000)):
        found = inspect(hourly(values.astype(float)))
        assert found.facts is not None
        assert len(found.facts.outliers) <= 1


def test_a_mark_for_missing_is_recognised() -> None:
    values = 20 + np.sin(np.arange(300))
    values[[5, 80, 81]] = -9999
    assert "-9999 appears 3 times" in faults(inspect(hourly(values)))
    assert "appears" not in faults(inspect(hourly(np.arange(950.0, 1050.0))))  # 999 among others


def test_series_that_end_early_are_constant_or_short_are_named() -> None:
    days = pd.date_range("2024-01-01", periods=60)
    wave = np.sin(np.arange(60) * 2 * np.pi / 7)
    table = pd.concat(
        [
            pd.DataFrame({"unique_id": "whole", "ds": days, "y": wave}),
            pd.DataFrame({"unique_id": "flat", "ds": days, "y": 5.0}),
            pd.DataFrame({"unique_id": "ended", "ds": days[:30], "y": wave[:30]}),
            pd.DataFrame(
                {"unique_id": "tail", "ds": days, "y": np.where(days < days[50], wave, np.nan)}
            ),
        ]
    )
    found = inspect(table, season=40)
    text = faults(found)
    assert not found.stops
    assert "1 of 4 series hold one value all along: flat" in text
    assert "1 of 4 series end before 2024-02-29: ended" in text
    assert "1 of 4 series end with missing values: tail" in text
    assert "4 of 4 series are shorter than two seasons of 40 rows" in text


def test_options_are_suggested_for_the_kind_of_values() -> None:
    draw = np.random.default_rng(0)
    assert options(inspect(hourly(draw.poisson(2, 800)))) == {
        "head": "poisson", "nonnegative": True, "integer": True,
    }  # fmt: skip
    spread = inspect(hourly(draw.negative_binomial(1, 0.2, 800)))
    assert options(spread)["head"] == "negative_binomial"
    rain = draw.gamma(1, 2, 800) * (draw.random(800) < 0.4)
    assert options(inspect(hourly(rain))) == {"head": "tweedie", "nonnegative": True}
    rows = np.arange(1200)
    growing = np.exp(rows / 600) * (3 + np.sin(rows * 2 * np.pi / 24))
    assert options(inspect(hourly(growing))) == {"transform": "log1p", "nonnegative": True}
    assert options(inspect(hourly(draw.normal(size=800)))) == {}


def test_irregular_stamps_are_counted_and_snapping_is_suggested() -> None:
    table = hourly(np.arange(100.0))
    table.loc[[3, 70], "ds"] += pd.Timedelta("9min")
    found = inspect(table)
    assert "2 of 100 stamps lie between two steps of 'h', first 2024-01-01 03:09" in faults(found)
    assert options(found)["snap"] is True
    assert "--snap" in found.command()
    assert found.panel is not None and len(found.panel.values) == 100
    assert not inspect(table, snap=True).stops


def test_a_stamp_far_away_stops_but_does_not_hide_the_rest() -> None:
    stamps = pd.date_range("2024-01-01", periods=2000, freq="s").astype("M8[us]").to_numpy().copy()
    stamps[-1] = np.datetime64("2999-01-01", "us")
    found = inspect(pd.DataFrame({"ds": stamps, "y": [np.inf, *range(1999)]}))
    assert "infinite" in faults(found) and "Correct the stamp" in faults(found)


def test_integer_time_that_counts_seconds_is_recognised() -> None:
    table = pl.DataFrame({"ds": np.arange(1_700_000_000, 1_700_000_600, 60), "y": np.arange(10.0)})
    assert "look like seconds" in faults(inspect(table))


def test_json_holds_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "mess.csv").write_text(MESS)
    found = inspect(tmp_path / "mess.csv", **COLUMNS)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["stops"] is True
    assert len(plain["faults"]) == len(found.faults)
    assert (plain["freq"], plain["series"], plain["rows"]) == ("B", 2, 13)
    assert plain["command"].startswith("rollcast forecast mess.csv --id store")
    assert {"what", "remedy", "stops"} == set(plain["faults"][0])


def test_a_panel_is_inspected_as_it_is() -> None:
    found = inspect(Panel.of({"a": [1, 2, 3], "b": [4, 4]}))
    assert found.facts is not None and found.facts.constant == (1,)


def test_what_cannot_be_opened_raises() -> None:
    with pytest.raises(DataError, match="no such file"):
        inspect("nowhere.csv")
    with pytest.raises(UsageError, match="freq="):
        inspect(hourly(np.arange(3.0)), freq="fortnight")
    with pytest.raises(DataError, match="no rows"):
        inspect(pl.DataFrame({"ds": [], "y": []}))


def test_it_is_public_and_a_summary_shows_everything() -> None:
    found = rollcast.inspect(hourly(np.arange(50.0)))
    text = found.summary()
    for name, _ in found.properties():
        assert f"  {name}" in text
    assert text.endswith("rollcast forecast 'pandas table' --horizon N")


def test_faults_of_inputs_are_seen() -> None:
    rows = range(40)
    table = pl.DataFrame(
        {
            "ds": rows, "y": [float(row % 7) for row in rows], "same": [3] * 40,
            "holes": [None, 2.0, 1.0, 4.0] * 10, "none": [None] * 40, "kind": ["a", "b"] * 20,
        },
        schema_overrides={"none": pl.Float64},
    )  # fmt: skip
    found = inspect(table, past=["same", "holes", "kind"], future="same")
    assert found.stops and "is named twice" in found.faults[0].what
    found = inspect(table, past=["same", "holes", "kind"])
    assert [fault.what for fault in found.faults if "input" in fault.what] == [
        "Past input 'same' is the same everywhere.",
        "Past input 'holes' is missing in 25 %.",
    ]
    assert not found.stops and "--past same,holes,kind" in found.command()
    for role, name, message in (
        ("past", "none", "all 40 values of past column 'none' are missing."),
        ("static", "kind", "static input 'kind' is 'a' and 'b'"),
        ("past", "nowhere", "has no column 'nowhere'"),
    ):
        (fault,) = (each for each in inspect(table, **{role: name}).faults if each.stops)
        assert message in fault.what
    (fault,) = inspect(table, future="kind").faults
    assert "not known ahead: nothing at 40" in fault.what and not fault.stops
    broken = inspect(table.drop("y"), past="same").faults
    assert "Inputs are looked at once the faults above are set right." in [f.what for f in broken]
