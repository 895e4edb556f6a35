"""Inputs of panels: read, cut, taken, joined; against the table they came from."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from rollcast.data.input_windows import carried_on, input_scales
from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.data.windows import Windows
from rollcast.errors import DataError, UsageError

ROWS = 12
DAYS = [datetime(2024, 3, 1) + timedelta(days=row) for row in range(ROWS)]


def table() -> pl.DataFrame:
    generator = np.random.default_rng(0)
    frames = []
    for name, known in (("a", ROWS), ("b", ROWS - 2)):
        frames.append(
            pl.DataFrame(
                {
                    "unique_id": [name] * ROWS,
                    "ds": DAYS,
                    "y": [*generator.normal(size=known - 3).tolist(), *[None] * (ROWS - known + 3)],
                    "price": generator.normal(size=ROWS),
                    "sky": generator.choice(["sun", "rain", "snow"], ROWS),
                    "open": generator.random(ROWS) < 0.5,
                    "size": [{"a": 3.0, "b": 7.0}[name]] * ROWS,
                }
            )
        )
    return pl.concat(frames)


def full() -> Panel:
    return read(table(), past="open", future=("price", "sky"), static=("size", "unique_id"))


def check(panel: Panel) -> None:
    """Every input lies where the table has it."""
    inputs = panel.inputs
    assert inputs is not None
    source = table()
    past, future, static = (inputs.of_role(role) for role in ("past", "future", "static"))
    assert [each.name for each in (*past, *future, *static)] == [
        "open", "price", "sky", "size", "unique_id",
    ]  # fmt: skip
    for index, series in enumerate(panel):
        rows = source.filter(pl.col("unique_id") == series.id)
        first = rows["ds"].to_list().index(series.times[0].item())
        known = slice(inputs.offsets[index], inputs.offsets[index + 1])
        expected = rows[first : first + inputs.lengths[index]]
        np.testing.assert_array_equal(inputs.future[known, 0], expected["price"].to_numpy())
        names = future[1].categories
        assert names == ("rain", "snow", "sun")
        assert [names[int(c) - 1] for c in inputs.future[known, 1]] == expected["sky"].to_list()
        own = slice(panel.offsets[index], panel.offsets[index + 1])
        opened = expected["open"].to_numpy()[: len(series)]
        np.testing.assert_array_equal(inputs.past[own, 0], opened + 1.0)
        assert inputs.static[index, 0] == rows["size"][0]
        assert static[1].categories == ("a", "b")
        assert inputs.static[index, 1] == ["a", "b"].index(series.id) + 1


def test_rows_after_the_last_value_are_the_future() -> None:
    panel = full()
    assert panel.lengths.tolist() == [ROWS - 3, ROWS - 5]
    assert panel.inputs is not None and panel.inputs.lengths.tolist() == [ROWS, ROWS]
    check(panel)


def test_inputs_go_with_the_rows_of_a_panel() -> None:
    panel = full()
    for part in (
        panel.take([1, 0]), panel.take([1]), panel.tail(4), *panel.split(2), panel.tail(3).take([1])
    ):  # fmt: skip
        check(part)
        assert part.inputs is not None
        assert (part.inputs.lengths >= part.lengths).all()


def test_rows_in_any_order_of_any_kind_of_frame_give_the_same() -> None:
    expected = full().inputs
    shuffled = table().sample(fraction=1.0, shuffle=True, seed=3)
    options = {"past": "open", "future": ("price", "sky"), "static": ("size", "unique_id")}
    frames = [shuffled, shuffled.to_pandas(), shuffled.to_arrow()]
    frames.append(shuffled.to_pandas().astype({"sky": "category"}))
    for frame in frames:
        found = read(frame, **options).inputs
        assert found is not None and expected is not None
        assert found.columns == expected.columns
        for name in ("past", "future", "static", "offsets"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_text_file_says_the_same_as_a_frame(tmp_path) -> None:
    table().write_csv(tmp_path / "table.csv")
    options = {"past": "open", "future": ("price", "sky"), "static": ("size", "unique_id")}
    found, expected = read(tmp_path / "table.csv", **options).inputs, full().inputs
    assert found is not None and expected is not None
    assert found.columns == expected.columns
    for name in ("past", "future", "static"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name))


def test_numbers_may_be_categories_and_missing_ones_are_code_0() -> None:
    frame = pd.DataFrame({"ds": range(6), "y": range(6), "line": [3, 1, None, 3, 1, 1]})
    inputs = read(frame, past="line", categorical="line").inputs
    assert inputs is not None
    assert inputs.columns[0].categories == ("1", "3")
    assert inputs.past[:, 0].tolist() == [2, 1, 0, 2, 1, 1]


def test_duplicates_of_inputs_follow_the_rule_of_the_table() -> None:
    frame = pl.DataFrame({"ds": [0, 1, 1, 2], "y": [1.0, 2, 4, 3], "x": [1.0, 2, 6, 3]})
    for rule, value in (("first", 2.0), ("last", 6.0), ("mean", 4.0)):
        inputs = read(frame, past="x", duplicates=rule).inputs
        assert inputs is not None and inputs.past[:, 0].tolist() == [1, value, 3]


def test_gaps_of_inputs_are_missing_and_carried_on_within_a_series() -> None:
    frame = pl.DataFrame(
        {"unique_id": list("aaabb"), "ds": [0, 1, 3, 0, 1], "y": range(5), "x": [1, 2, 3, None, 5]}
    )
    panel = read(frame, past="x")
    assert panel.inputs is not None
    np.testing.assert_array_equal(panel.inputs.past[:, 0], [1, 2, np.nan, 3, np.nan, 5])
    carried = carried_on(panel.inputs.past, panel.offsets)[:, 0]
    np.testing.assert_array_equal(carried, [1, 2, 2, 3, np.nan, 5])
    scales = input_scales(panel, "window")
    assert scales is not None and scales.marked[0] == (True,)
    batch = Windows(panel, 3, 1).at([0, 1], [4, 2]).batch([0, 1])
    assert batch.past_inputs is not None
    np.testing.assert_array_equal(batch.past_inputs[:, 0, 1], [1, 0, 1])  # was it there?
    np.testing.assert_array_equal(batch.past_inputs[:, 1, 1], [0, 0, 1])
    x = np.array([2.0, 2.0, 3.0])
    np.testing.assert_allclose(batch.past_inputs[:, 0, 0], (x - x.mean()) / x.std(), rtol=1e-5)


@pytest.mark.parametrize("scaling", ["window", "series"])
def test_windows_hold_what_the_table_holds(scaling: str) -> None:
    panel = full()
    scales = input_scales(panel, scaling)
    windows = Windows(panel, 4, 3, scaling=scaling, dtype=np.float64)
    batch = windows.batch(np.arange(windows.count))
    inputs = panel.inputs
    assert inputs is not None and scales is not None and batch.codes is not None
    wide = batch.past_features.shape[2]
    assert windows.feature_names[-2:] == ("price", "size") and wide == len(windows.feature_names)
    features = np.concatenate([batch.past_features, batch.future_features])
    price = features[..., -2] * scales.future[1] + scales.future[0]
    for column, (series, origin) in enumerate(zip(batch.series, batch.origin, strict=True)):
        place = origin - panel.offsets[series] + np.arange(-4, 3)
        at = inputs.offsets[series] + np.clip(place, 0, inputs.lengths[series] - 1)
        np.testing.assert_allclose(price[:, column], inputs.future[at, 0])
        np.testing.assert_array_equal(batch.codes.known[:, column, 0], inputs.future[at, 1])
        own = panel.offsets[series] + place[:4]
        expected = np.where(place[:4] >= 0, inputs.past[np.maximum(own, 0), 0], 0)
        np.testing.assert_array_equal(batch.codes.past[:, column, 0], expected)
        assert batch.codes.static[column, 0] == inputs.static[series, 1]


def test_scales_come_from_the_rows_before_the_cut() -> None:
    panel = full()
    changed = full()
    assert panel.inputs is not None and changed.inputs is not None
    cut = panel.offsets[1:] - 2
    for index in range(2):
        known = changed.inputs.offsets[index] + panel.lengths[index] - 2
        changed.inputs.future[known : changed.inputs.offsets[index + 1], 0] += 100.0
    one, two = (input_scales(each, "window", cut) for each in (panel, changed))
    assert one is not None and two is not None
    np.testing.assert_array_equal(one.future, two.future)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"past": "y"}, "that column is the target"),
        ({"future": "ds"}, "that column is the time"),
        ({"past": "price", "future": "price"}, "named twice"),
        ({"categorical": "price"}, "is no input"),
        ({"past": 3}, "expected the name of a column"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(table(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"past": "prise"}, "no column 'prise'.*Did you mean 'price'"),
        ({"static": "price"}, "static input 'price' is .* expected one value a series"),
        ({"static": "sky"}, "static input 'sky' is 'rain' and 's"),
    ],
)
def test_columns_that_cannot_be_are_refused(options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(table(), **options)


def test_a_column_of_dates_is_no_input() -> None:
    frame = table().with_columns(opened=pl.col("ds"))
    with pytest.raises(DataError, match="'opened' holds dates"):
        read(frame, past="opened")
