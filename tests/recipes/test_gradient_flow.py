"""The recipe of vanishing and exploding gradients, small."""

import math

import numpy as np
import pytest

from rollcast.errors import UsageError
from rollcast.recipes import RECIPES, gradient_flow

SMALL = {"length": 30, "hidden": (12,), "steps": 60, "gains": (0.5, 1.0, 3.0)}


@pytest.fixture(scope="module")
def result():
    return gradient_flow(**SMALL)


def row(result, name):
    return next(each for each in result.table if each["network"] == name)


def test_it_is_in_the_table_of_recipes_with_a_picture_for_each_claim(result):
    assert RECIPES["gradient-flow"] is gradient_flow
    assert set(result.figures) == {"gains", "cells", "learning", "clipping", "weights"}
    assert result.settings["seed"] == 0 and result.settings["gains"] == SMALL["gains"]


def test_the_norm_falls_with_the_scale_of_the_matrix_and_never_above_its_bound(result):
    norms = []
    for gain in SMALL["gains"]:
        found = row(result, f"rnn tanh, gain {gain:g}")
        assert found["singular value"] == pytest.approx(gain, rel=1e-6)
        norms.append(found["log10 norm over all steps"])
        assert norms[-1] <= 30 * math.log10(gain) + 1e-9, "tanh's slope is at most 1"
    assert norms == sorted(norms) and norms[0] < -8 and norms[-1] > 1


def test_the_forget_gates_bias_decides_how_far_an_lstm_reaches(result):
    names = ("lstm", "lstm, forget bias 1", "lstm, forget bias 4")
    norms = [row(result, name)["log10 norm over all steps"] for name in names]
    assert norms[0] < norms[1] - 2 < norms[2] - 3


def test_without_clipping_the_same_run_diverges_and_says_when(result):
    clipped, not_clipped = (
        row(result, f"rnn tanh, gain 1.2, SGD {name}") for name in ("clipped", "not clipped")
    )
    assert clipped["note"] == "" and clipped["loss at the end"] < 1.0
    assert (
        "diverged" in not_clipped["note"]
        or not_clipped["loss at the end"] > clipped["loss at the end"]
    )


def test_the_same_seed_gives_the_same_numbers_and_listeners_hear_every_run():
    tiny = {"length": 8, "hidden": (4,), "steps": 3, "gains": (1.0,)}
    events = []
    first = gradient_flow(**tiny, published=True, listeners=[events.append])
    again = gradient_flow(**tiny, published=True)
    assert first.metrics == pytest.approx(again.metrics, rel=0, abs=0, nan_ok=True)
    assert events
    names = [each["network"] for each in first.table]
    assert {"lstm", "lstm, as published", "lstm, forget bias 4"} <= set(names)
    assert all(np.isfinite(value) for value in first.metrics.values())


def test_cells_their_first_weights_and_depth_are_options():
    found = gradient_flow(
        length=6, hidden=(4, 3), gains=(1.0,), steps=2, cells=("lstm torch(forget_bias=2)",)
    )
    assert found.table[1]["network"] == "lstm, forget bias 2"


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="length=1"):
        gradient_flow(length=1)
    with pytest.raises(UsageError, match=r"cells=.*one at least"):
        gradient_flow(cells=())
