"""Windows against the slow obvious way: one series and one origin at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.data.calendar import calendar_features
from rollcast.data.frequency import advance
from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.data.scaling import SCALINGS, series_statistics
from rollcast.data.windows import Batch, Windows
from rollcast.errors import DataError, UsageError


@st.composite
def panels(draw: st.DrawFn, freq: str | int = "D", shortest: int = 1) -> Panel:
    rows = {}
    for index in range(draw(st.integers(1, 4))):
        row = draw(
            st.lists(
                st.one_of(st.integers(-50, 50).map(float), st.just(np.nan)),
                min_size=shortest,
                max_size=shortest + 15,
            )
        )
        rows[f"s{index}"] = [1.0, *row[1:]]  # a series begins with a value
    return Panel.of(rows, start=0 if isinstance(freq, int) else "2024-02-20", freq=freq)


SIZES = st.integers(1, 8)


def obvious(panel: Panel, context: int, horizon: int) -> list[tuple[int, int]]:
    """Every (series, origin) with a value in past and target."""
    found = []
    for index, series in enumerate(panel):
        for origin in range(1, len(series)):
            past = series.values[max(0, origin - context) : origin]
            target = series.values[origin : origin + horizon]
            if not np.isnan(past).all() and not np.isnan(target).all():
                found.append((index, origin))
    return found


def pairs(windows: Windows) -> list[tuple[int, int]]:
    offsets = windows.panel.offsets[windows.series]
    return list(zip(windows.series.tolist(), (windows.origin - offsets).tolist(), strict=True))


def unscaled(batch: Batch, part: str) -> np.ndarray:
    """Values as they were, NaN where not observed, ``(batch, time)``."""
    values, seen = {
        "past": (batch.past, batch.observed),
        "target": (batch.target, batch.target_observed),
    }[part]
    assert (values[~seen] == 0).all()
    return np.where(seen, values * batch.scale + batch.location, np.nan).T


def padded(values: np.ndarray, begin: int, end: int) -> np.ndarray:
    return np.array([values[i] if 0 <= i < len(values) else np.nan for i in range(begin, end)])


@settings(deadline=None, max_examples=80)
@given(panels(), SIZES, SIZES)
def test_every_window_with_a_past_and_a_target_is_there(
    panel: Panel, context: int, horizon: int
) -> None:
    assert pairs(Windows(panel, context, horizon)) == obvious(panel, context, horizon)


@settings(deadline=None, max_examples=80)
@given(panels(), SIZES, SIZES, st.sampled_from(sorted(SCALINGS)), st.booleans())
def test_a_batch_holds_what_the_series_hold(
    panel: Panel, context: int, horizon: int, scaling: str, double: bool
) -> None:
    dtype = np.float64 if double else np.float32
    windows = Windows(panel, context, horizon, scaling=scaling, dtype=dtype)
    if not windows.count:
        return
    chosen = np.random.default_rng(0).integers(0, windows.count, 12)
    batch = windows.batch(chosen)
    assert len(batch) == 12
    assert batch.past.shape == batch.observed.shape == (context, 12)
    assert batch.target.shape == batch.target_observed.shape == (horizon, 12)
    expected = obvious(panel, context, horizon)
    past, target = unscaled(batch, "past"), unscaled(batch, "target")
    for row, index in enumerate(chosen):
        which, origin = expected[index]
        values = panel.series(which).values
        tolerance = 1e-10 if double else 1e-3
        np.testing.assert_allclose(past[row], padded(values, origin - context, origin),
                                   atol=tolerance)  # fmt: skip
        np.testing.assert_allclose(target[row], padded(values, origin, origin + horizon),
                                   atol=tolerance)  # fmt: skip
        assert batch.origin[row] == panel.offsets[which] + origin
        assert batch.series[row] == which


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["h", "B", "MS", "W-TUE"]).flatmap(panels), SIZES, SIZES)
def test_calendar_features_are_those_of_the_stamps_before_and_after(
    panel: Panel, context: int, horizon: int
) -> None:
    freq = panel.freq
    windows = Windows(panel, context, horizon)
    for index, (which, origin) in enumerate(pairs(windows)):
        batch = windows.batch([index])
        begin = panel.series(which).times[0]
        stamps = advance(begin, freq, np.arange(origin - context, origin + horizon))
        features = calendar_features(stamps, freq)
        np.testing.assert_array_equal(batch.past_features[:, 0], features[:context])
        np.testing.assert_array_equal(batch.future_features[:, 0], features[context:])


def test_arrays_are_contiguous_and_of_one_type() -> None:
    panel = Panel.of({"a": np.arange(50.0), "b": np.arange(40.0)}, start="2024-01-01", freq="h")
    for dtype in (np.float32, np.float64):
        batch = Windows(panel, 10, 5, dtype=dtype).batch(np.arange(7))
        for name in ("past", "target", "past_features", "future_features"):
            array = getattr(batch, name)
            assert array.dtype == dtype and array.flags.c_contiguous, name
        for name in ("observed", "target_observed"):
            array = getattr(batch, name)
            assert array.dtype == bool and array.flags.c_contiguous, name
        assert batch.past_features.shape == (10, 7, len(Windows(panel, 10, 5).feature_names))


def test_integer_time_has_no_features() -> None:
    batch = Windows(Panel.of(np.arange(20.0)), 4, 3).batch([0, 1])
    assert batch.past_features.shape == (4, 2, 0)
    assert batch.future_features.shape == (3, 2, 0)


# ----------------------------------------------------------------- the past and the future apart


@settings(deadline=None, max_examples=60)
@given(panels(), SIZES, SIZES, st.integers(0, 100), st.floats(-1e3, 1e3))
def test_the_past_does_not_see_the_future(
    panel: Panel, context: int, horizon: int, pick: int, change: float
) -> None:
    windows = Windows(panel, context, horizon)
    if not windows.count:
        return
    index = pick % windows.count
    before = windows.batch([index])
    other = Panel.of(
        {series.id: series.values.copy() for series in panel}, start="2024-02-20", freq="D"
    )
    other.values[before.origin[0] : other.offsets[before.series[0] + 1]] += change
    which, origin = pairs(windows)[index]
    after = Windows(other, context, horizon).at(which, origin).batch([0])
    for name in ("past", "observed", "past_features", "location", "scale"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name), err_msg=name)


@settings(deadline=None, max_examples=80)
@given(panels(shortest=4), SIZES, st.integers(1, 4), st.integers(1, 3), st.integers(1, 4))
def test_targets_of_training_windows_lie_entirely_before_the_validation_targets(
    panel: Panel, context: int, horizon: int, origins: int, step: int
) -> None:
    try:
        training, validation = Windows(panel, context, horizon).hold_out(origins, step)
    except DataError:
        return
    begins = {}
    for which, origin in pairs(validation):
        begins[which] = min(begins.get(which, 10**9), origin)
        assert origin + horizon <= panel.lengths[which]
    last = horizon + (origins - 1) * step
    batch = training.batch(np.arange(training.count))
    reach = np.where(batch.target_observed, np.arange(horizon)[:, None], -1).max(axis=0)
    assert (reach >= 0).all()  # every window has something to learn from
    for (which, origin), furthest in zip(pairs(training), reach, strict=True):
        if panel.lengths[which] >= last + 2:
            assert origin + furthest < panel.lengths[which] - last
        if which in begins:
            assert origin + furthest < begins[which]


@settings(deadline=None, max_examples=60)
@given(panels(shortest=4), SIZES, st.integers(1, 3), st.integers(1, 3), st.sampled_from(["window",
       "series"]))  # fmt: skip
def test_training_does_not_change_with_the_validation_targets(
    panel: Panel, context: int, horizon: int, origins: int, scaling: str
) -> None:
    last = horizon * origins
    changed = {}
    for series in panel:
        values = series.values.copy()
        if len(values) >= last + 2:
            values[-last:] = np.where(np.isnan(values[-last:]), np.nan, 1e4)
        changed[series.id] = values
    other = Panel.of(changed, start="2024-02-20", freq="D")
    try:
        first, _ = Windows(panel, context, horizon, scaling=scaling).hold_out(origins)
    except DataError:
        return
    second, _ = Windows(other, context, horizon, scaling=scaling).hold_out(origins)
    assert pairs(first) == pairs(second)
    one, two = (w.batch(np.arange(w.count)) for w in (first, second))
    for name in one.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def test_validation_windows_are_the_last_rolling_origins() -> None:
    panel = Panel.of({"a": np.arange(30.0), "b": np.arange(20.0), "c": np.arange(5.0)})
    training, validation = Windows(panel, 6, 4).hold_out(3, step=2)
    assert pairs(validation) == [(0, 22), (0, 24), (0, 26), (1, 12), (1, 14), (1, 16)]
    # the short series is for training, to its end
    assert [origin for which, origin in pairs(training) if which == 2] == [1, 2, 3, 4]
    assert max(origin for which, origin in pairs(training) if which == 0) == 21


def test_holding_out_more_than_there_is_says_how_much_is_needed() -> None:
    with pytest.raises(DataError, match=r"longest series has 9 rows.*need at least 10"):
        Windows(Panel.of(np.arange(9.0)), 4, 4).hold_out(2)


def test_holding_out_nothing_but_gaps_is_refused() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan, np.nan])
    with pytest.raises(DataError, match="no validation window"):
        Windows(Panel.of(values), 2, 2).hold_out(1)


def test_given_statistics_are_used_as_they_are() -> None:
    panel = Panel.of({"a": np.arange(20.0), "b": np.arange(20.0)})
    given_ = (np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    windows = Windows(panel, 4, 2, scaling="series", statistics=given_)
    for part in (windows, *windows.hold_out(2)):
        batch = part.batch(np.arange(part.count))
        np.testing.assert_array_equal(batch.location, given_[0][batch.series])
        np.testing.assert_array_equal(batch.scale, given_[1][batch.series])


# ------------------------------------------------------------------------ chosen and final windows


def test_windows_at_chosen_origins() -> None:
    panel = Panel.of({"a": np.arange(10.0), "b": 100 + np.arange(6.0)})
    windows = Windows(panel, 3, 2)
    chosen = windows.at([0, 1, 0], [5, 6, 1])
    batch = chosen.batch([0, 1, 2])
    np.testing.assert_allclose(
        unscaled(batch, "past"), [[2, 3, 4], [103, 104, 105], [np.nan, np.nan, 0]], atol=1e-4
    )
    np.testing.assert_allclose(
        unscaled(batch, "target"), [[5, 6], [np.nan, np.nan], [1, 2]], atol=1e-4
    )
    assert pairs(windows.at(np.arange(2), 4)) == [(0, 4), (1, 4)]


@pytest.mark.parametrize(("series", "origin"), [(0, 0), (0, 11), (1, 7)])
def test_an_origin_outside_its_series_is_refused(series: int, origin: int) -> None:
    panel = Panel.of({"a": np.arange(10.0), "b": np.arange(6.0)})
    with pytest.raises(UsageError, match=f"origin {origin} of table, series '{'ab'[series]}'"):
        Windows(panel, 3, 2).at(series, origin)


def test_a_series_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="indices from 0 to 0"):
        Windows(Panel.of([1, 2]), 1, 1).at(1, 1)


@settings(deadline=None, max_examples=60)
@given(panels(), SIZES, SIZES, st.sampled_from(sorted(SCALINGS)))
def test_the_windows_at_the_end_are_those_after_the_last_row(
    panel: Panel, context: int, horizon: int, scaling: str
) -> None:
    ends = [series.values[-context:] for series in panel]
    if any(np.isnan(end).all() for end in ends):
        with pytest.raises(DataError, match="nothing to forecast from"):
            Windows.at_end(panel, context, horizon)
        return
    last = Windows.at_end(panel, context, horizon, scaling=scaling)
    assert last.count == len(panel)
    batch = last.batch(np.arange(last.count))
    slow = Windows(panel, context, horizon, scaling=scaling).at(
        np.arange(len(panel)), panel.lengths
    )
    expected = slow.batch(np.arange(len(panel)))
    for name in set(batch.__dataclass_fields__) - {"origin"}:
        np.testing.assert_array_equal(getattr(batch, name), getattr(expected, name), err_msg=name)
    assert not batch.target_observed.any()


def test_a_forecast_sees_the_clock_on_the_wall() -> None:
    hours = pd.date_range("2024-07-01", periods=72, freq="h", tz="Asia/Tokyo")
    zoned = read(pd.DataFrame({"ds": hours, "y": np.arange(72.0)}))
    naive = read(pd.DataFrame({"ds": hours.tz_localize(None), "y": np.arange(72.0)}))
    for one, two in (("past_features", "past_features"), ("future_features", "future_features")):
        np.testing.assert_array_equal(
            getattr(Windows.at_end(zoned, 24, 12).batch([0]), one),
            getattr(Windows.at_end(naive, 24, 12).batch([0]), two),
        )


def test_series_scaling_knows_the_whole_series_also_at_the_end() -> None:
    panel = Panel.of(np.arange(100.0))
    batch = Windows.at_end(panel, 5, 2, scaling="series").batch([0])
    location, scale = series_statistics(panel)
    assert (batch.location[0], batch.scale[0]) == (location[0], scale[0])


@pytest.mark.parametrize(
    "options",
    [{"context": 0}, {"horizon": 0}, {"scaling": "median"}, {"dtype": np.int32}],
)
def test_options_that_cannot_be_are_refused(options: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        Windows(Panel.of([1, 2, 3]), **{"context": 2, "horizon": 1, **options})


def test_a_hundred_thousand_series_are_one_array() -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 6, 100_000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = int(offsets[-1])
    times = np.arange(rows) - np.repeat(offsets[:-1], lengths)
    ids = np.arange(100_000).astype(object)
    windows = Windows(Panel(generator.normal(size=rows), offsets, times, ids), 4, 2)
    assert windows.count == rows - 100_000
    assert windows.batch([0, windows.count - 1]).series.tolist()[-1] >= 99_990
