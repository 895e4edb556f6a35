"""Forecasts of transformed series, in the unit of the data; limits of what they may be."""

from pathlib import Path

import numpy as np
import pytest

import rollcast
from rollcast import DataError, Forecaster, Panel, Training, UsageError

TEXTS = [
    "log1p", "boxcox", "difference", "seasonal_difference", "boxcox + seasonal_difference",
    "difference + seasonal_difference",
]  # fmt: skip


def growing(rows: int = 150, season: int = 7) -> Panel:
    generator = np.random.default_rng(0)
    values = {}
    for index in range(3):
        wave = 1 + 0.4 * np.sin(2 * np.pi * (np.arange(rows) + index) / season)
        grown = np.exp(0.01 * np.arange(rows)) * (index + 1)
        values[f"shop {index}"] = 10 * grown * wave * np.exp(generator.normal(0, 0.05, rows))
    values["shop 1"][40:43] = np.nan
    return Panel.of(values, start="2024-01-01", freq="D", season=season)


def small(**arguments: object) -> Forecaster:
    chosen = {"hidden": (6,), "context": 21, "training": Training(steps=30)} | arguments
    return Forecaster(7, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("strategy", "scaling"), [("direct", "window"), ("recursive", "series")])
def test_every_transform_forecasts_and_comes_back_from_its_file(
    text: str, strategy: str, scaling: str, tmp_path: Path
) -> None:
    panel = growing()
    model = small(transform=text, strategy=strategy, scaling=scaling).fit(panel)
    scores = model.scores_
    assert scores["rollcast"]["mase"] < 1.2 * scores["seasonal naive"]["mase"]
    found = model.forecast(level=80)
    low, high = found.bands[80]
    assert np.isfinite(found.median).all() and (low < found.median).all()
    assert (found.median < high).all()
    model.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    assert isinstance(loaded, Forecaster)
    np.testing.assert_allclose(loaded.forecast().median, found.median, rtol=1e-9)
    judged = model.backtest(panel, windows=3, step=2, level=80)
    assert np.isfinite(judged.forecasts["rollcast"]).all()
    rows = panel.split(7)[0]
    before = model.forecast(rows).median
    last = judged.origin == panel.offsets[1:][judged.series] - 7
    np.testing.assert_allclose(judged.forecasts["rollcast"][last], before, rtol=1e-5)


@pytest.mark.parametrize("head", ["mse", "normal", "quantile"])
def test_differenced_walks_have_intervals_that_cover(head: str) -> None:
    """Of a random walk's horizon each step is as uncertain as its steps together."""
    generator = np.random.default_rng(3)
    walks = {f"{i:02d}": generator.normal(size=120).cumsum() for i in range(30)}
    panel = Panel.of(walks)
    known, later = panel.split(8)
    model = Forecaster(
        8, context=8, head=head, transform="difference", hidden=(4,), training=Training(steps=30)
    ).fit(known)
    found = model.forecast(level=80)
    low, high = found.bands[80]
    truth = later.values.reshape(30, 8)
    assert ((truth >= low) & (truth <= high)).mean() == pytest.approx(0.8, abs=0.1)
    width = (high - low).mean(axis=0)
    assert 2.0 < width[7] / width[0] < 4.0  # of independent steps √8


def test_new_series_and_new_rows_have_the_power_of_their_own_or_of_training() -> None:
    panel = growing()
    model = small(transform="boxcox").fit(panel.take([0, 1]))
    other = model.forecast(panel.take([2])).median
    assert np.isfinite(other).all() and (other > 0).all()
    early = small(transform="boxcox").fit(panel.split(5)[0])
    grown = early.update(panel.split(5)[1]).forecast().median
    np.testing.assert_array_equal(grown, early.forecast(panel).median)


def test_what_a_transform_cannot_do_is_said_before_training() -> None:
    panel = growing()
    with pytest.raises(UsageError, match="needs the values as they are"):
        small(transform="log1p", head="poisson").fit(panel)
    with pytest.raises(UsageError, match="transform='log'; choose one of log1p"):
        small(transform="log").fit(panel)
    panel.values[5] = -3.0
    with pytest.raises(DataError, match="expects values above 0"):
        small(transform="boxcox").fit(panel)


@pytest.mark.parametrize("scaling", ["window(median)", "series(last)", "window(mean)", "none"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_every_scaling_forecasts_and_is_in_the_file(
    scaling: str, strategy: str, tmp_path: Path
) -> None:
    panel = growing()
    panel.values[panel.offsets[2] : panel.offsets[3]] = 3.0  # a constant series
    model = small(scaling=scaling, strategy=strategy).fit(panel)
    found = model.forecast().median
    assert np.isfinite(found).all()
    model.save(tmp_path / "model.roll")
    np.testing.assert_array_equal(rollcast.load(tmp_path / "model.roll").forecast().median, found)


def test_forecasts_keep_to_their_limits() -> None:
    generator = np.random.default_rng(0)
    panel = Panel.of({"a": generator.poisson(0.7, 160), "b": generator.poisson(3.0, 160)})
    free = small().fit(panel).forecast(level=80)
    assert free.bands[80][0].min() < 0
    above = small(nonnegative=True).fit(panel).forecast(level=80)
    assert above.bands[80][0].min() == 0 and above.median.min() >= 0
    whole = small(nonnegative=True, integer=True).fit(panel)
    found = whole.forecast(level=80)
    low, high = found.bands[80]
    for values in (found.median, low, high):
        np.testing.assert_array_equal(values, np.rint(values))
    assert (low <= above.bands[80][0]).all() and (high >= above.bands[80][1]).all()
    judged = whole.backtest(panel, windows=2, level=80)
    values = judged.forecasts["rollcast"]
    np.testing.assert_array_equal(values, np.rint(np.maximum(values, 0)))
    with pytest.raises(UsageError, match="integer='yes': expected True or False"):
        small(integer="yes").fit(panel)
