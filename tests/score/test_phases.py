"""The linear map shared by phases, against least squares written out."""

import numpy as np
import pytest

from rollcast import engine
from rollcast.score.phases import fit_phases


def regression(past, target, season, last, penalty):
    """The same phase by phase and window by window, by NumPy."""
    horizon = target.shape[1]
    location = past[:, -1] if last else past.mean(axis=1)
    away = past - location[:, None]
    means = away.reshape(len(past), -1, season).mean(axis=2)
    inputs, outputs = [], [[] for _ in range(-(-horizon // season))]
    for phase in range(season):
        mine = away[:, phase::season]
        inputs.append(np.concatenate([mine, means], axis=1) if season > 1 else mine)
        for ahead, found in enumerate(outputs):
            step = ahead * season + phase
            found.append(target[:, step] - location if step < horizon else None)
    columns = []
    for found in outputs:
        kept = [index for index, each in enumerate(found) if each is not None]
        x = np.concatenate([inputs[index] for index in kept])
        y = np.concatenate([found[index] for index in kept])
        power = np.square(x).sum() / x.shape[1]
        more = np.vstack([x, np.sqrt(penalty * power) * np.eye(x.shape[1])])
        columns.append(np.linalg.lstsq(more, np.r_[y, np.zeros(x.shape[1])], rcond=None)[0])
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(
    ("season", "rows", "horizon"), [(1, 7, 3), (4, 12, 8), (4, 12, 6), (4, 4, 3)]
)
@pytest.mark.parametrize("last", [False, True])
def test_the_map_is_the_regression_it_says(season, rows, horizon, last) -> None:
    generator = np.random.default_rng(season * horizon)
    past, target = generator.normal(3.0, 1.0, (90, rows)), generator.normal(3.0, 1.0, (90, horizon))
    for one in fit_phases(past, target, season, last, (0.01, 1.0)):
        assert one.rows == rows
        expected = regression(past, target, season, last, one.penalty)
        np.testing.assert_allclose(one.weights, expected, rtol=1e-7, atol=1e-9)


def test_a_season_that_repeats_is_forecast_exactly_and_a_level_goes_along() -> None:
    rows = np.arange(400)
    values = np.sin(2 * np.pi * rows / 6) + 0.3 * (rows % 6 == 2)
    windows = np.lib.stride_tricks.sliding_window_view(values, 24 + 9)
    (one,) = fit_phases(windows[:, :24], windows[:, 24:], 6, False, (1e-9,))
    found = one(windows[:50, :24] + 100.0, 9, 6)
    np.testing.assert_allclose(found, windows[:50, 24:] + 100.0, atol=1e-6)


def test_missing_values_are_carried_and_empty_windows_give_nan() -> None:
    generator = np.random.default_rng(1)
    past, target = generator.normal(size=(40, 8)), generator.normal(size=(40, 4))
    (one,) = fit_phases(past, target, 4, True, (0.1,))
    asked = np.stack([past[0], past[0], np.full(8, np.nan), past[1]])
    asked[1, 3], asked[0, 3] = np.nan, asked[0, 2]
    asked[3, :2] = np.nan  # before a series begins
    found = one(asked, 4, 4)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.isnan(found[2]).all() and np.isfinite(found[3]).all()
    holes = target.copy()
    holes[:5, 2] = np.nan  # windows that miss a target are left out
    (left,) = fit_phases(past, holes, 4, True, (0.1,))
    (without,) = fit_phases(past[5:], target[5:], 4, True, (0.1,))
    np.testing.assert_array_equal(left.weights, without.weights)
    holes[:, 2] = np.nan  # unless all do
    (carried,) = fit_phases(past, holes, 4, True, (0.1,))
    assert np.isfinite(carried.weights).all()


def test_constant_windows_give_their_level() -> None:
    (one,) = fit_phases(np.full((5, 6), 2.0), np.full((5, 3), 2.0), 3, False, (0.1,))
    np.testing.assert_array_equal(one(np.full((1, 6), 7.0), 3, 3), np.full((1, 3), 7.0))


def test_the_threads_do_not_show_in_the_bits() -> None:
    generator = np.random.default_rng(2)
    past, target = generator.normal(size=(500, 48)), generator.normal(size=(500, 24))
    try:
        found = []
        for threads in (1, 3):
            engine.set_threads(threads)
            found.append(fit_phases(past, target, 12, False, (0.1,))[0].weights.tobytes())
    finally:
        engine.set_threads(None)
    assert found[0] == found[1]
