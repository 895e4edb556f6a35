import numpy as np
import pytest

from rollcast import Forecaster, Panel, Training
from rollcast.plots.residuals import MOST_DOTS, autocorrelation, residuals
from rollcast.plots.residuals import residual_picture as pictured


def test_autocorrelation_is_that_of_the_definition_and_knows_no_pairs_across_series() -> None:
    generator = np.random.default_rng(0)
    values, series = generator.normal(size=40), np.repeat([3, 7], 20)
    values[5] = np.nan
    found, pairs = autocorrelation(values, series)
    parts = [values[series == each] - np.nanmean(values[series == each]) for each in (3, 7)]
    variance = np.nanmean(np.concatenate(parts) ** 2)
    for lag in range(1, 11):
        both = np.concatenate([part[lag:] * part[:-lag] for part in parts])
        assert pairs[lag - 1] == (~np.isnan(both)).sum()
        assert found[lag - 1] == pytest.approx(np.nanmean(both) / variance)
    assert len(found) == 10


@pytest.mark.parametrize("values", [np.full(9, np.nan), np.zeros(9), np.ones(1), np.empty(0)])
def test_errors_that_say_nothing_have_no_autocorrelation(values: np.ndarray) -> None:
    found, _ = autocorrelation(values, np.zeros(len(values), np.int64))
    assert np.isnan(found).all()


def test_the_errors_of_a_backtest_are_drawn() -> None:
    generator = np.random.default_rng(1)
    wave = np.sin(np.arange(300) * np.pi / 4)[None] + 0.1 * generator.normal(size=(2, 300))
    panel = Panel.of({"a": wave[0], "b": 5 * wave[1]}, start="2024-01-01", freq="h", season=8)
    model = Forecaster(3, context=16, hidden=(4,), training=Training(steps=3))
    found = model.backtest(panel, windows=20, step=1)
    picture = pictured(found)
    expected = (found.truth - found.forecasts[found.name]) / found.judged.units[:, None]
    np.testing.assert_array_equal(picture.errors, expected)
    assert picture.unit == "unit of MASE" and len(picture.autocorrelation) == 10
    figure = residuals(picture)
    dots, bars, curve = figure.data[:3]
    assert len(dots.y) == expected.size <= MOST_DOTS
    assert 0.95 < sum(bars.y) <= 1.0 and max(curve.y) < 1.0


def test_series_that_repeat_themselves_have_no_unit_of_mase() -> None:
    again = np.tile(np.arange(8.0), 30)
    noisy = again + np.random.default_rng(2).normal(size=240)
    for other, unit in ((2 * again, "y"), (noisy, "unit of MASE")):
        panel = Panel.of({"a": again, "b": other}, start="2024-01-01", freq="h", season=8)
        model = Forecaster(3, context=16, hidden=(4,), training=Training(steps=1))
        picture = pictured(model.backtest(panel, windows=6))
        assert picture.unit == unit and not np.isinf(picture.errors).any()
        assert len(residuals(picture).data) >= 3
