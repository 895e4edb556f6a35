"""The closed loop of a recurrent stack with a linear head, step by step over the engine's calls.

    y_t = W h_t + b,    y_t[0] += offset_t + Σ_j lags_j v_{t−j}          v_t: first input of step t

Where a step is fed, its first inputs are the first outputs of the step before. ``lags = [1]`` is
the residual form y_t = v_t + W h_t + b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import engine

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class RolloutRecording:
    """What a recorded ``rollout`` kept for ``rollout_backward``, which uses it up."""

    steps: list[engine.Recording]
    states: list[Array]
    values: Array
    head: tuple[Array, Array]
    fed: Array
    feed: int
    lags: Array
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Rollout:
    """y ``(time, batch, outputs)``; h, c: final states, one ``(batch, units)`` array a layer."""

    y: Array
    h: list[Array]
    c: list[Array]
    recording: RolloutRecording | None = None


@dataclass(frozen=True, eq=False)
class RolloutGradients:
    """Gradients of a loss, each shaped like the argument of ``rollout`` that it is named after."""

    weights: Array
    head_weight: Array
    head_bias: Array
    x: Array
    h0: list[Array]
    c0: list[Array]
    lags: Array
    offset: Array


def rollout(
    cell: str,
    sizes: Sequence[int],
    weights: Array,
    head: tuple[Array, Array],
    x: Array,
    fed: Array,
    *,
    h0: Sequence[Array] | None = None,
    c0: Sequence[Array] | None = None,
    feed: int | None = None,
    lags: Array | None = None,
    past: Array | None = None,
    offset: Array | None = None,
    record: bool = False,
    dropout: float = 0.0,
    seed: int = 0,
    step: int = 0,
) -> Rollout:
    """The outputs of ``time`` steps; those that are fed read what the step before gave.

    - ``head``: weight ``(outputs, units)`` and bias ``(outputs,)``; ``x (time, batch, input)``;
      ``fed (time,)`` or ``(time, batch)``: where True, the first ``feed`` inputs (None = as many as
      there are outputs) are the outputs of the step before instead of those in ``x``.
    - ``lags (p,)``: weights of the last p first inputs, newest first, in the first output; ``past
      (p − 1, batch)``: those before the first step, newest last; ``offset (time, batch)``: added
      to the first output.
    - ``record``: whether ``rollout_backward`` shall be possible.
    """
    weight, bias = head
    time, batch, _ = x.shape
    feed = len(bias) if feed is None else feed
    fed = np.broadcast_to(fed if fed.ndim == 2 else fed[:, None], (time, batch))
    lags = np.zeros(0, x.dtype) if lags is None else lags
    before = max(len(lags) - 1, 0)
    values = np.empty((before + time, batch), x.dtype)
    if before:
        values[:before] = past
    y = np.empty((time, batch, len(bias)), x.dtype)
    h = None if h0 is None else list(h0)
    c = None if c0 is None or cell != "lstm" else list(c0)
    packed = None if record else engine.pack(cell, sizes, weights)
    kept: list[engine.Recording] = []
    states: list[Array] = []
    for t in range(time):
        row = x[t : t + 1]
        if t and fed[t].any():
            row = row.copy()
            row[0, :, :feed] = np.where(fed[t][:, None], y[t - 1, :, :feed], row[0, :, :feed])
        values[before + t] = row[0, :, 0]
        if packed is not None:
            run = engine.infer(cell, sizes, packed, row, h0=h, c0=c, outputs=False)
        else:
            run = engine.forward(
                cell, sizes, weights, row, h0=h, c0=c, dropout=dropout, seed=seed,
                step=step * time + t, outputs=False, need_x=True,
            )  # fmt: skip
            assert run.recording is not None
            kept.append(run.recording)
            states.append(run.h[-1])
        h, c = run.h, run.c or None
        y[t] = engine.linear(run.h[-1], weight, bias)
        if len(lags):
            y[t, :, 0] += lags[::-1] @ values[t : before + t + 1]
        if offset is not None:
            y[t, :, 0] += offset[t]
    recording = None
    if record:
        recording = RolloutRecording(kept, states, values, head, fed, feed, lags, x.shape)
    return Rollout(y, h or [], c or [], recording)


def rollout_backward(
    recording: RolloutRecording,
    dy: Array,
    dh: Sequence[Array] | None = None,
    dc: Sequence[Array] | None = None,
) -> RolloutGradients:
    """Exact gradients, through the loop, of a loss whose gradients by y, h and c are given."""
    weight, bias = recording.head
    lags, feed = recording.lags, recording.feed
    time, batch, _ = recording.shape
    before = max(len(lags) - 1, 0)
    last = recording.states[-1]
    dweights = None
    dweight, dbias, dlags = np.zeros_like(weight), np.zeros_like(bias), np.zeros_like(lags)
    dvalues = np.zeros((before + time, batch), last.dtype)
    dx = np.zeros(recording.shape, last.dtype)
    doffset = np.empty((time, batch), last.dtype)
    states: list[Array] | None = None if dh is None else [each.copy() for each in dh]
    cells = None if dc is None else list(dc)
    for t in reversed(range(time)):
        slope = dy[t].copy()
        if t + 1 < time:
            taken = recording.fed[t + 1][:, None]
            following = dx[t + 1, :, :feed]
            slope[:, :feed] += np.where(taken, following, 0)
            following[...] = np.where(taken, 0, following)
        doffset[t] = slope[:, 0]
        if len(lags):
            read = recording.values[t : before + t + 1]
            dlags += (read @ slope[:, 0])[::-1]
            dvalues[t : before + t + 1] += lags[::-1, None] * slope[:, 0]
        dtop, one, other = engine.linear_backward(slope, recording.states[t], weight)
        assert dtop is not None
        dweight += one
        dbias += other
        run = recording.steps[t]
        if states is None:
            states = [np.zeros((batch, units), last.dtype) for units in run.sizes[1:]]
        states[-1] = states[-1] + dtop
        back = engine.backward(run, dh=states, dc=cells)
        dweights = back.weights if dweights is None else np.add(dweights, back.weights, dweights)
        assert back.x is not None
        dx[t] = back.x[0]
        dx[t, :, 0] += dvalues[before + t]
        states, cells = back.h0, back.c0 or None
    assert dweights is not None
    return RolloutGradients(dweights, dweight, dbias, dx, states or [], cells or [], dlags, doffset)


class Stepper:
    """One step at a time with a linear head, for streams: ``output = stepper.step(x)``.

    ``h`` and ``c`` (None unless the cell is an LSTM) are flat, layer after layer ``(batch,
    units)``: copies, and taken over when they are assigned.
    """

    def __init__(self, packed: engine.Packed, batch: int, head: tuple[Array, Array]) -> None:
        self._packed, self._head = packed, head
        self._h = np.zeros(batch * sum(packed.sizes[1:]), packed.dtype)
        self._c = np.zeros_like(self._h) if packed.cell == "lstm" else None

    @property
    def h(self) -> Array:
        """The states."""
        return self._h.copy()

    @h.setter
    def h(self, states: Array) -> None:
        self._h[:] = states

    @property
    def c(self) -> Array | None:
        """The cell states."""
        return None if self._c is None else self._c.copy()

    @c.setter
    def c(self, states: Array) -> None:
        assert self._c is not None
        self._c[:] = states

    def step(self, x: Array) -> Array:
        """The head's outputs ``(batch, outputs)`` for ``x (batch, input)``."""
        return engine.linear(engine.step(self._packed, x, self._h, self._c), *self._head)
