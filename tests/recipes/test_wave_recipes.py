"""The recipes that continue waves, in small; the figures themselves are the benchmark's."""

import numpy as np
import polars as pl
import pytest

from rollcast.recipes import any_shape, sine_forecast
from rollcast.recipes.waves import Waves

SMALL = {"rows": 60, "hidden": (6, 4), "steps": 3}


def test_a_sine_forecast_is_scored_in_closed_loop_beside_the_published_one():
    result = sine_forecast(series=14, seed=3, published=True, **SMALL)
    assert result.name == "sine-forecast"
    assert 0.0 < result.metrics["rollcast_closed_loop_rmse"] < 5.0
    assert [line["method"] for line in result.table] == ["rollcast", "as published", "the mean"]
    assert "lbfgs" in result.settings["models"]["as published"]
    assert set(result.figures) == {"closed-loop", "scores", "rollcast-steps", "as-published-steps"}
    (slider,) = result.figures["as-published-steps"].to_dict()["layout"]["sliders"]
    assert len(slider["steps"]) == 11


def test_the_same_seed_gives_the_same_numbers():
    one, other = (any_shape(series=4, seed=5, **SMALL).metrics for _ in range(2))
    assert one["rollcast_closed_loop_rmse"] == other["rollcast_closed_loop_rmse"]


@pytest.mark.parametrize(
    ("series", "features", "uneven"), [(1, 1, False), (1, 3, True), (2, 2, True), (25, 1, True)]
)
def test_any_shape_takes_any_shape(series, features, uneven):
    result = any_shape(series=series, features=features, uneven=uneven, **SMALL)
    assert np.isfinite(list(result.metrics.values())).all()


@pytest.mark.parametrize("rows", [5, 11, 1500])
def test_the_windows_of_a_model_fit_into_its_series(rows):
    result = any_shape(series=1, rows=rows, hidden=(4,), steps=3)
    assert np.isfinite(result.metrics["rollcast_closed_loop_rmse"])


def test_test_series_are_not_trained_on(monkeypatch):
    from rollcast import SequenceRegressor

    seen, fit = [], SequenceRegressor.fit
    monkeypatch.setattr(
        SequenceRegressor,
        "fit",
        lambda self, frame, **rest: seen.append(frame) or fit(self, frame, **rest),
    )
    sine_forecast(series=14, **SMALL)
    assert seen[0]["unique_id"].unique().sort().to_list() == list(range(3, 14))


def test_a_table_holds_series_of_different_lengths():
    frame = Waves({4: np.zeros((2, 2)), 7: np.ones((1, 2))}, {}).table()
    expected = {"unique_id": [4, 4, 7], "ds": [0, 1, 0], "y1": [0.0, 0.0, 1.0]}
    assert frame.drop("y2").equals(pl.DataFrame(expected))
