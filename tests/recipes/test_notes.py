"""What a recipe notes: settings from its arguments, metrics from the lines of its table."""

import pytest

from rollcast.recipes.notes import Notes, snake


def test_every_number_of_a_line_is_a_metric_named_by_line_and_heading() -> None:
    notes = Notes("demo", {"seed": 3, "hidden": [4, 2], "listeners": ()})
    found = {"RMSE, °C": 0.5, "loss": None, "note": "diverged"}
    notes.line({"method": "as published"}, found)
    notes.line({"way": "full", "rows": 16}, {"updates": 2})
    assert notes.table == [
        {"method": "as published", **found},
        {"way": "full", "rows": 16, "updates": 2},
    ]
    assert notes.metrics == {"as_published_rmse_c": 0.5, "full_rows_16_updates": 2}
    result = notes.result({})
    assert (result.name, result.settings) == ("demo", {"seed": 3, "hidden": (4, 2)})


def test_the_clock_stops_at_the_last_line_so_that_pictures_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter([10.0, 12.5])
    monkeypatch.setattr("rollcast.recipes.notes.perf_counter", lambda: next(now))
    notes = Notes("demo", {})
    notes.line({"method": "ours"}, {})
    assert notes.result({}).seconds == 2.5


def test_texts_become_one_name() -> None:
    assert snake("lbfgs(line_search=wolfe)", "batch 20") == "lbfgs_line_search_wolfe_batch_20"
    assert snake("one offset", sep="-") == "one-offset"
