"""Held-out windows that overlap, and how much wider intervals are for it."""

import numpy as np
import pytest
from scipy.special import stdtrit

from rollcast.forecast.intervals import calibrate
from rollcast.forecast.overlap import overlap, widening

Array = np.ndarray


def walks(series: int, origins: int, horizon: int, seed: int = 0) -> Array:
    """Errors of the naive forecast of random walks, at every origin: ``(windows, horizon)``."""
    steps = np.random.default_rng(seed).normal(size=(series, origins + horizon - 1))
    paths = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1)
    ahead = [paths[:, step : step + origins] - paths[:, :origins] for step in range(1, horizon + 1)]
    return np.stack(ahead, axis=2).reshape(series * origins, horizon)


def places(series: int, origins: int) -> tuple[Array, Array]:
    return np.repeat(np.arange(series), origins), np.tile(np.arange(origins), series)


def test_windows_that_share_rows_overlap_as_many_as_they_share() -> None:
    # r_k of a sum of h steps is 1 − k/h, so that 1 + 2 Σ r_k = h
    found = overlap(walks(1, 1000, 12), *places(1, 1000), 1)
    np.testing.assert_allclose(found, np.arange(1, 13), rtol=0.35)
    assert found[0] == 1.0
    thinned = overlap(walks(1, 1000, 12), np.zeros(1000, int), np.arange(1000), 4)
    assert (thinned[:4] == 1.0).all()


@pytest.mark.parametrize(("series", "origins"), [(1, 19), (1, 300), (40, 12)])
def test_independent_errors_hardly_overlap(series: int, origins: int) -> None:
    found = [
        overlap(
            np.random.default_rng(seed).normal(size=(series * origins, 12)),
            *places(series, origins),
            1,
        )
        for seed in range(20)
    ]
    assert (np.array(found) >= 1.0).all()
    assert np.mean(found) < 1.45


def test_missing_truths_and_series_in_any_order_change_nothing_much() -> None:
    errors, (series, ordinal) = walks(4, 200, 6), places(4, 200)
    whole = overlap(errors, series, ordinal, 1)
    mixed = np.random.default_rng(0).permutation(len(errors))
    np.testing.assert_allclose(overlap(errors[mixed], series[mixed], ordinal[mixed], 1), whole)
    errors[::7] = np.nan
    np.testing.assert_allclose(overlap(errors, series, ordinal, 1), whole, rtol=0.1)
    assert (overlap(np.full((9, 3), np.nan), *places(1, 9), 1) == 1.0).all()


@pytest.mark.parametrize("level", [50.0, 80.0, 95.0])
def test_the_widening_is_that_of_students_quantiles(level: float) -> None:
    counts, shared = np.array([19, 40, 256]), np.array([1.0, 3.0, 8.0])
    found = widening(counts[:, None], shared, level)
    chance = 0.5 + level / 200
    fewer = np.maximum(counts[:, None] / shared, 2.0)
    expected = stdtrit(fewer, chance) / stdtrit(counts[:, None], chance)
    np.testing.assert_allclose(found, expected, rtol=0.02)
    assert (found[:, 0] == 1.0).all()
    assert widening(1e9, np.array([2.0]), level)[0] == pytest.approx(1.0)


def test_nineteen_windows_in_a_row_cover_what_they_promise() -> None:
    counted, shared = {80: [], 95: []}, {80: [], 95: []}
    zero, one = np.zeros((19, 12)), np.ones((19, 12))
    for seed in range(800):
        errors = walks(1, 32, 12, seed)
        new, errors = np.abs(errors[-1]), errors[:19]  # they share no row
        alike = overlap(errors, *places(1, 19), 1)
        for result, said in ((counted, None), (shared, alike)):
            calibration = calibrate(zero, one, one, errors, overlap=said)
            for level, inside in result.items():
                inside.append((new <= calibration.radius(level))[6:].mean())
    assert np.mean(counted[80]) < 0.78 and np.mean(counted[95]) < 0.91
    assert abs(np.mean(shared[80]) - 0.8) < 0.05
    assert abs(np.mean(shared[95]) - 0.95) < 0.03
