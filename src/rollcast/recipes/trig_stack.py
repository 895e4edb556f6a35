"""A stack of unequal layers, many to one, and a comparison of optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rollcast import SequenceRegressor, Training
from rollcast.errors import UsageError
from rollcast.plots import curves
from rollcast.recipes.frame import long_frame, values_of
from rollcast.recipes.notes import Notes
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

WINDOWS, FRESH = 300, 1000
"""Windows in a batch, windows that nobody was trained on."""

SEEN = (0, 20, 40, 60, 80)
PUBLISHED: dict[str, dict[int, float]] = {
    "adam": dict(zip(SEEN, (0.0378, 0.0223, 0.0059, 0.0043, 0.0030), strict=True)),
    "sgd": dict(zip(SEEN, (0.0387, 0.0335, 0.0284, 0.0247, 0.0214), strict=True)),
}
"""Half the mean squared error of these batches, as published."""

RATES = {"adam": 0.02, "adamw": 0.02, "sgd": 2.0, "rmsprop": 0.003, "lbfgs": 1.0}
"""The learning rate of each optimizer; of lbfgs with a line search, without one it may diverge."""

LOOKS = 20
"""A step of lbfgs looks at one batch some 20 times and is counted as so many batches."""

SMALL = "normal(std=0.2)"
"""First weights. With torch's, ±1 for the single unit of the last layer, it may begin below zero,
shut its own gate to get to zero, and stay there."""


def trig_stack(
    *,
    optimizers: Sequence[str] = ("adam", "sgd", "rmsprop", "lbfgs(line_search=wolfe)"),
    rates: Sequence[float] = (),
    batches: int = 1000,
    rows: int = 9,
    hidden: Sequence[int] = (10, 20),
    cell: str = "lstm",
    dropout: float = 0.0,
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
    rows
        Of a window
    hidden
        Units of the layers below the last
    cell
        lstm, gru or rnn_tanh
    dropout
        Between the layers
    normalize
        layer or batch, between the layers; recurrent_batch, within the recurrence of lstm
    seed
        Of the windows and the first weights
    published
        Also with the first weights of torch, which leave some seeds at a loss of 0.04 for good
    """
    if rates and len(rates) != len(optimizers):
        raise UsageError(
            f"rates={tuple(rates)}: expected one for each of {', '.join(optimizers)}, or none."
        )
    notes = Notes("trig-stack", locals())
    draw = np.random.default_rng(seed)
    learnt = windows(draw.uniform(0.0, 1.0, batches * WINDOWS), rows)
    kinds = [optimizer.split("(")[0].strip() for optimizer in optimizers]
    used = dict(zip(optimizers, rates or [RATES.get(kind, 0.01) for kind in kinds], strict=True))
    notes.settings |= {"rates": used, "hidden": (*hidden, 1), "initial": SMALL}

    def fit(optimizer: str, loss: str, initial: str) -> SequenceRegressor:
        whole = optimizer.startswith("lbfgs")
        training = Training(
            steps=-(-batches // LOOKS) if whole else batches, batch_size=WINDOWS,
            optimizer=optimizer, learning_rate=used[optimizer], schedule="constant", clip_norm=None,
        )  # fmt: skip
        model = SequenceRegressor(
            "t", "y", readout=False, loss_steps=loss, initial=initial, scaling="none",
            restore="last", check_every=batches, training=training, **notes.network,
        )  # fmt: skip
        return model.fit(learnt.head(WINDOWS * rows) if whole else learnt, listeners=listeners)

    variants = {"": SMALL} | ({", weights of torch": "torch"} if published else {})
    halves, fitted = {}, {}
    for kind, optimizer in zip(kinds, optimizers, strict=True):
        every = LOOKS if kind == "lbfgs" else 1
        for words, initial in variants.items():
            name = optimizer + words
            fitted[name] = fit(optimizer, "last", initial)
            half = np.asarray(fitted[name].history_.loss) / 2.0
            halves[name] = np.arange(len(half)) * every, half
            seen = {at: half[at // every] for at in SEEN if at // every < len(half)}
            notes.line({"optimizer": name}, {"rate": used[optimizer]} | _columns(seen))
        if kind in PUBLISHED:
            name, seen = f"{kind}, published", PUBLISHED[kind]
            notes.line({"optimizer": name}, _columns(seen))
            halves[name] = np.array(SEEN), np.array(list(seen.values()))
    both = {"last": fitted[optimizers[0]], "all": fit(optimizers[0], "all", SMALL)}
    # what the published table is of, and windows that nobody was trained on
    fresh = windows(np.concatenate([[0.75], draw.uniform(0.0, 1.0, FRESH)]), rows)
    label = fresh["y"].to_numpy().reshape(-1, rows)
    said = {loss: values_of(model.predict(fresh), len(label)) for loss, model in both.items()}
    off = {loss: np.sqrt(((y - label) ** 2).mean(axis=0)) for loss, y in said.items()}
    for row in range(rows):
        found = {"label": float(label[0, row])}
        found |= {f"trained on {loss}": float(y[0, row]) for loss, y in said.items()}
        found |= {f"RMSE, {loss}": float(each[row]) for loss, each in off.items()}
        notes.line({"rows read": row + 1}, found)
    figures = {
        "losses": curves(
            {"half MSE": halves}, title="Optimizers on the trig stack", x_title="batch", log=True
        ),
        "prefixes": curves(
            {"RMSE": {f"loss on {loss}": each for loss, each in off.items()}},
            title="Trained on the last row, right on the last row", x_title="rows read", log=True,
        ),
    }  # fmt: skip
    return notes.result(figures)


def _columns(losses: Mapping[int, float]) -> dict[str, float]:
    return {f"batch {at}": float(loss) for at, loss in losses.items()}


def windows(begin: np.ndarray, rows: int) -> Any:
    """Windows that begin at these times, as a table: so many rows each, of t and sin(t)/2."""
    t = begin[:, None] + 0.01 * np.arange(rows)
    return long_frame({"t": t, "y": np.sin(t) / 2.0})
