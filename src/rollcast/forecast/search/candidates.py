"""What ``strategy="auto"`` tries beside the network of the default, in the order of its worth.

The order is that of a study over small and middle-sized tables with one part of each kept for the
judge: what was best there most often, for the time it took, comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.panel import Panel
from rollcast.forecast.forecaster_params import BUDGET
from rollcast.forecast.holdout import Holdout

Setting = dict[str, Any]

CANDIDATES: tuple[Setting, ...] = (
    {"transform": "log1p"},
    {"learning_rate": 3.0},
    {"hidden": (32,)},
    {"strategy": "segment"},
    {"strategy": "recursive"},
    {"strategy": "segment", "context": 2},
    {"scaling": "series"},
    {"context": 2},
    {"strategy": "recursive", "scaling": "series"},
    {"cell": "gru"},
    {"context": 0.5},
    {"strategy": "segment", "cell": "gru"},
    {"strategy": "segment", "learning_rate": 3.0},
    {"dropout": 0.2},
    {"learning_rate": 0.3},
    {"hidden": (128, 128)},
)
"""Arguments in the place of the default's; context and learning rate as factors of its own."""

GROWS = 2.0
"""Logarithms are tried where the largest value of most series is so many times the smallest."""


def candidates(
    params: dict[str, Any], panel: Panel, holdout: Holdout, context: int, rate: float
) -> list[Setting]:
    """The settings to try for these arguments, each without the factors: what is given is not
    tried otherwise, and no window is longer than the shortest training part that would be left.

    ``context`` and ``rate`` are those of the default.
    """
    usual = {"context": None, "cell": "lstm", "hidden": (64, 64), "scaling": "window"}
    usual |= {"dropout": 0.0, "transform": None}
    given = {name for name, value in usual.items() if _plain(params[name]) != value}
    if params["training"].learning_rate is not None:
        given.add("learning_rate")
    if params["normalize"] is not None:  # of direct networks of several layers
        given |= {"strategy", "hidden"}
    if params["skip"] not in ("ridge", "none"):
        given.add("strategy")
    if not grows(panel):
        given.add("transform")
    room = panel.lengths - holdout.rows - int(params["horizon"])
    found: list[Setting] = []
    for each in CANDIDATES:
        if given & set(each):
            continue
        setting = dict(each)
        if "context" in each:
            setting["context"] = max(1, round(each["context"] * context))
            if setting["context"] > max(1, int(np.median(room)) // 2):
                continue
        if "learning_rate" in each:
            setting["learning_rate"] = each["learning_rate"] * rate
        if setting not in found:
            found.append(setting)
    return found


def grows(panel: Panel) -> bool:
    """Whether all values are above 0 and those of most series differ by a factor of GROWS."""
    values, begins = panel.values, panel.offsets[:-1]
    least = np.minimum.reduceat(np.where(np.isnan(values), np.inf, values), begins)
    most = np.maximum.reduceat(np.where(np.isnan(values), -np.inf, values), begins)
    return bool((least > 0.0).all() and np.median(most / least) >= GROWS)


def applied(params: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """The arguments of a `Forecaster` with a setting in their place."""
    chosen = params | {"strategy": "direct", "trials": None, "budget": BUDGET} | setting
    rate = chosen.pop("learning_rate", None)
    if rate is not None:
        chosen["training"] = replace(params["training"], learning_rate=rate)
    return chosen


def chosen_of(params: dict[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """The arguments that a search came to: with the setting it chose, as they are without one."""
    return applied(params, settings[0]) if settings else dict(params)


def setting_text(setting: Setting) -> str:
    """A setting in words: ``segment, context 84``; that of the default is "default"."""
    words = []
    for name, value in setting.items():
        if name == "strategy":
            words.append(str(value))
        elif isinstance(value, list | tuple):
            words.append(f"{name} {' × '.join(map(str, value))}")
        else:
            said = f"{value:.3g}" if isinstance(value, float) else str(value)
            words.append(f"{name.replace('_', ' ')} {said}")
    return ", ".join(words) or "default"


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value
