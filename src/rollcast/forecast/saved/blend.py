"""A blend in a model file, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.errors import ModelFileError, UsageError
from rollcast.forecast.blend import Blend, blended
from rollcast.model.file import field, section
from rollcast.model.spec import NetworkSpec
from rollcast.score.phases import PhaseMap


def pack_blend(blend: Blend, spec: dict[str, Any]) -> dict[str, np.ndarray]:
    """Its section, if it has learnt anything; what else it is goes into ``spec``."""
    spec["blend_share"] = blend.share
    if blend.map is None:
        return {}
    found = blend.map
    spec["blend_map"] = {"season": found.season, "last": found.last, "penalty": found.penalty}
    return {"network/blend": found.weights}


def unpack_blend(
    method: str | None, spec: dict[str, Any], sections: dict[str, np.ndarray], network: NetworkSpec
) -> Blend:
    """The blend beside a network; raises ModelFileError for one that cannot be."""
    share = field(spec, "blend_share", float) if "blend_share" in spec else 0.0
    try:
        names = [] if method is None else blended(method)
    except UsageError:
        names = None
    if names is None or not 0.0 <= share <= 1.0:
        raise ModelFileError(f"the model is blended with {str(method)[:40]!r}, a share of {share}.")
    if "linear" not in names:
        return Blend(method, share)
    saved = field(spec, "blend_map", dict)
    season, last = field(saved, "season", int), field(saved, "last", bool)
    penalty = field(saved, "penalty", float)
    if season not in (1, network.season) or season > network.context or not 0.0 < penalty < np.inf:
        raise ModelFileError("the model's linear map cannot be. Save the model again.")
    inputs = network.context // season * (2 if season > 1 else 1)
    weights = section(sections, "network/blend", "f8", (inputs, -(-network.horizon // season)))
    if not np.isfinite(weights).all():
        raise ModelFileError("the model's linear map holds numbers without measure.")
    return Blend(method, share, PhaseMap(weights, season, last, penalty))
