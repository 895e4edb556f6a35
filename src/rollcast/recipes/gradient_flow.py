"""Gradients that vanish and explode, and what clipping, gates and the forget gate's bias change.

The task is the oldest one for it (Bengio, Simard and Frasconi 1994, section II, in numbers): read
random values and give the first of them at the end. It can only be learnt through a gradient that
reaches from the last row back to the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast import Training
from rollcast.choice import require
from rollcast.plots import curves, gradient_norms
from rollcast.plots import gradient_flow as flow_figure
from rollcast.plots.forecast_report import gradient_picture
from rollcast.plots.training import running_mean
from rollcast.recipes.flow_run import FlowRun, flow_run
from rollcast.recipes.notes import Notes
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Listener

SERIES, BATCH = 500, 50
CLIP, SMOOTH = 1.0, 20
PUBLISHED = ("sgd", 0.1)  # the optimizer and its rate, not clipped

CELLS = (
    "rnn_tanh", "lstm", "gru",
    "rnn_tanh orthogonal", "lstm torch(forget_bias=1)", "lstm torch(forget_bias=4)",
    "gru orthogonal",
)  # fmt: skip


def gradient_flow(
    *,
    length: int = 60,
    hidden: Sequence[int] = (32,),
    gains: Sequence[float] = (0.5, 0.9, 1.0, 1.2, 2.0, 3.0),
    cells: Sequence[str] = CELLS,
    optimizer: str = "adam",
    learning_rate: float = 3e-3,
    steps: int = 400,
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """See gradients vanish and explode, and what clipping, gates and biases change.

    Networks learn to remember the first of ``length`` numbers. Before training, the norm of
    ∂h_T/∂h_k shows which can; after it, the loss which did (1/3 is knowing nothing).

    Parameters
    ----------
    length
        Rows over which the first value must be remembered
    hidden
        Units of each layer
    gains
        Scales of the orthogonal recurrent matrix of the tanh RNN
    cells
        Each with its first weights, where they are not those of torch
    optimizer
        adam, rmsprop, sgd(momentum=0.9) …; whether clipping helps is shown with sgd
    learning_rate
        Its rate
    steps
        Training steps of each network
    seed
        Of data and first weights
    published
        Also train the cells with torch's weights as most tutorials do: SGD, rate 0.1, not clipped
    """
    notes = Notes("gradient-flow", locals())
    require("length", length, length >= 2, "a whole number from 2")
    require("gains", gains, len(gains) > 0, "one at least")
    require("cells", cells, len(cells) > 0, "one at least")
    require("steps", steps, steps >= 1, "a whole number from 1")
    values = np.random.default_rng(seed).uniform(-1, 1, (SERIES, length))

    def run(name: str, network: str, kind: str, rate: float, clip: float | None) -> FlowRun:
        training = Training(
            steps=steps, batch_size=BATCH, optimizer=kind, schedule="constant",
            learning_rate=rate, clip_norm=clip,
        )  # fmt: skip
        one = flow_run(network, hidden, values, training, seed, listeners)
        found = {
            "singular value": one.singular_value,
            "log10 norm over all steps": float(one.logs[0]),
            "first gradient": float(np.linalg.norm(one.gradients.norms[0])),
            "loss at the end": np.nan if one.diverged else float(one.losses[-SMOOTH:].mean()),
            "note": f"diverged in step {one.diverged}" if one.diverged else "",
        }
        notes.line({"network": name}, found)
        return one

    by_gain, by_cell, clipping = {}, {}, {}
    ours = (optimizer, learning_rate, CLIP)
    for gain in gains:
        network = f"rnn_tanh orthogonal(gain={gain:g})"
        by_gain[f"gain {gain:g}"] = run(f"rnn tanh, gain {gain:g}", network, *ours)
    for network in cells:
        by_cell[_name(network)] = run(_name(network), network, *ours)
    learning = dict(by_cell)
    for network in [each for each in cells if published and " " not in each]:
        name = f"{_name(network)}, as published"
        learning[name] = run(name, network, *PUBLISHED, None)
    for name, clip in {"clipped": CLIP, "not clipped": None}.items():
        network, whole = "rnn_tanh orthogonal(gain=1.2)", f"rnn tanh, gain 1.2, SGD {name}"
        clipping[name] = run(whole, network, *PUBLISHED, clip)
    smooth = {name: running_mean(one.losses, SMOOTH) for name, one in learning.items()}
    norms = {name: np.linalg.norm(one.gradients.norms, axis=1) for name, one in clipping.items()}
    figures = {
        "gains": flow_figure(
            {name: one.logs for name, one in by_gain.items()},
            title="Tanh RNN: gradients vanish or explode by the scale of the recurrent matrix",
        ),
        "cells": flow_figure(
            {name: one.logs for name, one in by_cell.items()},
            title="Cells before training: how far back gradients reach",
            norm="norm of ∂h_T/∂(h_k or c_k)",
        ),
        "learning": curves(
            {"loss (1/3: nothing learnt)": smooth},
            title="Remembering the first value: what each network learnt", log=False,
        ),
        "clipping": curves(
            {
                "loss": {name: one.losses for name, one in clipping.items()},
                "norm, before clipping": norms,
            },
            title="Clipping: the same network and rate with the gradient bounded, and not",
            log=True,
        ),
        "weights": gradient_norms(
            gradient_picture(clipping["clipped"].gradients),
            title="Gradient of each weight, before and after clipping",
        ),
    }  # fmt: skip
    return notes.result(figures)


def _name(network: str) -> str:
    cell, _, initial = network.partition(" ")
    words = initial.removeprefix("torch").replace("(forget_bias=", "forget bias ").rstrip(")")
    return ", ".join(filter(None, (cell.replace("_", " "), words)))
