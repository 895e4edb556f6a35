"""Smoothing with a damped trend: as its definition, series by series."""

import numpy as np
import pytest

from rollcast.score.damped import FIRST_ROWS, TRIPLES, damped, smoothed_with_trend
from rollcast.score.theta import once


def by_definition(values: np.ndarray, horizon: int) -> np.ndarray:
    """All triples of one series, one after the other: Gardner & McKenzie 1985."""
    span = min(FIRST_ROWS, len(values) - 1)
    squares, forecasts = [], []
    for a, part, left in TRIPLES:
        level, total = values[0], 0.0
        trend = (values[span] - values[0]) / span if left else 0.0
        for value in values[1:]:
            error = value - level - left * trend
            level, trend = level + left * trend + a * error, left * trend + a * part * error
            total += error**2
        steps = np.cumsum(left ** np.arange(1, horizon + 1))
        squares.append(total)
        forecasts.append(level + steps * trend)
    weights = (np.array(squares) / max(squares)) ** (-(len(values) - 1) / 2)
    return np.average(forecasts, axis=0, weights=weights)


@pytest.mark.parametrize("rows", [2, 6, 15])
def test_it_is_the_average_over_all_triples(rows: int) -> None:
    values = np.cumsum(np.random.default_rng(0).normal(0.3, 1.0, (3, rows)), axis=1)
    found = smoothed_with_trend(values, 4)
    for one, each in zip(found, values, strict=True):
        np.testing.assert_allclose(one, by_definition(each, 4), rtol=1e-9)


def test_the_trend_dies_away() -> None:
    line = 3.0 + 0.5 * np.arange(30.0)
    steps = np.diff(smoothed_with_trend(line[None], 200)[0])
    assert 0.3 < steps[0] <= 0.5 and (np.diff(steps) <= 1e-12).all() and steps[-1] < 0.01


def test_padding_changes_nothing_and_a_season_comes_back() -> None:
    season = np.array([0.8, 1.3, 1.1, 0.8])
    values = 100.0 * np.tile(season, 8)[None]
    found = damped(values, 6, 4)
    np.testing.assert_allclose(found[0], 100.0 * np.tile(season, 2)[:6])
    padded = np.concatenate([np.full((1, 9), np.nan), values], axis=1)
    np.testing.assert_allclose(damped(padded, 6, 4), found, rtol=1e-12)


def test_of_positive_values_it_is_the_mean_with_that_of_logarithms() -> None:
    values = 100.0 + np.cumsum(np.random.default_rng(4).normal(0.3, 1.0, (3, 40)), axis=1)
    log = np.log(values)
    below = log.max(axis=1, keepdims=True) + 1.0
    ahead = once(log - below, 6, 4, smoothed_with_trend) + below
    plain = once(values, 6, 4, smoothed_with_trend)
    np.testing.assert_allclose(damped(values, 6, 4), 0.5 * (plain + np.exp(ahead)))


def test_few_values_are_repeated_and_none_gives_nan() -> None:
    nan = np.nan
    np.testing.assert_array_equal(damped(np.array([[nan, 4.0]]), 3, 1), [[4.0, 4.0, 4.0]])
    np.testing.assert_array_equal(damped(np.array([[5.0, 5.0, 5.0]]), 2, 2), [[5.0, 5.0]])
    assert np.isnan(damped(np.full((1, 9), nan), 2, 2)).all()
