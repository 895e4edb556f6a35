"""Theta: as its definition, series by series; what it must do with seasons, gaps and padding."""

import numpy as np
import pytest

from rollcast.errors import UsageError
from rollcast.score.theta import SHARES, SMOOTHING, indices, once, smoothed, theta


def by_definition(values: np.ndarray, horizon: int) -> np.ndarray:
    """Smoothing with drift of one series, all pairs one after the other."""
    weights, forecasts = [], []
    for share in SHARES:
        for a in SMOOTHING:
            level, squares = values[0], 0.0
            for n in range(1, len(values)):
                slope = np.polyfit(np.arange(n), values[:n], 1)[0] if n >= 3 else 0.0
                drift = share * slope * (1 - (1 - a) ** n) / a
                squares += (values[n] - level - drift) ** 2
                level += a * (values[n] - level)
            n = len(values)
            slope = np.polyfit(np.arange(n), values, 1)[0]
            ahead = np.arange(horizon) + (1 - (1 - a) ** n) / a
            weights.append(squares ** (-(n - 1) / 2))
            forecasts.append(level + share * slope * ahead)
    return np.average(forecasts, axis=0, weights=weights)


def test_it_is_the_average_of_smoothing_with_drift_over_all_pairs() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(0.3, 1.0, (3, 15)), axis=1)
    found = smoothed(values, 4)
    for one, expected in zip(found, values, strict=True):
        np.testing.assert_allclose(one, by_definition(expected, 4), rtol=1e-9)


def test_padding_before_a_series_and_other_windows_change_nothing() -> None:
    generator = np.random.default_rng(1)
    values = 50.0 + np.cumsum(generator.normal(size=(2, 41)), axis=1)
    padded = np.concatenate([np.full((2, 30), np.nan), values], axis=1)
    padded[1, :40] = np.nan  # shorter than the other
    found = theta(padded, 6, 4)
    np.testing.assert_allclose(found[0], theta(values[:1], 6, 4)[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], theta(values[1:, 10:], 6, 4)[0], rtol=1e-12)


@pytest.mark.parametrize("season", [4, 7, 12])
def test_a_season_without_noise_comes_back_as_factors_or_terms(season: int) -> None:
    phase = np.random.default_rng(2).uniform(0.5, 1.5, season)
    values = np.tile(phase, 6)[: 6 * season - 2][None]
    ahead = np.tile(phase, 3)[season - 2 :][: season + 3]
    np.testing.assert_allclose(theta(100.0 * values, season + 3, season)[0], 100.0 * ahead)
    below = values - 1.0  # values below 0 have no factors
    np.testing.assert_allclose(theta(below, season + 3, season)[0], ahead - 1.0, atol=1e-9)


def test_a_season_that_is_noise_is_shrunk_away() -> None:
    noise = 100.0 + np.random.default_rng(3).normal(size=(200, 60))
    index = indices(noise, 12, np.ones(200, bool))
    assert np.mean(np.all(index == 1.0, axis=1)) > 0.5


def test_a_line_goes_on_as_a_line() -> None:
    line = 3.0 + 0.5 * np.arange(30.0)
    np.testing.assert_allclose(once(line[None], 5, 1)[0], 3.0 + 0.5 * np.arange(30, 35), rtol=1e-3)


def test_positive_values_are_forecast_as_they_are_and_as_logarithms() -> None:
    values = 100.0 + np.cumsum(np.random.default_rng(4).normal(0.3, 1.0, (3, 40)), axis=1)
    log = once(np.log(values) - 9.0, 6, 4) + 9.0
    np.testing.assert_allclose(theta(values, 6, 4), 0.5 * (once(values, 6, 4) + np.exp(log)))
    np.testing.assert_array_equal(theta(-values, 6, 4), once(-values, 6, 4))
    growth = 2.0 ** np.arange(20.0)[None]  # whatever the trend, not without bound
    assert theta(growth, 50, 1).max() < 1e3 * growth.max()


def test_few_values_are_repeated_and_gaps_are_the_value_before_them() -> None:
    nan = np.nan
    np.testing.assert_array_equal(theta(np.array([[nan, 4.0]]), 3, 1), [[4.0, 4.0, 4.0]])
    np.testing.assert_array_equal(theta(np.array([[5.0, 5.0, 5.0]]), 2, 2), [[5.0, 5.0]])
    assert np.isnan(theta(np.full((1, 9), nan), 2, 2)).all()
    gaps = np.array([[1.0, nan, 3.0, nan, 5.0, 6.0]])
    np.testing.assert_allclose(theta(gaps, 2, 1), theta(np.array([[1.0, 1, 3, 3, 5, 6]]), 2, 1))


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(UsageError, match=r"\(3,\)"):
        theta(np.zeros(3), 1, 1)
