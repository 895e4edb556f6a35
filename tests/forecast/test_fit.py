"""What is held out when that is given, a fit without a second run, the start of the linear path."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import Forecaster, UsageError
from rollcast.data.scaling import series_statistics
from rollcast.data.windows import Windows
from rollcast.forecast.holdout import MOST_HELD, given_holdout
from rollcast.forecast.problem import NetworkProblem
from rollcast.forecast.setup import set_up
from rollcast.model.skip import naive_map
from rollcast.train.events import Event, FitStarted

from .conftest import COLUMNS, QUICK, quick, wave_table


def test_rows_given_are_held_out_with_every_origin_in_them(table: pl.DataFrame) -> None:
    model = quick(validation=30).fit(table, **COLUMNS)
    holdout = model.fitted_.holdout
    assert (holdout.origins, holdout.step, holdout.rows) == (27, 1, 30)
    assert "the last 27 origins of each series, a row apart" in model.summary()
    assert (model.fitted_.calibration.counts == 3 * 27).all()


def test_many_rows_given_are_held_out_whole_with_fewer_origins() -> None:
    panel = rollcast.Panel.of(dict.fromkeys(map(str, range(7)), np.sin(np.arange(12_000.0))))
    holdout = given_holdout(panel, 96, 11_500)
    assert holdout.rows == 11_500 and holdout.step > 1
    assert 7 * holdout.origins <= MOST_HELD
    trained, held = Windows(panel, 48, 96).hold_out(holdout.origins, holdout.step, holdout.rows)
    origin = held.origin - panel.offsets[held.series]
    assert origin.min() == 500
    assert origin.max() + 96 <= 12_000 < origin.max() + 96 + holdout.step
    last = trained.batch([trained.count - 1])
    assert (last.origin + last.target_observed.sum() <= panel.offsets[-1] - 11_500).all()


def test_fewer_rows_than_a_horizon_cannot_be_held_out(table: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="validation=3: expected at least the horizon, 4"):
        quick(validation=3).fit(table, **COLUMNS)


@pytest.mark.parametrize("scaling", ["window", "series"])
def test_without_a_second_run_what_is_held_out_changes_no_weight(
    table: pl.DataFrame, scaling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    falling = iter(range(100, 0, -1))
    monkeypatch.setattr(NetworkProblem, "validate", lambda self, weights: float(next(falling)))
    events: list[Event] = []
    chosen = {"refit": False, "validation": 20, "scaling": scaling}
    model = quick(**chosen).fit(table, **COLUMNS, season=8, listeners=[events.append])
    assert sum(isinstance(event, FitStarted) for event in events) == 1
    assert "the network kept never saw them" in model.summary()
    late = pl.int_range(pl.len()).over("shop") >= pl.len().over("shop") - 20
    other = table.with_columns(sold=pl.when(late).then(2 * pl.col("sold")).otherwise("sold"))
    again = quick(**chosen).fit(other, **COLUMNS, season=8)
    assert model.best_step_ == again.best_step_ == QUICK.steps
    np.testing.assert_array_equal(again.fitted_.weights, model.fitted_.weights)
    if scaling == "series":  # by the rows that were trained on
        location, scale = series_statistics(model.history_.split(20)[0])
        np.testing.assert_array_equal(again.fitted_.location, location)
        np.testing.assert_array_equal(again.fitted_.scale, scale)


@pytest.mark.parametrize("skip", ["naive", "seasonal_naive", "seasonal_mean"])
def test_the_linear_path_starts_where_it_is_told(skip: str, table: pl.DataFrame) -> None:
    model = quick(skip=skip, refit=False, hidden=(4,)).fit(table, **COLUMNS, season=8)
    spec = model.fitted_.network.spec
    assert spec.skip == skip
    start = model.fitted_.network.views(first_weights(model))["skip.weight"]
    np.testing.assert_allclose(start * spec.skip_gain, naive_map(spec, skip), atol=1e-6)


def first_weights(model: Forecaster) -> np.ndarray:
    setup = set_up(model.get_params(), model.history_, model.fitted_.holdout)
    return setup.first(0).initial(0)


@pytest.mark.parametrize("strategy", ["direct", "segment", "recursive"])
def test_a_network_without_a_linear_path_forecasts_and_is_saved(
    strategy: str, table: pl.DataFrame, tmp_path: Path
) -> None:
    model = quick(strategy=strategy, skip="none").fit(table, **COLUMNS)
    assert not {"skip.weight", "lags.weight"} & set(model.fitted_.network.layout)
    model.save(tmp_path / "plain.roll")
    assert rollcast.load(tmp_path / "plain.roll").predict().equals(model.predict())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"skip": "straight"}, "skip='straight': choose one of"),
        ({"skip": "naive", "strategy": "recursive"}, "Give 'ridge' or 'none'"),
        ({"refit": 1}, "refit=1: expected True or False"),
        ({"validation": 0}, "validation=0: expected a whole number"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(
    table: pl.DataFrame, wrong: dict, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        quick(**wrong).fit(table, **COLUMNS)


def test_a_second_fit_in_one_process_equals_the_first_bit_by_bit(
    table: pl.DataFrame, fitted: Forecaster
) -> None:
    again = quick().fit(table, **COLUMNS)
    assert again.fitted_.weights.tobytes() == fitted.fitted_.weights.tobytes()
    assert again.predict().equals(fitted.predict())
    model = quick()
    for _ in range(2):
        model.fit(table, **COLUMNS)
    assert model.fitted_.weights.tobytes() == fitted.fitted_.weights.tobytes()


def test_usual_levels_are_those_that_can_be_had_and_others_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    short = wave_table({"a": 30})
    model = quick(horizon=6, context=8).fit(short, **COLUMNS)
    most = model.fitted_.calibration.largest_level
    assert 50 < most < 95
    names = model.predict().columns
    assert ("rollcast-lo-80" in names) == (most >= 80) and "rollcast-lo-95" not in names
    assert "no 95 % interval: the table is too short to calibrate it" in caplog.text
    longer = wave_table({"a": 80})
    assert model.backtest(longer, windows=1).bands.keys() == model.forecast().bands.keys()
    with pytest.raises(UsageError, match="allow at most level"):
        model.predict(level=(80, 95))
    with pytest.raises(UsageError, match="allow at most level"):
        model.backtest(longer, level=95)
