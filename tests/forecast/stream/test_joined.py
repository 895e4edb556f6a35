"""Streams of ensembles and of transformed series say what forecasts of the table say."""

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import DataError, Forecaster, ModelFileError, UsageError

from ..conftest import COLUMNS, quick
from .test_stream import before, values_of, with_gaps

SETTINGS = {
    "logarithms": {"transform": "log1p"},
    "powers": {"transform": "boxcox", "head": "mse"},
    "one power": {"transform": "boxcox(power=0.5)", "integer": True},
    "differences": {"transform": "difference"},
    "seasonal differences": {"transform": "seasonal_difference"},
    "all of them": {"transform": "log1p + seasonal_difference + difference", "nonnegative": True},
    "an ensemble": {"ensemble": 2, "cell": "gru"},
    "an ensemble of counts": {"ensemble": 2, "head": "tweedie"},
    "both": {"ensemble": 2, "transform": "boxcox + difference"},
}


@pytest.fixture(scope="module", params=SETTINGS, ids=str)
def model(request: pytest.FixtureRequest, table: pl.DataFrame) -> Forecaster:
    chosen = SETTINGS[request.param]
    return quick(strategy="recursive", scaling="series", **chosen).fit(table, **COLUMNS)


def agree(model: Forecaster, stream, table: pl.DataFrame) -> None:
    whole, found = model.forecast(table), stream.forecast()
    scale = max(whole.median.std(), 1.0)
    for one, other in [(found.median, whole.median), (stream.next, whole.median[:, 0])]:
        np.testing.assert_allclose(one, other, atol=1e-5 * scale)
    for level, ends in whole.bands.items():
        for one, other in zip(found.bands[level], ends, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4 * scale)
    assert (found.times == whole.times).all()


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("hours", [40, 90])
def test_values_one_at_a_time_give_the_forecast_of_the_table(
    model: Forecaster, table: pl.DataFrame, hours: int, gaps: bool
) -> None:
    changed = with_gaps(table) if gaps else table
    stream = model.stream(table=before(changed, hours))
    for index, row in enumerate(values_of(changed, hours, 120)):
        following = stream.update(row)
        np.testing.assert_array_equal(following, stream.next)
        if index in (0, 7, 19):
            agree(model, stream, before(changed, hours + index + 1))
    agree(model, stream, before(changed, 120))


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
    for row in rows[11:]:
        np.testing.assert_allclose(again.update(row), stream.update(row), rtol=1e-6)
    assert again.predict().select("shop", "when").equals(stream.predict().select("shop", "when"))
    one = model.stream("b")
    assert isinstance(model.stream(state=one.state()).update(3.0), float)
    longer = before(table, 90).filter(pl.col("shop") == "a")
    late = model.stream("a", table=longer)
    late.update(12.0, time="2024-01-04T20:00")
    plain = model.stream("a", table=longer)
    for value in (np.nan, np.nan, 12.0):
        plain.update(value)
    assert late.next == plain.next


@pytest.fixture(scope="module")
def other(table: pl.DataFrame) -> Forecaster:
    return quick(strategy="recursive", scaling="series", ensemble=3).fit(table, **COLUMNS)


def test_a_state_of_another_model_and_values_that_cannot_be_are_refused(
    model: Forecaster, other: Forecaster, table: pl.DataFrame
) -> None:
    stream = model.stream(table=before(table, 90))
    state = stream.state()
    with pytest.raises(ModelFileError, match="another model"):
        other.stream(state=state)
    for wrong in (b"", state[:100], "text", state[:-1] + b"0"):
        with pytest.raises(ModelFileError):
            model.stream(state=wrong)  # type: ignore[arg-type]
    kept = stream.next
    for wrong in ([1.0, 2.0], 1.0, [1.0, 2.0, np.inf], ["a", "b", "c"], None):
        with pytest.raises(DataError):
            stream.update(wrong)
    if model.transform and model.transform.startswith(("log1p", "boxcox")):
        with pytest.raises(DataError, match="expects values above"):
            stream.update([1.0, -1.0, 1.0])
    np.testing.assert_array_equal(stream.next, kept)


def test_blends_say_why_they_cannot_stream(table: pl.DataFrame) -> None:
    model = quick(strategy="recursive", scaling="series", blend="theta").fit(table, **COLUMNS)
    if model.fitted_.blend.share > 0:
        with pytest.raises(UsageError, match="fits the whole past anew"):
            model.stream()
