"""A panel: many series in flat arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.data.panel import Panel, stamp_text
from rollcast.errors import DataError

SERIES = st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12), min_size=1, max_size=6)


def panel_of(rows: list[list[float]]) -> Panel:
    return Panel.of({f"s{i}": row for i, row in enumerate(rows)}, start="2024-01-29", freq="D")


@given(SERIES)
@settings(deadline=None)
def test_every_series_is_where_its_offsets_say(rows: list[list[float]]) -> None:
    panel = panel_of(rows)
    panel.validate()
    assert len(panel) == len(rows)
    for series, row in zip(panel, rows, strict=True):
        np.testing.assert_array_equal(series.values, row)
        assert len(series) == len(series.times) == len(row)


@given(SERIES, st.integers(1, 15))
@settings(deadline=None)
def test_the_tail_is_the_end_of_each_series(rows: list[list[float]], last: int) -> None:
    tail = panel_of(rows).tail(last)
    tail.validate()
    for series, row in zip(tail, rows, strict=True):
        np.testing.assert_array_equal(series.values, row[-last:])


@given(SERIES, st.integers(1, 3))
@settings(deadline=None)
def test_the_two_parts_of_a_split_make_the_whole(rows: list[list[float]], last: int) -> None:
    panel = panel_of([row + [0.0] * last for row in rows])
    before, after = panel.split(last)
    assert (after.lengths == last).all()
    for whole, first, second in zip(panel, before, after, strict=True):
        np.testing.assert_array_equal(whole.values, [*first.values, *second.values])
        np.testing.assert_array_equal(whole.times, [*first.times, *second.times])


def test_a_split_that_leaves_nothing_names_the_series() -> None:
    with pytest.raises(DataError, match=r"series 'b' has 2 rows.*cannot be held out"):
        Panel.of({"a": [1, 2, 3], "b": [1, 2]}).split(2)


def test_take_follows_the_order_asked_for_and_masks() -> None:
    panel = Panel.of({"a": [1], "b": [2, 3], "c": [4]})
    assert list(panel.take([2, 0]).ids) == ["c", "a"]
    np.testing.assert_array_equal(panel.take([1]).values, [2, 3])
    assert list(panel.take(np.array([True, False, True])).ids) == ["a", "c"]
    panel.take([1, 1]).validate()


@pytest.mark.parametrize("freq", ["h", "D", "B", "W-MON", "MS", "ME", "QE", "YS"])
def test_future_times_go_on_where_pandas_would(freq: str) -> None:
    index = pd.date_range("2020-01-06", freq=freq, periods=30).to_numpy().astype("M8[us]")
    panel = Panel.of(np.zeros(20), start=index[0], freq=freq)
    np.testing.assert_array_equal(panel.future_times(10), index[None, 20:])


def test_future_times_of_integer_time_are_integers() -> None:
    panel = Panel.of({"a": [1, 2], "b": [1, 2, 3]}, start=10, freq=5)
    np.testing.assert_array_equal(panel.future_times(2), [[20, 25], [25, 30]])


def test_series_come_in_the_order_of_their_ids() -> None:
    assert list(Panel.of({"b": [1], "a": [2]}).ids) == ["a", "b"]


def test_a_series_out_of_range_is_an_index_error() -> None:
    panel = Panel.of([1, 2])
    assert panel.series(-1).id == panel.series(0).id
    with pytest.raises(IndexError):
        panel.series(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": np.arange(2)}, "do not belong together"),
        ({"ids": np.array(["a", "b"], object)}, "needs a row"),
        ({"values": np.array([1.0, np.inf, 2.0])}, "infinite"),
        ({"times": np.array([0, 2, 3])}, "do not follow freq=1"),
    ],
)
def test_a_panel_that_contradicts_itself_is_refused(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(Panel.of([1, 2, 3]), **change).validate()


def test_the_short_form_says_what_a_person_asks_first() -> None:
    panel = Panel.of({"a": [1, 2], "b": [3]}, start="2024-02-28", freq="D", season=7)
    assert repr(panel) == "Panel(2 series, 3 rows, freq='D', season=7, 2024-02-28 to 2024-02-29)"


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        (np.datetime64("2024-01-01", "us"), "2024-01-01"),
        (np.datetime64("2024-01-01 10:00", "us"), "2024-01-01 10:00"),
        (np.datetime64("2024-01-01 10:30:05", "us"), "2024-01-01 10:30:05"),
        (np.datetime64("2024-01-01 00:30", "us"), "2024-01-01 00:30"),
        (7, "7"),
    ],
)
def test_stamps_are_written_as_people_do(stamp: object, text: str) -> None:
    assert stamp_text(stamp) == text
