"""Pictures of recipes: what is solid and dotted, the slider, the axes, and very many points."""

import base64
import json
import re

import numpy as np
import pytest

from rollcast.plots import WavePicture, against, curves, waves, with_slider
from rollcast.plots.against import MOST_POINTS
from rollcast.plots.page import figure_html
from rollcast.plots.style import LIGHT, log_axis


def wave(shift: float = 0.0, rows: int = 50, steps: int = 20) -> WavePicture:
    x = np.arange(rows + steps)
    y = np.sin((x + shift) / 5)
    said = {"rollcast": y[rows:] + 0.1, "as_published": y[rows:] - 0.1}
    return WavePicture(f"wave <{shift}>", x[:rows], y[:rows], x[rows:], said, y[rows:])


def test_the_known_part_is_solid_and_every_prediction_dotted_from_the_last_known_value() -> None:
    figure = waves([wave()], title="Waves", unit="height")
    known, came, ours, other = figure.data
    assert [trace.name for trace in figure.data] == [
        "known", "what came", "rollcast", "as published"
    ]  # fmt: skip
    assert known.line.dash is None
    assert came.line.dash is None
    assert ours.line.color == LIGHT["ours"]
    assert {ours.line.dash, other.line.dash} == {"dot", "dash"}
    for trace in (came, ours, other):
        assert (trace.x[0], trace.y[0]) == (known.x[-1], known.y[-1])
    assert figure.layout.yaxis.title.text == "height"


def test_many_series_share_one_legend_and_their_names_are_no_markup() -> None:
    figure = waves([wave(0), wave(1), wave(2)], title="Waves")
    assert len(figure.data) == 12
    assert sum(trace.showlegend for trace in figure.data) == 4
    assert figure.layout.annotations[0].text == "wave &lt;0&gt;"
    assert figure.layout.xaxis3.title.text == "step"


def test_a_slider_shows_one_figure_at_a_time_on_axes_that_stand_still() -> None:
    parts = {str(step): waves([wave(step), wave(2 * step)], title="") for step in (1, 2, 3)}
    figure = with_slider(parts, title="Waves by step")
    assert len(figure.data) == 3 * 8
    assert [trace.visible for trace in figure.data] == [False] * 16 + [True] * 8
    (slider,) = figure.layout.sliders
    assert [step.label for step in slider.steps] == ["1", "2", "3"]
    assert slider.steps[0].args[0]["visible"] == [True] * 8 + [False] * 16
    low, high = figure.layout.yaxis.range
    assert low < -1 < 1 < high
    assert figure.layout.yaxis2.range is not None
    assert figure.layout.title.text == "Waves by step"


def test_curves_are_logarithmic_where_they_span_much_and_a_run_keeps_its_colour() -> None:
    steps = np.arange(1, 101)
    figure = curves(
        {
            "loss": {"ours": np.exp(-steps / 10), "published": (steps, np.ones(100))},
            "learning rate": {"ours": np.full(100, 1e-3)},
        },
        title="Losses",
    )
    assert (figure.layout.yaxis.type, figure.layout.yaxis2.type) == ("log", None)
    assert figure.layout.yaxis2.title.text == "learning rate"
    first, second, rate = figure.data
    assert first.line.color == rate.line.color != second.line.color
    assert (first.showlegend, rate.showlegend) == (True, False)
    assert curves({"loss": {"ours": steps}}, title="", log=True).layout.yaxis.type == "log"


def test_a_run_that_goes_up_and_down_is_drawn_faintly_with_its_running_mean() -> None:
    wild = 10.0 ** (np.random.default_rng(0).normal(size=1000) - 3)
    figure = curves({"loss": {"ours": wild, "still": np.full(1000, 0.01)}}, title="Losses")
    every, mean, still = figure.data
    assert every.opacity < 0.5 and every.hoverinfo == "skip" and not every.showlegend
    np.testing.assert_array_equal(every.y, wild)
    assert np.ptp(np.log10(mean.y[100:])) < 0.3 * np.ptp(np.log10(every.y))
    assert (mean.line.color, mean.name, mean.showlegend) == (every.line.color, "ours", True)
    assert still.opacity == 1.0
    assert "running mean" in figure.layout.xaxis.title.text


def test_runs_of_very_unlike_lengths_share_a_logarithmic_axis_of_steps() -> None:
    few, many = np.arange(1, 11), np.arange(60, 1201, 60)
    figure = curves({"loss": {"ours": (many, 1 / many), "theirs": (few, 1 / few)}}, title="")
    assert figure.layout.xaxis.type == "log"
    figure = curves({"loss": {"ours": 1 / many, "theirs": 1 / few}}, title="")
    assert figure.layout.xaxis.type is None


def test_ten_runs_are_told_apart() -> None:
    runs = {f"run {number}": np.arange(5.0) for number in range(10)}
    lines = [trace.line for trace in curves({"loss": runs}, title="Ten").data]
    assert len({(line.color, line.dash) for line in lines}) == 10
    assert len({line.color for line in lines}) >= 7


def test_a_log_axis_says_plain_numbers_where_they_span_little_and_powers_where_much() -> None:
    assert log_axis(np.array([0.02, 0.9]))["tickformat"] == "~g"
    assert log_axis(np.array([1e-5, 0.9]))["exponentformat"] == "power"
    assert log_axis(np.array([1e-9, 1e20]))["dtick"] > 1, "labels would overlap"
    assert log_axis(np.array([np.nan, 0.0]))["type"] == "log"


def test_curves_leave_out_what_is_no_number() -> None:
    (trace,) = curves({"loss": {"ours": np.array([1.0, np.inf, np.nan, 2.0])}}, title="").data
    assert np.isnan(trace.y[1:3]).all()


def test_very_many_points_are_thinned_and_travel_as_bytes() -> None:
    truth = np.sin(np.arange(150_000) / 50)
    figure = against(truth, {"rollcast": truth + 0.1}, title="cos", start=2.0, step=0.5)
    low = figure.layout.xaxis.range[0]
    for trace in figure.data:
        assert MOST_POINTS < len(trace.x) < 2 * MOST_POINTS
        assert sum(x >= low for x in trace.x) >= MOST_POINTS, "shown in full without a script, too"
    meta = figure.layout.meta
    assert (meta["start"], meta["step"]) == (2.0, 0.5)
    for trace, part in zip(figure.data, meta["dense"], strict=True):
        rows = np.frombuffer(base64.b64decode(part["rows"]), "<f4")
        assert len(rows) == len(truth)
        at = ((np.array(trace.x) - 2.0) / 0.5).astype(int)
        np.testing.assert_allclose(rows[at], trace.y, atol=1e-6)
    page = figure_html(figure)
    assert len(page) < 7e6
    drawn = json.loads(re.findall(r'id="drawings">(.*?)</script>', page, re.S)[0])
    assert isinstance(drawn["figures"]["figure"]["data"][0]["x"], list)  # the script slices it


def test_a_truth_that_swings_often_is_shown_at_its_end_and_its_strip_shows_all() -> None:
    axis = against(np.sin(np.arange(150_000) / 50), {}, title="cos", step=0.5).layout.xaxis
    low, high = axis.range
    assert high == 0.5 * 149_999 and 25 < (high - low) / (0.5 * 50 * np.pi) < 35
    assert axis.rangeslider.range == (0.0, high)
    assert against(np.sin(np.arange(900) / 50), {}, title="cos").layout.xaxis.range is None


def test_few_points_need_no_bytes_and_gaps_stay_gaps() -> None:
    truth = np.array([1.0, np.nan, 3.0])
    figure = against(truth, {"rollcast": truth}, title="cos")
    assert figure.layout.meta is None
    assert figure.data[0].y[1] is None or np.isnan(figure.data[0].y[1])


@pytest.mark.parametrize("draw", [lambda: waves([wave()], title="A < B"),
                                  lambda: against(np.zeros(3), {}, title="A < B")])  # fmt: skip
def test_a_page_has_the_title_once_as_text(draw) -> None:
    assert "<h1>A &lt; B</h1>" in figure_html(draw())
