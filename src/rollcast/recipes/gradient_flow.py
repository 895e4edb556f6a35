"""Gradients that vanish and explode, and what clipping, gates and the forget gate's bias change.

The task is the oldest one for it (Bengio, Simard and Frasconi 1994, section II, in numbers): read
random values and give the first of them at the end. It can only be learnt through a gradient that
reaches from the last row back to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from rollcast.choice import require
from rollcast.errors import TrainingError
from rollcast.forecast.sequence import SequenceRegressor
from rollcast.nn.flow import Flow, recurrent_matrices, state_flow
from rollcast.nn.recurrent import Recurrent
from rollcast.plots.curves import curves
from rollcast.plots.forecast_report import gradient_picture
from rollcast.plots.gradients import gradient_flow as flow_figure
from rollcast.plots.gradients import gradient_norms
from rollcast.plots.pictures import GradientPicture
from rollcast.recipes.frame import long_frame
from rollcast.recipes.result import RecipeResult
from rollcast.train.events import Event, Listener, StepDone
from rollcast.train.training import Training
from rollcast.train.watch import GradientHistory, GradientWatch

SERIES, BATCH = 500, 50
FOLLOWED = 4  # series whose Jacobians are computed; pictures show their mean
CLIP = 1.0

# As torch makes them, and with first weights that let gradients through.
USUAL = (("rnn_tanh", "torch"), ("lstm", "torch"), ("gru", "torch"))
CHANGED = (
    ("rnn_tanh", "orthogonal"),
    ("lstm", "torch(forget_bias=1)"),
    ("lstm", "torch(forget_bias=4)"),
    ("gru", "orthogonal"),
)


def gradient_flow(
    *,
    length: int = 60,
    units: int = 32,
    gains: Sequence[float] = (0.5, 0.9, 1.0, 1.2, 2.0, 3.0),
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
    units
        Of the one recurrent layer
    gains
        Scales of the orthogonal recurrent matrix of the tanh RNN
    steps
        Training steps of each network
    seed
        Of data and first weights
    published
        Only cells as they come, as most tutorials have them
    """
    began, drawing = perf_counter(), 0.0
    require("length", length, length >= 2, "a whole number from 2")
    require("units", units, units >= 1, "a whole number from 1")
    require("steps", steps, steps >= 1, "a whole number from 1")
    task = _Task(length, units, steps, seed, listeners)
    cells = USUAL if published else USUAL + CHANGED
    by_gain = {f"{gain:g}": task.start("rnn_tanh", f"orthogonal(gain={gain:g})") for gain in gains}
    by_cell = {_name(cell, initial): task.start(cell, initial) for cell, initial in cells}
    trained = {name: task.train(start, "adam", CLIP) for name, start in by_cell.items()}
    trained_gains = {name: task.train(start, "adam", CLIP) for name, start in by_gain.items()}
    exploding = task.start("rnn_tanh", "orthogonal(gain=1.2)")
    clipping = {
        "clipped": task.train(exploding, "sgd", CLIP),
        "not clipped": task.train(exploding, "sgd", None),
    }
    table = [_row(f"rnn tanh, gain {name}", s, trained_gains[name]) for name, s in by_gain.items()]
    table += [_row(name, start, trained[name]) for name, start in by_cell.items()]
    for name, run in clipping.items():
        table.append(_row(f"rnn tanh, gain 1.2, SGD {name}", exploding, run))
    drawing = perf_counter()
    figures = {
        "gains": flow_figure(
            {f"gain {name}": start.logs for name, start in by_gain.items()},
            title="Tanh RNN: gradients vanish or explode by the scale of the recurrent matrix",
        ),
        "cells": flow_figure(
            {name: start.logs for name, start in by_cell.items()},
            title="Cells before training: how far back gradients reach",
            norm="norm of ∂h_T/∂(h_k or c_k)",
        ),
        "learning": curves(
            {"loss (1/3: nothing learnt)": {name: run.smooth for name, run in trained.items()}},
            title="Remembering the first value: what each network learnt",
            log=False,
        ),
        "clipping": curves(
            {
                "loss": {name: run.loss for name, run in clipping.items()},
                "norm, before clipping": {
                    name: np.linalg.norm(run.gradients.norms, axis=1)
                    for name, run in clipping.items()
                },
            },
            title="Clipping: the same network and rate with the gradient bounded, and not",
            log=True,
        ),
        "weights": gradient_norms(
            clipping["clipped"].picture, title="Gradient of each weight, before and after clipping"
        ),
    }
    drawing = perf_counter() - drawing
    return RecipeResult(
        name="gradient-flow",
        settings={
            "length": length, "units": units, "gains": tuple(gains), "steps": steps, "seed": seed,
            "published": published,
        },
        metrics={f"{row['network']}: {key}": row[key] for row in table for key in KEYS},
        figures=figures,
        table=table,
        seconds=perf_counter() - began - drawing,
    )  # fmt: skip


KEYS = ("log10 norm over all steps", "loss at the end")


@dataclass(frozen=True, eq=False)
class _Start:
    """A network before training, and how its gradient flows."""

    cell: str
    initial: str
    stack: Recurrent
    weights: np.ndarray
    flow: Flow

    @property
    def logs(self) -> np.ndarray:
        """log10 of the norms for k = 0 … T: the larger of h's and c's, mean over the series."""
        return np.concatenate([self.flow.log_h, self.flow.log_c]).max(axis=0).mean(axis=1)


@dataclass(frozen=True, eq=False)
class _Run:
    """How a training went."""

    loss: np.ndarray
    gradients: GradientHistory
    diverged: str

    @property
    def smooth(self) -> np.ndarray:
        """The loss as the mean of the last 20 steps."""
        kernel = np.ones(min(20, len(self.loss)))
        return np.convolve(self.loss, kernel / len(kernel), "valid")

    @property
    def picture(self) -> GradientPicture:
        """As plots take it."""
        return gradient_picture(self.gradients)


class _Task:
    """The table to learn from, and what is done with each network."""

    def __init__(
        self, length: int, units: int, steps: int, seed: int, listeners: Sequence[Listener]
    ) -> None:
        self.units, self.steps, self.seed, self.listeners = units, steps, seed, listeners
        self.values = np.random.default_rng(seed).uniform(-1, 1, (SERIES, length))

    def table(self) -> Any:
        first = np.repeat(self.values[:, :1], self.values.shape[1], axis=1)
        return long_frame({"value": self.values, "first": first})

    def start(self, cell: str, initial: str) -> _Start:
        stack = Recurrent(cell, 1, (self.units,))
        weights = stack.initial(np.random.default_rng(self.seed), scheme=initial)
        x = np.ascontiguousarray(self.values[:FOLLOWED].T[:, :, None])
        return _Start(cell, initial, stack, weights, state_flow(stack, weights, x))

    def train(self, start: _Start, optimizer: str, clip: float | None) -> _Run:
        """Train from there; a run that diverges is shown up to that step."""
        watch, losses, diverged = GradientWatch(warn=lambda message: None), [], ""

        def note(event: Event) -> None:
            if isinstance(event, StepDone):
                losses.append(event.loss)

        model = SequenceRegressor(
            "value", "first", cell=start.cell, hidden=(self.units,), initial=start.initial,
            loss_steps="last", scaling="none", restore="last", check_every=self.steps,
            seed=self.seed,
            training=Training(
                steps=self.steps, batch_size=BATCH, optimizer=optimizer, schedule="constant",
                learning_rate=0.1 if optimizer == "sgd" else 3e-3, clip_norm=clip,
            ),
        )  # fmt: skip
        try:
            model.fit(self.table(), listeners=[watch, note, *self.listeners])
        except TrainingError as error:
            diverged = str(error)
        return _Run(np.array(losses), watch.runs[0], diverged)


def _name(cell: str, initial: str) -> str:
    words = cell.replace("_", " ")
    return (
        words
        if initial == "torch"
        else f"{words}, {initial.removeprefix('torch')}".replace(
            "(forget_bias=", "forget bias "
        ).rstrip(")")
    )


def _row(name: str, start: _Start, run: _Run) -> dict[str, Any]:
    matrix = recurrent_matrices(start.stack, start.weights)[0]
    end = run.loss[-20:].mean() if not run.diverged else float("nan")
    return {
        "network": name,
        "singular value": matrix.singular_value,
        KEYS[0]: float(start.logs[0]),
        "first gradient": float(np.linalg.norm(run.gradients.norms[0])),
        KEYS[1]: float(end),
        "note": f"diverged in step {run.gradients.steps[-1]}" if run.diverged else "",
    }
