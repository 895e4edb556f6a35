"""Optimizers: one update of one flat vector of weights, in place, by the native engine.

A row of ``OPTIMIZERS`` names the arrays it keeps between updates, each as long as the weights, so
that the checkpoint sees them. The arithmetic is that of ``torch.optim``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np

from rollcast import engine

# weights, gradient, arrays by name, count of this update from 1, learning rate, and what the
# gradient is multiplied by on its way in
Update = Callable[[np.ndarray, np.ndarray, Mapping[str, np.ndarray], int, float, float], None]


@dataclass(frozen=True)
class Optimizer:
    """The names of the arrays it keeps, and ``update``, which changes weights and arrays."""

    arrays: tuple[str, ...]
    update: Update

    def start(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays before the first update: zeros."""
        return {name: np.zeros_like(weights) for name in self.arrays}


def sgd(momentum: float = 0.9, weight_decay: float = 0.0) -> Optimizer:
    """Gradient descent with momentum (Polyak 1964; in the form of Sutskever et al. 2013).

    As in torch the velocity is a sum of gradients, not yet multiplied by the learning rate, so a
    change of the rate acts at once.
    """

    def update(weights, gradient, arrays, step, learning_rate, scale):
        engine.sgd(
            weights,
            gradient,
            arrays["velocity"],
            rate=learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            first=step == 1,
            scale=scale,
        )

    return Optimizer(("velocity",), update)


def adam(
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
) -> Optimizer:
    """Adam (Kingma and Ba 2015, algorithm 1).

    Weight decay is added to the gradient, or, when ``decoupled``, taken off the weights (AdamW:
    Loshchilov and Hutter 2019, algorithm 2).
    """

    def update(weights, gradient, arrays, step, learning_rate, scale):
        engine.adam(
            weights,
            gradient,
            arrays["mean"],
            arrays["square"],
            step,
            rate=learning_rate,
            betas=(beta1, beta2),
            epsilon=epsilon,
            weight_decay=weight_decay,
            decoupled=decoupled,
            scale=scale,
        )

    return Optimizer(("mean", "square"), update)


def adamw(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01
) -> Optimizer:
    """Adam with decoupled weight decay, torch's default of 0.01."""
    return adam(beta1, beta2, epsilon, weight_decay, decoupled=True)


OPTIMIZERS: dict[str, Optimizer] = {"sgd": sgd(), "adam": adam(), "adamw": adamw()}


def clip(
    gradient: np.ndarray, clip_norm: float | None, clip_value: float | None
) -> tuple[float, float]:
    """The norm that the gradient came with, and what to multiply it by to bound its norm.

    First every element is brought into ±``clip_value``, in place; then the factor is found that
    brings the whole down to ``clip_norm``, as in ``torch.nn.utils`` (Pascanu et al. 2013,
    algorithm 1). The update multiplies by it, which saves a pass. None leaves a part out. The norm
    is not finite when an element is not, and then nothing is clipped.
    """
    came_with = norm = engine.norm(gradient)
    if not isfinite(norm):
        return came_with, 1.0
    if clip_value is not None and norm > clip_value:  # no element can be larger than the norm
        np.clip(gradient, -clip_value, clip_value, out=gradient)
        norm = engine.norm(gradient)
    if clip_norm is None:
        return came_with, 1.0
    return came_with, min(1.0, clip_norm / (norm + 1e-6))  # 1e-6: torch's guard against 0 / 0
