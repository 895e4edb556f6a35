"""Tables go back in the kind that came in, with the user's names and time zone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rollcast.data.read import read
from rollcast.errors import UsageError

LONG = pl.DataFrame(
    {
        "store": ["a", "a", "a", "b", "b"],
        "day": pl.Series(["2024-01-01", "2024-01-02", "2024-01-03"] * 2).head(5).str.to_date(),
        "sold": [1.0, None, 3.0, 4.0, 5.0],
    }
)
NAMES = {"id": "store", "time": "day", "target": "sold"}


def test_a_polars_table_comes_back_equal() -> None:
    back = read(LONG, **NAMES).to_frame()
    assert isinstance(back, pl.DataFrame)
    assert_frame_equal(back, LONG)


def test_a_pandas_table_comes_back_equal() -> None:
    table = LONG.to_pandas().assign(day=lambda t: t.day.astype("datetime64[us]"))
    back = read(table, **NAMES).to_frame()
    assert isinstance(back, pd.DataFrame)
    pd.testing.assert_frame_equal(back, table, check_dtype=False)
    assert back.day.dtype == "datetime64[us]"


def test_an_arrow_table_comes_back_equal() -> None:
    back = read(LONG.to_arrow(), **NAMES).to_frame()
    assert type(back).__module__.startswith("pyarrow")
    assert_frame_equal(pl.DataFrame(pl.from_arrow(back)), LONG)


def test_a_table_without_ids_has_none_on_the_way_back() -> None:
    back = read(pl.DataFrame({"ds": [1, 2], "y": [1.0, 2.0]})).to_frame()
    assert back.columns == ["ds", "y"]


def test_integer_ids_stay_integers() -> None:
    back = read(pl.DataFrame({"unique_id": [7, 7, 3], "ds": [1, 2, 1], "y": [1, 2, 3]})).to_frame()
    assert back["unique_id"].to_list() == [3, 7, 7]


def test_a_stamp_in_several_columns_is_taken_apart_again() -> None:
    hours = pd.date_range("2023-12-31 22:00", periods=5, freq="h")
    table = pl.DataFrame(
        {
            "year": hours.year.to_numpy(),
            "month": hours.month.to_numpy(),
            "day": hours.day.to_numpy(),
            "hour": hours.hour.to_numpy(),
            "y": np.arange(5.0),
        }
    )
    panel = read(table, time="year,month,day,hour")
    np.testing.assert_array_equal(panel.times, hours.to_numpy())
    assert_frame_equal(panel.to_frame(), table, check_dtypes=False)


def test_quarters_are_taken_apart_again() -> None:
    table = pl.DataFrame({"year": [2020, 2020, 2021], "quarter": [3, 4, 1], "y": [1.0, 2, 3]})
    panel = read(table, time=["year", "quarter"])
    assert panel.freq == "QS"
    assert_frame_equal(panel.to_frame(), table, check_dtypes=False)


def test_a_date_and_an_hour_are_taken_apart_again() -> None:
    table = pl.DataFrame({"date": ["2020-01-01"] * 3, "hour": [0, 1, 2], "y": [1.0, 2, 3]})
    back = read(table, time="date,hour").to_frame()
    assert_frame_equal(back.with_columns(pl.col("date").cast(pl.String)), table, check_dtypes=False)


@pytest.mark.parametrize("freq", ["h", "D"])
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_zoned_stamps_come_back_in_their_zone_over_a_change_of_clocks(kind: str, freq: str) -> None:
    stamps = pd.date_range("2024-10-25", "2024-10-30", freq=freq, tz="Europe/Berlin")
    whole = pd.DataFrame({"ds": stamps, "y": np.arange(len(stamps), dtype=float)})
    known = whole.iloc[:-3]
    table = known if kind == "pandas" else pl.from_pandas(known)
    panel = read(table)
    assert panel.freq == freq and len(panel.values) == len(known)
    later = panel.frame(np.zeros(3, int), panel.future_times(3)[0], {"y": np.zeros(3)})
    for back, rows in ((panel.to_frame(), known), (later, whole.iloc[-3:])):
        found = back["ds"] if kind == "pandas" else back["ds"].to_pandas()
        assert (found.reset_index(drop=True) == rows["ds"].reset_index(drop=True)).all()
        assert str(found.dt.tz) == "Europe/Berlin"


def test_an_hour_that_the_clock_skips_becomes_the_next() -> None:
    # in São Paulo the clock went from 23:59 to 01:00 on 2018-11-04
    stamps = pd.date_range("2018-10-31", periods=4, freq="D", tz="America/Sao_Paulo")
    for table in (pd.DataFrame({"ds": stamps, "y": 1.0}), pl.DataFrame({"ds": stamps, "y": 1.0})):
        panel = read(table)
        later = panel.frame(np.zeros(2, int), panel.future_times(2)[0], {})["ds"]
        assert str(later[0]).startswith("2018-11-04 01:00:00-02")
        assert str(later[1]).startswith("2018-11-05 00:00:00-02")


def test_the_wall_clock_is_what_the_calendar_sees() -> None:
    stamps = pd.date_range("2024-07-01", periods=48, freq="h", tz="Asia/Tokyo")
    panel = read(pd.DataFrame({"ds": stamps, "y": 1.0}))
    assert panel.times[0] == np.datetime64("2024-06-30 15:00")
    assert panel.local(panel.times)[0] == np.datetime64("2024-07-01 00:00")


def test_a_result_may_not_take_the_name_of_a_key() -> None:
    panel = read(LONG, **NAMES)
    with pytest.raises(UsageError, match="'store' is both"):
        panel.frame(np.zeros(1, int), panel.times[:1], {"store": np.zeros(1)})


def test_pandas_tables_need_no_pyarrow() -> None:
    code = """
import sys
sys.modules["pyarrow"] = None
import pandas as pd
from rollcast.data.read import read
stamps = pd.date_range("2024-03-30", periods=4, freq="D", tz="Europe/Paris")
plain = pd.DataFrame({
    "unique_id": ["b", "b", "a", "a"], "ds": ["2024-01-02", "2024-01-01"] * 2,
    "y": [1.0, None, 3.0, 4.0]})
for table in (
    plain, plain.assign(ds=pd.to_datetime(plain.ds)), plain.assign(ds=stamps),
    plain.assign(unique_id=plain.unique_id.astype("category")), plain.convert_dtypes(),
    plain.assign(unique_id=plain.unique_id.astype(object), y=plain.y.astype(object)),
):
    back = read(table, freq="D").to_frame()
    assert list(back.unique_id.unique()) == ["a", "b"], back
    assert back.columns.tolist() == ["unique_id", "ds", "y"]
assert "pyarrow" not in {name for name, module in sys.modules.items() if module}
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
