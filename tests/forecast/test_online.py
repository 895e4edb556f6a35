"""Intervals recalibrated at each origin: what was known there, and nothing else."""

import numpy as np
import polars as pl
import pytest

from rollcast import Forecaster
from rollcast.forecast import intervals
from rollcast.forecast.intervals import Calibration, calibrate, ranks_of
from rollcast.forecast.online import online_radii, smallest

from .conftest import COLUMNS, quick, wave_table


@pytest.mark.parametrize("size", [1, 2, 7, 64, 65])
def test_an_order_statistic_of_a_stretch_is_that_of_sorting_it(size: int) -> None:
    generator = np.random.default_rng(size)
    values = generator.integers(0, 20, size=(3, size)).astype(float)
    begin = generator.integers(0, size, size=(3, 50))
    end = begin + 1 + generator.integers(0, size - begin)
    ranks = generator.integers(0, end - begin)
    found = smallest(values, begin, end, ranks)
    for row in range(3):
        for query in range(50):
            stretch = np.sort(values[row, begin[row, query] : end[row, query]])
            assert found[row, query] == stretch[ranks[row, query]]


def scored(windows: int, horizon: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    scores = generator.exponential(size=(windows, horizon))
    scores[generator.random(scores.shape) < 0.1] = np.nan
    return scores


def test_the_radius_at_an_origin_is_that_of_the_newest_scores_known_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intervals, "NEWEST_ORIGINS", 20)
    first, later = scored(30, 3, 0), scored(60, 3, 1)
    calibration = Calibration(first, np.arange(100, 130), np.ones(3))
    stamps = np.repeat(np.arange(140, 170), 2)  # two series, an origin a row
    known = stamps[:, None] + np.arange(3)
    found = online_radii(calibration, later, known, stamps, [50, 80])
    for window, origin in enumerate(stamps):
        for step in range(3):
            truths = later[known[:, step] < origin, step]
            pool = np.concatenate([first[:, step], truths])
            pool = np.sort(pool[~np.isnan(pool)][-40:])  # two windows an origin
            for level, radius in zip([50, 80], found, strict=True):
                assert radius[window, step] == pool[ranks_of(np.array(len(pool)), level) - 1]


def test_truths_to_come_change_no_interval() -> None:
    table = wave_table({"a": 300, "b": 300}, seed=3)
    model = quick().fit(table.filter(pl.int_range(pl.len()).over("shop") < 180), **COLUMNS)
    found = model.backtest(table, windows=20, step=3)
    shifted = table.with_columns(
        sold=pl.when(pl.int_range(pl.len()).over("shop") >= pl.len().over("shop") - 4)
        .then(pl.col("sold") + 50)
        .otherwise(pl.col("sold"))
    )
    other = model.backtest(shifted, windows=20, step=3)
    for level in (80, 95):
        np.testing.assert_array_equal(found.bands[level], other.bands[level])
    earlier = table.with_columns(
        sold=pl.when(pl.int_range(pl.len()).over("shop") == pl.len().over("shop") - 9)
        .then(pl.col("sold") + 50)
        .otherwise(pl.col("sold"))
    )
    other = model.backtest(earlier, windows=20, step=3)
    assert (other.bands[80][1][19] != found.bands[80][1][19]).any()


def test_intervals_follow_errors_that_grow() -> None:
    generator = np.random.default_rng(0)
    windows = 3000
    growth = np.linspace(1, 4, windows)[:, None]
    truth = growth * generator.normal(size=(windows, 2))
    zero, one = np.zeros_like(truth), np.ones_like(truth)
    calibration = calibrate(*(part[:500] for part in (zero, one, one, truth)))
    stamps = np.arange(500, windows)
    scores = np.abs(truth[500:])
    known = stamps[:, None] + np.arange(2)
    (radius,) = online_radii(calibration, scores, known, stamps, [80])
    assert abs(100 * (scores <= radius).mean() - 80) < 3  # behind by half of 256 windows
    assert (scores <= calibration.radius(80)).mean() < 0.65


def test_windows_that_the_fit_has_seen_calibrate_nothing() -> None:
    table = wave_table({"a": 200, "b": 200})
    model = quick().fit(table, **COLUMNS)
    found = model.backtest(windows=8, step=2)
    assert found.seen == len(found)
    plain = model.backtest(windows=8, step=2, recalibrate=False)
    np.testing.assert_array_equal(found.bands[80], plain.bands[80])


def test_update_learns_how_wrong_it_would_have_been() -> None:
    table = wave_table({"a": 200, "b": 180})
    model = quick().fit(table, **COLUMNS)
    later = wave_table({"a": 260, "b": 240}).filter(
        pl.int_range(pl.len()).over("shop") >= pl.len().over("shop") - 60
    )
    loud = later.with_columns(sold=pl.col("sold") + 8.0 * (pl.int_range(pl.len()) % 3 - 1))
    before = model.fitted_.calibration.radius(80)
    quiet = _fitted_again(model).update(loud, recalibrate=False)
    np.testing.assert_array_equal(quiet.fitted_.calibration.radius(80), before)
    model.update(loud)
    assert (model.fitted_.calibration.radius(80) > before).all()
    wide, narrow = (
        each.predict()["rollcast-hi-80"] - each.predict()["rollcast"] for each in (model, quiet)
    )
    assert (wide > narrow).all()


def test_updates_row_by_row_learn_what_one_update_learns() -> None:
    table, rows = wave_table({"a": 200, "b": 200}), 13
    later = wave_table({"a": 200 + rows, "b": 200 + rows}).filter(
        pl.int_range(pl.len()).over("shop") >= 200
    )
    once, slowly = quick().fit(table, **COLUMNS), quick().fit(table, **COLUMNS)
    once.update(later)
    for row in range(rows):
        slowly.update(later.filter(pl.int_range(pl.len()).over("shop") == row))
    at_once, by_row = once.fitted_.calibration, slowly.fitted_.calibration
    np.testing.assert_array_equal(at_once.stamps, by_row.stamps)
    np.testing.assert_allclose(at_once.scores, by_row.scores, rtol=1e-5)
    assert len(at_once.stamps) > 0


def _fitted_again(model: Forecaster) -> Forecaster:
    other = Forecaster(**model.get_params())
    other.history_ = model.history_
    other._take(model.fitted_)
    return other
