import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.errors import UsageError
from rollcast.forecast import intervals
from rollcast.forecast.intervals import calibrate, spreads


def forecasts(windows: int, horizon: int = 3, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Medians, spreads and truths of exchangeable windows, with errors skewed and of any size."""
    generator = np.random.default_rng(seed)
    median = generator.normal(size=(windows, horizon))
    below = generator.uniform(0.1, 2.0, (windows, horizon))
    above = generator.uniform(0.1, 2.0, (windows, horizon))
    error = generator.standard_gamma(2.0, (windows, horizon)) - 1.0
    truth = median + error * np.where(error > 0, above, below) * np.arange(1, horizon + 1)
    return median, below, above, truth


@pytest.mark.parametrize("level", [50, 80, 95, 99.5])
def test_intervals_cover_what_they_promise_at_every_step(level: float) -> None:
    *model, truth = forecasts(8000)
    median, below, above = model
    origins = np.arange(4000) // 16  # so many series
    calibration = calibrate(median[:4000], below[:4000], above[:4000], truth[:4000], origins)
    low, high = intervals.intervals(
        calibration, [level], median[4000:], below[4000:], above[4000:]
    )[level]
    covered = ((low <= truth[4000:]) & (truth[4000:] <= high)).mean(axis=0)
    assert np.abs(100 * covered - level).max() < 2


def test_with_few_windows_the_coverage_is_that_of_the_theorem_in_the_mean() -> None:
    covered = []
    for seed in range(1500):
        median, below, above, truth = forecasts(10, horizon=1, seed=seed)
        calibration = calibrate(median[:9], below[:9], above[:9], truth[:9])
        low, high = intervals.intervals(calibration, [80], median[9:], below[9:], above[9:])[80]
        covered.append(low[0, 0] <= truth[9, 0] <= high[0, 0])
    # Nine scores and level 80 %: the eighth of ten ranks, exactly 80 %.
    assert abs(np.mean(covered) - 0.8) < 0.03


@given(
    count=st.integers(1, 60),
    level=st.floats(1.0, 99.0),
    seed=st.integers(0, 100),
)
def test_the_radius_is_the_order_statistic_of_the_paper(
    count: int, level: float, seed: int
) -> None:
    scores = np.random.default_rng(seed).exponential(size=(count, 1))
    zero, one = np.zeros_like(scores), np.ones_like(scores)
    calibration = calibrate(zero, one, one, scores)
    rank = math.ceil(round((count + 1) * level / 100, 9))
    if rank > count:
        with pytest.raises(UsageError, match="at most level"):
            calibration.radius(level)
    else:
        assert calibration.radius(level)[0] == np.sort(scores[:, 0])[rank - 1]


@pytest.mark.parametrize(("count", "largest"), [(1, 50), (4, 80), (19, 95), (99, 99)])
def test_the_largest_level_is_possible_and_anything_above_is_refused(
    count: int, largest: float
) -> None:
    truth = np.arange(1.0, count + 1)[:, None]
    zero, one = np.zeros_like(truth), np.ones_like(truth)
    calibration = calibrate(zero, one, one, truth)
    assert calibration.largest_level == pytest.approx(largest)
    assert calibration.radius(largest)[0] == count
    with pytest.raises(UsageError, match=f"at most level {largest:g}. Ask"):
        calibration.radius(largest + 0.1)


@pytest.mark.parametrize("level", [0, 100, -3, 100.5, math.nan, "80", True, None])
def test_a_level_that_is_no_percentage_is_refused(level: object) -> None:
    calibration = calibrate(*forecasts(50))
    with pytest.raises(UsageError, match="percentage"):
        calibration.radius(level)  # type: ignore[arg-type]


def test_a_higher_level_contains_a_lower_one_and_both_contain_the_median() -> None:
    median, below, above, truth = forecasts(200)
    calibration = calibrate(median, below, above, truth)
    found = intervals.intervals(calibration, [50, 80, 95], median, below, above)
    assert (found[95][0] <= found[80][0]).all()
    assert (found[80][0] <= found[50][0]).all()
    assert (found[50][0] <= median).all()
    assert (median <= found[50][1]).all()
    assert (found[50][1] <= found[80][1]).all()


def test_missing_truths_count_for_no_step() -> None:
    median, below, above, truth = forecasts(40)
    truth[10:, 1] = np.nan
    calibration = calibrate(median, below, above, truth)
    assert calibration.counts.tolist() == [40, 10, 40]
    alone = calibrate(median[:10], below[:10], above[:10], truth[:10])
    assert calibration.radius(80)[1] == alone.radius(80)[1]
    with pytest.raises(UsageError, match=r"10 held-out windows.*at most level 90\.9"):
        calibration.radius(95)


def test_a_step_that_was_never_observed_allows_no_level() -> None:
    median, below, above, truth = forecasts(40)
    truth[:, 2] = np.nan
    with pytest.raises(UsageError, match="at most level 0"):
        calibrate(median, below, above, truth).radius(50)


def test_the_newest_windows_count_and_some_of_every_origin() -> None:
    model = forecasts(3000)
    kept = calibrate(*model)
    assert kept.stamps.tolist() == list(range(3000 - intervals.NEWEST_ORIGINS, 3000))
    np.testing.assert_array_equal(kept.scores, calibrate(*(part[-256:] for part in model)).scores)
    many = forecasts(12_000)
    origins = np.arange(12_000) % 2  # in no order, and of each more than there is room for
    kept = calibrate(*many, origins)
    assert np.bincount(kept.stamps).tolist() == [312, 312]
    aligned = calibrate(*many, np.arange(12_000) // 100)
    assert aligned.stamps.tolist() == np.repeat(np.arange(70, 120), 100).tolist()


def test_scores_that_come_later_push_out_the_oldest() -> None:
    first, later = forecasts(300, seed=1), forecasts(30, seed=2)
    both = [np.concatenate(parts) for parts in zip(first, later, strict=True)]
    scores = intervals.scores_of(*later)
    found = calibrate(*first).after(scores, np.arange(300, 330))
    np.testing.assert_array_equal(found.scores, calibrate(*both).scores)


def test_spreads_are_the_heads_own_and_never_zero() -> None:
    median = np.array([[1.0, 1.0]])
    quantiles = np.array([[[0.5, 3.0], [1.0, 1.0]]])
    scale = np.array([[2.0, 2.0]])
    below, above = spreads(quantiles, median, scale)
    np.testing.assert_allclose(below, [[0.5, 0.002]])
    np.testing.assert_allclose(above, [[2.0, 0.002]])
    below, above = spreads(None, median, scale)
    np.testing.assert_array_equal(below, [[2.0, 2.0]])
    np.testing.assert_array_equal(above, below)
