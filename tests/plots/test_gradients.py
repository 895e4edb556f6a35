"""Figures of gradients and of what training costs: what is in them, in both themes."""

import json

import numpy as np
import pytest

from rollcast.plots import GradientPicture, costs, gradient_flow, gradient_norms
from rollcast.plots.style import twins

from .test_figures import colours


def gradients():
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "head.weight")
    norms = np.array([[2.0, 2.0, 0.5, 0.5, np.sqrt(0.5)], [2.0, 2.0, 1.0, 0.0, 0.0]])
    return gradient_norms(GradientPicture(names, np.array([1, 2]), norms, norms / 3))


def four_ways():
    lengths = np.array([1000.0, 16_000.0])
    lines = {"full": (lengths, np.array([3.5, 33.0])), "truncated": (lengths, np.ones(2))}
    return costs({"memory (MiB)": lines, "time (s)": lines}, title="Four ways")


FIGURES = {
    "flow": lambda: gradient_flow({"one": np.linspace(-9, 0, 50)}, title="flow"),
    "norms": gradients,
    "costs": four_ways,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_title_names_and_axes_and_colours_with_twins(name):
    figure = FIGURES[name]()
    assert figure.layout.title.text and all(trace.name for trace in figure.data)
    assert figure.layout.yaxis.title.text
    known = {*twins(), "rgba(0,0,0,0)"}
    assert colours(json.loads(figure.to_json())) <= known


def test_a_flow_of_gradients_goes_back_from_the_last_step_on_powers_of_ten():
    logs = np.array([-400.0, -30.0, -2.0, 0.0])
    figure = gradient_flow({"one": logs, "<b>": np.array([-np.inf, np.nan, 5.0])}, title="flow")
    rounding, one, other = figure.data
    assert rounding.name == "rounding of float32"
    assert list(one.x) == [0, 1, 2, 3] and list(one.y) == [0.0, -2.0, -30.0, -400.0]
    assert other.name == "&lt;b&gt;" and np.isnan(other.y[1:]).all()
    low, high = figure.layout.yaxis.range
    assert -35 < low < -30 and high > 5, "what no network learns from is cut off"
    assert len(gradient_flow({"one": np.zeros(3)}, title="flow").data) == 1


def test_gradients_have_a_colour_a_layer_a_dash_a_kind_and_the_whole_below():
    figure = gradients()
    lines = {trace.name: trace for trace in figure.data}
    assert lines["weight_ih_l0"].line.color == lines["weight_hh_l0"].line.color
    assert lines["weight_ih_l0"].line.dash != lines["weight_hh_l0"].line.dash
    assert lines["weight_hh_l0"].line.color != lines["head.weight"].line.color
    assert lines["whole"].y == pytest.approx([3.0, 3.0]) and lines["whole"].yaxis == "y2"
    assert lines["whole, clipped"].y == pytest.approx([1.0, 1.0])
    assert np.isnan(lines["head.weight"].y[1]), "a norm of zero has no place on a log axis"


def test_gradients_that_jump_are_faint_with_their_running_means_and_all_told_apart():
    names = ("weight_hh_l0", "future.state", "future.calendar", "future.step", "future.output")
    norms = 10.0 ** np.random.default_rng(0).normal(size=(500, 5))
    figure = gradient_norms(GradientPicture(names, np.arange(500), norms, norms))
    named = [trace for trace in figure.data if trace.showlegend]
    faint = [trace for trace in figure.data if not trace.showlegend]
    assert [trace.name for trace in named] == [*names, "whole", "whole, clipped"]
    assert len(faint) == 7 and all(trace.opacity < 0.5 for trace in faint)
    assert len({(trace.line.color, trace.line.dash) for trace in named}) == 7
    np.testing.assert_array_equal(faint[0].y, norms[:, 0])


def test_costs_are_marked_at_the_lengths_that_were_measured():
    figure = four_ways()
    assert list(figure.layout.xaxis2.ticktext) == ["1 000", "16 000"]
    assert (figure.layout.yaxis.type, figure.layout.yaxis.tickformat) == ("log", "~g")
    assert {trace.yaxis for trace in figure.data} == {"y", "y2"}
