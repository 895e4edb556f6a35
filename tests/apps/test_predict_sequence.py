"""``rollcast predict`` with the file of a SequenceRegressor."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rollcast import Forecaster, SequenceRegressor, Training

QUICK = Training(steps=3)


@pytest.fixture
def rows(tmp_path):
    frame = pl.DataFrame({"ds": np.arange(40), "y": np.sin(np.arange(40) / 3), "z": np.arange(40)})
    frame.write_csv(tmp_path / "rows.csv")
    return frame


def saved(inputs, ahead=1):
    model = SequenceRegressor(inputs, "y", ahead=ahead, hidden=(4,), training=QUICK)
    model.fit("rows.csv").save("wave.roll")
    return model


def test_it_says_the_outputs_of_every_row(rollcast, rows) -> None:
    model = saved("z", ahead=0)
    result = rollcast("predict", "wave.roll", "rows.csv", "--out", "outputs.csv")
    assert result.exit_code == 0, result.output
    found, expected = pl.read_csv("outputs.csv"), model.predict("rows.csv")
    assert found["ds"].to_list() == rows["ds"].to_list()
    np.testing.assert_allclose(found["rollcast"], expected["rollcast"], rtol=1e-12)
    assert "40 rows" in rollcast("predict", "wave.roll", "rows.csv").stdout


def test_it_goes_on_for_so_many_rows(rollcast, rows) -> None:
    model = saved("y")
    result = rollcast("predict", "wave.roll", "rows.csv", "--horizon", "7", "--out", "a.parquet")
    assert result.exit_code == 0, result.output
    assert pl.read_parquet("a.parquet").equals(model.generate("rows.csv", 7))


def test_it_reads_known_inputs_of_rows_to_come(rollcast, rows) -> None:
    model = saved(("y", "z"))
    pl.DataFrame({"ds": np.arange(40, 44), "z": np.arange(40, 44)}).write_csv("known.csv")
    given = ("predict", "wave.roll", "rows.csv", "--horizon", "5")
    result = rollcast(*given, "--future", "known.csv", "--out", "a.parquet")
    assert result.exit_code == 0, result.output
    expected = model.generate("rows.csv", 5, future="known.csv")
    assert pl.read_parquet("a.parquet").equals(expected)
    result = rollcast(*given, "--out", "b.csv")
    assert result.exit_code == 2
    assert "Give future: a table of its next 4 rows" in " ".join(result.stderr.split())
    assert not Path("b.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "keeps no rows. Name a table"),
        (("rows.csv", "--level", "80"), "has no intervals"),
        (("rows.csv", "--horizon", "3"), "targets are among its inputs"),
        (("rows.csv", "--future", "rows.csv"), "read with --horizon"),
    ],
)
def test_what_it_cannot_do_is_a_fault_of_usage(rollcast, rows, arguments, message) -> None:
    saved("z", ahead=0)
    result = rollcast("predict", "wave.roll", *arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())


def test_a_forecaster_has_the_horizon_that_it_was_trained_for(rollcast, rows) -> None:
    Forecaster(3, hidden=(4,), context=8, training=QUICK).fit("rows.csv").save("wave.roll")
    result = rollcast("predict", "wave.roll", "--horizon", "5")
    assert result.exit_code == 2
    assert "a Forecaster of 3 steps" in " ".join(result.stderr.split())
