"""Times, however they are written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.data.read import read
from rollcast.errors import DataError


def times(written: object, freq: str | None = None) -> np.ndarray:
    return read(pl.DataFrame({"ds": written, "y": 1.0}), freq=freq).times


# 13 days from the 20th: no day can be taken for a month
DAYS = pd.date_range("2024-01-20", periods=13, freq="D")


@pytest.mark.parametrize(
    "form",
    [
        *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y"),
        *("%m-%d-%Y", "%d-%m-%Y", "%m/%d/%y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y"),
        *("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M"),
        *("%m/%d/%Y %I:%M %p", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00:00"),
    ],
)
def test_dates_are_read_in_the_forms_people_write(form: str) -> None:
    np.testing.assert_array_equal(times(DAYS.strftime(form).to_numpy(object)), DAYS.to_numpy())


@pytest.mark.parametrize("form", ["%Y-%m", "%Y/%m", "%Y%m", "%b %Y", "%b-%Y"])
def test_months_are_read(form: str) -> None:
    months = pd.date_range("1949-01-01", periods=15, freq="MS")
    np.testing.assert_array_equal(times(months.strftime(form).to_numpy(object)), months.to_numpy())


@pytest.mark.parametrize("form", ["{}Q{}", "{}-Q{}", "{} Q{}", "Q{1} {0}"])
def test_quarters_are_read(form: str) -> None:
    quarters = pd.date_range("1959-01-01", periods=9, freq="QS")
    written = [form.format(day.year, day.quarter) for day in quarters]
    np.testing.assert_array_equal(times(written), quarters.to_numpy())


@pytest.mark.parametrize("form", ["{}-W{:02d}", "{}W{:02d}"])
def test_weeks_are_read_as_their_monday(form: str) -> None:
    mondays = pd.date_range("2020-12-07", periods=9, freq="W-MON")
    written = [form.format(*day.isocalendar()[:2]) for day in mondays]
    np.testing.assert_array_equal(times(written), mondays.to_numpy())


def test_days_and_months_need_no_leading_zero() -> None:
    written = ["2024/1/9 0:00", "2024/1/10 0:00", "2024/1/11 0:00"]
    assert times(written)[0] == np.datetime64("2024-01-09")


@pytest.mark.parametrize("written", [[1700, 1701, 1702], [1, 2, 3], ["5", "6", "7"], [0, -1, -2]])
def test_whole_numbers_stay_integer_time(written: list) -> None:
    found = times(written)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, sorted(map(int, written)))


@pytest.mark.parametrize("kind", [int, str, float])
def test_eight_digits_are_a_date(kind: type) -> None:
    found = times([kind(day) for day in (19580329, 19580405, 19580412)])
    np.testing.assert_array_equal(
        found, np.array(["1958-03-29", "1958-04-05", "1958-04-12"], "M8[us]")
    )


def test_eight_digits_that_are_no_date_are_numbers() -> None:
    assert times([20241301, 20241302, 20241303]).dtype == np.int64


def test_years_become_dates_when_the_frequency_is_yearly() -> None:
    np.testing.assert_array_equal(
        times([2000, 2001], "YS"), np.array(["2000-01-01", "2001-01-01"], "M8[us]")
    )
    np.testing.assert_array_equal(
        times([2000, 2001], "YE"), np.array(["2000-12-31", "2001-12-31"], "M8[us]")
    )


def test_offsets_from_utc_are_followed() -> None:
    written = [
        "2024-03-31T01:00:00+01:00",
        "2024-03-31T03:00:00+02:00",
        "2024-03-31T04:00:00+02:00",
    ]
    panel = read(pl.DataFrame({"ds": written, "y": 1.0}))
    assert panel.freq == "h"
    assert panel.columns.zone == "UTC"
    assert panel.times[0] == np.datetime64("2024-03-31T00:00")


@settings(deadline=None, max_examples=40)
@given(st.datetimes(pd.Timestamp("1800-01-01"), pd.Timestamp("2200-01-01")))
def test_a_stamp_read_from_text_is_the_stamp(moment: pd.Timestamp) -> None:
    moment = pd.Timestamp(moment).floor("us")
    rows = pd.date_range(moment, periods=3, freq="D")
    written = [stamp.isoformat(timespec="microseconds") for stamp in rows]
    np.testing.assert_array_equal(times(written), rows.to_numpy().astype("M8[us]"))


def test_day_and_month_that_could_be_either_are_not_guessed() -> None:
    with pytest.raises(DataError, match=r"row 1: time '01/02/2024'.*month/day or day/month"):
        times(["01/02/2024", "02/02/2024", "03/02/2024"])


def test_one_day_above_twelve_settles_it() -> None:
    assert times(["12/01/2024", "13/01/2024"])[0] == np.datetime64("2024-01-12")
    assert times(["01/12/2024", "01/13/2024"])[0] == np.datetime64("2024-01-12")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (["yesterday", "today"], r"row 1: time 'yesterday'.*cannot|is not a date"),
        (["2024-01-01", "2024-01-32"], r"row 2: time '2024-01-32'.*is no date"),
        (["2024-01-01", "01.02.2024"], r"row 2: time '01.02.2024'.*not written like '2024-01-01'"),
        (["1949.0", "1949.0833"], r"row 1: time '1949.0' .*is not a date"),
        ([1949.0, 1949.0833], r"row 2: time 1949.0833 .*is a fraction"),
        (["2024-01-01", None], r"row 2: no time in column 'ds'"),
        (["2024-01-01", "NA"], r"row 2: no time in column 'ds'"),
    ],
)
def test_a_time_that_cannot_be_read_is_shown_with_its_row(written: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        times(written)


PARTS = pl.DataFrame(
    {"Year": [2024, 2024], "MONTH": [2, 2], "day": [28, 29], "hr": [23, 23], "y": [1.0, 2.0]}
)


def test_parts_of_a_stamp_are_known_by_their_names() -> None:
    panel = read(PARTS, time="Year, MONTH, day, hr")
    assert panel.freq == "D"
    assert panel.times[1] == np.datetime64("2024-02-29T23:00")
    assert panel.columns.parts == ("year", "month", "day", "hour")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MONTH": [2, 13]}, r"row 2: '13' in column 'MONTH' is no month.*1 to 12"),
        ({"day": [28, 30]}, r"row 2: there is no day '30' in 2024-02"),
        ({"hr": [0, None]}, r"row 2: nothing in column 'hr' is no hour"),
        ({"hr": ["x", "1"]}, r"row 1: 'x' in column 'hr' is no hour"),
        ({"Year": [2024, 2024.5]}, r"row 2: '2024.5' in column 'Year' is no year"),
    ],
)
def test_a_part_that_cannot_be_is_shown_with_its_row(change: dict, message: str) -> None:
    table = PARTS.with_columns(**{name: pl.Series(v, strict=False) for name, v in change.items()})
    with pytest.raises(DataError, match=message):
        read(table, time="Year,MONTH,day,hr")


@pytest.mark.parametrize("names", ["hr,day", "Year,y", "day,Year"])
def test_parts_that_make_no_stamp_are_refused(names: str) -> None:
    table = PARTS.with_columns(value=pl.lit(1.0))
    with pytest.raises(DataError, match="cannot put a stamp together"):
        read(table, time=names, target="value")
