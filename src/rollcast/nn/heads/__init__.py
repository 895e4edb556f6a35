"""Heads: what the last numbers of a network mean, and how far they are from the truth.

A head reads some numbers a step and is a row of ``HEADS``, chosen with its options as one text.
Point heads give one number; the loss is the mean over the observed elements of the target of

    mse        e²                                            e = output − target
    mae        |e|: weighed by seasonal units, as training does, that is MASE
    huber      e²/2 where |e| ≤ δ, else δ(|e| − δ/2)         Huber 1964
    smape      2|e| / (|output| + |target|)                  in the unit of the data

Quantile heads give a number for each of K levels:

    quantile   2/K Σₖ max(τₖ(−eₖ), (1 − τₖ)eₖ)              Koenker and Bassett 1978
    crps       the same at many even levels, (k − ½)/K: the continuous ranked probability score

That is twice the pinball loss: the single level 0.5 gives mae exactly. Distributions give their
parameters, and their loss is the negative log-likelihood:

    normal, student_t, mixture        of any values, in scaled units
    log_normal                        of values above 0
    poisson, negative_binomial        of counts, in counts
    tweedie                           of values from 0 on, many of them 0: see tweedie.py

The first number of a distribution is its location in scaled units, which is where the linear paths
of the networks lead; see link.py for how that becomes the mean of what cannot be below 0.
"""

from collections.abc import Sequence

import numpy as np

from rollcast.choice import choose, require
from rollcast.errors import UsageError
from rollcast.nn.heads import counts, log_normal, mixture, normal, smape, student_t, tweedie
from rollcast.nn.heads.head import Family, Head, Unit

__all__ = ["DEFAULT_LEVELS", "HEADS", "Family", "Head", "Unit", "make_head"]

DEFAULT_LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""What head quantile learns, and what distributions are scored at."""

MOST_LEVELS, MOST_COMPONENTS = 999, 100


def _mse() -> Head:
    return Head("mse")


def _mae() -> Head:
    return Head("mae")


def _huber(delta: float = 1.0) -> Head:
    fits = bool(np.isfinite(delta)) and delta > 0.0
    require("delta", delta, fits, "the error, above 0, from which on the loss is straight")
    return Head("huber", delta=float(delta))


def _smape() -> Head:
    return Head("smape", family=smape.SMAPE)


def _quantile() -> Head:
    return Head("quantile", len(DEFAULT_LEVELS), DEFAULT_LEVELS)


def _crps(levels: int = 19) -> Head:
    require("levels", levels, 1 <= levels <= MOST_LEVELS, f"a number from 1 to {MOST_LEVELS}")
    even = tuple(((np.arange(levels) + 0.5) / levels).tolist())
    return Head("quantile", levels, even)


def _normal() -> Head:
    return Head("normal", 2, DEFAULT_LEVELS, family=normal.NORMAL)


def _student_t() -> Head:
    return Head("student_t", 3, DEFAULT_LEVELS, family=student_t.STUDENT_T)


def _log_normal() -> Head:
    found = log_normal.LOG_NORMAL
    return Head("log_normal", 2, DEFAULT_LEVELS, family=found, support="positive")


def _poisson() -> Head:
    return Head("poisson", 1, DEFAULT_LEVELS, family=counts.POISSON, support="counts")


def _negative_binomial() -> Head:
    found = counts.NEGATIVE_BINOMIAL
    return Head("negative_binomial", 2, DEFAULT_LEVELS, family=found, support="counts")


def _tweedie(power: float = 1.5) -> Head:
    require("power", power, 1.0 < power < 2.0, "a number between 1 and 2, both excluded")
    found = tweedie.family(power)
    return Head("tweedie", 2, DEFAULT_LEVELS, family=found, support="nonnegative")


def _mixture(components: int = 3) -> Head:
    fits = 1 <= components <= MOST_COMPONENTS
    require("components", components, fits, f"a number from 1 to {MOST_COMPONENTS}")
    found = mixture.family(components)
    return Head("mixture", 1 + 3 * components, DEFAULT_LEVELS, family=found)


HEADS = {
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "smape": _smape,
    "quantile": _quantile,
    "crps": _crps,
    "normal": _normal,
    "student_t": _student_t,
    "log_normal": _log_normal,
    "poisson": _poisson,
    "negative_binomial": _negative_binomial,
    "tweedie": _tweedie,
    "mixture": _mixture,
}
"""Name → what makes the head, with its options."""


def make_head(text: str, levels: Sequence[float] | None = None) -> Head:
    """The head that ``text`` names, such as ``"huber(delta=0.5)"``.

    ``levels`` are for head quantile, rising, between 0 and 1. Raises ``UsageError``.

    >>> make_head("quantile", (0.1, 0.5, 0.9)).width
    3
    """
    head = choose("head", text, HEADS)
    if levels is None:
        return head
    if text != "quantile":
        raise UsageError(f"levels={levels!r}: only head quantile has levels, not {text!r}.")
    chosen = tuple(float(level) for level in levels)
    rising = all(low < high for low, high in zip((0.0, *chosen), (*chosen, 1.0), strict=True))
    if not chosen or not rising:
        raise UsageError(
            f"levels={levels!r}: give at least one level, each above the one before, "
            "between 0 and 1, such as (0.1, 0.5, 0.9)."
        )
    return Head("quantile", len(chosen), chosen)
