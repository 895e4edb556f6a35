"""Training goes on from the weights of a fitted model, on newer rows."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import UsageError
from rollcast.forecast.continuing import newest_rows
from rollcast.train.events import Event, FitStarted

from .conftest import COLUMNS, quick, wave_table


@pytest.fixture(scope="module")
def whole() -> pl.DataFrame:
    return wave_table({"a": 300, "b": 300})


@pytest.fixture(scope="module")
def early(whole: pl.DataFrame) -> pl.DataFrame:
    """Without the last 100 rows of each."""
    return whole.filter(pl.int_range(pl.len()).over("shop") < pl.len().over("shop") - 100)


@pytest.mark.parametrize("scaling", ["window", "series"])
def test_training_goes_on_from_the_weights_there_are(
    whole: pl.DataFrame, early: pl.DataFrame, scaling: str
) -> None:
    model = quick(scaling=scaling).fit(early, **COLUMNS)
    weights, location = model.fitted_.weights.copy(), model.fitted_.location.copy()
    later = model.backtest(whole, windows=40, step=1, level=()).scores["rollcast"]["mae"]
    events: list[Event] = []
    # So small a rate that nothing moves: what is held out is scored with the weights there were.
    assert (
        model.continue_training(whole, steps=1, learning_rate=1e-30, listeners=[events.append])
        is model
    )
    assert sum(isinstance(event, FitStarted) for event in events) == 2
    np.testing.assert_array_equal(model.fitted_.weights, weights)
    np.testing.assert_array_equal(model.fitted_.location, location)
    holdout = model.fitted_.holdout
    assert holdout.rows == 50 and "0 of the 94 windows held out" in model.summary()
    again = model.backtest(windows=40, step=1, level=()).scores["rollcast"]["mae"]
    assert again == pytest.approx(later, rel=1e-9)
    assert len(model.history_.values) == 600 and model.fitted_.rows == 600


def test_what_was_learnt_is_kept_only_where_it_is_better(
    whole: pl.DataFrame, early: pl.DataFrame
) -> None:
    model = quick().fit(early, **COLUMNS)
    model.continue_training(whole, steps=30)
    scores = model.training_history_.validation_score
    assert scores.min() <= scores[0]
    assert model.best_step_ == model.training_history_.validation_step[scores.argmin()]
    assert model.fitted_.steps == 30


def test_a_loaded_model_learns_on_and_is_saved_with_what_was_done(
    whole: pl.DataFrame, early: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "a.roll"
    model = quick(ensemble=2).fit(early, **COLUMNS)
    model.save(path)
    loaded = rollcast.load(path)
    with pytest.raises(UsageError, match="remembers its newest rows alone: give the table"):
        loaded.continue_training()
    for each in (model, loaded):
        each.continue_training(whole, steps=5)
    assert loaded.fitted_.weights.tobytes() == model.fitted_.weights.tobytes()
    assert loaded.predict().equals(model.predict())
    loaded.save(path)
    again = rollcast.load(path)
    text = again.summary()
    assert text.partition("continued: ")[2] == model.summary().partition("continued: ")[2] != ""
    again.continue_training(whole, steps=2)
    assert again.summary().count("continued: ") == 2


def test_what_is_held_out_is_new_as_far_as_there_is_enough(
    whole: pl.DataFrame, early: pl.DataFrame
) -> None:
    model = quick().fit(early, **COLUMNS)
    panel = rollcast.read(whole, **COLUMNS)
    assert newest_rows(model.fitted_, panel).rows == 50
    few = panel.split(100 - 14)[0]
    assert newest_rows(model.fitted_, few).rows == 14
    model.update(whole.filter(pl.int_range(pl.len()).over("shop") == pl.len().over("shop") - 100))
    model.continue_training(steps=1)
    known, all_of_them = model.summary().partition("best at ")[2], model.fitted_.holdout.origins * 2
    assert f"of the {all_of_them} windows held out had been trained on before" in known
    assert " 0 of the" not in known


def test_a_search_is_not_made_again(whole: pl.DataFrame, early: pl.DataFrame) -> None:
    model = quick(strategy="auto", trials=2).fit(early, **COLUMNS)
    spec = model.fitted_.network.spec
    trials = model.search_
    model.continue_training(whole, steps=2)
    assert model.fitted_.network.spec == spec
    assert model.search_ == trials
    for steps in (0, 1.5):
        with pytest.raises(UsageError, match="expected a whole number from 1"):
            model.continue_training(whole, steps=steps)
