"""The arguments of a `Forecaster`, checked before any work."""

from __future__ import annotations

from typing import Any

from rollcast.choice import is_whole
from rollcast.errors import UsageError
from rollcast.forecast.blend import BLENDS
from rollcast.train.training import Training

STRATEGIES = ("direct", "recursive", "segment", "auto")


def check_params(params: dict[str, Any]) -> None:
    """Raise UsageError for arguments that the parts they are handed to would not refuse."""
    least_of = {"horizon": 1, "seed": 0, "ensemble": 1, "context": 1, "segment": 1, "validation": 1}
    for name, least in least_of.items():
        found = params[name]
        if name in ("context", "segment", "validation") and found is None:
            continue
        whole = is_whole(found)
        if not whole or found < least:
            raise UsageError(f"{name}={found!r}: expected a whole number from {least}.")
    if params["strategy"] not in STRATEGIES:
        raise UsageError(f"strategy={params['strategy']!r}: choose one of {', '.join(STRATEGIES)}.")
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
    if params["blend"] is not None and params["blend"] not in BLENDS:
        raise UsageError(f"blend={params['blend']!r}: choose one of None, {', '.join(BLENDS)}.")
    if not isinstance(params["refit"], bool):
        raise UsageError(f"refit={params['refit']!r}: expected True or False.")
    if not isinstance(params["training"], Training):
        raise UsageError(
            f"training={params['training']!r}: expected a Training, as in "
            "training=Training(steps=500)."
        )
    if not isinstance(params["name"], str) or not params["name"]:
        raise UsageError(f"name={params['name']!r}: expected the name of a column.")
