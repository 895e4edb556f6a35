"""Outputs and targets for every head."""

import numpy as np

from rollcast.nn.heads import HEADS, Head, make_head

NAMES = list(HEADS)

LOCATION = np.array([0.5, 3.0, 0.2, 40.0])
SCALE = np.array([1.0, 2.0, 0.5, 10.0])


def example(
    head: Head, seed: int = 0, dtype: type = np.float64, horizon: int = 5, batch: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs, scaled targets that the head allows, and what was observed; errors keep away from
    every kink."""
    generator = np.random.default_rng(seed)
    output = generator.standard_normal((horizon, batch, head.width))
    target = generator.standard_normal((horizon, batch))
    location, scale = LOCATION[:batch], SCALE[:batch]
    if head.support != "any":
        values = generator.poisson(np.abs(location + scale * target)).astype(float)
        values += 0.25 if head.support == "positive" else 0.0
        target = (values - location) / scale
    else:
        error = output - target[..., None]
        kinks = np.array([0.0, head.delta, -head.delta])
        assert np.abs(error[..., None] - kinks).min() > 1e-4
    observed = generator.random((horizon, batch)) > 0.3
    return output.astype(dtype), target.astype(dtype), observed


def unit(batch: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Location and scale of each window."""
    return LOCATION[:batch], SCALE[:batch]


def single(name: str, numbers: list[float]) -> tuple[Head, np.ndarray]:
    """A head and one output of it, ``(1, 1, width)``."""
    return make_head(name), np.array(numbers, float)[None, None]
