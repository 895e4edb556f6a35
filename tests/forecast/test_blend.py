"""Forecasts blended with those of a method that knows each series by itself."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rollcast
from rollcast import Forecaster, Training
from rollcast.data import synthetic
from rollcast.errors import ModelFileError, UsageError
from rollcast.forecast.blend import SHARES, Blend, best_blend
from rollcast.score.damped import damped
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
    own = Blend("theta").alone(windows)
    other = own + 3.0
    for share in SHARES:
        truth = own + 3.0 * (1.0 - share)
        found = best_blend("theta", other, windows, truth, np.ones(5), windows)
        assert found == Blend("theta", share)
    noise = np.random.default_rng(0).normal(0.0, 100.0, own.shape)  # says nothing for any share
    assert best_blend("theta", other, windows, own + noise, np.ones(5), windows).share == 0.5


def test_it_sees_nothing_from_the_origin_on(model, panel) -> None:
    windows = model.fitted_.windows(panel).at([1], [40])
    values = panel.values.reshape(5, 60)[1, :40]
    np.testing.assert_array_equal(Blend("theta").alone(windows), theta(values[None], 4, 1))


def test_scores_backtests_and_files_go_through_the_same_blend(model, panel, tmp_path: Path) -> None:
    before, _ = panel.split(4)
    back = model.backtest(panel, windows=1, level=()).forecasts["rollcast"]
    np.testing.assert_allclose(back, model.forecast(before, level=()).median)
    model.save(tmp_path / "blend.roll")
    loaded = rollcast.load(tmp_path / "blend.roll")
    assert loaded.blend == "theta" and loaded.fitted_.blend == model.fitted_.blend
    np.testing.assert_array_equal(loaded.forecast(level=()).median, model.forecast(level=()).median)


@pytest.fixture(scope="module")
def seasonal() -> Forecaster:
    """Days of hours that change slowly, forecast by a network that knows nothing yet."""
    rows, generator = np.arange(600), np.random.default_rng(4)
    drift = np.cumsum(generator.normal(0.0, 0.1, (3, 600)), axis=1)
    values = (5.0 + drift) * np.sin(2 * np.pi * rows / 24) + generator.normal(size=(3, 600))
    panel = rollcast.Panel.of(dict(enumerate(values)), season=24)
    quick = {"hidden": (4,), "skip": "none", "training": Training(steps=4)}
    return Forecaster(30, context=100, blend="linear", **quick).fit(panel)


def test_a_linear_map_learns_from_training_windows_alone(seasonal) -> None:
    fitted = seasonal.fitted_
    assert fitted.blend.share > 0.5  # the network is no good
    assert fitted.blend.map.weights.shape == (2 * 4, 2)
    scores = seasonal.scores_
    assert scores["rollcast"]["mase"] < scores["seasonal naive"]["mase"]
    panel = seasonal.history_
    windows = fitted.windows(panel).at([1, 1], [400, 401])
    later = replace(panel, values=np.where(np.arange(1800) >= 600 + 401, 1e6, panel.values))
    changed = fitted.windows(later).at([1, 1], [400, 401])
    np.testing.assert_array_equal(fitted.blend.alone(windows), fitted.blend.alone(changed))


def test_a_linear_map_is_learnt_again_from_all_rows_and_kept_in_the_file(
    seasonal, tmp_path: Path
) -> None:
    first = Forecaster(**seasonal.get_params() | {"refit": False}).fit(seasonal.history_)
    mine, theirs = seasonal.fitted_.blend, first.fitted_.blend
    assert (mine.share, mine.map.last, mine.map.penalty) == (
        theirs.share,
        theirs.map.last,
        theirs.map.penalty,
    )
    assert np.abs(mine.map.weights - theirs.map.weights).max() > 0.0
    seasonal.save(tmp_path / "linear.roll")
    loaded = rollcast.load(tmp_path / "linear.roll")
    np.testing.assert_array_equal(
        loaded.forecast(level=()).median, seasonal.forecast(level=()).median
    )


def test_a_model_file_with_a_wrong_map_is_refused(seasonal) -> None:
    from rollcast.forecast.saved import model as saved

    spec, sections = saved.pack(seasonal.fitted_, seasonal.history_)
    wrong = [{"season": 7}, {"penalty": 0.0}, {"last": 1}]
    for change in wrong:
        with pytest.raises(ModelFileError):
            saved.unpack(spec | {"blend_map": spec["blend_map"] | change}, sections)
    for weights in (sections["network/blend"][1:], sections["network/blend"] * np.nan):
        with pytest.raises(ModelFileError):
            saved.unpack(spec, sections | {"network/blend": weights})


def test_methods_joined_by_plus_count_alike_and_are_kept_in_the_file(panel, tmp_path: Path) -> None:
    model = Forecaster(4, blend="theta+ damped", **QUICK).fit(panel)
    blend = model.fitted_.blend
    assert blend.share == 2 / 3 or blend.share in SHARES
    windows = model.fitted_.windows(panel).at(np.arange(5), 50)
    both = (Blend("theta").alone(windows) + Blend("damped").alone(windows)) / 2
    np.testing.assert_array_equal(blend.alone(windows), both)
    past = panel.values.reshape(5, 60)[:, :50]
    np.testing.assert_array_equal(Blend("damped").alone(windows), damped(past, 4, 1))
    model.save(tmp_path / "both.roll")
    loaded = rollcast.load(tmp_path / "both.roll")
    np.testing.assert_array_equal(loaded.forecast(level=()).median, model.forecast(level=()).median)


def test_three_that_say_nothing_clearly_count_a_third_each(model, panel) -> None:
    windows = model.fitted_.windows(panel).at(np.arange(5), 50)
    own = Blend("theta + damped").alone(windows)
    noise = np.random.default_rng(0).normal(0.0, 100.0, own.shape)
    found = best_blend("theta + damped", own + 3.0, windows, own + noise, np.ones(5), windows)
    assert found.share == 2 / 3


def test_a_linear_map_joins_the_others(panel) -> None:
    model = Forecaster(4, blend="linear + theta", **QUICK).fit(panel)
    windows = model.fitted_.windows(panel).at(np.arange(5), 50)
    blend = model.fitted_.blend
    both = (Blend("theta").alone(windows) + replace(blend, method="linear").alone(windows)) / 2
    np.testing.assert_allclose(blend.alone(windows), both, rtol=1e-12)


def test_what_cannot_be_blended_is_said(panel) -> None:
    for wrong in ("holt", "theta + holt", "theta + theta", ""):
        with pytest.raises(UsageError, match=rf"blend={re.escape(repr(wrong))}.*theta"):
            Forecaster(4, blend=wrong, **QUICK).fit(panel)
    loop = Forecaster(4, blend="theta", strategy="recursive", scaling="series", **QUICK)
    fitted = loop.fit(panel)
    if fitted.fitted_.blend.share > 0.0:
        with pytest.raises(UsageError, match="blended"):
            fitted.stream()


def test_a_model_file_with_a_wrong_share_is_refused(model) -> None:
    from rollcast.forecast.saved import model as saved

    spec, sections = saved.pack(model.fitted_, model.history_)
    with pytest.raises(ModelFileError, match="blended"):
        saved.unpack(spec | {"blend_share": 2.0}, sections)
