"""Forecasts blended with those of a method that knows each series by itself."""

from pathlib import Path

import numpy as np
import pytest

import rollcast
from rollcast import Forecaster, Training
from rollcast.data import synthetic
from rollcast.errors import ModelFileError, UsageError
from rollcast.forecast.blend import SHARES, Blend, alone, best_blend
from rollcast.score.theta import theta

QUICK = {"context": 12, "hidden": (4,), "training": Training(steps=4)}


@pytest.fixture(scope="module")
def panel() -> rollcast.Panel:
    return synthetic.random_walk(60, drift=0.5, series=5, seed=3)


@pytest.fixture(scope="module")
def model(panel: rollcast.Panel) -> Forecaster:
    return Forecaster(4, blend="theta", **QUICK).fit(panel)


def test_the_forecast_is_the_mean_by_the_share_that_was_best(model, panel) -> None:
    share = model.fitted_.blend.share
    assert share in SHARES and share > 0.0  # on a drift the method is good
    plain = Forecaster(4, **QUICK).fit(panel).forecast(level=80)
    own = theta(panel.values.reshape(5, 60), 4, 1)
    found = model.forecast(level=80)
    np.testing.assert_allclose(found.median, (1 - share) * plain.median + share * own)
    low, high = found.bands[80]
    assert (low < found.median).all() and (found.median < high).all()


def test_the_share_has_the_least_error_of_all(model, panel) -> None:
    windows = model.fitted_.windows(panel).at(np.arange(5), 50)
    own = alone("theta", windows)
    other = own + 3.0
    for share in SHARES:
        truth = own + 3.0 * (1.0 - share)
        assert best_blend("theta", other, windows, truth, np.ones(5)) == Blend("theta", share)
    noise = np.random.default_rng(0).normal(0.0, 100.0, own.shape)  # says nothing for any share
    assert best_blend("theta", other, windows, own + noise, np.ones(5)).share == 0.5


def test_it_sees_nothing_from_the_origin_on(model, panel) -> None:
    windows = model.fitted_.windows(panel).at([1], [40])
    values = panel.values.reshape(5, 60)[1, :40]
    np.testing.assert_array_equal(alone("theta", windows), theta(values[None], 4, 1))


def test_scores_backtests_and_files_go_through_the_same_blend(model, panel, tmp_path: Path) -> None:
    before, _ = panel.split(4)
    back = model.backtest(panel, windows=1, level=()).forecasts["rollcast"]
    np.testing.assert_allclose(back, model.forecast(before, level=()).median)
    model.save(tmp_path / "blend.roll")
    loaded = rollcast.load(tmp_path / "blend.roll")
    assert loaded.blend == "theta" and loaded.fitted_.blend == model.fitted_.blend
    np.testing.assert_array_equal(loaded.forecast(level=()).median, model.forecast(level=()).median)


def test_what_cannot_be_blended_is_said(panel) -> None:
    with pytest.raises(UsageError, match=r"blend='holt'.*theta"):
        Forecaster(4, blend="holt", **QUICK).fit(panel)
    loop = Forecaster(4, blend="theta", strategy="recursive", scaling="series", **QUICK)
    fitted = loop.fit(panel)
    if fitted.fitted_.blend.share > 0.0:
        with pytest.raises(UsageError, match="blended"):
            fitted.stream()


def test_a_model_file_with_a_wrong_share_is_refused(model) -> None:
    from rollcast.forecast import saved

    spec, sections = saved.pack(model.fitted_, model.history_)
    with pytest.raises(ModelFileError, match="blended"):
        saved.unpack(spec | {"blend_share": 2.0}, sections)
