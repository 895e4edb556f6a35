"""The last year day by day, after a short training."""

import pytest

from rollcast.recipes import next_day_temperature


def test_a_short_training_beats_the_rules_already() -> None:
    found = next_day_temperature(steps=20, hidden=(8,), published=False)
    rows = {row["method"]: row for row in found.table}
    assert list(rows) == ["rollcast", "linear regression", "naive: as today", "mean of the day"]
    assert rows["rollcast"]["RMSE, °C"] < rows["naive: as today"]["RMSE, °C"]
    assert rows["rollcast"]["RMSE, °C"] < rows["mean of the day"]["RMSE, °C"]
    # by hand, from the file
    assert rows["naive: as today"]["MAE, °C"] == pytest.approx(2.2397, abs=1e-3)
    assert set(found.figures) == {"year", "training"}
