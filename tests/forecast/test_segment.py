import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import Forecaster
from rollcast.errors import UsageError

from .conftest import COLUMNS, quick


@pytest.fixture(scope="module")
def segmented(table: pl.DataFrame) -> Forecaster:
    return quick(strategy="segment", segment=3, cell="gru").fit(table, **COLUMNS)


def test_it_reads_and_forecasts_in_segments(segmented: Forecaster) -> None:
    spec = segmented.fitted_.network.spec
    assert (spec.strategy, spec.segment) == ("segment", 3)
    assert spec.steps == spec.context // 3


def test_it_beats_the_naive_forecasts_on_what_it_held_out(segmented: Forecaster) -> None:
    scores = segmented.scores_
    assert scores["rollcast"]["mase"] < min(scores["naive"]["mase"], scores["drift"]["mase"])
    assert scores["rollcast"]["mase"] < 1.05 * scores["seasonal naive"]["mase"]


def test_every_step_of_a_forecast_moves_with_the_newest_value(
    segmented: Forecaster, table: pl.DataFrame
) -> None:
    time, target = COLUMNS["time"], pl.col(COLUMNS["target"])
    newest = pl.col(time) == pl.col(time).max().over(COLUMNS["id"])
    moved = table.with_columns(target + newest.cast(float))
    first = segmented.predict(table)["rollcast"].to_numpy()
    second = segmented.predict(moved)["rollcast"].to_numpy()
    assert (np.abs(second - first) > 1e-6).all()


def test_a_saved_model_says_the_same(segmented: Forecaster, tmp_path) -> None:
    segmented.save(tmp_path / "model.roll")
    again = rollcast.load(tmp_path / "model.roll")
    assert again.get_params() == segmented.get_params()
    assert again.predict().equals(segmented.predict())


def test_the_same_seed_gives_the_same_bits(segmented: Forecaster, table: pl.DataFrame) -> None:
    again = quick(strategy="segment", segment=3, cell="gru").fit(table, **COLUMNS)
    np.testing.assert_array_equal(again.fitted_.weights, segmented.fitted_.weights)


def test_a_segment_longer_than_the_window_is_refused(table: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="segment=99"):
        quick(strategy="segment", segment=99, context=12).fit(table, **COLUMNS)
