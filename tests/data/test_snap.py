"""Irregular stamps moved to the nearest step; pandas says which that is."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.errors import DataError

STARTS = {
    "10s": "2024-01-01", "15min": "2024-01-01", "h": "2024-02-28", "6h": "2024-01-01 03:00",
    "D": "2024-01-01", "B": "2024-01-01", "W-FRI": "2024-01-05", "MS": "2023-11-01",
    "ME": "2023-11-30", "QS": "2020-01-01", "QE-NOV": "2019-11-30", "YS": "1990-01-01",
    "YE": "1990-12-31",
}  # fmt: skip


def jittered(stamps: pd.DatetimeIndex, part: float, seed: int = 0) -> pd.DatetimeIndex:
    """Each stamp moved by up to ``part`` of the shortest step, to the second."""
    step = np.diff(stamps).min() / np.timedelta64(1, "s")
    moves = np.random.default_rng(seed).uniform(-part, part, len(stamps)) * step
    return stamps + pd.to_timedelta(moves.round(1), unit="s")


def snapped(stamps: object, **options: object) -> Panel:
    table = pd.DataFrame({"ds": stamps, "y": np.arange(1.0, len(stamps) + 1)})  # type: ignore
    return read(table, snap=True, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("alias", STARTS)
def test_stamps_that_jitter_come_to_the_grid_they_came_from(alias: str) -> None:
    stamps = pd.date_range(STARTS[alias], periods=60, freq=alias)
    part = 0.2 if alias != "B" else 0.0
    panel = snapped(jittered(stamps, part), freq=alias)
    np.testing.assert_array_equal(panel.times, stamps.to_numpy("M8[us]"))
    assert not np.isnan(panel.values).any()


@pytest.mark.parametrize("alias", ["10s", "15min", "h", "6h", "D", "W-FRI", "MS", "ME", "YS"])
def test_the_grid_is_found_where_stamps_jitter(alias: str) -> None:
    stamps = pd.date_range(STARTS[alias], periods=60, freq=alias)
    panel = snapped(jittered(stamps, 0.02))
    expected = {"MS": "MS", "ME": "ME", "YS": "YS"}.get(alias, alias)
    assert panel.freq == expected
    np.testing.assert_array_equal(panel.times, stamps.to_numpy("M8[us]"))


def test_days_measured_about_noon_stay_at_noon() -> None:
    stamps = pd.date_range("2024-01-01 12:00", periods=40, freq="D")
    panel = snapped(jittered(stamps, 0.01))
    assert panel.freq == "D"
    np.testing.assert_array_equal(panel.times, stamps.to_numpy("M8[us]"))


def test_each_series_has_its_place_in_the_hour() -> None:
    stamps = pd.date_range("2024-01-01", periods=40, freq="h")
    parts = [
        pd.DataFrame({"unique_id": id, "ds": jittered(stamps + pd.Timedelta(move), 0.02), "y": 1.0})
        for id, move in (("a", "0min"), ("b", "30min"))
    ]
    panel = read(pd.concat(parts), snap=True)
    assert panel.freq == "h"
    assert [series.times[0].item().minute for series in panel] == [0, 30]
    assert panel.lengths.tolist() == [40, 40]


def test_the_last_business_day_of_a_month_becomes_its_end() -> None:
    stamps = pd.date_range("2020-01-01", periods=36, freq="BME")
    with pytest.raises(DataError, match=r"irregular stamps.*snap=True"):
        read(pd.DataFrame({"ds": stamps, "y": 1.0 * np.arange(36)}))
    panel = snapped(stamps)
    assert panel.freq == "ME"
    np.testing.assert_array_equal(
        panel.times, pd.date_range("2020-01-31", periods=36, freq="ME").to_numpy("M8[us]")
    )


def test_weekends_go_to_the_nearer_business_day() -> None:
    panel = snapped(pd.to_datetime(["2024-01-05", "2024-01-07", "2024-01-09"]), freq="B")
    expected = np.array(["2024-01-05", "2024-01-08", "2024-01-09"], "M8[us]")
    np.testing.assert_array_equal(panel.times, expected)


def test_integer_time_is_snapped_to_its_step() -> None:
    panel = snapped([0, 10, 21, 29, 40, 50, 60], freq=10)
    np.testing.assert_array_equal(panel.times, np.arange(0, 70, 10))


def test_the_log_says_how_many_moved_and_how_far(caplog: pytest.LogCaptureFixture) -> None:
    stamps = pd.date_range("2024-01-01", periods=10, freq="h").to_series()
    stamps.iloc[3] += pd.Timedelta("7min")
    with caplog.at_level(logging.WARNING, "rollcast"):
        snapped(stamps.to_numpy())
    assert len(caplog.messages) == 1
    assert "1 of 10 stamps were moved to the nearest step of 'h'" in caplog.messages[0]
    assert "2024-01-01 03:07 by 7 min at most" in caplog.messages[0]
    caplog.clear()
    snapped(pd.date_range("2024-01-01", periods=10, freq="h"))
    assert not caplog.messages


def test_rows_that_meet_are_duplicates() -> None:
    stamps = pd.to_datetime(["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 01:10"])
    with pytest.raises(DataError, match="2024-01-01 01:00 appears twice"):
        snapped(stamps, freq="h")
    np.testing.assert_array_equal(snapped(stamps, freq="h", duplicates="mean").values, [1, 2.5])


def test_stamps_without_any_step_ask_for_one() -> None:
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta([0, 1, 50, 97, 160, 200], unit="min")
    with pytest.raises(DataError, match=r"no usual step near 47 min.*freq="):
        snapped(moments)
    assert snapped(moments, freq="h", duplicates="mean").freq == "h"


def test_a_step_of_the_wrong_kind_is_still_refused() -> None:
    with pytest.raises(DataError, match="does not go with stamps"):
        snapped([1, 2, 3], freq="D")
