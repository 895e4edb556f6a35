"""The norm of a gradient, weight by weight, before and after clipping."""

from collections.abc import Mapping
from math import isfinite, sqrt

import numpy as np

from rollcast import engine

MOST_NAMED = 4
GUARD = 1e-6
"""Added to the norm before the bound is divided by it: as the engine does, and PyTorch."""


def norms_of(
    gradient: np.ndarray,
    places: Mapping[str, slice],
    clip_norm: float | None,
    clip_value: float | None,
) -> tuple[dict[str, float], dict[str, float]]:
    """Norms by name, as the gradient came and as the optimizer takes it: elements first brought
    within ±``clip_value``, then the whole to the norm ``clip_norm`` (None = not clipped)."""
    norms = _by_name(gradient, places)
    if not all(map(isfinite, norms.values())):
        return norms, norms
    clipped = norms
    if clip_value is not None:
        clipped = _by_name(np.clip(gradient, -clip_value, clip_value), places)
    whole = sqrt(sum(norm * norm for norm in clipped.values()))
    if clip_norm is not None and whole + GUARD > clip_norm:
        scale = clip_norm / (whole + GUARD)
        clipped = {name: scale * norm for name, norm in clipped.items()}
    return norms, clipped


def norm_called(gradient: np.ndarray, places: Mapping[str, slice]) -> str:
    """What to call a norm that is not finite: it names the weights it comes from, unless they are
    so many that it says nothing."""
    broken = [name for name, place in places.items() if not np.isfinite(gradient[place]).all()]
    return f"gradient norm of {', '.join(broken)}" if len(broken) <= MOST_NAMED else "gradient norm"


def _by_name(gradient: np.ndarray, places: Mapping[str, slice]) -> dict[str, float]:
    return {name: engine.norm(gradient[place]) for name, place in places.items()}
