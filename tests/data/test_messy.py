"""Time zones, changes of clocks and real calendars with holes; pandas says what is right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.errors import DataError

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]


def table(stamps: object) -> pd.DataFrame:
    return pd.DataFrame({"ds": stamps, "y": np.arange(1.0, len(stamps) + 1)})  # type: ignore


def future(panel: Panel, horizon: int) -> pd.Series:
    """The stamps of a forecast, as its table shows them."""
    times = panel.future_times(horizon).ravel()
    return panel.frame(np.zeros(horizon, int), times, {})["ds"]


@pytest.mark.parametrize("freq", ["15min", "h", "D", "W-SUN", "MS"])
@pytest.mark.parametrize("begin", ["2018-01-01", "2018-06-01"])
@pytest.mark.parametrize("zone", ZONES)
def test_zoned_stamps_go_on_where_pandas_would(zone: str, begin: str, freq: str) -> None:
    """Over both changes of clocks, in rows and in forecasts."""
    count = {"15min": 96 * 320, "h": 24 * 320, "D": 320}.get(freq, 60)
    hours = freq in ("15min", "h")
    stamps = pd.date_range(begin, periods=count, freq=freq, tz=zone if hours else None)
    if not hours:  # where the clocks skip midnight, the day begins an hour late
        stamps = stamps.tz_localize(
            zone, nonexistent="shift_forward", ambiguous=np.ones(count, bool)
        )
    half = count // 2
    panel = read(table(stamps[:half]), season=1)
    panel.validate()
    assert panel.freq == freq
    assert not np.isnan(panel.values).any()
    later = pd.DatetimeIndex(future(panel, count - half))
    assert later.tz is not None
    assert (later == stamps[half:]).all()


def local_hours(zone: str, year: int) -> pd.DatetimeIndex:
    """The clock on a wall, every hour of a year, without its zone."""
    return pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h", tz=zone).tz_localize(
        None
    )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Europe/Helsinki"])
def test_local_hours_without_a_zone_meet_both_changes_of_clocks(zone: str) -> None:
    hours = local_hours(zone, 2024)
    with pytest.raises(DataError, match=r"appears twice.*Clocks may have been set back"):
        read(table(hours))
    panel = read(table(hours), duplicates="mean")
    assert (panel.freq, len(panel.values)) == ("h", 8784)
    gap = panel.times[np.isnan(panel.values)]
    expected = pd.date_range("2024", periods=8784, freq="h").difference(hours)
    np.testing.assert_array_equal(gap, expected.to_numpy("M8[us]"))  # the hour that was skipped
    doubled = hours[hours.duplicated()][0].to_datetime64()
    first = np.flatnonzero(hours == doubled)
    value = panel.values[panel.times == doubled]
    np.testing.assert_allclose(value, (first + 1).mean())


def test_the_same_hours_with_their_zone_have_no_fault() -> None:
    hours = local_hours("Europe/Berlin", 2024)
    zoned = hours.tz_localize("Europe/Berlin", ambiguous=~hours.duplicated())
    panel = read(table(zoned))
    assert (panel.freq, len(panel.values)) == ("h", 8784)
    assert not np.isnan(panel.values).any()
    text = [stamp.isoformat() for stamp in zoned]  # +01:00 and +02:00 by turns
    panel = read(pl.DataFrame({"ds": text, "y": np.arange(8784.0)}))
    assert (panel.freq, len(panel.values), panel.columns.zone) == ("h", 8784, "UTC")


REAL = {
    # business days without the holidays of a country, as prices come
    "B": pd.bdate_range("2020-01-01", "2023-12-31").difference(
        pd.to_datetime(
            [f"{year}-{day}" for year in range(2020, 2024) for day in ("01-01", "12-25")]
        )
    ),
    "ME": pd.date_range("2015-01-31", periods=60, freq="ME").delete([3, 4, 5, 20, 41]),
    "QE": pd.date_range("2001-03-31", periods=40, freq="QE").delete([1, 2, 17]),
    "QS-FEB": pd.date_range("2001-02-01", periods=40, freq="QS-FEB").delete([1, 2, 17]),
    "YE": pd.date_range("1950-12-31", periods=50, freq="YE").delete([7, 8]),
    "YS": pd.date_range("1950-01-01", periods=50, freq="YS").delete([7, 8]),
    **{
        f"W-{day}": pd.date_range("2021-01-01", periods=80, freq=f"W-{day}").delete([0, 9, 10, 44])
        for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
    },
    "10min": pd.date_range("2020-05-29", periods=300, freq="10min").delete(range(100, 109)),
}


@pytest.mark.parametrize("alias", REAL)
def test_the_frequency_of_real_stamps_with_holes_is_found(alias: str) -> None:
    stamps = REAL[alias]
    shuffled = table(stamps).sample(frac=1, random_state=1)
    panel = read(shuffled)
    assert panel.freq == alias
    whole = pd.date_range(stamps[0], stamps[-1], freq=alias)
    np.testing.assert_array_equal(panel.times, whole.to_numpy("M8[us]"))
    there = whole.isin(stamps)
    assert (np.isnan(panel.values) == ~there).all()
    np.testing.assert_array_equal(panel.values[there], np.arange(1.0, len(stamps) + 1))


def test_newest_first_is_oldest_first(tmp_path) -> None:
    weeks = pd.date_range("2019-01-04", periods=60, freq="W-FRI")[::-1]
    rows = [f"{week:%m/%d/%Y},{value}" for value, week in enumerate(weeks)]
    (tmp_path / "gasoline.csv").write_text("\n".join(["ds,y", *rows]))
    panel = read(tmp_path / "gasoline.csv")
    assert panel.freq == "W-FRI"
    np.testing.assert_array_equal(panel.values, np.arange(60)[::-1])


@pytest.mark.parametrize("value", [1e200, -1e308])
def test_values_whose_squares_overflow_are_refused(value: float) -> None:
    with pytest.raises(DataError, match=r"row 2: .* too large to be squared"):
        read(pl.DataFrame({"ds": [1, 2, 3], "y": [1.0, value, 2.0]}))
