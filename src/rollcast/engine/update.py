"""Sums and the optimizers' steps, in place on one flat vector.

Every step clips the gradient on its way in: first each element to ±``clip_value``, then the whole
to the norm ``clip_norm`` (Pascanu et al. 2013, algorithm 1; as ``torch.nn.utils``), None = not at
all. It returns the norm that the gradient came with. Where that is not finite, nothing has been
changed.
"""

from math import sqrt

from rollcast.engine.rows import _native
from rollcast.engine.shapes import Array


def dot(one: Array, other: Array) -> float:
    """The sum of the products of two vectors, in float64 in a fixed order."""
    return _native.dot(one, other)


def norm(vector: Array) -> float:
    """Euclidean norm, summed in float64 in a fixed order."""
    return sqrt(_native.dot(vector, vector))


def sgd(
    weights: Array,
    gradient: Array,
    velocity: Array | None,
    *,
    rate: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    first: bool = False,
    clip_norm: float | None = None,
    clip_value: float | None = None,
) -> float:
    """One step of gradient descent with momentum, as ``torch.optim.SGD``; returns the norm.

    first tells that velocity holds nothing yet; without momentum it may be None.
    """
    return _native.sgd(
        weights, gradient, velocity, clip_norm or 0.0, clip_value or 0.0, rate, momentum,
        weight_decay, first,
    )  # fmt: skip


def rmsprop(
    weights: Array,
    gradient: Array,
    square: Array,
    mean: Array | None = None,
    velocity: Array | None = None,
    *,
    rate: float,
    alpha: float = 0.99,
    epsilon: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
) -> float:
    """One step of RMSprop (Tieleman & Hinton 2012), as ``torch.optim.RMSprop``; returns the norm.

    With ``mean`` it is centered (Graves 2013); with momentum there must be a velocity.
    """
    return _native.rmsprop(
        weights, gradient, square, mean, velocity, clip_norm or 0.0, clip_value or 0.0, rate,
        alpha, epsilon, momentum, weight_decay,
    )  # fmt: skip


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
    clip_norm: float | None = None,
    clip_value: float | None = None,
) -> float:
    """Step number ``step`` (from 1) of Adam (Kingma & Ba 2015); ``decoupled`` makes it AdamW
    (Loshchilov & Hutter 2019). Returns the norm."""
    return _native.adam(
        weights, gradient, mean, square, step, clip_norm or 0.0, clip_value or 0.0, rate, *betas,
        epsilon, weight_decay, decoupled,
    )  # fmt: skip
