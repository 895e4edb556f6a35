"""The recipe of what recording costs, small: each way in a process of its own."""

import numpy as np
import pytest

from rollcast.errors import RollcastError, UsageError
from rollcast.recipes import RECIPES, gradient_study
from rollcast.recipes.gradient_run import WAYS, measure, measured

SMALL = {"lengths": (100_000,), "window": 20, "hidden": (16,), "epochs": 2}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "wave.csv"
    values = np.sin(np.arange(3000) / 5)
    rows = [f"{row},{value:.5f}" if row != 7 else "7," for row, value in enumerate(values)]
    path.write_text("\n".join(["ds,y", *rows]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def result(series):
    return gradient_study(table=series, **SMALL, published=True)


def test_every_way_is_measured_beside_the_last_value(result):
    assert RECIPES["gradient-study"] is gradient_study
    ways = [each["way"] for each in result.table]
    assert ways == [*WAYS, "paused", "next value = this one"]
    assert [each["rows in a sequence"] for each in result.table[:4]] == [2400] * 4
    assert set(result.figures) == {"costs"} and len(result.figures["costs"].data) == 12
    assert all(value >= 0 for value in result.metrics.values())


def test_truncation_makes_more_updates_and_recomputation_learns_the_same(result):
    full, truncated, _, recomputed = result.table[:4]
    assert (full["updates per pass"], truncated["updates per pass"]) == (1, 120)
    assert recomputed["validation RMSE"] == pytest.approx(full["validation RMSE"], rel=1e-3)
    assert truncated["validation RMSE"] < full["validation RMSE"], "120 times the updates"


def test_training_while_recording_is_paused_is_an_error_that_says_so(result):
    (paused,) = [each for each in result.table if each["way"] == "paused"]
    assert paused["note"] == "NoGradientError: backward after `infer`"


@pytest.mark.parametrize("way", WAYS)
def test_a_way_gives_finite_numbers_for_windows_that_do_not_divide_the_sequence(way):
    values = np.sin(np.arange(400) / 5).tolist()
    network = {"cell": "gru", "hidden": (5, 3), "dropout": 0.1}
    found = measure(values, 330, 101, 30, way, network, 2, "adam", 1e-3)
    assert np.isfinite(list(found.values())).all() and found["epoch"] > 0
    assert found["updates"] == (12 if way == "truncated" else 3)


def test_what_a_process_died_of_is_said():
    with pytest.raises(RollcastError, match=r"process of its own failed.*values"):
        measured({"way": "full"})


def test_series_and_windows_that_do_not_fit_are_refused(series):
    with pytest.raises(UsageError, match="too short for windows of 150"):
        gradient_study(rows=300, lengths=(1000,), window=150)
