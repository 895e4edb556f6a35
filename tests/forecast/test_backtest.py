import numpy as np
import polars as pl
import pytest

from rollcast import Forecaster, UsageError
from rollcast.score import metrics

from .conftest import COLUMNS, quick, wave_table


@pytest.fixture(scope="module")
def long() -> pl.DataFrame:
    return wave_table({"a": 300, "b": 300}, seed=3)


@pytest.fixture(scope="module")
def model(long: pl.DataFrame) -> Forecaster:
    before = long.filter(pl.int_range(pl.len()).over("shop") < pl.len().over("shop") - 48)
    return quick().fit(before, **COLUMNS)


def test_each_forecast_is_what_predict_gives_at_its_origin(
    model: Forecaster, long: pl.DataFrame
) -> None:
    found = model.backtest(long, windows=12)
    assert len(found) == 24
    assert found.seen == 0
    for window in range(24):
        panel = found.panel
        series = found.panel.series(int(found.series[window]))
        origin = found.origin[window] - panel.offsets[found.series[window]]
        known = long.filter(
            pl.col("shop") == series.id, pl.col("when") < series.times[origin].item()
        )
        forecast = model.predict(known)
        np.testing.assert_array_equal(found.times[window].astype("M8[us]"), forecast["when"])
        np.testing.assert_allclose(found.forecasts["rollcast"][window], forecast["rollcast"])
        np.testing.assert_allclose(found.bands[80][0][window], forecast["rollcast-lo-80"])
        np.testing.assert_allclose(found.bands[95][1][window], forecast["rollcast-hi-95"])
        np.testing.assert_array_equal(found.truth[window], series.values[origin : origin + 4])


def test_scores_are_those_of_the_forecasts(model: Forecaster, long: pl.DataFrame) -> None:
    found = model.backtest(long, windows=5, step=3)
    assert list(found.scores) == ["rollcast", "naive", "seasonal naive", "drift", "linear"]
    for method, row in found.scores.items():
        assert row["mae"] == pytest.approx(np.abs(found.truth - found.forecasts[method]).mean())
        np.testing.assert_allclose(
            found.error_by_step[method],
            np.abs(found.truth - found.forecasts[method]).mean(axis=0),
        )
    low, high = found.bands[80]
    expected = metrics.coverage(found.truth, low, high)
    assert found.scores["rollcast"]["coverage-80"] == pytest.approx(expected)
    assert np.diff(found.origin.reshape(2, 5), axis=1).tolist() == [[3] * 4] * 2


def test_windows_that_fit_has_seen_are_counted(model: Forecaster, long: pl.DataFrame) -> None:
    assert model.backtest(long, windows=13).seen == 2
    assert model.backtest(windows=3).seen == 6


def test_the_frame_has_a_row_a_window_and_step(model: Forecaster, long: pl.DataFrame) -> None:
    found = model.backtest(long, windows=3, level=80)
    frame = found.frame()
    assert frame.height == 2 * 3 * 4
    assert frame.columns == [
        "shop", "when", "cutoff", "sold", "rollcast", "naive", "seasonal naive", "drift", "linear",
        "rollcast-lo-80", "rollcast-hi-80",
    ]  # fmt: skip
    assert (frame["cutoff"] < frame["when"]).all()
    joined = frame.join(long, on=["shop", "when"], suffix="_true")
    assert joined["sold"].equals(joined["sold_true"])
    assert "24" not in repr(found) and "6 windows of 2 series" in repr(found)


@pytest.mark.parametrize("wrong", [{"windows": 0}, {"windows": 2.5}, {"step": 0}, {"step": "4"}])
def test_windows_and_steps_that_cannot_be_are_refused(
    model: Forecaster, long: pl.DataFrame, wrong: dict
) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        model.backtest(long, **wrong)


def test_missing_truths_are_left_out(model: Forecaster, long: pl.DataFrame) -> None:
    holes = long.with_columns(
        sold=pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise(pl.col("sold"))
    )
    found = model.backtest(holes, windows=10)
    assert np.isnan(found.truth).any()
    for row in found.scores.values():
        assert all(np.isfinite(value) for value in row.values())


def test_seasonal_naive_is_the_same_however_short_the_window_of_the_network(
    long: pl.DataFrame,
) -> None:
    found = [
        quick(context=context).fit(long, season=12, **COLUMNS).backtest(windows=3)
        for context in (5, 24)
    ]
    for method in ("naive", "seasonal naive"):
        short, whole = (backtest.forecasts[method] for backtest in found)
        np.testing.assert_array_equal(short, whole)
