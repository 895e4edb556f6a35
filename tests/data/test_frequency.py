"""Steps of time against pandas, which wrote the aliases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.data.frequency import SYNONYMS, UNITS, advance, parse_frequency, steps_between
from rollcast.data.infer import infer_frequency
from rollcast.errors import UsageError

ALIASES = [
    *("s", "30s", "min", "5min", "15min", "90min", "h", "2h", "6h", "D", "2D", "7D", "B"),
    *("W-SUN", "W-MON", "W-SAT", "2W-WED", "MS", "ME", "2MS", "2ME", "QS-JAN", "QE-DEC"),
    *("QS-FEB", "QE-JAN", "YS-JAN", "YE-DEC", "YS-APR", "YE-JUN", "6MS", "100ms"),
]
STARTS = ["1899-12-31", "1970-01-01", "1996-02-29", "2023-11-05 13:37:00"]


def dates(start: str, freq: str, periods: int) -> np.ndarray:
    return pd.date_range(start, freq=freq, periods=periods).to_numpy().astype("M8[us]")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("alias", ALIASES)
def test_advancing_follows_pandas(alias: str, start: str) -> None:
    expected = dates(start, alias, 60)
    np.testing.assert_array_equal(advance(expected[0], alias, np.arange(60)), expected)
    np.testing.assert_array_equal(advance(expected[-1], alias, np.arange(-59, 1)), expected)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("alias", ALIASES)
def test_counting_steps_undoes_advancing(alias: str, start: str) -> None:
    times = dates(start, alias, 60)
    steps, exact = steps_between(times[7], times, alias)
    np.testing.assert_array_equal(steps, np.arange(60) - 7)
    assert exact.all()


@pytest.mark.parametrize("alias", ALIASES)
def test_a_stamp_between_two_steps_is_not_exact(alias: str) -> None:
    times = dates("2020-01-01", alias, 10)
    off = times + np.timedelta64(1, "us")
    assert not steps_between(times[0], off, alias)[1].any()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("alias", ALIASES)
def test_the_frequency_is_found_again(alias: str, start: str) -> None:
    times = dates(start, alias, 40)
    found = infer_frequency(times, np.array([0, 40]))
    assert found is not None
    np.testing.assert_array_equal(advance(times[0], found, np.arange(40)), times)
    # a later stamp too: the alias itself is right, not only on these rows
    far = pd.date_range(times[0], freq=alias, periods=500).to_numpy()[-1]
    assert advance(times[0], found, 499) == far.astype("M8[us]")


@pytest.mark.parametrize(
    ("alias", "found"),
    [("7D", "W-WED"), ("60min", "h"), ("QS-JAN", "QS"), ("QE-DEC", "QE"), ("12MS", "YS")],
)
def test_the_found_alias_is_the_usual_one(alias: str, found: str) -> None:
    assert infer_frequency(dates("2020-01-01", alias, 20), np.array([0, 20])) == found


@settings(deadline=None, max_examples=60)
@given(
    alias=st.sampled_from(ALIASES),
    kept=st.sets(st.integers(0, 59), min_size=40, max_size=60),
)
def test_gaps_do_not_hide_the_frequency(alias: str, kept: set[int]) -> None:
    times = dates("2021-03-01", alias, 60)
    rows = times[sorted(kept)]
    found = infer_frequency(rows, np.array([0, len(rows)]))
    assert found is not None
    assert steps_between(rows[0], rows, found)[1].all()
    assert advance(times[0], found, 59) == times[59]


def test_steps_across_the_border_of_two_series_do_not_count() -> None:
    times = np.concatenate([dates("2020-01-01", "h", 3), dates("2020-01-01", "h", 3)])
    assert infer_frequency(times, np.array([0, 3, 6])) == "h"
    assert infer_frequency(times[2:4], np.array([0, 1, 2])) is None


@pytest.mark.parametrize(
    ("times", "freq"), [([1, 2, 3, 5], 1), ([0, 10, 20, 40], 10), ([1700, 1701, 1702], 1)]
)
def test_the_step_of_integer_time_is_the_commonest(times: list[int], freq: int) -> None:
    assert infer_frequency(np.array(times), np.array([0, len(times)])) == freq


def test_month_starts_keep_the_day_they_find() -> None:
    fifteenth = np.array(["2020-01-15", "2020-02-15", "2020-03-15"], "M8[us]")
    assert infer_frequency(fifteenth, np.array([0, 3])) == "MS"
    np.testing.assert_array_equal(advance(fifteenth[0], "MS", np.arange(3)), fifteenth)


def test_business_days_need_a_weekend_stepped_over() -> None:
    assert infer_frequency(dates("2024-01-01", "B", 4), np.array([0, 4])) == "D"
    assert infer_frequency(dates("2024-01-01", "B", 6), np.array([0, 6])) == "B"


@pytest.mark.parametrize("alias", [*UNITS, *SYNONYMS])
def test_every_alias_and_older_spelling_parses(alias: str) -> None:
    assert parse_frequency(alias) == parse_frequency(SYNONYMS.get(alias, alias))
    assert parse_frequency(f"3{alias}").step == 3 * parse_frequency(alias).step


def test_the_command_line_may_write_an_integer_as_text() -> None:
    assert parse_frequency("3") == parse_frequency(3)


@pytest.mark.parametrize("wrong", ["m", "15m", "X", "", "W-FOO", "D-MON", "0D", 0, -1, "1h30min"])
def test_what_is_no_frequency_is_refused_with_the_list(wrong: str | int) -> None:
    with pytest.raises(UsageError, match=r"freq=.*(expected|Expected|must be|takes no)"):
        parse_frequency(wrong)


@pytest.mark.parametrize("wrong", [True, 1.5, None])
def test_a_frequency_is_text_or_an_integer(wrong: object) -> None:
    with pytest.raises(UsageError, match="pandas alias"):
        parse_frequency(wrong)  # type: ignore[arg-type]


def test_an_anchor_must_be_met() -> None:
    sundays = dates("2024-01-07", "W-SUN", 5)
    assert steps_between(sundays[0], sundays, "W-SUN")[1].all()
    assert not steps_between(sundays[0], sundays, "W-MON")[1].any()
    assert steps_between(sundays[0], sundays, "W")[1].all()  # unnamed: the first stamp decides
