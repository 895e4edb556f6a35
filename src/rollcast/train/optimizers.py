"""Optimizers: one update of one flat vector of weights, in place, by the native engine.

A row of ``OPTIMIZERS`` makes an optimizer from its options. It names the arrays it keeps between
updates, so that the checkpoint sees them. The arithmetic is that of ``torch.optim``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.choice import require
from rollcast.train.lbfgs import LBFGS

# weights, gradient, arrays by name, count of this update from 1, learning rate, bounds of the
# gradient's norm and of its elements (None: none); returns the norm that the gradient came
# with, and changes nothing where that is not finite
Bound = float | None
Update = Callable[
    [np.ndarray, np.ndarray, Mapping[str, np.ndarray], int, float, Bound, Bound], float
]


@dataclass(frozen=True)
class Optimizer:
    """The names of the arrays it keeps, and ``update``, which changes weights and arrays."""

    arrays: tuple[str, ...]
    update: Update

    def start(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays before the first update: zeros, each as long as the weights."""
        return {name: np.zeros_like(weights) for name in self.arrays}


def sgd(momentum: float = 0.0, weight_decay: float = 0.0) -> Optimizer:
    """Gradient descent, with momentum on request (Polyak 1964; as in Sutskever et al. 2013).

    As in torch the velocity is a sum of gradients, not yet multiplied by the learning rate, so a
    change of the rate acts at once.
    """
    _share("momentum", momentum)
    _decay(weight_decay)

    def update(weights, gradient, arrays, step, learning_rate, clip_norm, clip_value):
        return engine.sgd(
            weights,
            gradient,
            arrays.get("velocity"),
            rate=learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            first=step == 1,
            clip_norm=clip_norm,
            clip_value=clip_value,
        )

    return Optimizer(("velocity",) if momentum else (), update)


def rmsprop(
    alpha: float = 0.99,
    epsilon: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    centered: bool = False,
) -> Optimizer:
    """RMSprop (Tieleman and Hinton 2012, lecture 6.5); centered as in Graves 2013, section 4.2."""
    _share("alpha", alpha)
    _share("momentum", momentum)
    _above("epsilon", epsilon)
    _decay(weight_decay)

    def update(weights, gradient, arrays, step, learning_rate, clip_norm, clip_value):
        return engine.rmsprop(
            weights,
            gradient,
            arrays["square"],
            arrays.get("mean"),
            arrays.get("velocity"),
            rate=learning_rate,
            alpha=alpha,
            epsilon=epsilon,
            momentum=momentum,
            weight_decay=weight_decay,
            clip_norm=clip_norm,
            clip_value=clip_value,
        )

    kept = {"square": True, "mean": centered, "velocity": momentum > 0.0}
    return Optimizer(tuple(name for name, needed in kept.items() if needed), update)


def adam(
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Adam (Kingma and Ba 2015, algorithm 1); weight decay is added to the gradient."""
    return _adam(beta1, beta2, epsilon, weight_decay, decoupled=False)


def adamw(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01
) -> Optimizer:
    """Adam with weight decay taken off the weights (Loshchilov and Hutter 2019, algorithm 2), by
    default torch's 0.01."""
    return _adam(beta1, beta2, epsilon, weight_decay, decoupled=True)


def _adam(
    beta1: float, beta2: float, epsilon: float, weight_decay: float, decoupled: bool
) -> Optimizer:
    _share("beta1", beta1)
    _share("beta2", beta2)
    _above("epsilon", epsilon)
    _decay(weight_decay)

    def update(weights, gradient, arrays, step, learning_rate, clip_norm, clip_value):
        return engine.adam(
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
            clip_norm=clip_norm,
            clip_value=clip_value,
        )

    return Optimizer(("mean", "square"), update)


def _share(name: str, value: float) -> None:
    require(name, value, 0.0 <= value < 1.0, "a number in [0, 1)")


def _above(name: str, value: float) -> None:
    require(name, value, 0.0 < value < 1e9, "a number above 0")


def _decay(value: float) -> None:
    require("weight_decay", value, 0.0 <= value < 1e9, "a number from 0")


OPTIMIZERS: dict[str, Callable[..., Optimizer | LBFGS]] = {
    "sgd": sgd,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "lbfgs": LBFGS,
}
