"""Baselines: each against the obvious loop, with gaps, short windows and few or many windows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.errors import UsageError
from rollcast.score import linear
from rollcast.score.baselines import BASELINES, drift, naive, seasonal_naive
from rollcast.score.linear import fit_linear


def gappy(seed: int, windows: int = 5, context: int = 11) -> np.ndarray:
    generator = np.random.default_rng(seed)
    past = generator.normal(10.0, 3.0, (windows, context))
    past[generator.random(past.shape) < 0.4] = np.nan
    return past


def loop_seasonal_naive(row: np.ndarray, step: int, season: int) -> float:
    position = len(row) + step
    while position >= len(row):
        position -= season
    while position >= 0:
        if not math.isnan(row[position]):
            return row[position]
        position -= season
    return loop_last(row)


def loop_last(row: np.ndarray) -> float:
    known = [value for value in row if not math.isnan(value)]
    return known[-1] if known else math.nan


def loop_drift(row: np.ndarray, step: int) -> float:
    known = [(t, value) for t, value in enumerate(row) if not math.isnan(value)]
    if not known:
        return math.nan
    (t0, y0), (t1, y1) = known[0], known[-1]
    slope = (y1 - y0) / (t1 - t0) if t1 > t0 else 0.0
    return y1 + slope * (len(row) + step - t1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 15), st.integers(1, 9))
def test_fixed_baselines_equal_the_obvious_loop(seed, season, horizon):
    past = gappy(seed)
    kept = past.copy()
    rows, steps = range(len(past)), range(horizon)
    expected = [[loop_last(past[w]) for _ in steps] for w in rows]
    assert np.array_equal(naive(past, horizon, season), expected, equal_nan=True)
    expected = [[loop_seasonal_naive(past[w], h, season) for h in steps] for w in rows]
    assert np.array_equal(seasonal_naive(past, horizon, season), expected, equal_nan=True)
    expected = np.array([[loop_drift(past[w], h) for h in steps] for w in rows])
    assert drift(past, horizon, season) == pytest.approx(expected, nan_ok=True)
    assert np.array_equal(past, kept, equal_nan=True), "the past was written to"


def waves(series: int, length: int, seed: int = 0, noise: float = 0.1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    phase = generator.uniform(0, 2 * np.pi, (series, 1))
    time = np.arange(length)
    size = generator.uniform(1, 1000, (series, 1))
    return size * (
        3 + np.sin(2 * np.pi * time / 12 + phase) + noise * generator.normal(size=(series, length))
    )


def cut(values: np.ndarray, context: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    both = np.lib.stride_tricks.sliding_window_view(values, context + horizon, axis=1)
    both = both.reshape(-1, context + horizon)
    return both[:, :context], both[:, context:]


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_gives_a_forecast_per_window_and_step_in_the_unit_of_the_target(name):
    past, target = cut(waves(4, 60), 24, 6)
    forecast = BASELINES[name].fit(past, target, 12)
    for count in (0, 1, 7):
        assert forecast(past[:count], 6, 12).shape == (count, 6)
    shifted = forecast(past * 1000.0 + 5.0, 6, 12)
    assert shifted == pytest.approx(forecast(past, 6, 12) * 1000.0 + 5.0, rel=1e-6)


@pytest.mark.parametrize("name", BASELINES)
def test_a_window_without_an_observed_value_gives_nan_and_leaves_the_others_alone(name):
    past, target = cut(waves(4, 60), 24, 6)
    forecast = BASELINES[name].fit(past, target, 12)
    newest = np.concatenate([np.full((1, 24), np.nan), past[:3]])
    result = forecast(newest, 6, 12)
    assert np.isnan(result[0]).all()
    assert np.array_equal(result[1:], forecast(past[:3], 6, 12))


@pytest.mark.parametrize("name", BASELINES)
def test_a_flat_window_is_forecast_flat(name):
    past, target = cut(waves(4, 60), 24, 6)
    for fitted_on in ((past, target), (np.full((30, 24), 7.0), np.full((30, 6), 7.0))):
        forecast = BASELINES[name].fit(*fitted_on, 12)
        flat = forecast(np.full((2, 24), 1e6), 6, 12)
        assert flat == pytest.approx(np.full((2, 6), 1e6), rel=1e-5)


def test_the_linear_map_without_reweighting_is_the_ridge_solution(monkeypatch):
    monkeypatch.setattr(linear, "REWEIGHTINGS", 0)
    past, target = cut(waves(3, 60, noise=0.5), 18, 5)
    fitted = fit_linear(past, target, 12)
    location = past.mean(axis=1, keepdims=True)
    scale = past.std(axis=1, keepdims=True)
    inputs = np.hstack([(past - location) / scale, np.ones((len(past), 1))])
    residual = np.clip((target - location) / scale, -10, 10) - inputs[:, 6:11]
    # ridge as least squares with rows added
    root = np.sqrt(fitted.penalty * len(past))
    rows = np.vstack([inputs, root * np.eye(19)])
    expected = np.linalg.lstsq(rows, np.vstack([residual, np.zeros((19, 5))]))[0]
    assert fitted.weights == pytest.approx(expected, abs=1e-9)


def test_the_linear_map_finds_what_seasonal_naive_cannot():
    past, target = cut(waves(20, 120, noise=0.3), 36, 8)
    train, test = slice(0, -200), slice(-200, None)
    fitted = fit_linear(past[train], target[train], 12)
    error = np.abs(fitted(past[test], 8, 12) - target[test]).mean()
    assert error < 0.9 * np.abs(seasonal_naive(past[test], 8, 12) - target[test]).mean()


def test_the_linear_map_solves_what_is_linear():
    """A sine is a linear recurrence: with no noise the error all but vanishes."""
    past, target = cut(waves(10, 90, noise=0.0), 24, 12)
    forecast = fit_linear(past, target, 1)(past, 12, 1)
    assert np.abs(forecast - target).max() < 1e-2 * np.abs(target).max()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_few_windows_leave_the_linear_map_near_seasonal_naive(count):
    generator = np.random.default_rng(count)
    walk = np.cumsum(generator.normal(size=(1, 300)), axis=1)
    past, target = cut(walk, 60, 20)
    forecast = fit_linear(past[:count], target[:count], 1)(past, 20, 1)
    limit = 3 * np.abs(naive(past, 20) - target).mean()
    assert np.abs(forecast - target).mean() < limit
    if count < 2:
        assert forecast == pytest.approx(naive(past, 20))


def test_more_windows_than_are_used_are_thinned_evenly(monkeypatch):
    past, target = cut(waves(6, 200), 24, 6)
    monkeypatch.setattr(linear, "MOST_WINDOWS", 100)
    fitted = fit_linear(past, target, 12)
    chosen = np.linspace(0, len(past) - 1, 100).astype(int)
    assert np.array_equal(fitted.weights, fit_linear(past[chosen], target[chosen], 12).weights)


def test_a_hundred_thousand_windows_are_fitted_and_forecast_in_parts():
    past, target = cut(waves(500, 218), 12, 6)
    assert len(past) > 100_000
    forecast = fit_linear(past, target, 12)(past, 6, 12)
    one_by_one = fit_linear(past, target, 12)(past[-5:], 6, 12)
    assert forecast[-5:] == pytest.approx(one_by_one)


def test_the_same_windows_give_the_same_linear_map_and_gaps_do_no_harm():
    generator = np.random.default_rng(4)
    values = waves(8, 100)
    values[generator.random(values.shape) < 0.15] = np.nan
    past, target = cut(values, 24, 6)
    fitted = fit_linear(past, target, 12)
    assert np.array_equal(fitted.weights, fit_linear(past, target, 12).weights)
    truth = waves(8, 100)
    _, complete = cut(truth, 24, 6)
    forecast = fitted(past, 6, 12)
    assert np.isfinite(forecast).all()
    error = np.abs(forecast - complete).mean()
    assert error < np.abs(seasonal_naive(past, 6, 12) - complete).mean()


def test_one_window_that_jumps_does_not_rule_the_linear_map():
    past, target = cut(waves(6, 100), 24, 6)
    jumped_past = np.vstack([past, np.r_[np.zeros(23), 1e-3][None]])
    jumped = fit_linear(jumped_past, np.vstack([target, np.full((1, 6), 1e9)]), 12)
    usual = fit_linear(past, target, 12)(past, 6, 12)
    assert np.abs(jumped(past, 6, 12) - usual).mean() < 0.1 * np.abs(usual - target).mean()


def test_a_season_longer_than_the_window_is_no_season():
    past, target = cut(waves(4, 60), 10, 6)
    assert np.isfinite(fit_linear(past, target, 24)(past, 6, 24)).all()


def test_wrong_use_is_named():
    with pytest.raises(UsageError, match="season is 0"):
        naive(np.zeros((2, 3)), 4, 0)
    with pytest.raises(UsageError, match=r"past has shape \(3,\)"):
        seasonal_naive(np.zeros(3), 4, 1)
    fitted = fit_linear(*cut(waves(4, 60), 24, 6), 12)
    with pytest.raises(UsageError, match="fitted with context 24, horizon 6 and season 12"):
        fitted(np.zeros((2, 24)), 7, 12)
