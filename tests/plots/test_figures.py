"""Figures: what is in them, and that a dark page has a twin of each of their colours."""

import json

import numpy as np
import pytest

from rollcast.errors import UsageError
from rollcast.plots import (
    RollingPicture,
    TrainingCurve,
    error_by_step,
    forecast_fan,
    relative_scores,
    rolling_origins,
    training_curve,
)
from rollcast.plots.style import DARK, LIGHT, axis_values, method_colours, twins
from rollcast.plots.training import running_mean

from .conftest import picture

SCORES = {
    "rollcast": {"mase": 0.5, "mae": 2.0, "coverage-80": 0.8, "width-80": 3.0},
    "seasonal_naive": {"mase": 1.0, "mae": 4.0, "coverage-80": 0.7, "width-80": 9.0},
    "naive": {"mase": 3.0},
}
STEPS = np.arange(1, 101)
CURVE = TrainingCurve(STEPS, 1.0 / STEPS, STEPS[9::10], 1.0 / STEPS[9::10], 40, np.ones(100))
ROLLING = RollingPicture("s", np.arange(90), np.arange(90.0), [50, 60, 80], np.ones((3, 20)))
FIGURES = {
    "fan": lambda: forecast_fan(picture()),
    "fans": lambda: forecast_fan([picture("a"), picture("b", horizon=3)]),
    "training": lambda: training_curve(CURVE),
    "scores": lambda: relative_scores(SCORES),
    "steps": lambda: error_by_step({"rollcast": np.ones(4), "linear": np.ones(4)}, unit="kWh"),
    "rolling": lambda: rolling_origins(ROLLING),
}


def named(figure, name: str):
    return [trace for trace in figure.data if trace.name == name]


def colours(value, key: str = "") -> set[str]:
    if isinstance(value, dict):
        return set().union(*(colours(inner, name) for name, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(colours(inner, key) for inner in value))
    return {value} if "color" in key and isinstance(value, str) else set()


@pytest.mark.parametrize("name", FIGURES)
def test_every_colour_of_a_figure_has_a_twin_for_the_dark_page(name):
    used = colours(json.loads(FIGURES[name]().to_json()))
    assert used - {"rgba(0,0,0,0)"} <= twins().keys()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_title_and_names_for_its_lines(name):
    figure = FIGURES[name]()
    assert figure.layout.title.text
    assert all(trace.name for trace in figure.data)


def test_no_two_colours_of_the_light_page_are_the_same():
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert LIGHT.keys() == DARK.keys()


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_the_page(palette):
    """WCAG 2.2: contrast of at least 4.5 for text, 3 for graphics."""
    card = luminance(palette["card"])
    graphics = ["ours", "seasonal naive", "naive", "drift", "linear", "other 1", "other 2"]
    for name, least in [("ink", 4.5), ("muted", 4.5), *((name, 3.0) for name in graphics)]:
        bright, dim = sorted([card, luminance(palette[name])], reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= least, name


def test_the_fan_shows_history_median_truth_and_the_widest_band_first():
    drawn = picture()
    figure = forecast_fan(drawn)
    assert [t.name for t in figure.data if t.fill] == ["95 %", "80 %"]
    (median,) = named(figure, "median")
    # joined to the last known value
    assert median.y[0] == drawn.history[-1]
    assert np.array_equal(median.y[1:], drawn.median)
    (truth,) = named(figure, "what happened")
    assert np.array_equal(truth.y[1:], drawn.truth)
    assert figure.layout.yaxis.title.text == "°C"
    for filled, low in zip(figure.data[2:5:2], figure.data[1:5:2], strict=True):
        assert filled.fill == "tonexty"
        assert (np.asarray(filled.y) >= np.asarray(low.y)).all()


def test_the_fan_does_not_begin_at_a_missing_value():
    history = np.ones(50)
    history[-1] = np.nan
    figure = forecast_fan(picture(rows=50, history=history))
    assert len(named(figure, "median")[0].y) == 7


def test_the_fan_opens_on_the_newest_history_with_all_of_the_forecast_in_view():
    drawn = picture(rows=1000)
    figure = forecast_fan(drawn)
    assert figure.layout.xaxis.range == (
        str(drawn.times[-60].astype("datetime64[D]")),
        str(drawn.forecast_times[-1].astype("datetime64[D]")),
    )
    low, high = figure.layout.yaxis.range
    assert low < drawn.bands[95][0].min() and high > drawn.bands[95][1].max()


def test_a_series_of_150_000_rows_is_drawn_with_few_points():
    figure = forecast_fan(picture(rows=150_000, horizon=48))
    (observed,) = named(figure, "observed")
    assert len(observed.x) < 2000
    assert len(set(observed.x[-144:])) == 144, "the newest rows are not thinned"
    assert len(figure.to_json()) < 200_000


def test_values_between_gaps_are_dots_because_no_line_goes_through_them():
    history = np.ones(50)
    history[::2] = np.nan
    line, dots = named(forecast_fan(picture(rows=50, history=history)), "observed")
    assert line.mode == "lines" and dots.mode == "markers"
    assert len(dots.x) == 25


@pytest.mark.parametrize(
    "changes",
    [
        {"history": np.full(50, np.nan), "rows": 50},
        {"rows": 0},
        {"horizon": 1},
        {"bands": {}, "truth": None},
        {"bands": {level: (np.zeros(7), np.ones(7)) for level in (10, 30, 50, 70, 90, 99.9)}},
        {"median": np.full(7, 3.0), "history": np.full(50, 3.0), "rows": 50, "bands": {}},
        {"times": np.arange(50), "forecast_times": np.arange(50, 57), "rows": 50},
        {"truth": np.full(7, np.nan)},
    ],
)
def test_a_fan_is_drawn_from_whatever_there_is(changes):
    figure = forecast_fan(picture(**changes))
    low, high = figure.layout.yaxis.range
    assert np.isfinite([low, high]).all() and low < high
    assert "NaN" not in figure.to_json()


def test_several_series_are_chosen_from_a_list_and_one_is_seen():
    figure = forecast_fan([picture("a"), picture("<b>b</b>", truth=None), picture("c")])
    (menu,) = figure.layout.updatemenus
    assert [button.label for button in menu.buttons] == ["a", "&lt;b&gt;b&lt;/b&gt;", "c"]
    assert [trace.visible for trace in figure.data] == list(menu.buttons[0].args[0]["visible"])
    shown = np.array([button.args[0]["visible"] for button in menu.buttons])
    assert (shown.sum(axis=0) == 1).all()


def test_no_series_is_an_error_that_says_so():
    with pytest.raises(UsageError, match="no series"):
        forecast_fan([])


def test_the_training_curve_marks_the_best_step_and_has_a_panel_per_unit():
    figure = training_curve(CURVE)
    (best,) = named(figure, "best, step 40")
    assert best.x == (40,) and best.y == (1 / 40,)
    assert {trace.yaxis for trace in figure.data} == {"y", "y2", "y3"}
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis3.exponentformat == "power", "a rate of 0.0004 is not 400µ"
    only_loss = training_curve(TrainingCurve(STEPS, np.ones(100)))
    assert {trace.yaxis for trace in only_loss.data} == {"y"}


def test_a_loss_that_is_not_finite_leaves_the_running_mean_of_the_others():
    values = np.array([4.0, np.nan, 2.0, 6.0])
    assert running_mean(values, 2) == pytest.approx([4.0, 4.0, 2.0, 4.0])
    figure = training_curve(TrainingCurve(np.arange(3), np.array([1.0, np.inf, 3.0])))
    assert np.isnan(figure.data[0].y[1])


def test_bars_are_errors_relative_to_seasonal_naive_without_coverage_and_width():
    figure = relative_scores(SCORES)
    (ours,) = named(figure, "rollcast")
    assert list(ours.y) == ["MASE", "MAE"] and list(ours.x) == [0.5, 0.5]
    (naive,) = named(figure, "naive")
    assert naive.x[0] == 3.0 and np.isnan(naive.x[1])
    assert figure.layout.xaxis.range[1] > 3.4, "room for the number behind the longest bar"


def test_error_by_step_counts_steps_from_one_and_draws_ours_over_the_others():
    figure = error_by_step({"rollcast": [1.0, 2.0], "naive": [3.0, 4.0]}, unit="kWh")
    assert figure.data[-1].name == "rollcast"
    assert list(figure.data[-1].x) == [1, 2]
    assert figure.layout.yaxis.title.text == "MAE (kWh)"


def test_a_rolling_forecast_that_runs_past_the_series_is_cut_there():
    figure = rolling_origins(ROLLING)
    forecasts = [t for t in named(figure, "forecast") if t.yaxis == "y"]
    assert [len(t.x) for t in forecasts] == [20, 20, 10]
    seen = [list(t.x) for t in named(figure, "could see")]
    assert seen == [[0, 49], [0, 59], [0, 79]]


def test_known_baselines_keep_their_colours_whatever_the_order():
    one = method_colours(["rollcast", "naive", "seasonal_naive", "mine"], "rollcast")
    two = method_colours(["mine", "seasonal_naive", "rollcast", "naive"], "rollcast")
    assert one == two and len(set(one.values())) == 4


def test_times_are_written_no_longer_than_they_need():
    day = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[us]")
    assert axis_values(day).tolist() == ["2020-01-01", "2020-01-02"]
    assert axis_values(day + np.timedelta64(90, "s"))[0] == "2020-01-01T00:01:30"
    assert axis_values(day + np.timedelta64(5, "h"))[0] == "2020-01-01T05:00"
    assert axis_values(np.array([1, 2])).tolist() == [1, 2]
