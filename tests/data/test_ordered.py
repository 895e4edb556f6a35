"""Tables without a time column: rows in order, where nothing else can be meant."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import rollcast
from rollcast.data.read import read
from rollcast.errors import DataError

VALUES = np.round(20 + np.sin(np.arange(60) / 7 * 2 * np.pi), 3)


def files(folder: Path) -> list[Path]:
    lines = "\n".join(map(str, VALUES))
    contents = {"bare.txt": lines, "y.csv": f"y\n{lines}", "sold.csv": f"sold\n{lines}\n"}
    for name, content in contents.items():
        (folder / name).write_text(content)
    return [folder / name for name in contents]


def test_values_alone_are_rows_in_order(tmp_path: Path) -> None:
    frame = pl.DataFrame({"y": VALUES})
    sources = [VALUES, VALUES.tolist(), frame["y"], pd.Series(VALUES), frame, *files(tmp_path)]
    for source in sources:
        panel = read(source)
        np.testing.assert_array_equal(panel.values, VALUES)
        np.testing.assert_array_equal(panel.times, np.arange(60))
        assert (panel.freq, panel.season) == (1, 7)


def test_stamps_of_a_series_are_its_time() -> None:
    days = pd.date_range("2024-01-01", periods=60)
    panel = read(pd.Series(VALUES, index=days, name="sold"))
    assert panel.freq == "D"
    np.testing.assert_array_equal(panel.times, days.to_numpy().astype("M8[us]"))


def test_rows_are_numbered_series_by_series_after_the_filter(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = pl.DataFrame({"shop": ["b", "a"] * 30, "y": VALUES, "kept": [1, 1, 0] * 20})
    with caplog.at_level(logging.WARNING, logger="rollcast"):
        panel = read(table, id="shop", where="kept = 1")
    assert "no column is the time" in caplog.text
    assert panel.lengths.tolist() == [20, 20] and panel.times.tolist() == [*range(20)] * 2
    chosen = table.filter(pl.col("kept") == 1, pl.col("shop") == "a")["y"]
    assert panel.series(0).values.tolist() == chosen.to_list()


@pytest.mark.parametrize(
    "other",
    [
        {"day": [f"2024-03-{1 + row % 28:02}" for row in range(60)]},
        {"count": list(range(5, 65))},
        {"week": [row % 52 for row in range(60)]},
        {"shop": ["a", "b"] * 30},
    ],
)
def test_a_column_that_may_be_the_time_or_the_series_is_asked_about(other: dict) -> None:
    with pytest.raises(DataError, match="has no column 'ds'"):
        read(pl.DataFrame({"y": VALUES, **other}))


def test_a_time_that_was_named_or_a_step_of_dates_is_not_made_up() -> None:
    table = pl.DataFrame({"y": VALUES})
    for options in ({"time": "day"}, {"freq": "D"}):
        with pytest.raises(DataError, match="has no column"):
            read(table, **options)  # type: ignore[arg-type]
    dated = table.to_pandas().set_index(pd.date_range("2024", periods=60))
    with pytest.raises(DataError, match="reset_index"):
        read(dated)


def test_arrays_of_other_shapes_are_refused() -> None:
    for wrong in (np.zeros((3, 2)), np.array(["a", "b"]), ["a", "b"], np.float64(3.0)[None][0]):
        with pytest.raises(DataError, match="cannot read a table from"):
            read(wrong)


def test_an_inspection_says_that_rows_are_in_order() -> None:
    found = rollcast.inspect(pl.DataFrame({"y": VALUES}))
    assert not found.stops and found.panel is not None
    assert found.faults[0].what.startswith("No column is the time")
    np.testing.assert_array_equal(found.panel.values, read(VALUES).values)


def test_forecasts_of_rows_in_order_go_on_counting() -> None:
    training = rollcast.Training(steps=2)
    model = rollcast.Forecaster(3, hidden=(4,), context=14, training=training).fit(VALUES)
    assert model.predict(level=())["ds"].to_list() == [60, 61, 62]
    assert model.predict(VALUES[:30], level=())["ds"].to_list() == [30, 31, 32]
