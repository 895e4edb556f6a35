"""Measures: each against the obvious loop, and against published figures on real data."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.errors import UsageError
from rollcast.score.baselines import BASELINES
from rollcast.score.metrics import (
    METRICS,
    coverage,
    crps,
    mae,
    mape,
    mase,
    owa,
    pinball,
    quantile_loss,
    rmse,
    rmsse,
    scaled_width,
    smape,
    width,
)
from rollcast.score.naive2 import naive2, seasonal_indices
from rollcast.score.units import seasonal_scale, seasonal_scales

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def measured(path: str):
    """The table for measuring at ``path``, or a skip that says so."""
    if not (DATA / path).exists():
        pytest.skip(f"no ../shared/data/{path} beside the repository: nothing to compare with")
    import polars

    return polars.read_parquet(DATA / path)


def windows(seed: int, missing: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.normal(3.0, 5.0, (7, 5))
    truth[generator.random(truth.shape) < missing] = np.nan
    return truth, np.nan_to_num(truth) + generator.normal(size=truth.shape)


def observed_points(truth: np.ndarray):
    return [
        (w, h)
        for w in range(truth.shape[0])
        for h in range(truth.shape[1])
        if not math.isnan(truth[w, h])
    ]


def loop_smape(y: float, f: float) -> float:
    return 0.0 if y == f == 0.0 else 200.0 * abs(y - f) / (abs(y) + abs(f))


@given(st.integers(0, 2**32 - 1))
def test_point_measures_equal_the_obvious_loop(seed):
    truth, forecast = windows(seed)
    points = observed_points(truth)
    if not points:
        assert math.isnan(mae(truth, forecast))
        return
    errors = [truth[p] - forecast[p] for p in points]
    count = len(points)
    assert mae(truth, forecast) == pytest.approx(sum(map(abs, errors)) / count, rel=1e-12)
    assert rmse(truth, forecast) == pytest.approx(
        math.sqrt(sum(e * e for e in errors) / count), rel=1e-12
    )
    assert smape(truth, forecast) == pytest.approx(
        sum(loop_smape(truth[p], forecast[p]) for p in points) / count, rel=1e-12
    )
    scale = np.arange(1.0, 8.0)
    assert mase(truth, forecast, scale) == pytest.approx(
        sum(abs(e) / scale[p[0]] for e, p in zip(errors, points, strict=True)) / count, rel=1e-12
    )


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_the_pinball_loss_equals_the_obvious_loop(seed, level):
    truth, forecast = windows(seed, missing=0.1)
    losses = []
    for p in observed_points(truth):
        error = truth[p] - forecast[p]
        losses.append(level * error if error >= 0 else (level - 1) * error)
    assert quantile_loss(truth, forecast, level) == pytest.approx(
        sum(losses) / len(losses), rel=1e-12
    )


def test_the_half_quantile_costs_half_the_absolute_error():
    truth, forecast = windows(3)
    assert quantile_loss(truth, forecast, 0.5) == pytest.approx(mae(truth, forecast) / 2)
    assert crps(truth, forecast[..., None], [0.5]) == pytest.approx(mae(truth, forecast))


def test_the_crps_of_many_normal_quantiles_is_the_closed_form():
    from scipy.special import ndtr, ndtri

    levels = (np.arange(2000) + 0.5) / 2000
    truth = np.array([[-1.3, 0.0, 0.4, 2.0]])
    quantiles = np.broadcast_to(ndtri(levels), (1, 4, 2000))
    # Gneiting and Raftery 2007, eq. 21
    density = np.exp(-(truth**2) / 2) / math.sqrt(2 * math.pi)
    exact = truth * (2 * ndtr(truth) - 1) + 2 * density - 1 / math.sqrt(math.pi)
    assert crps(truth, quantiles, levels, axis=0) == pytest.approx(exact[0], abs=2e-3)


def test_coverage_counts_the_ends_and_width_is_high_less_low():
    truth = np.array([[1.0, 2.0, 3.0, np.nan]])
    low = np.array([[1.0, 2.5, 0.0, 0.0]])
    high = np.array([[1.0, 3.5, 3.0, 99.0]])
    assert coverage(truth, low, high) == pytest.approx(2 / 3)
    assert width(truth, low, high) == pytest.approx(4 / 3)


@given(st.integers(0, 2**32 - 1))
def test_percentage_and_squared_scaled_errors_equal_the_obvious_loop(seed):
    truth, forecast = windows(seed)
    truth[0, 0] = 0.0
    points = [p for p in observed_points(truth) if truth[p] != 0.0]
    if points:
        expected = sum(100 * abs(truth[p] - forecast[p]) / abs(truth[p]) for p in points)
        assert mape(truth, forecast) == pytest.approx(expected / len(points), rel=1e-12)
    scale = np.arange(0.0, 7.0)  # the first window has none
    points = [p for p in observed_points(truth) if p[0] > 0]
    if points:
        squares = [((truth[p] - forecast[p]) / scale[p[0]]) ** 2 for p in points]
        expected = math.sqrt(sum(squares) / len(points))
        assert rmsse(truth, forecast, scale) == pytest.approx(expected, rel=1e-12)


def test_the_pinball_loss_of_an_interval_is_a_tenth_of_the_interval_score_at_80():
    truth = np.array([[0.0, 5.0, 1.0]])
    low, high = truth * 0 - 1.0, truth * 0 + 2.0
    # Gneiting and Raftery 2007, eq. 43: the width, and 2/α for each unit outside
    interval_score = np.mean([3.0, 3.0 + (2 / 0.2) * 3.0, 3.0])
    assert pinball(truth, low, high, 80) == pytest.approx(0.2 / 4 * interval_score)
    assert scaled_width(truth, low, high, [2.0]) == pytest.approx(1.5)


@pytest.mark.parametrize("name", METRICS)
def test_every_measure_by_group_is_that_of_the_windows_in_it(name):
    truth, forecast = windows(13)
    group = np.array([0, 2, 1, 0, 2, 2, 0])
    function = METRICS[name].function
    found = function(truth, *arguments(name, truth, forecast), axis=group)
    for number in range(3):
        rows = group == number
        part = arguments(name, truth[rows], forecast[rows])
        assert found[number] == pytest.approx(function(truth[rows], *part))


def test_naive_2_puts_back_the_season_of_what_it_adjusted():
    season = np.array([0.5, 1.0, 1.5, 1.0])
    level = 10.0 + np.arange(40) // 4
    history = np.tile(season, 10) * level
    longer = np.concatenate([np.full(6, np.nan), history[:-2]])
    noise = np.random.default_rng(0).normal(10, 1, 44)
    indices = seasonal_indices(np.stack([longer, noise]), 4)
    assert indices[0] == pytest.approx(np.roll(season, 2), rel=0.05)  # two rows were left out
    assert (indices[1] == 1).all()
    forecast = naive2(longer[None], 6, indices[:1])
    assert forecast[0] == pytest.approx(19.0 * np.tile(np.roll(season, 2), 2)[:6], rel=0.05)
    assert naive2(noise[None], 3, indices[1:]).tolist() == [[noise[-1]] * 3]


def test_naive_2_is_naive_where_values_are_not_above_0_or_seasons_too_few():
    wave = np.tile([-1.0, 1.0, 3.0], 8)[None]
    assert (seasonal_indices(wave, 3) == 1).all()
    assert (seasonal_indices(wave[:, :8] + 5, 3) == 1).all()
    assert (seasonal_indices(wave + 5, 3) != 1).any()


def arguments(name: str, truth: np.ndarray, forecast: np.ndarray) -> tuple:
    return {
        "point": (forecast,),
        "scaled": (forecast, np.ones(len(truth))),
        "quantile": (forecast, 0.3),
        "quantiles": (np.stack([forecast - 1, forecast + 1], axis=-1), [0.1, 0.9]),
        "squares": (forecast, np.full(len(truth), 2.0)),
        "interval": (forecast - 1, forecast + 1),
        "scaled interval": (forecast - 1, forecast + 1, np.ones(len(truth))),
        "level interval": (forecast - 1, forecast + 1, 80),
    }[METRICS[name].takes]


@pytest.mark.parametrize("name", METRICS)
def test_every_measure_by_window_and_by_step_is_that_of_the_row_and_the_column(name):
    truth, forecast = windows(11)
    truth[2] = np.nan
    function = METRICS[name].function
    by_window = function(truth, *arguments(name, truth, forecast), axis=1)
    by_step = function(truth, *arguments(name, truth, forecast), axis=0)
    assert by_window.shape == (7,) and by_step.shape == (5,)
    assert np.isnan(by_window[2])
    for w in range(7):
        row, other = truth[w : w + 1], forecast[w : w + 1]
        expected = function(row, *arguments(name, row, other))
        assert by_window[w] == pytest.approx(expected, nan_ok=True)
    for h in range(5):
        column, other = truth[:, h : h + 1], forecast[:, h : h + 1]
        expected = function(column, *arguments(name, column, other))
        assert by_step[h] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_observed_gives_nan_and_an_unknown_value_is_not_looked_at(name):
    truth, forecast = windows(5)
    function = METRICS[name].function
    nothing = np.full_like(truth, np.nan)
    assert math.isnan(function(nothing, *arguments(name, nothing, np.zeros_like(truth))))
    forecast = np.nan_to_num(forecast)
    moved = np.where(np.isnan(truth), 1e6, forecast)
    assert function(truth, *arguments(name, truth, forecast)) == function(
        truth, *arguments(name, truth, moved)
    )


@pytest.mark.parametrize("name", METRICS)
def test_a_forecast_that_is_not_there_is_never_left_out(name):
    truth, forecast = windows(5, missing=0.0)
    forecast[0, 0] = np.nan
    assert math.isnan(METRICS[name].function(truth, *arguments(name, truth, forecast)))


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_forecast_gets_the_best_figure(name):
    truth, _ = windows(8)
    best = METRICS[name].function(truth, *arguments(name, truth, np.nan_to_num(truth)))
    expected = {"quantile": 0, "quantiles": 0.2, "interval": {"coverage": 1, "width": 2}.get(name)}
    expected |= {"scaled interval": 2, "level interval": 0.1}
    assert best == pytest.approx(expected.get(METRICS[name].takes, 0))


def test_zero_forecast_as_zero_costs_no_smape_and_the_worst_is_200():
    assert smape([[0.0, 0.0]], [[0.0, 0.0]]) == 0.0
    assert smape([[0.0, 5.0]], [[1.0, -5.0]]) == 200.0


def test_the_seasonal_scale_leaves_out_pairs_with_a_missing_value():
    history = np.array([[1.0, 2.0, 4.0, np.nan, 5.0], [np.nan, np.nan, 1.0, 2.0, 2.0]])
    assert seasonal_scale(history, 1) == pytest.approx([1.5, 0.5])
    assert seasonal_scale(history, 2) == pytest.approx([2.0, 1.0])
    assert np.isnan(seasonal_scale(history, 5)).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_the_scales_of_a_table_are_those_of_its_series(seed, season):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 12, size=6)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = generator.normal(size=offsets[-1])
    values[generator.random(values.size) < 0.2] = np.nan
    expected = [seasonal_scale(values[start:end], season)[0] for start, end in pairwise(offsets)]
    scales = seasonal_scales(values, offsets, season)
    assert scales == pytest.approx(expected, nan_ok=True)


def test_series_that_never_change_are_left_out_of_mase():
    truth, forecast = np.array([[1.0], [5.0]]), np.array([[2.0], [9.0]])
    assert mase(truth, forecast, [2.0, 0.0]) == 0.5
    assert math.isnan(mase(truth, forecast, [0.0, np.nan]))


def test_wrong_shapes_are_named():
    with pytest.raises(UsageError, match=r"\(2, 3\).*\(2, 4\)"):
        mae(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(UsageError, match="one value per window"):
        mase(np.zeros((2, 3)), np.zeros((2, 3)), np.ones(3))
    with pytest.raises(UsageError, match="levels"):
        crps(np.zeros((2, 3)), np.zeros((2, 3, 2)), [0.5])
    with pytest.raises(UsageError, match="between 0 and 1"):
        quantile_loss(np.zeros((2, 3)), np.zeros((2, 3)), 80)
    with pytest.raises(UsageError, match="season is 0"):
        seasonal_scale(np.zeros((2, 3)), 0)


def test_the_owa_of_the_reference_is_one():
    assert owa(18.383, 2.395, 18.383, 2.395) == 1.0


def test_m4_hourly_gives_the_published_figures_of_naive_and_seasonal_naive():
    """M4 competition: naive 43.003 sMAPE, 11.608 MASE; seasonal naive 13.912 and 1.193."""
    series = list(measured("m4/m4_hourly.parquet").sort("unique_id", "ds").group_by("unique_id"))
    past, truth, history = [], [], []
    for _, frame in series:
        train = frame.filter(frame["split"] == "train")["y"].to_numpy()
        truth.append(frame.filter(frame["split"] == "test")["y"].to_numpy())
        history.append(train)
        past.append(train[-48:])
    offsets = np.concatenate([[0], np.cumsum([len(values) for values in history])])
    scale = seasonal_scales(np.concatenate(history), offsets, 24)
    figures = {}
    for name in ("naive", "seasonal naive"):
        forecast = BASELINES[name].fit(np.empty((0, 48)), np.empty((0, 48)), 24)(
            np.array(past), 48, 24
        )
        figures[name] = (smape(truth, forecast), mase(truth, forecast, scale))
    assert figures["naive"] == pytest.approx((43.003, 11.608), abs=5e-4)
    assert figures["seasonal naive"] == pytest.approx((13.912, 1.193), abs=5e-4)
    # ../shared/spec/forecasting.md: seasonal naive has OWA .628
    assert owa(*figures["seasonal naive"], 18.383, 2.395) == pytest.approx(0.628, abs=1e-3)


def test_m4_hourly_gives_the_published_figures_of_naive_2():
    """M4 competition: Naive 2 has sMAPE 18.383 and MASE 2.395."""
    table = measured("m4/m4_hourly.parquet").sort("unique_id", "ds")
    past, truth = [], []
    for _, frame in table.group_by("unique_id", maintain_order=True):
        past.append(frame.filter(frame["split"] == "train")["y"].to_numpy())
        truth.append(frame.filter(frame["split"] == "test")["y"].to_numpy())
    longest = max(map(len, past))
    history = np.stack(
        [np.pad(row, (longest - len(row), 0), constant_values=np.nan) for row in past]
    )
    forecast = naive2(history, 48, seasonal_indices(history, 24))
    assert smape(truth, forecast) == pytest.approx(18.383, abs=2e-3)
    scale = seasonal_scale(history, 24)
    assert mase(truth, forecast, scale) == pytest.approx(2.395, abs=5e-4)


def test_m3_yearly_gives_the_published_figure_of_naive():
    """M3 competition: naive has sMAPE 17.88 on the yearly series."""
    frame = measured("m3/m3.parquet").join(measured("m3/m3_info.parquet"), on="unique_id")
    yearly = frame.filter(frame["period"].str.to_lowercase() == "yearly").sort("unique_id", "ds")
    past, truth = [], []
    for _, series in yearly.group_by("unique_id", maintain_order=True):
        past.append(series.filter(series["split"] == "train")["y"].to_numpy()[-6:])
        truth.append(series.filter(series["split"] == "test")["y"].to_numpy())
    forecast = BASELINES["naive"].fit(np.empty((0, 6)), np.empty((0, 6)), 1)(np.array(past), 6, 1)
    assert smape(truth, forecast) == pytest.approx(17.88, abs=5e-3)
