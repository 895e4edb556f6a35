"""Inputs on the command line: named, given ahead, kept in the model file."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import rollcast as library


@pytest.fixture
def shop(tmp_path):
    """Days of a shop whose promotions, known ahead, double what is sold."""
    count = 130
    promo = np.random.default_rng(0).random(count) < 0.2
    sold = 10 * (1 + promo) + np.sin(np.arange(count))
    days = [datetime(2024, 1, 1) + timedelta(days=day) for day in range(count)]
    table = pl.DataFrame({"ds": days, "y": sold, "promo": promo, "visitors": sold, "town": "x"})
    table.head(-5).write_csv(tmp_path / "shop.csv")
    table.tail(5).select("ds", "promo").write_csv(tmp_path / "ahead.csv")


OPTIONS = ("--horizon", "5", "--steps", "5", "--context", "14", "--strategy", "direct",
           "--future", "promo", "--past", "visitors", "--static", "town")  # fmt: skip


def test_a_forecast_takes_inputs_and_a_table_of_rows_to_come(rollcast, shop) -> None:
    result = rollcast(
        "forecast", "shop.csv", *OPTIONS, "--future-table", "ahead.csv", "--out", "one.csv",
        "--save", "shop.roll", "--report", "report.html",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    again = rollcast("predict", "shop.roll", "--future", "ahead.csv", "--out", "two.csv")
    assert again.exit_code == 0, again.output
    assert pl.read_csv("one.csv").equals(pl.read_csv("two.csv"))
    model = library.load("shop.roll")
    said = model.summary()  # type: ignore[union-attr]
    assert "inputs: past visitors; future promo (2 categories); static town (1 categories)" in said


def test_rows_to_come_that_are_not_given_are_named(rollcast, shop) -> None:
    result = rollcast("forecast", "shop.csv", *OPTIONS, "--out", "one.csv")
    assert result.exit_code == 3
    assert "input 'promo' is not known at 2024-05-05" in result.stderr
    assert "--future-table" in result.stderr
