"""Calendar features: smooth, bounded, and only what the frequency can tell apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.data.calendar import calendar_feature_names, calendar_features, feature_table
from rollcast.data.frequency import advance
from rollcast.data.panel import Panel

ALIASES = ["min", "15min", "h", "6h", "12h", "D", "2D", "B", "W", "MS", "ME", "2MS", "QS", "QE"]
NONE = ["YS", "YE", "6MS", 1, 7]


def stamps(freq: str | int, count: int, start: str = "2023-12-30") -> np.ndarray:
    if isinstance(freq, int):
        return np.arange(count) * freq
    return pd.date_range(start, freq=freq, periods=count).to_numpy().astype("M8[us]")


@pytest.mark.parametrize("freq", ALIASES + NONE)
def test_features_are_float32_between_minus_one_and_one(freq: str | int) -> None:
    features = calendar_features(stamps(freq, 500), freq)
    assert features.dtype == np.float32
    assert features.shape == (500, len(calendar_feature_names(freq)))
    assert (np.abs(features) <= 1).all()
    assert (features.shape[1] == 0) == (freq in NONE)


@pytest.mark.parametrize("freq", [freq for freq in ALIASES if freq != "12h"])
def test_no_feature_is_constant_and_no_two_are_equal(freq: str) -> None:
    # (half a day apart, sines of the day are all 0 or their cosines are)
    spread = {"min": 1009, "15min": 101}.get(freq, 1) * np.arange(3000)
    features = calendar_features(advance(stamps(freq, 1, "1990-01-01")[0], freq, spread), freq)
    assert (features.std(axis=0) > 0.1).all()
    correlation = np.corrcoef(features.T) - np.eye(features.shape[1])
    assert np.abs(correlation).max() < 0.99


def test_the_same_place_in_a_cycle_has_the_same_features() -> None:
    hours = stamps("h", 24 * 7 * 2)
    names = calendar_feature_names("h")
    features = calendar_features(hours, "h")
    day = [i for i, name in enumerate(names) if "day" in name]
    week = [i for i, name in enumerate(names) if "week" in name]
    np.testing.assert_allclose(features[:-24, day], features[24:, day], atol=1e-6)
    np.testing.assert_allclose(features[:-168, week], features[168:, week], atol=1e-6)


def test_months_repeat_every_year_and_differ_within() -> None:
    features = calendar_features(stamps("ME", 24), "ME")
    np.testing.assert_allclose(features[:12], features[12:], atol=1e-6)
    assert len(np.unique(features[:12].round(5), axis=0)) == 12


@settings(deadline=None, max_examples=50)
@given(
    freq=st.sampled_from([*ALIASES, *NONE]),
    starts=st.lists(st.integers(0, 3000), min_size=1, max_size=30),
    phases=st.integers(1, 20),
    before=st.integers(0, 5),
    after=st.integers(0, 5),
    data=st.data(),
)
def test_the_shared_table_holds_the_features_of_every_series(
    freq: str | int,
    starts: list[int],
    phases: int,
    before: int,
    after: int,
    data: st.DataObject,
) -> None:
    integer = isinstance(freq, int)
    base = stamps(freq, 1)[0]
    first = advance(base, freq, np.array(starts))
    if not integer:  # series in different phases, also more than are looked for
        shift = np.arange(len(starts)) % phases
        first = first + shift.astype("m8[s]")
    lengths = np.array([data.draw(st.integers(1, 6)) for _ in starts])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    times = np.concatenate(
        [advance(begin, freq, np.arange(n)) for begin, n in zip(first, lengths, strict=True)]
    )
    ids = np.arange(len(starts)).astype(object)
    panel = Panel(np.zeros(len(times)), offsets, times, ids, freq)
    table, rows = feature_table(panel, before, after)
    for begin, length, row in zip(first, lengths, rows, strict=True):
        wanted = advance(begin, freq, np.arange(-before, length + after))
        found = table[row - before : row + length + after]
        if table.size:
            np.testing.assert_array_equal(found, calendar_features(wanted, freq))


def test_series_on_one_grid_share_the_table() -> None:
    panel = Panel.of({f"s{i}": np.zeros(50) for i in range(200)}, start="2024-01-01", freq="h")
    assert len(feature_table(panel, 10, 5)[0]) == 65
