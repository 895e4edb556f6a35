from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.base

import rollcast
from rollcast import DataError, Forecaster, NotFittedError, Panel, Training, UsageError

from .conftest import COLUMNS, QUICK, quick, wave_table


def same_bits(first: pl.DataFrame, second: pl.DataFrame) -> bool:
    names = [name for name in first.columns if first[name].dtype == pl.Float64]
    return first.equals(second) and all(
        first[name].to_numpy().tobytes() == second[name].to_numpy().tobytes() for name in names
    )


# the table of a forecast


def test_a_forecast_has_the_users_columns_and_the_next_stamps(
    fitted: Forecaster, table: pl.DataFrame
) -> None:
    forecast = fitted.predict()
    assert isinstance(forecast, pl.DataFrame)
    assert forecast.columns == [
        "shop", "when", "rollcast",
        "rollcast-lo-80", "rollcast-hi-80", "rollcast-lo-95", "rollcast-hi-95",
    ]  # fmt: skip
    assert forecast["shop"].to_list() == [name for name in "abc" for _ in range(4)]
    for (name,), rows in forecast.group_by("shop"):
        last = table.filter(pl.col("shop") == name)["when"].max()
        expected = [last + timedelta(hours=step) for step in (1, 2, 3, 4)]
        assert rows["when"].to_list() == expected
    assert forecast.null_count().sum_horizontal().item() == 0
    ordered = forecast.select(
        "rollcast-lo-95", "rollcast-lo-80", "rollcast", "rollcast-hi-80", "rollcast-hi-95"
    ).to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()


def test_levels_and_the_name_are_those_asked_for(fitted: Forecaster) -> None:
    assert fitted.predict(level=()).columns == ["shop", "when", "rollcast"]
    assert fitted.predict(level=50).columns[3:] == ["rollcast-lo-50", "rollcast-hi-50"]
    assert fitted.predict(level=[97.5]).columns[3:] == ["rollcast-lo-97.5", "rollcast-hi-97.5"]
    renamed = sklearn.base.clone(fitted).set_params(name="guess")
    renamed.fit(wave_table({"a": 100}), **COLUMNS)
    assert renamed.predict().columns[2] == "guess"


@pytest.mark.parametrize("level", [0, 100, -5, "80", [80, 80], [None]])
def test_a_level_that_cannot_be_is_refused(fitted: Forecaster, level: object) -> None:
    with pytest.raises(UsageError, match="level"):
        fitted.predict(level=level)  # type: ignore[arg-type]


def test_a_level_beyond_the_held_out_windows_names_the_largest_possible(
    fitted: Forecaster,
) -> None:
    with pytest.raises(UsageError, match="at most level 9"):
        fitted.predict(level=99.99)


def test_pandas_comes_back_as_pandas_and_polars_as_polars(table: pl.DataFrame) -> None:
    frame = pd.DataFrame({name: table[name].to_list() for name in table.columns})
    model = quick().fit(frame, **COLUMNS)
    forecast = model.predict()
    assert isinstance(forecast, pd.DataFrame)
    assert list(forecast.columns)[:3] == ["shop", "when", "rollcast"]
    assert isinstance(model.predict(table), pl.DataFrame)
    np.testing.assert_array_equal(model.predict(table)["rollcast"], forecast["rollcast"])


def test_a_file_and_a_panel_give_polars(table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_csv(tmp_path / "sales.csv")
    model = quick().fit(tmp_path / "sales.csv", **COLUMNS)
    assert isinstance(model.predict(), pl.DataFrame)
    panel = rollcast.read(tmp_path / "sales.csv", **COLUMNS)
    assert isinstance(model.predict(panel), pl.DataFrame)
    assert same_bits(quick().fit(panel).predict(), model.predict())


def test_one_series_without_an_id_column_has_none_in_the_forecast() -> None:
    table = wave_table({"a": 120}).select(ds="when", y="sold")
    model = quick().fit(table)
    assert model.predict().columns[:2] == ["ds", "rollcast"]
    assert len(model.predict()) == 4


# what a table may hold


def test_integer_time_stays_integer() -> None:
    table = wave_table({"a": 120, "b": 90}, start=1, step=1)
    forecast = quick().fit(table, **COLUMNS).predict()
    assert forecast["when"].to_list() == [121, 122, 123, 124, 91, 92, 93, 94]


@pytest.mark.parametrize(
    ("step", "freq", "features"), [(timedelta(hours=1), "h", 10), (timedelta(days=1), "D", 6)]
)
def test_frequencies_bring_their_own_calendar(step: timedelta, freq: str, features: int) -> None:
    table = wave_table({"a": 150}, season=7, step=step)
    model = quick().fit(table, **COLUMNS, season=7)
    assert (model.freq_, model.season_) == (freq, 7)
    spec = model.fitted_.network.spec
    assert spec.features == len(rollcast.data.calendar.calendar_feature_names(freq))
    assert spec.features > 0
    assert model.predict()["when"][0] == table["when"].max() + step


def test_monthly_stamps_go_on_monthly() -> None:
    table = pl.DataFrame(
        {
            "ds": pl.datetime_range(datetime(2010, 1, 1), datetime(2019, 12, 1), "1mo", eager=True),
            "y": wave_table({"a": 120}, season=12)["sold"],
        }
    )
    model = quick(3).fit(table)
    assert (model.freq_, model.season_) == ("MS", 12)
    expected = [datetime(2020, 1, 1), datetime(2020, 2, 1), datetime(2020, 3, 1)]
    assert model.predict()["ds"].to_list() == expected


def test_missing_values_are_forecast_round(table: pl.DataFrame) -> None:
    hole = (pl.int_range(pl.len()) % 7 == 3) | (pl.int_range(pl.len()) % 160 > 155)
    holes = table.with_columns(sold=pl.when(hole).then(None).otherwise(pl.col("sold")))
    model = quick().fit(holes, **COLUMNS)
    assert model.fitted_.network.spec.indicator
    assert np.isfinite(model.predict()["rollcast"].to_numpy()).all()
    assert all(np.isfinite(value) for value in model.scores_["rollcast"].values())


def test_a_series_with_nothing_to_go_on_is_named(fitted: Forecaster) -> None:
    times = [datetime(2024, 1, 1) + timedelta(hours=row) for row in range(30)]
    values = [1.0] * 5 + [None] * 25
    empty = pl.DataFrame({"shop": ["x"] * 30, "when": times, "sold": values})
    with pytest.raises(DataError, match=r"'x'.*missing"):
        fitted.predict(empty)


def test_a_short_series_and_one_never_seen_are_forecast(fitted: Forecaster) -> None:
    forecast = fitted.predict(wave_table({"new": 3, "newer": 1}))
    assert forecast["shop"].unique().sort().to_list() == ["new", "newer"]
    assert np.isfinite(forecast["rollcast"].to_numpy()).all()


def test_another_frequency_is_refused(fitted: Forecaster) -> None:
    with pytest.raises(DataError):
        fitted.predict(wave_table({"a": 40}, step=timedelta(minutes=45)))
    panel = Panel.of(np.arange(40.0), start="2024-01-01", freq="D")
    with pytest.raises(DataError, match=r"frequency is 'D'.*'h'"):
        fitted.predict(panel)


def test_a_constant_series_is_forecast_as_constant() -> None:
    table = wave_table({"a": 100, "b": 100}).with_columns(
        sold=pl.when(pl.col("shop") == "a").then(7.0).otherwise(pl.col("sold"))
    )
    forecast = quick().fit(table, **COLUMNS).predict(level=80)
    flat = forecast.filter(pl.col("shop") == "a")["rollcast"].to_numpy()
    assert np.abs(flat - 7.0).max() < 3.5


# what is promised of the network


def test_every_step_of_a_trained_forecast_moves_with_the_newest_value(
    fitted: Forecaster, table: pl.DataFrame
) -> None:
    last = pl.col("when") == pl.col("when").max().over("shop")
    moved = table.with_columns(
        sold=pl.when(last).then(pl.col("sold") + 0.5).otherwise(pl.col("sold"))
    )
    before, after = fitted.predict(table), fitted.predict(moved)
    for name in before.columns[2:]:
        assert (before[name] != after[name]).all(), name
        assert (np.abs(before[name] - after[name]) > 1e-6).all(), name


def test_the_recurrent_path_alone_moves_every_step(fitted: Forecaster, table: pl.DataFrame) -> None:
    model = sklearn.base.clone(fitted).fit(table, **COLUMNS)
    model.fitted_.network.views(model.fitted_.weights)["skip.weight"][...] = 0.0
    shorter = table.filter(pl.col("shop") == "a")
    last = pl.col("when") == pl.col("when").max()
    # Two values that trade places leave mean and deviation, and so the scaling, as they are.
    swapped = shorter.with_columns(
        sold=pl.when(last).then(pl.col("sold").shift(3))
        .when(last.shift(-3)).then(pl.col("sold").shift(-3))
        .otherwise(pl.col("sold"))
    )  # fmt: skip
    assert swapped["sold"].sort().equals(shorter["sold"].sort())
    assert (model.predict(shorter)["rollcast"] != model.predict(swapped)["rollcast"]).all()


@pytest.mark.parametrize("head", ["mse", "mae", "huber"])
def test_point_heads_have_conformal_intervals_too(table: pl.DataFrame, head: str) -> None:
    model = quick(head=head).fit(table, **COLUMNS)
    forecast = model.predict(level=80)
    assert (forecast["rollcast-lo-80"] < forecast["rollcast"]).all()
    assert (forecast["rollcast"] < forecast["rollcast-hi-80"]).all()
    assert "crps" not in model.scores_["rollcast"]


@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "gru"])
def test_every_cell_can_be_fitted(table: pl.DataFrame, cell: str) -> None:
    assert quick(cell=cell).fit(table, **COLUMNS).predict().height == 12


@pytest.mark.parametrize("scaling", ["window", "series"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_fits_give_the_same_bits_whatever_the_threads(
    table: pl.DataFrame, scaling: str, dtype: str
) -> None:
    from rollcast import engine

    training = Training(steps=10, batch_size=24, dtype=dtype)
    results = []
    try:
        for threads in (1, 2, None):
            engine.set_threads(threads)
            model = quick(scaling=scaling, training=training).fit(table, **COLUMNS)
            results.append(model.predict())
    finally:
        engine.set_threads(None)
    assert same_bits(results[0], results[1])
    assert same_bits(results[0], results[2])
    other = quick(scaling=scaling, training=training, seed=1).fit(table, **COLUMNS)
    assert not same_bits(results[0], other.predict())


def test_predicting_in_many_threads_gives_what_one_gives(fitted: Forecaster) -> None:
    from concurrent.futures import ThreadPoolExecutor

    expected = fitted.predict()
    with ThreadPoolExecutor(4) as pool:
        assert all(
            same_bits(expected, found) for found in pool.map(lambda _: fitted.predict(), range(12))
        )


# what fit reports


def test_fit_reports_its_scores_beside_the_baselines(fitted: Forecaster) -> None:
    assert list(fitted.scores_) == ["rollcast", "naive", "seasonal naive", "drift", "linear"]
    assert fitted.scores_["rollcast"]["mase"] < fitted.scores_["naive"]["mase"]
    for errors in fitted.error_by_step_.values():
        assert errors.shape == (4,)
        assert (errors > 0).all()
    mean = fitted.error_by_step_["rollcast"].mean()
    assert fitted.scores_["rollcast"]["mae"] == pytest.approx(mean)
    assert 0.5 < fitted.scores_["rollcast"]["coverage-80"] <= 1
    text = fitted.summary()
    for word in ("lstm", "seasonal naive", "held out", "3 series", "also chose the step"):
        assert word in text


def test_listeners_get_every_event(table: pl.DataFrame) -> None:
    from rollcast.train.events import FitFinished, FitStarted, StepDone, TableRead

    events: list[object] = []
    model = quick().fit(table, **COLUMNS, listeners=[events.append])
    read, *events = events
    assert isinstance(read, TableRead)
    assert len(read.panel) == 3
    assert isinstance(events[0], FitStarted)
    assert isinstance(events[-1], FitFinished)
    assert sum(isinstance(event, StepDone) for event in events) == QUICK.steps
    assert model.training_history_ is not None
    assert len(model.training_history_.loss) == QUICK.steps


def test_training_never_sees_the_held_out_targets(table: pl.DataFrame) -> None:
    # The targets that judge are huge; a network that had seen them would forecast them.
    holdout = quick().fit(table, **COLUMNS).fitted_.holdout
    age = pl.col("when").max().over("shop") - pl.col("when")
    held = age < timedelta(hours=holdout.rows)
    changed = table.with_columns(
        sold=pl.when(held).then(pl.col("sold") * 3).otherwise(pl.col("sold"))
    )
    first = quick().fit(table, **COLUMNS, season=8).training_history_
    second = quick().fit(changed, **COLUMNS, season=8).training_history_
    assert first is not None and second is not None
    np.testing.assert_array_equal(first.loss, second.loss)
    assert (first.validation_score != second.validation_score).all()


# scikit-learn


def test_clone_copies_the_arguments_and_nothing_fitted(fitted: Forecaster) -> None:
    copy = sklearn.base.clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "scores_")
    with pytest.raises(NotFittedError, match="fit"):
        copy.predict()


def test_set_params_changes_what_it_names() -> None:
    model = Forecaster(4).set_params(horizon=6, cell="gru")
    assert (model.horizon, model.cell, model.seed) == (6, "gru", 0)
    with pytest.raises(UsageError, match="no argument 'depth'; there are horizon"):
        model.set_params(horizon=9, depth=3)
    assert model.horizon == 6


def test_the_repr_shows_what_is_not_as_usual() -> None:
    assert repr(Forecaster(4)) == "Forecaster(horizon=4)"
    model = Forecaster(4, cell="gru", training=Training(steps=7))
    assert repr(model) == "Forecaster(horizon=4, cell='gru', training=Training(steps=7))"
    assert eval(repr(model)).get_params() == model.get_params()


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon": 0}, {"horizon": 2.5}, {"horizon": "12"}, {"context": 0}, {"cell": "cnn"},
        {"hidden": ()}, {"hidden": 64}, {"strategy": "segments"}, {"segment": 2}, {"head": "tails"},
        {"scaling": "rows"}, {"training": 100}, {"seed": -1}, {"name": ""},
    ],
    ids=str,
)  # fmt: skip
def test_an_argument_that_cannot_be_is_refused_by_fit(
    table: pl.DataFrame, wrong: dict[str, object]
) -> None:
    model = quick().set_params(**wrong)
    with pytest.raises(UsageError, match=next(iter(wrong))):
        model.fit(table, **COLUMNS)


def test_a_result_named_like_a_column_of_the_table_is_refused(table: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="shop"):
        quick(name="shop").fit(table, **COLUMNS)


def test_a_table_too_short_for_the_horizon_says_so() -> None:
    with pytest.raises(DataError, match="rows"):
        quick(40).fit(wave_table({"a": 30}), **COLUMNS)
