"""The recipes that continue waves, in small; the figures themselves are the benchmark's."""

import numpy as np
import polars as pl
import pytest

from rollcast.recipes import any_shape, sine_forecast
from rollcast.recipes.waves import Waves, compare, free_running, names, table

SMALL = {"rows": 60, "hidden": (6, 4), "steps": 3}


def test_a_sine_forecast_is_scored_in_closed_loop_beside_the_published_one():
    result = sine_forecast(series=14, seed=3, published=True, **SMALL)
    assert result.name == "sine-forecast"
    assert 0.0 < result.metrics["ours_closed_loop_rmse"] < 5.0
    assert [line["method"] for line in result.table] == ["ours", "published", "the mean"]
    assert "lbfgs" in result.settings["models"]["published"]
    assert set(result.figures) == {"closed-loop", "scores", "ours-steps", "published-steps"}
    (slider,) = result.figures["published-steps"].to_dict()["layout"]["sliders"]
    assert len(slider["steps"]) == 11


def test_the_same_seed_gives_the_same_numbers():
    one, other = (any_shape(series=4, seed=5, **SMALL).metrics for _ in range(2))
    assert one["ours_closed_loop_rmse"] == other["ours_closed_loop_rmse"]


@pytest.mark.parametrize(
    ("series", "features", "uneven"), [(1, 1, False), (1, 3, True), (2, 2, True), (25, 1, True)]
)
def test_any_shape_takes_any_shape(series, features, uneven):
    result = any_shape(series=series, features=features, uneven=uneven, **SMALL)
    assert np.isfinite(list(result.metrics.values())).all()


@pytest.mark.parametrize("rows", [5, 11, 1500])
def test_the_windows_of_a_model_fit_into_its_series(rows):
    model = free_running(1, rows, 1, steps=3, hidden=(4,))
    assert model.window is not None and model.burn_in < model.window < rows
    values = np.sin(np.arange(2 * rows) / 3.0)[:, None]
    every = Waves({0: values[:rows]}, {0: values[rows:]})
    found = compare({"ours": model}, every, [0], [0], [0], ())
    assert np.isfinite(found.metrics["ours_closed_loop_rmse"])


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
    frame = table({4: np.zeros((2, 2)), 7: np.ones((1, 2))}, first=5)
    assert names(2) == ("y1", "y2")
    expected = {"unique_id": [4, 4, 7], "ds": [5, 6, 5], "y1": [0.0, 0.0, 1.0]}
    assert frame.drop("y2").equals(pl.DataFrame(expected))
