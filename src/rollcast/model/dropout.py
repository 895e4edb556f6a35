"""Dropout of the stack's last states, which what follows reads; between layers the stack has it."""

from __future__ import annotations

import numpy as np

from rollcast.model.spec import NetworkSpec
from rollcast.nn.layers import dropout_mask

Array = np.ndarray


def state_dropout(
    spec: NetworkSpec, seed: int, step: int, groups: int, rows: int, dtype: np.dtype
) -> Array | None:
    """What states ``(groups · rows, units)`` are multiplied by while training; None without."""
    if not spec.dropout:
        return None
    places, units = (np.arange(groups)[:, None], np.arange(rows)), spec.hidden[-1]
    mask = dropout_mask(spec.dropout, seed, step, len(spec.hidden), *places, units)
    return mask.reshape(-1, units).astype(dtype)
