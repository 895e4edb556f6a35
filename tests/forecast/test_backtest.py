import numpy as np
import polars as pl
import pytest

from rollcast import Forecaster, UsageError, read
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
    found = model.backtest(long, windows=12, recalibrate=False)
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"windows": 0},
        {"windows": 2.5},
        {"step": 0},
        {"step": "4"},
        {"gap": 4},
        {"gap": -1},
        {"refit": 0.5},
        {"refit": -1},
        {"recalibrate": 1},
    ],
)
def test_windows_and_steps_that_cannot_be_are_refused(
    model: Forecaster, long: pl.DataFrame, wrong: dict
) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        model.backtest(long, **wrong)


def test_a_gap_leaves_out_the_first_rows_of_each_forecast(
    model: Forecaster, long: pl.DataFrame
) -> None:
    whole, late = (model.backtest(long, windows=6, gap=gap) for gap in (0, 3))
    assert late.truth.shape == (12, 1)
    np.testing.assert_array_equal(late.truth, whole.truth[:, 3:])
    np.testing.assert_array_equal(late.times, whole.times[:, 3:])
    for method in whole.forecasts:
        np.testing.assert_array_equal(late.forecasts[method], whole.forecasts[method][:, 3:])
    np.testing.assert_array_equal(late.bands[80][0], whole.bands[80][0][:, 3:])
    assert late.by_step()["step"].to_list() == [4] * 5
    hours = (late.frame()["when"] - late.frame()["cutoff"]).dt.total_hours()
    assert hours.unique().to_list() == [4]


def test_scores_by_series_step_and_window_are_those_of_the_parts(
    model: Forecaster, long: pl.DataFrame
) -> None:
    found = model.backtest(long, windows=5)
    error = np.abs(found.truth - found.forecasts["drift"])
    for frame, expected in (
        (found.by_series(), [error[:5].mean(), error[5:].mean()]),
        (found.by_step(), error.mean(axis=0)),
        (found.by_window(), error.mean(axis=1)),
    ):
        drift = frame.filter(pl.col("method") == "drift")
        np.testing.assert_allclose(drift["mae"], expected)
        assert drift["coverage-80"].null_count() == len(drift)
        ours = frame.filter(pl.col("method") == "rollcast")
        assert ours.null_count().sum_horizontal().item() == 0
    assert found.by_series()["shop"].unique().sort().to_list() == ["a", "b"]
    assert found.by_window().columns[:3] == ["shop", "cutoff", "method"]
    low, high = found.bands[95]
    width = found.by_step().filter(pl.col("method") == "rollcast")["width-95"]
    np.testing.assert_allclose(width, (high - low).mean(axis=0))


def test_the_scores_are_those_of_utilsforecast(model: Forecaster, long: pl.DataFrame) -> None:
    from utilsforecast import losses

    found = model.backtest(long, windows=5)
    frame = found.frame().with_columns(pl.col("rollcast").alias("ours"))
    before = long.filter(pl.col("when") <= frame["cutoff"].min())
    frame = frame.drop("cutoff")  # they would give a row for each
    options = {"models": ["ours"], "id_col": "shop", "target_col": "sold"}
    ours = found.by_series().filter(pl.col("method") == "rollcast").sort("shop")
    season = found.panel.season
    for metric, factor, extra in (
        ("mae", 1, {}),
        ("rmse", 1, {}),
        ("mape", 100, {}),
        ("smape", 200, {}),
        ("mase", 1, {"seasonality": season, "train_df": before}),
        ("rmsse", 1, {"seasonality": season, "train_df": before}),
    ):
        theirs = getattr(losses, metric)(frame, **options, **extra).sort("shop")["ours"]
        np.testing.assert_allclose(ours[metric], factor * theirs.to_numpy(), rtol=1e-9)
    crps = losses.scaled_crps  # of pooled sums: the unit is the mean size of the truth
    quantiles = {"ours": [f"q{index}" for index in range(len(found.judged.levels))]}
    table = frame.with_columns(
        pl.Series(name, found.judged.quantiles[..., index].ravel())
        for index, name in enumerate(quantiles["ours"])
    )
    options = {"models": quantiles, "id_col": "shop", "target_col": "sold"}
    theirs = crps(table, quantiles=np.array(found.judged.levels), **options).sort("shop")["ours"]
    size = np.abs(found.truth).reshape(2, -1).mean(axis=1)
    np.testing.assert_allclose(ours["crps"], theirs.to_numpy() * size, rtol=1e-6)


def test_a_backtest_without_a_fit_is_that_of_a_fit_before_the_first_origin(
    long: pl.DataFrame,
) -> None:
    panel = read(long, **COLUMNS)
    found = quick().backtest(panel, windows=6)
    before = long.filter(pl.int_range(pl.len()).over("shop") < pl.len().over("shop") - 24)
    expected = quick().fit(before, **COLUMNS).backtest(long, windows=6)
    assert found.seen == 0
    np.testing.assert_array_equal(found.forecasts["rollcast"], expected.forecasts["rollcast"])
    np.testing.assert_array_equal(found.bands[80], expected.bands[80])


@pytest.mark.parametrize("refit", [True, 2])
def test_a_refit_knows_what_was_known_and_gives_the_same_bits_again(
    long: pl.DataFrame, refit: int
) -> None:
    panel = read(long, **COLUMNS)
    forecaster = quick()
    found = forecaster.backtest(panel, windows=3, step=5, refit=refit)
    assert not hasattr(forecaster, "fitted_")
    again = forecaster.backtest(panel, windows=3, step=5, refit=refit)
    np.testing.assert_array_equal(found.forecasts["rollcast"], again.forecasts["rollcast"])
    for origin in range(3):
        rows = 14 - 5 * (origin // int(refit) * int(refit))
        fit_on = long.filter(pl.int_range(pl.len()).over("shop") < pl.len().over("shop") - rows)
        known = long.filter(
            pl.int_range(pl.len()).over("shop") < pl.len().over("shop") - 14 + 5 * origin
        )
        forecast = quick().fit(fit_on, **COLUMNS).forecast(known)
        np.testing.assert_allclose(found.forecasts["rollcast"][origin::3], forecast.median)
    assert found.seen == 0


def test_a_backtest_makes_a_native_call_a_batch_and_not_a_window(
    model: Forecaster, long: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    network = type(model.fitted_.network)
    outputs = network.outputs
    monkeypatch.setattr(
        network, "outputs", lambda *rest: calls.append(len(rest[2])) or outputs(*rest)
    )
    found = model.backtest(long, windows=250, step=1)
    assert len(found) == 500 == sum(calls)
    assert len(calls) == -(-500 // 512)


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
