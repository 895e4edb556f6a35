"""Every option of the specification on every recipe where it makes sense, at tiny sizes."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from rollcast.recipes import RECIPES
from rollcast.recipes.gradient_run import measure

# Sizes that run in a fraction of a second. Where there are two layers, dropout and normalisation
# have a place between them.
SMALL: Mapping[str, dict[str, Any]] = {
    "sine-forecast": {"series": 6, "rows": 40, "hidden": (5, 4), "steps": 2},
    "any-shape": {"series": 6, "rows": 40, "hidden": (5, 4), "steps": 2},
    "minutes-played": {"series": 12, "hidden": (5, 4), "steps": 2},
    "sin-to-cos": {"points": 8, "windows": 12, "hidden": (5, 4)},
    "trig-stack": {"batches": 3, "optimizers": ("adam",), "hidden": (5, 4)},
    "closed-loop-sine": {"steps": 4, "hidden": (5, 4)},
    "next-day-temperature": {"steps": 2, "hidden": (5, 4), "context": 20},
    "gradient-flow": {
        "length": 6, "hidden": (4, 3), "gains": (1.0,), "cells": ("lstm",), "steps": 4,
    },
    "gradient-study": {
        "rows": 300, "lengths": (60,), "window": 20, "hidden": (4, 3), "epochs": 2,
    },
}  # fmt: skip

WAVES = {
    "dropout": 0.3, "normalize": ("layer", "batch"), "hidden": (6, 2), "cell": "gru",
    "optimizer": ("rmsprop", "lbfgs(iterations=2)"), "learning_rate": 0.02, "horizon": 7,
    "rows": 50, "seed": 1,
}  # fmt: skip

# Option → value, or values, each of which gives other figures than the recipe without it.
ASKED: Mapping[str, dict[str, Any]] = {
    "sine-forecast": WAVES,
    "any-shape": WAVES | {"features": 2, "uneven": True},
    "minutes-played": WAVES | {"rows": 13},
    "sin-to-cos": {
        "dropout": 0.3, "normalize": ("layer", "batch"), "hidden": (6, 2), "cell": "lstm",
        "optimizer": ("rmsprop", "sgd(momentum=0.9)"), "learning_rate": 0.02, "points": 9,
        "windows": 14, "seed": 1,
    },
    "trig-stack": {
        "dropout": 0.3, "normalize": ("layer", "batch", "recurrent_batch"), "hidden": (6, 2),
        "cell": "gru", "optimizers": (("adamw", "lbfgs(iterations=2)"),), "rates": ((0.1,),),
        "rows": 5, "seed": 1,
    },
    "closed-loop-sine": {
        "dropout": 0.3, "normalize": ("layer", "batch"), "hidden": (6, 2), "cell": "lstm",
        "optimizer": ("rmsprop", "lbfgs(iterations=2)"), "learning_rate": 0.02, "horizon": 7,
        "points": 20, "known": 5, "seed": 1,
    },
    "next-day-temperature": {
        "dropout": 0.3, "normalize": ("layer", "batch"), "hidden": (6, 2), "cell": "gru",
        "optimizer": ("rmsprop", "lbfgs(iterations=2)"), "learning_rate": 0.02, "context": 10,
        "seed": 1,
    },
    "gradient-flow": {
        "hidden": (5,), "cells": (("gru", "rnn_tanh orthogonal"),), "optimizer": "rmsprop",
        "learning_rate": 0.02, "length": 7, "gains": ((0.5, 2.0),), "seed": 1,
    },
    "gradient-study": {
        "dropout": 0.3, "hidden": (5,), "cell": "gru", "optimizer": "rmsprop",
        "learning_rate": 0.02, "lengths": ((70,),), "window": 25, "rows": 320, "seed": 1,
    },
}  # fmt: skip

SEVERAL = ("normalize", "optimizer", "optimizers", "rates", "cells", "gains", "lengths")
CASES = [
    (recipe, option, value)
    for recipe, options in ASKED.items()
    for option, values in options.items()
    for value in (values if option in SEVERAL and isinstance(values, tuple) else (values,))
]
OF_THE_CLOCK = ("seconds", "memory", "time")


PICTURES = (
    "against", "continued", "costs", "curves", "flow_figure", "gradient_norms", "training_curve",
    "with_slider",
)  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """gradient-study measures in processes of its own, which take a second each to begin; the
    baseline of minutes-played has 5000 steps."""
    prefix = "rollcast.recipes."
    monkeypatch.setattr(
        sys.modules[prefix + "gradient_study"], "measured", lambda setting: measure(**setting)
    )
    monkeypatch.setattr(sys.modules[prefix + "minutes_played"], "TIME_STEPS", 20)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pictures, which take most of the time at these sizes."""
    for name, module in list(sys.modules.items()):
        for picture in PICTURES if name.startswith("rollcast.recipes.") else ():
            if hasattr(module, picture):
                monkeypatch.setattr(module, picture, lambda *_, **__: None)


@cache
def usual(recipe: str) -> dict[str, float]:
    return figures(recipe, {})


def figures(recipe: str, options: dict[str, Any]) -> dict[str, float]:
    """The metrics that the seed decides."""
    found = RECIPES[recipe](**SMALL[recipe] | options)
    for option, value in options.items():
        if option != "rates":
            assert np.shape(found.settings[option]) == np.shape(value) or option == "hidden"
    return {
        name: value
        for name, value in found.metrics.items()
        if not any(word in name for word in OF_THE_CLOCK)
    }


@pytest.mark.parametrize(("recipe", "option", "value"), CASES, ids=str)
@pytest.mark.usefixtures("undrawn")
def test_an_option_works_and_changes_what_comes_out(recipe: str, option: str, value: Any) -> None:
    found = figures(recipe, {option: value})
    assert np.isfinite(list(found.values())).all()
    assert found != usual(recipe)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_published_variant_stands_beside_ours(recipe: str) -> None:
    found = figures(recipe, {"published": True})
    assert found.items() >= usual(recipe).items()
