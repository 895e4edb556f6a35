"""The arguments of a `SequenceRegressor`, each checked by itself and made a plain Python value."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.choice import Table, choose, is_whole, require
from rollcast.engine import WIRED
from rollcast.errors import UsageError
from rollcast.forecast.feeding import FEEDING
from rollcast.forecast.sequence.scaling import SCALERS
from rollcast.forecast.sequence.score import RESTORE
from rollcast.model.linear_path import SKIPS
from rollcast.model.networks import NORMALIZED
from rollcast.nn.initial import INITIAL
from rollcast.train.training import Training

WHOLE: dict[str, tuple[int, int]] = {
    "ahead": (0, 1), "burn_in": (0, 2**31), "held_out": (0, 2**31), "window": (1, 2**31),
    "stride": (1, 2**31), "check_every": (1, 2**31), "seed": (0, 2**63 - 1),
}  # fmt: skip
"""Whole numbers, with the least and the largest that they may be."""

OPTIONAL = ("window", "stride", "check_every")

WORDS: dict[str, tuple[object, ...]] = {
    "readout": (False, True), "bidirectional": (False, True), "stateful": (False, True, "always"),
    "record_burn_in": (False, True), "loss_steps": ("all", "last"), "normalize": tuple(NORMALIZED),
    "recompute": (None, "chunks"), "scaling": tuple(SCALERS), "difference": (False, True, "auto"),
}  # fmt: skip
"""What each of these may be."""

CHOICES: dict[str, Table] = {
    "cell": WIRED, "feeding": FEEDING, "restore": RESTORE, "initial": INITIAL,
    "skip": SKIPS,
}  # fmt: skip


def checked(params: dict[str, Any]) -> dict[str, Any]:
    """The arguments as Python's own numbers, truths and tuples. Raises `UsageError`."""
    found = dict(params)
    for name in ("inputs", "targets"):
        found[name] = _names(name, params[name])
    for name, (least, most) in WHOLE.items():
        value = params[name]
        if value is None and name in OPTIONAL:
            continue
        fits = is_whole(value) and bool(least <= value <= most)
        expected = "0 or 1" if most == 1 else f"a whole number from {least}"
        require(name, value, fits, expected + (", or None" if name in OPTIONAL else ""))
        found[name] = int(params[name])
    for name, words in WORDS.items():
        found[name] = _word(name, params[name], words)
    for name, table in CHOICES.items():
        choose(name, params[name], table)
    dropout = params["dropout"]
    number = isinstance(dropout, int | float | np.number) and not isinstance(dropout, bool)
    fits = number and bool(0.0 <= dropout < 1.0)
    require("dropout", dropout, fits, "a probability below 1")
    found["dropout"] = float(dropout)
    found["hidden"] = _hidden(params["hidden"])
    named = isinstance(params["name"], str) and params["name"] != ""
    require("name", params["name"], named, "the name of a column")
    training = params["training"]
    require("training", training, isinstance(training, Training), "a Training(…)")
    return found


def _names(option: str, given: Any) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    texts = all(isinstance(name, str) for name in names)
    if not names or not texts or len(set(names)) < len(names):
        raise UsageError(f"{option}={given!r}; expected a column name, or several different ones.")
    return names


def _word(name: str, value: Any, words: tuple[object, ...]) -> Any:
    if isinstance(value, np.bool_):
        value = bool(value)
    # 1 equals True and is none: it would not be that once it was saved
    if not any(type(value) is type(word) and value == word for word in words):
        raise UsageError(f"{name}={value!r}; choose one of {', '.join(map(str, words))}.")
    return value


def _hidden(given: Any) -> tuple[int, ...]:
    layers = tuple(given) if hasattr(given, "__iter__") else ()
    if not layers or not all(is_whole(units) and units >= 1 for units in layers):
        raise UsageError(f"hidden={given!r}; expected the units of each layer, such as (64, 64).")
    return tuple(int(units) for units in layers)
