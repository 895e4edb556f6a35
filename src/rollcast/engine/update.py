"""The norm and the optimizers' steps, in place on one flat vector."""

import numpy as np

from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array


def norm(vector: Array) -> float:
    """Euclidean norm, summed in float64 in a fixed order."""
    return float(np.sqrt(_native.squared_norm(vector)))


def sgd(
    weights: Array,
    gradient: Array,
    velocity: Array | None,
    *,
    rate: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    first: bool = False,
    scale: float = 1.0,
) -> None:
    """One step of gradient descent with momentum, in place, as ``torch.optim.SGD``.

    scale multiplies the gradient (clipping by norm); first tells that velocity holds nothing yet.
    """
    _native.sgd(weights, gradient, velocity, scale, rate, momentum, weight_decay, first)


def adam(
    weights: Array,
    gradient: Array,
    mean: Array,
    square: Array,
    step: int,
    *,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    scale: float = 1.0,
) -> None:
    """Step number ``step`` (from 1) of Adam (Kingma & Ba 2015), in place; ``decoupled`` makes it
    AdamW (Loshchilov & Hutter 2019). scale multiplies the gradient (clipping by norm)."""
    _native.adam(
        weights, gradient, mean, square, step, scale, rate, *betas, epsilon, weight_decay, decoupled
    )
