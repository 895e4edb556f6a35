"""Location and scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm

from rollcast import engine
from rollcast.data.panel import Panel
from rollcast.data.scaling import (
    CONSTANT,
    MEASURES,
    make_scaling,
    scaling_text,
    series_statistics,
)
from rollcast.data.windows import Windows
from rollcast.errors import UsageError

VALUES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 20), st.integers(1, 5)),
    elements=st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)),
)


def window_statistics(
    values: np.ndarray, measure: str = "deviation"
) -> tuple[np.ndarray, np.ndarray]:
    """What windows ``(time, batch)`` are scaled by; NaN is missing."""
    time, batch = values.shape
    begin = time * np.arange(batch)
    flat = np.ascontiguousarray(values.T).ravel()
    return engine.gather(flat, begin, (time, 0), values.dtype, constant=CONSTANT, measure=measure)[
        2:
    ]


@given(VALUES)
@settings(deadline=None)
def test_window_statistics_are_numpys_over_what_was_observed(values: np.ndarray) -> None:
    location, scale = window_statistics(values)
    for column, found, spread in zip(values.T, location, scale, strict=True):
        seen = column[~np.isnan(column)]
        assert spread > 0
        if not len(seen):
            assert (found, spread) == (0, 1)
            continue
        np.testing.assert_allclose(found, seen.mean(), rtol=1e-9, atol=1e-9)
        if seen.std() > 1e-5 * abs(seen.mean()) + 1e-9:
            np.testing.assert_allclose(spread, seen.std(), rtol=1e-6)


@given(VALUES)
@settings(deadline=None)
def test_what_was_not_observed_does_not_matter(values: np.ndarray) -> None:
    more = np.concatenate([np.full((3, values.shape[1]), np.nan), values])
    np.testing.assert_array_equal(window_statistics(values), window_statistics(more))


@pytest.mark.parametrize(("value", "scale"), [(100.0, 100.0), (-5.0, 5.0), (0.0, 1.0)])
def test_a_constant_window_has_its_level_as_scale(value: float, scale: float) -> None:
    values = np.full((10, 1), value)
    found = window_statistics(values)
    assert (found[0][0], found[1][0]) == (value, scale)


def test_a_small_spread_on_a_large_level_is_still_spread() -> None:
    values = 1e6 + np.array([[1.0], [-1.0]])
    _, scale = window_statistics(values)
    assert scale[0] == pytest.approx(1.0)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9), min_size=1, max_size=5))
@settings(deadline=None)
def test_series_statistics_are_window_statistics_of_the_whole(rows: list[list[float]]) -> None:
    panel = Panel.of({f"s{i}": row for i, row in enumerate(rows)})
    location, scale = series_statistics(panel)
    for index, row in enumerate(rows):
        column = np.array(row)[:, None]
        expected = window_statistics(column)
        np.testing.assert_allclose(location[index], expected[0][0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(scale[index], expected[1][0], rtol=1e-5)


def test_series_statistics_leave_out_what_is_missing() -> None:
    location, scale = series_statistics(Panel.of({"a": [1, np.nan, 3], "b": [7, np.nan, np.nan]}))
    np.testing.assert_allclose(location, [2, 7])
    np.testing.assert_allclose(scale, [1, 7])


def in_numpy(seen: np.ndarray, measure: str) -> tuple[float, float]:
    """Location and spread of what was observed."""
    if measure == "median":
        low, high = np.quantile(seen, [0.25, 0.75])
        wide = (high - low) / (2 * norm.ppf(0.75))
        return float(np.median(seen)), float(wide if wide > 0 else seen.std())
    if measure == "mean":
        return 0.0, float(np.abs(seen).mean())
    return float(seen[-1] if measure == "last" else seen.mean()), float(seen.std())


@pytest.mark.parametrize("measure", list(MEASURES))
def test_windows_and_series_are_measured_alike_as_numpy_does(measure: str) -> None:
    generator = np.random.default_rng(0)
    columns = [generator.normal(5, 3, size) for size in (1, 2, 3, 9, 30, 61)]
    columns += [np.array([0.0, 0, 0, 0, 7]), np.zeros(4), np.full(5, -3.0)]
    for column in columns:
        column = column.copy()
        if len(column) > 4:
            column[2] = np.nan
        seen = column[~np.isnan(column)]
        place, spread = in_numpy(seen, measure)
        if spread <= 1e-12:
            spread = abs(place) or 1.0
        by_window = window_statistics(column[:, None], measure)
        by_series = series_statistics(Panel.of(column), measure)
        for found in (by_window, by_series):
            np.testing.assert_allclose([found[0][0], found[1][0]], [place, spread], rtol=1e-12)


def test_the_engine_and_the_table_have_the_same_measures() -> None:
    assert tuple(MEASURES) == engine.MEASURES
    assert make_scaling("window(median)") == make_scaling("window(by=median)")
    assert scaling_text("series(last)") == "series(by=last)"
    with pytest.raises(UsageError, match="one of deviation, median, last, mean"):
        make_scaling("window(middle)")


def test_nothing_is_scaled_where_scaling_is_none() -> None:
    windows = Windows(Panel.of(np.arange(9.0)), 3, 2, scaling="none")
    batch = windows.batch([0, 4])
    np.testing.assert_array_equal(batch.past[:, 1], [2, 3, 4])
    np.testing.assert_array_equal(batch.scale, 1.0)
