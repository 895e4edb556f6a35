"""An ensemble is the mean of the networks that its seeds give alone."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import Forecaster, UsageError
from rollcast.errors import ModelFileError
from rollcast.forecast.intervals import forecast_spread
from rollcast.model.file import read_model, write_model
from rollcast.train.events import Event, FitStarted, StepDone

from .conftest import COLUMNS, quick


@pytest.fixture(scope="module")
def three(table: pl.DataFrame) -> Forecaster:
    return quick(ensemble=3, seed=4, dropout=0.2).fit(table, **COLUMNS)


def test_a_forecast_is_the_mean_of_the_members_forecasts(
    table: pl.DataFrame, three: Forecaster
) -> None:
    alone = [quick(seed=4 + k, dropout=0.2).fit(table, **COLUMNS) for k in range(3)]
    assert three.fitted_.weights.shape == (3, three.fitted_.network.count)
    for index, one in enumerate(alone):
        assert three.fitted_.weights[index].tobytes() == one.fitted_.weights.tobytes()
        assert three.fitted_.best_steps[index] == one.best_step_
    medians = [one.forecast(level=()).median for one in alone]
    np.testing.assert_allclose(three.forecast(level=()).median, np.mean(medians, 0), rtol=1e-12)
    windows = three.fitted_.windows_at_end(three.history_)
    levels = three.fitted_.network.head.levels
    found = forecast_spread(three.fitted_.network, three.fitted_.weights, windows, levels)[0]
    each = [
        forecast_spread(one.fitted_.network, one.fitted_.weights, windows, levels)[0].quantiles
        for one in alone
    ]
    np.testing.assert_allclose(found.quantiles, np.mean(each, axis=0), rtol=1e-12)


def test_scores_and_calibration_are_those_of_the_mean(
    table: pl.DataFrame, three: Forecaster
) -> None:
    kept = quick(ensemble=3, seed=4, dropout=0.2, refit=False).fit(table, **COLUMNS)
    assert kept.scores_ == three.scores_
    # of one forecast, told in other spreads
    ratio = three.fitted_.calibration.scores / kept.fitted_.calibration.scores
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[0], ratio.shape), rtol=1e-12)
    holdout = kept.fitted_.holdout
    again = kept.backtest(windows=holdout.origins, step=holdout.step, level=())
    for metric in ("mae", "mase", "crps"):
        expected = pytest.approx(kept.scores_["rollcast"][metric], rel=1e-12)
        assert again.scores["rollcast"][metric] == expected


def test_an_ensemble_is_one_file_and_says_what_it_is(three: Forecaster, tmp_path: Path) -> None:
    three.save(tmp_path / "three.roll")
    loaded = rollcast.load(tmp_path / "three.roll")
    assert loaded.predict().equals(three.predict())
    assert loaded.fitted_.best_steps == three.fitted_.best_steps
    assert loaded.summary() == three.summary()
    assert "the mean of 3 × direct lstm" in three.summary()
    assert "ensemble=3" in repr(three)
    spec, sections = read_model(tmp_path / "three.roll")
    broken = sections | {"network/weights": sections["network/weights"][:2]}
    write_model(tmp_path / "two.roll", spec, broken)
    with pytest.raises(ModelFileError, match="network/weights"):
        rollcast.load(tmp_path / "two.roll")
    write_model(tmp_path / "steps.roll", spec | {"best_steps": [1, 2]}, sections)
    with pytest.raises(ModelFileError, match="best steps"):
        rollcast.load(tmp_path / "steps.roll")


def test_an_ensemble_takes_new_rows_and_new_series(table: pl.DataFrame, three: Forecaster) -> None:
    later = table.filter(pl.col("shop") == "a").tail(40).with_columns(shop=pl.lit("new"))
    assert len(three.predict(later)) == 4
    assert len(three.backtest(table, windows=2).series) == 6


def test_an_ensemble_killed_in_its_last_run_goes_on_to_the_same_bits(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    runs: list[int] = []

    def stop(event: Event) -> None:
        runs.extend([0] * isinstance(event, FitStarted))
        if len(runs) == 4 and isinstance(event, StepDone):
            raise KeyboardInterrupt

    training = {"scaling": "series", "ensemble": 2}
    whole = quick(**training).fit(table, **COLUMNS)
    path = tmp_path / "run"
    if all(whole.fitted_.best_steps):
        with pytest.raises(KeyboardInterrupt):
            quick(**training).fit(table, **COLUMNS, checkpoint=path, listeners=[stop])
    resumed = quick(**training).fit(table, **COLUMNS, checkpoint=path)
    assert resumed.fitted_.weights.tobytes() == whole.fitted_.weights.tobytes()
    names = {"run", "run.2", "run.final", "run.2.final"}
    assert {file.name for file in tmp_path.iterdir()} == names
    (tmp_path / "run.2").unlink()
    with pytest.raises(UsageError, match=r"run\.2, is gone"):
        quick(**training).fit(table, **COLUMNS, checkpoint=path)


def test_members_are_a_whole_number(table: pl.DataFrame) -> None:
    for members in (0, 1.5, True, None):
        with pytest.raises(UsageError, match=r"ensemble=.*whole number from 1"):
            quick(ensemble=members).fit(table, **COLUMNS)
