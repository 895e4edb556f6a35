"""The arguments of a `Forecaster`, checked before any work."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from rollcast.choice import is_whole, written
from rollcast.data.transform import make_transform
from rollcast.errors import UsageError
from rollcast.forecast.blend import blended
from rollcast.forecast.feeding import FEEDING
from rollcast.nn.heads import make_head
from rollcast.train.training import Training

BUDGET = 60.0
"""Seconds of a search."""

STRATEGIES = ("direct", "recursive", "segment", "auto")


def check_params(params: dict[str, Any]) -> None:
    """Raise UsageError for arguments that the parts they are handed to would not refuse."""
    least_of = {"horizon": 1, "seed": 0, "ensemble": 1, "context": 1, "segment": 1}
    least_of |= {"validation": 1, "trials": 1}
    for name, least in least_of.items():
        found = params[name]
        if name in ("context", "segment", "validation", "trials") and found is None:
            continue
        whole = is_whole(found)
        if not whole or found < least:
            raise UsageError(f"{name}={found!r}: expected a whole number from {least}.")
    if params["strategy"] not in STRATEGIES:
        raise UsageError(f"strategy={params['strategy']!r}: choose one of {', '.join(STRATEGIES)}.")
    if params["trials"] is not None and params["strategy"] != "auto":
        raise UsageError(
            f"trials={params['trials']} with strategy={params['strategy']!r}: only "
            "strategy='auto' makes trials. Leave them out, or take that strategy."
        )
    check_seconds("budget", params["budget"])
    if params["segment"] is not None and params["strategy"] != "segment":
        raise UsageError(
            f"segment={params['segment']} with strategy={params['strategy']!r}: only "
            "strategy='segment' has segments. Leave it out, or take that strategy."
        )
    if params["skip"] not in ("ridge", "none") and params["strategy"] == "recursive":
        raise UsageError(
            f"skip={params['skip']!r} with strategy='recursive': its linear path starts as a ridge "
            "regression, or there is none. Give 'ridge' or 'none'."
        )
    feeding = written("feeding", params["feeding"], FEEDING)
    if feeding != "free" and params["strategy"] != "recursive":
        raise UsageError(
            f"feeding={feeding!r} with strategy={params['strategy']!r}: only a recursive network "
            "is fed its forecasts. Leave it out, or take strategy='recursive'."
        )
    if params["dropout"] and params["strategy"] == "recursive" and np.size(params["hidden"]) == 1:
        raise UsageError(
            f"dropout={params['dropout']} with strategy='recursive' and hidden={params['hidden']}: "
            "it stands between layers there. Give two layers or more, or leave it out."
        )
    if params["blend"] is not None:
        blended(params["blend"])
    if not isinstance(params["refit"], bool):
        raise UsageError(f"refit={params['refit']!r}: expected True or False.")
    transform = make_transform(params["transform"])
    support = make_head(params["head"]).support
    if transform is not None and support != "any":
        raise UsageError(
            f"transform={params['transform']!r} with head={params['head']!r}: that head needs the "
            "values as they are. Take another head, such as 'quantile', or no transform."
        )
    for name in ("nonnegative", "integer"):
        if not isinstance(params[name], bool):
            raise UsageError(f"{name}={params[name]!r}: expected True or False.")
    if not isinstance(params["training"], Training):
        raise UsageError(
            f"training={params['training']!r}: expected a Training, as in "
            "training=Training(steps=500)."
        )
    if not isinstance(params["name"], str) or not params["name"]:
        raise UsageError(f"name={params['name']!r}: expected the name of a column.")


def check_seconds(name: str, found: Any) -> None:
    """Raise UsageError for what is no time above 0; None is no limit."""
    number = isinstance(found, int | float | np.number) and not isinstance(found, bool)
    if found is not None and not (number and 0.0 < float(found) < inf):
        raise UsageError(f"{name}={found!r}: expected seconds, a number above 0.")
