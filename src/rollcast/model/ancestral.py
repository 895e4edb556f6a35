"""Paths of the future drawn step by step: each value from the distribution after those before it.

A value that was drawn is read as if it had been observed, so that each step is one step ahead
(ancestral sampling; Graves 2013; Salinas et al. 2020, DeepAR, section 3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast.model.predict import MEMORIES_AT_ONCE
from rollcast.model.recursive import next_step, remembered
from rollcast.model.walk import memories, walks

if TYPE_CHECKING:
    from rollcast.data.windows import Windows
    from rollcast.model.network import Network

Array = np.ndarray

ROWS_AT_ONCE = 4096
"""Paths drawn side by side."""

FARTHEST = 1e6
"""Scales of the window: no path goes further, so that none becomes infinite."""


def ancestral_paths(
    network: Network, weights: Array, windows: Windows, paths: int, seed: int
) -> Array:
    """``(windows, paths, horizon)`` in the unit of what the network sees; of a recursive network
    whose head is a distribution, without inputs."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    found = np.empty((windows.count, paths, windows.horizon))
    each = max(1, min(ROWS_AT_ONCE // paths, MEMORIES_AT_ONCE))
    for start in range(0, windows.count, each):
        chosen = np.arange(start, min(start + each, windows.count))
        batch = windows.batch(chosen)
        walking = walks(network, windows)
        memory = (
            memories(network, weights, windows, chosen)
            if walking
            else remembered(network, weights, batch)
        )
        rows = np.repeat(np.arange(len(chosen)), paths)
        memory = memory.take(rows)
        location, scale = batch.location[rows], batch.scale[rows]
        for step in range(windows.horizon):
            features = np.ascontiguousarray(batch.future_features[step : step + 1, rows])
            output, memory = next_step(network, weights, memory, features)
            chance = generator.random((1, len(rows)))
            value = network.head.sample(output, chance, location, scale)[0]
            scaled = np.clip((value - location) / scale, -FARTHEST, FARTHEST)
            found[chosen, :, step] = (location + scale * scaled).reshape(len(chosen), paths)
            memory = replace(memory, value=scaled.astype(memory.value.dtype))
    return found
