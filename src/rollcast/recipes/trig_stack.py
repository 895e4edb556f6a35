"""A stack of unequal layers, many to one, and a comparison of optimizers."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.errors import UsageError
from rollcast.plots import curves
from rollcast.recipes.frame import long_frame, values_of
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

if TYPE_CHECKING:
    import polars as pl

STEPS, WINDOWS, FRESH = 9, 300, 1000
"""Rows of a window, windows in a batch, windows that nobody was trained on."""

SEEN = (0, 20, 40, 60, 80)
PUBLISHED = {
    "adam": (0.0378, 0.0223, 0.0059, 0.0043, 0.0030),
    "sgd": (0.0387, 0.0335, 0.0284, 0.0247, 0.0214),
}
"""Half the mean squared error of these batches, as published."""

RATES = {"adam": 0.02, "adamw": 0.02, "sgd": 2.0, "rmsprop": 0.003, "lbfgs": 1.0}
"""The learning rate of each optimizer; of lbfgs with a line search, without one it may diverge. A
step of lbfgs looks at one batch some 20 times and is counted as so many batches."""

SMALL = "normal(std=0.2)"
"""First weights. With torch's, ±1 for the single unit of the last layer, it may begin below zero,
shut its own gate to get to zero, and stay there."""


def trig_stack(
    *,
    optimizers: Sequence[str] = ("adam", "sgd", "rmsprop", "lbfgs(line_search=wolfe)"),
    rates: Sequence[float] = (),
    batches: int = 1000,
    hidden: Sequence[int] = (10, 20),
    normalize: str | None = None,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """LSTM layers 10, 20 and 1 without a readout, many to one: optimizers compared.

    Nine times t, 0.01 apart, the first drawn from 0 to 1; the target is sin(t)/2 at the last. What
    the first optimizer's network says after 1 to 9 rows is shown beside one trained on all rows.

    Parameters
    ----------
    optimizers
        Each with its options, such as sgd(momentum=0.9)
    rates
        Their learning rates, in this order (default: adam 0.02, sgd 2, rmsprop 0.003, lbfgs 1)
    batches
        Batches of 300 windows; one pass, every window is new (lbfgs: one batch, again and again)
    hidden
        Units of the layers below the last
    normalize
        layer or batch, between the layers
    seed
        Of the windows and the first weights
    published
        Also with the first weights of torch, which leave some seeds at a loss of 0.04 for good
    """
    if rates and len(rates) != len(optimizers):
        raise UsageError(
            f"rates={tuple(rates)}: expected one for each of {', '.join(optimizers)}, or none."
        )
    began = perf_counter()
    draw = np.random.default_rng(seed)
    learnt = windows(draw.uniform(0.0, 1.0, batches * WINDOWS))
    halves, table, fitted, used = {}, [], {}, {}

    def fit(optimizer: str, rate: float, loss: str, initial: str) -> SequenceRegressor:
        whole = optimizer.startswith("lbfgs")
        model = SequenceRegressor(
            "t", "y", hidden=(*hidden, 1), readout=False, loss_steps=loss, initial=initial,
            normalize=normalize, scaling="none", restore="last", seed=seed, check_every=batches,
            training=Training(
                steps=-(-batches // 20) if whole else batches, batch_size=WINDOWS,
                optimizer=optimizer, learning_rate=rate, schedule="constant", clip_norm=None,
            ),
        )  # fmt: skip
        return model.fit(learnt.head(WINDOWS * STEPS) if whole else learnt, listeners=listeners)

    variants = {"": SMALL} | ({", weights of torch": "torch"} if published else {})
    for place, optimizer in enumerate(optimizers):
        kind = optimizer.split("(")[0].strip()
        rate = rates[place] if rates else RATES.get(kind, 0.01)
        for words, initial in variants.items():
            name = optimizer + words
            model = fit(optimizer, rate, "last", initial)
            every = 20 if kind == "lbfgs" else 1
            half = np.asarray(model.history_.loss) / 2.0
            halves[name] = np.arange(len(half)) * every, half
            fitted[name], used[name] = model, rate
            table.append({"optimizer": name, "rate": rate} | _seen(half, every))
        if kind in PUBLISHED:
            said = {f"batch {at}": loss for at, loss in zip(SEEN, PUBLISHED[kind], strict=True)}
            table.append({"optimizer": f"{kind}, published"} | said)
            halves[f"{kind}, published"] = np.array(SEEN), np.array(PUBLISHED[kind])
    first = optimizers[0]
    both = {"last": fitted[first], "all": fit(first, used[first], "all", SMALL)}
    metrics = {
        f"{line['optimizer']}_{key.replace(' ', '_')}": value
        for line in table
        for key, value in line.items()
        if "rate" in line and key.startswith("batch")
    }
    lines, prefixes = _prefixes(both, draw)
    metrics |= {f"prefix_1_{loss}": float(off[0]) for loss, off in prefixes.items()}
    figures = {
        "losses": curves(
            {"half MSE": halves}, title="Optimizers on the trig stack", x_title="batch", log=True
        ),
        "prefixes": curves(
            {"RMSE": {f"loss on {loss}": off for loss, off in prefixes.items()}},
            title="Trained on the last row, right on the last row", x_title="rows read", log=True,
        ),
    }  # fmt: skip
    settings = {
        "optimizers": tuple(optimizers), "rates": used, "batches": batches,
        "hidden": (*hidden, 1), "normalize": normalize, "initial": SMALL, "seed": seed,
        "published": published,
    }  # fmt: skip
    return RecipeResult(
        "trig-stack", settings, metrics, figures, table + lines, perf_counter() - began
    )


def windows(begin: np.ndarray) -> pl.DataFrame:
    """Windows that begin at these times, as a table: nine rows each, of t and sin(t)/2."""
    t = begin[:, None] + 0.01 * np.arange(STEPS)
    return long_frame({"t": t, "y": np.sin(t) / 2.0})


def _seen(half: np.ndarray, every: int) -> dict[str, float]:
    """The losses of some batches, as far as training went."""
    return {f"batch {at}": float(half[at // every]) for at in SEEN if at // every < len(half)}


def _prefixes(
    models: dict[str, SequenceRegressor], draw: np.random.Generator
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """Output against label after 1 … 9 rows of one window, which is the published one, and the
    root mean squared error there over fresh windows, of each model."""
    begin = np.concatenate([[0.75], draw.uniform(0.0, 1.0, FRESH)])
    fresh = windows(begin)
    label = fresh["y"].to_numpy().reshape(-1, STEPS)
    said = {loss: values_of(model.predict(fresh), len(begin)) for loss, model in models.items()}
    off = {loss: np.sqrt(((y - label) ** 2).mean(axis=0)) for loss, y in said.items()}
    lines = [
        {"rows read": row + 1, "label": float(label[0, row])}
        | {f"trained on {loss}": float(y[0, row]) for loss, y in said.items()}
        | {f"RMSE, {loss}": float(off[loss][row]) for loss in said}
        for row in range(STEPS)
    ]
    return lines, off
