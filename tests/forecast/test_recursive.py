"""Everything that works for a direct forecaster works for a recursive one."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import Forecaster, Panel
from rollcast.data.windows import Windows
from rollcast.errors import UsageError
from rollcast.forecast.problem import NetworkProblem
from rollcast.forecast.start.lags import (
    best_lags,
    equations,
    lag_start,
    priors,
    recursive_spec,
    rolled,
)
from rollcast.model.network import build
from rollcast.model.predict import predict
from rollcast.model.spec import NetworkSpec

from .conftest import COLUMNS, quick

every_scaling = pytest.mark.parametrize("scaling", ["window", "series"])


@pytest.fixture(scope="module", params=["window", "series"])
def recursive(request: pytest.FixtureRequest, table: pl.DataFrame) -> Forecaster:
    return quick(strategy="recursive", scaling=request.param).fit(table, **COLUMNS)


def test_it_beats_the_naive_forecasts_on_what_it_held_out(recursive: Forecaster) -> None:
    scores = recursive.scores_
    assert recursive.fitted_.network.spec.strategy == "recursive"
    assert scores["rollcast"]["mase"] < min(scores["naive"]["mase"], scores["drift"]["mase"])
    assert scores["rollcast"]["mase"] < 1.05 * scores["seasonal naive"]["mase"]


def test_forecasts_have_intervals_that_contain_the_median(recursive: Forecaster) -> None:
    found = recursive.predict(level=(50, 80))
    assert found.columns[:3] == ["shop", "when", "rollcast"]
    for wide, narrow in (("lo-80", "lo-50"), ("lo-50", None), (None, "hi-50"), ("hi-50", "hi-80")):
        low, high = (f"rollcast-{end}" if end else "rollcast" for end in (wide, narrow))
        assert (found[low] <= found[high]).all()


def test_saved_and_loaded_it_gives_the_same_bits(recursive: Forecaster, tmp_path: Path) -> None:
    recursive.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    assert loaded.predict().equals(recursive.predict())
    assert loaded.summary() == recursive.summary()
    loaded.save(tmp_path / "again.roll")
    assert (tmp_path / "again.roll").read_bytes() == (tmp_path / "model.roll").read_bytes()


def test_a_backtest_says_what_predict_says_of_the_rows_before(
    recursive: Forecaster, table: pl.DataFrame
) -> None:
    judged = recursive.backtest(table, windows=3, step=2, level=(80,))
    panel = judged.panel
    for window in range(len(judged)):
        series, row = int(judged.series[window]), int(judged.origin[window])
        before = panel.series(series).times[row - int(panel.offsets[series]) - 1]
        rows = table.filter(
            (pl.col("shop") == panel.ids[series]) & (pl.col("when") <= before.astype(object))
        )
        found = recursive.forecast(rows, level=(80,))
        np.testing.assert_allclose(found.median[0], judged.forecasts["rollcast"][window], rtol=1e-5)


def test_the_same_seed_gives_the_same_bits(recursive: Forecaster, table: pl.DataFrame) -> None:
    again = quick(strategy="recursive", scaling=recursive.scaling).fit(table, **COLUMNS)
    np.testing.assert_array_equal(again.fitted_.weights, recursive.fitted_.weights)


def test_what_came_long_ago_counts_only_where_scaling_is_by_series(recursive: Forecaster) -> None:
    panel = recursive.history_
    assert panel is not None
    late = panel.tail(recursive.context_)
    whole, cut = recursive.forecast(panel).median, recursive.forecast(late).median
    assert (recursive.scaling == "window") == bool((whole == cut).all())


@pytest.mark.parametrize("head", ["mse", "mae", "huber"])
def test_point_heads_and_other_cells_work(head: str, table: pl.DataFrame) -> None:
    model = quick(strategy="recursive", head=head, cell="gru").fit(table, **COLUMNS)
    assert np.isfinite(model.forecast().median).all()


def test_a_season_gives_the_context_one_row_more_than_whole_seasons() -> None:
    values = np.tile(np.arange(12.0), 20) + np.arange(240)
    model = Forecaster(6, hidden=(4,), strategy="recursive", training=rollcast.Training(steps=1))
    model.fit(Panel.of(values, season=12))
    assert model.context_ % 12 == 1
    direct = Forecaster(6, hidden=(4,), training=rollcast.Training(steps=1))
    assert direct.fit(Panel.of(values, season=12)).context_ == model.context_ - 1


def problem_of(values: np.ndarray, season: int, lags: int, horizon: int = 8) -> NetworkProblem:
    panel = Panel.of(values, season=season, start="2024-01-01", freq="h")
    windows = Windows(panel, lags, horizon, dtype=np.float64)
    trained, held = windows.hold_out(20, 1)
    spec = NetworkSpec(
        context=lags, horizon=horizon, season=season, hidden=(3,), decoder_gain=0.0,
        skip_gain=0.3, features=len(windows.feature_names),
    )  # fmt: skip
    return NetworkProblem(build(recursive_spec(spec)), trained, held, dtype="float64")


def test_the_start_rolls_as_the_network_does() -> None:
    generator = np.random.default_rng(0)
    rows = np.arange(300)
    problem = problem_of(np.sin(rows / 3) + rows / 50 + generator.normal(0, 0.1, 300), 5, 11)
    spec, found = problem.network.spec, equations(problem)
    expected = rolled(spec, best_lags(spec, found), found)
    windows = problem.training
    batch = windows.batch(np.arange(windows.count))
    output = problem.network.outputs(lag_start(problem, 0), batch)
    middle = problem.network.head.levels.index(0.5)
    np.testing.assert_allclose(output[..., middle].T, expected, rtol=1e-7, atol=1e-9)
    for index, level in enumerate(problem.network.head.levels):
        if index == middle:
            continue
        below = (batch.target <= output[..., index]).mean()
        assert below == pytest.approx(level, abs=0.03)


@pytest.mark.parametrize(
    ("values", "season"),
    [(np.arange(200.0), 1), (np.tile([0.0, 3, 1, 7], 50) + np.arange(200), 4)],
    ids=["a line", "a line with a season"],
)
def test_trends_go_on(values: np.ndarray, season: int) -> None:
    problem = problem_of(values, season, 9)
    weights = lag_start(problem, 0)
    held = problem.validation
    assert held is not None
    batch = held.batch(np.arange(held.count))
    found = predict(problem.network, weights, held).median
    np.testing.assert_allclose(found, (batch.target * batch.scale + batch.location).T, atol=0.2)


def test_priors_are_naive_forecasts() -> None:
    spec = problem_of(np.arange(100.0), 3, 8).network.spec
    newest = np.arange(8.0)[::-1]  # 7 is the newest value
    assert [float(each @ newest) for each in priors(spec)] == pytest.approx([0, 7, 5, 3.5, 8])


@pytest.mark.parametrize("feeding", ["teacher", "scheduled(end=0.5)", "free(first=2)"])
def test_what_it_reads_while_it_trains_can_be_chosen(
    feeding: str, table: pl.DataFrame, tmp_path: Path
) -> None:
    model = quick(strategy="recursive", feeding=feeding).fit(table, **COLUMNS)
    assert model.scores_["rollcast"]["mase"] < model.scores_["naive"]["mase"]
    model.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    assert loaded.get_params()["feeding"] == feeding
    assert loaded.predict().equals(model.predict())
    free = quick(strategy="recursive").fit(table, **COLUMNS)
    assert not free.predict().equals(model.predict())
    model.continue_training(table, steps=2)
    assert model.predict()["rollcast"].is_finite().all()


def test_fed_freely_from_the_first_step_it_is_as_by_default(table: pl.DataFrame) -> None:
    one, other = (
        quick(strategy="recursive", feeding=feeding).fit(table, **COLUMNS)
        for feeding in ("free", "free(warm_up=1)")
    )
    assert (one.fitted_.weights == other.fitted_.weights).all()


def test_only_a_recursive_network_is_fed(table: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="feeding='teacher' with strategy='direct'"):
        quick(feeding="teacher").fit(table, **COLUMNS)
    with pytest.raises(UsageError, match="feeding='forced'"):
        quick(strategy="recursive", feeding="forced").fit(table, **COLUMNS)
