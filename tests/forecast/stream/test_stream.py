from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import DataError, Forecaster, ModelFileError, NotFittedError, Panel, UsageError
from rollcast.forecast.stream import stream as module

from ..conftest import COLUMNS, quick, wave_table

BEGIN = datetime(2024, 1, 1)


@pytest.fixture(scope="module")
def model(table: pl.DataFrame) -> Forecaster:
    return quick(strategy="recursive", scaling="series").fit(table, **COLUMNS)


def before(table: pl.DataFrame, hours: int) -> pl.DataFrame:
    return table.filter(pl.col("when") < BEGIN + timedelta(hours=hours))


def values_of(table: pl.DataFrame, first: int, last: int) -> np.ndarray:
    """``(rows, series)`` with NaN where missing."""
    columns = []
    for name in ("a", "b", "c"):
        column = table.filter(pl.col("shop") == name)["sold"]
        columns.append(column.cast(pl.Float64).fill_null(np.nan).to_numpy()[first:last])
    return np.stack(columns, axis=1)


def with_gaps(table: pl.DataFrame) -> pl.DataFrame:
    """Series b begins and goes on with missing values, c has a long gap."""
    hours = (pl.col("when") - BEGIN).dt.total_hours()
    b, c = pl.col("shop") == "b", pl.col("shop") == "c"
    gone = (b & (hours < 2)) | (b & hours.is_in([50, 105])) | (c & hours.is_between(95, 108))
    return table.with_columns(sold=pl.when(gone).then(None).otherwise(pl.col("sold")))


@pytest.mark.parametrize("change", [lambda table: table, with_gaps], ids=["whole", "gaps"])
@pytest.mark.parametrize("hours", [1, 90])
def test_values_one_at_a_time_give_the_forecast_of_the_table(
    model: Forecaster,
    table: pl.DataFrame,
    hours: int,
    change: Callable[[pl.DataFrame], pl.DataFrame],
) -> None:
    changed = change(table)
    if change is with_gaps:
        hours = max(hours, 4)
    stream = model.stream(table=before(changed, hours))
    for index, row in enumerate(values_of(changed, hours, 120)):
        following = stream.update(row)
        if index % 13 == 0 or index == 119 - hours:
            whole = model.forecast(before(changed, hours + index + 1))
            scale = whole.median.std()
            np.testing.assert_allclose(following, whole.median[:, 0], atol=1e-5 * scale)
            found = stream.forecast()
            np.testing.assert_allclose(found.median, whole.median, atol=1e-5 * scale)
            for level, ends in whole.bands.items():
                for one, other in zip(found.bands[level], ends, strict=True):
                    np.testing.assert_allclose(one, other, atol=1e-5 * scale)
            assert (found.times == whole.times).all()
    table_of_stream = stream.predict(level=80)
    assert table_of_stream.columns == model.predict(level=80).columns
    assert table_of_stream["when"][0] == BEGIN + timedelta(hours=120)


@pytest.mark.parametrize("arguments", [
    {"cell": "gru", "head": "mse"}, {"cell": "rnn_tanh", "hidden": (5, 3)}, {"context": 40},
], ids=str)  # fmt: skip
def test_so_it_is_with_other_networks(table: pl.DataFrame, arguments: dict) -> None:
    model = quick(strategy="recursive", scaling="series", **arguments).fit(table, **COLUMNS)
    stream = model.stream(table=before(table, 100))
    for row in values_of(table, 100, 120):
        stream.update(row)
    expected = model.forecast(before(table, 120)).median
    np.testing.assert_allclose(stream.forecast().median, expected, rtol=1e-5)


def test_a_stream_goes_on_from_the_history_of_fit_and_update(
    model: Forecaster, table: pl.DataFrame
) -> None:
    longer = wave_table({"a": 165, "b": 120, "c": 200})
    one = model.stream("a")
    assert one.next == pytest.approx(model.forecast().median[0, 0], rel=1e-6)
    following = one.next
    for value in longer["sold"][160:165]:
        following = one.update(value)
    assert isinstance(following, float)
    rows = longer.filter(pl.col("shop") == "a")
    assert following == pytest.approx(model.forecast(rows).median[0, 0], rel=1e-5)
    assert one.next == following


def test_many_series_are_one_batch_and_do_not_see_each_other(
    model: Forecaster, table: pl.DataFrame
) -> None:
    first = before(table, 90)
    both = model.stream(["c", "a"], table=first)
    assert both.ids == ["c", "a"]
    alone = {name: model.stream(name, table=first) for name in "ca"}
    for a, _, c in values_of(table, 90, 120):
        found = both.update([c, a])
        expected = [alone["c"].update(c), alone["a"].update(a)]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_features_and_values_are_moved_on_without_a_trace(
    model: Forecaster, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, rows = before(table, 60), values_of(table, 60, 120)
    expected = model.stream(table=first)
    monkeypatch.setattr(module, "SPARE", 3)
    monkeypatch.setattr("rollcast.forecast.stream.clock.AHEAD", 1)
    found = model.stream(table=first)
    for row in rows:
        np.testing.assert_array_equal(found.update(row), expected.update(row))


def test_a_restored_stream_goes_on_to_the_same_values(
    model: Forecaster, table: pl.DataFrame, tmp_path
) -> None:
    stream = model.stream(table=with_gaps(before(table, 90)))
    rows = values_of(table, 90, 120)
    for row in rows[:11]:
        stream.update(row)
    model.save(tmp_path / "model.roll", history=False)
    again = rollcast.load(tmp_path / "model.roll").stream(state=stream.state())
    assert again.ids == stream.ids
    assert again.state() == stream.state()
    np.testing.assert_allclose(again.next, stream.next, rtol=1e-6)
    for row in rows[11:]:
        np.testing.assert_allclose(again.update(row), stream.update(row), rtol=1e-6)
    assert again.predict().select("shop", "when").equals(stream.predict().select("shop", "when"))
    one = model.stream("b")
    assert isinstance(model.stream(state=one.state()).update(3.0), float)


def test_a_state_that_is_damaged_or_of_another_model_is_refused(
    model: Forecaster, table: pl.DataFrame
) -> None:
    state = model.stream("a").state()
    other = quick(strategy="recursive", scaling="series", seed=1).fit(table, **COLUMNS)
    with pytest.raises(ModelFileError, match="another model"):
        other.stream(state=state)
    for place in range(0, len(state), 97):
        broken = bytearray(state)
        broken[place] ^= 0x41
        with pytest.raises(ModelFileError):
            model.stream(state=bytes(broken))
    for wrong in (b"", state[:100], "text", state + b"0"):
        with pytest.raises(ModelFileError):
            model.stream(state=wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="state"):
        model.stream("a", state=state)


def test_stamps_may_be_given_and_rows_left_out_count_as_missing(
    model: Forecaster, table: pl.DataFrame
) -> None:
    first = before(table, 90)
    given, plain = model.stream("a", table=first), model.stream("a", table=first)
    value = values_of(table, 93, 94)[0, 0]
    for _ in range(3):
        plain.update(np.nan)
    found = given.update(value, time=BEGIN + timedelta(hours=93))
    assert found == plain.update(value)
    assert given.update(1.0, time="2024-01-04T22:00") == plain.update(1.0)
    for time, message in (
        (BEGIN, "expected later"),
        (BEGIN + timedelta(hours=99, minutes=5), "whole number of steps"),
    ):
        with pytest.raises(DataError, match=message):
            given.update(1.0, time=time)
    for time in ("soon", 7.5, datetime(2024, 1, 5, tzinfo=UTC), np.datetime64("NaT")):
        with pytest.raises(UsageError, match="time"):
            given.update(1.0, time=time)
    assert given.update(2.0) == plain.update(2.0)
    ragged = model.stream(table=table)
    with pytest.raises(DataError, match="different stamps"):
        ragged.update([1.0, 1.0, 1.0], time=BEGIN + timedelta(hours=300))


def test_integer_and_zoned_time_go_on_as_in_the_table() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=120).cumsum()
    numbered = quick(strategy="recursive", scaling="series").fit(Panel.of(values))
    stream = numbered.stream()
    later = stream.update(1.5, time=121)
    assert isinstance(later, float)
    longer = Panel.of(np.concatenate([values, [np.nan, 1.5]]))
    assert later == pytest.approx(numbered.forecast(longer).median[0, 0], rel=1e-5)
    with pytest.raises(UsageError, match="whole number"):
        stream.update(1.0, time=datetime(2024, 1, 1))
    zone = "America/New_York"
    times = pl.datetime_range(
        datetime(2024, 3, 5), datetime(2024, 3, 5) + timedelta(hours=119), "1h",
        time_zone="UTC", eager=True,
    ).dt.convert_time_zone(zone)  # fmt: skip
    frame = pl.DataFrame({"ds": times, "y": values})
    zoned = quick(strategy="recursive", scaling="series").fit(frame)
    stream = zoned.stream(table=frame[:100])
    for row in range(100, 120):
        stream.update(values[row], time=times[row])
    assert stream.predict().equals(zoned.predict()) or np.allclose(
        stream.forecast().median, zoned.forecast().median, rtol=1e-5
    )
    with pytest.raises(UsageError, match="time zone"):
        stream.update(1.0, time=datetime(2024, 3, 20))


@pytest.mark.parametrize("wrong", [[1.0, 2.0], 1.0, [1.0, 2.0, np.inf], ["a", "b", "c"], None])
def test_values_that_cannot_be_are_refused_and_leave_the_stream_as_it_was(
    model: Forecaster, table: pl.DataFrame, wrong: object
) -> None:
    stream, other = model.stream(table=before(table, 90)), model.stream(table=before(table, 90))
    with pytest.raises(DataError):
        stream.update(wrong)
    np.testing.assert_array_equal(stream.next, other.next)
    np.testing.assert_array_equal(stream.update([1, 2, 3]), other.update([1, 2, 3]))


def test_only_a_recursive_network_scaled_by_series_can_stream(
    fitted: Forecaster, table: pl.DataFrame
) -> None:
    with pytest.raises(UsageError, match="strategy='recursive', scaling='series'"):
        fitted.stream()
    windowed = quick(strategy="recursive").fit(table, **COLUMNS)
    with pytest.raises(UsageError, match="scaling='window'"):
        windowed.stream()
    with pytest.raises(NotFittedError):
        quick().stream()


def test_unknown_series_are_refused_by_name(model: Forecaster) -> None:
    for wrong in ("d", ["a", "d"], [], ["a", "a"]):
        with pytest.raises(UsageError, match="stream"):
            model.stream(wrong)
