"""The recursive network: it forecasts one step, reads its forecast, and goes on.

    h_t  = the recurrent stack's state after row t (value, freshness, calendar of the next row)
    ŷ_{t+1} = W h_t + b + Σ_{j<p} a_j y_{t−j} + g f_{t+1}           median; the autoregressive path
    other quantiles: the median, plus their rows of W h_t + b, plus a number for each step ahead
    of a distribution ŷ is the location; its other numbers: their rows, and a number for each step

Beyond the newest row, y is what was forecast. Training goes through that closed loop: the window is
read as it was, the loss is that of the horizon rolled out of it (a network that is trained on true
inputs alone says little about where its own forecasts lead it; Bengio et al. 2015). Freshness, 1/(1
+ rows since a value was seen), tells what was observed from what was forecast, and how far out a
step is. The autoregressive path is what lets a trend go on (Lai et al. 2018, LSTNet, section 3.6);
it is rolled in the same loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.inputs import filled, newest
from rollcast.model.spec import NetworkSpec
from rollcast.nn.heads import Head
from rollcast.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from rollcast.data.windows import Batch
    from rollcast.model.network import Network

Array = np.ndarray

LOOP = 1 << 63
"""What sets the seed of the loop's dropout apart from that of the window, whose steps count from 0
too."""


@dataclass(frozen=True, eq=False)
class Memory:
    """What a network carries: its states before the newest row, and what it needs of that row.

    ``h``, ``c``: one ``(batch, units)`` array a layer, c empty unless the cell is an LSTM; ``past
    (lags − 1, batch)``: the values before the newest one, newest last, 0 before the beginning;
    ``value (batch,)`` the newest; ``age (batch,)``: rows since a value was observed, inf = never.
    """

    h: list[Array]
    c: list[Array]
    past: Array
    value: Array
    age: Array

    def take(self, rows: slice | Array) -> Memory:
        """The memory of some rows of the batch."""
        h, c = [each[rows] for each in self.h], [each[rows] for each in self.c]
        return Memory(h, c, self.past[:, rows], self.value[rows], self.age[rows])


def shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights behind those of the recurrent stack."""
    width = spec.make_head().width
    result: dict[str, tuple[int, ...]] = {
        "head.weight": (width, spec.hidden[-1]),
        "head.bias": (width,),
    }
    if width > 1:
        result["head.spread"] = (spec.horizon, width - 1)
    if spec.lags:
        result["lags.weight"] = (spec.lags,)
        if spec.features:
            result["calendar.weight"] = (spec.features,)
    return result


def begin(spec: NetworkSpec, views: dict[str, Array], generator: np.random.Generator) -> None:
    """First weights, into ``views`` of zeros: torch's for the head, the last value for the lags."""
    bound = 1.0 / np.sqrt(spec.hidden[-1])
    for name in ("head.weight", "head.bias"):
        views[name][...] = spec.decoder_gain * generator.uniform(-bound, bound, views[name].shape)
    if spec.lags:
        views["lags.weight"][0] = 1.0 / spec.skip_gain


def inputs(values: Array, age: Array, next_features: Array) -> Array:
    """What the stack reads: ``(time, batch, 2 + features)`` of ``values`` and ``age (time, batch)``
    and the calendar of each next row."""
    x = np.empty((*values.shape, 2 + next_features.shape[2]), values.dtype)
    x[..., 0] = values
    x[..., 1] = 1.0 / (1.0 + age)
    x[..., 2:] = next_features
    return x


def loss_and_gradient(
    network: Network,
    weights: Array,
    batch: Batch,
    *,
    seed: int = 0,
    step: int = 0,
    row_weight: Array | None = None,
) -> tuple[float, Array]:
    """The head's mean loss over the batch, rolled freely, and its gradient ``(count,)``.

    (seed, step) key the dropout; ``row_weight (batch,)`` makes it a weighted mean.
    """
    views = network.views(weights)
    stack = weights[: network.recurrent.count]
    rows, memory = _window(network, batch)
    run = None
    if len(rows):
        assert isinstance(network.recurrent, Recurrent)  # normalised, it could not roll
        run = network.recurrent.forward(stack, rows, seed=seed, step=step, outputs=False)
        memory = Memory(run.h, run.c, memory.past, memory.value, memory.age)
    rolled = _roll(network, weights, memory, batch.future_features, record=(seed, step))
    output = arranged(network, views, rolled.y)
    loss, slope = network.head.loss_and_gradient(
        output, batch.target, batch.target_observed, row_weight, batch.location, batch.scale
    )
    dy = _arranged_backward(network, slope)
    back = engine.rollout_backward(rolled.recording, dy)
    gradient = np.zeros_like(weights)
    parts = network.views(gradient)
    if "head.spread" in parts:
        dy[..., 1:].sum(axis=1, out=parts["head.spread"])
    parts["head.weight"][...], parts["head.bias"][...] = back.head_weight, back.head_bias
    if network.spec.lags:
        gain = weights.dtype.type(network.spec.skip_gain)
        np.multiply(back.lags, gain, out=parts["lags.weight"])
        if network.spec.features:
            flat = np.ascontiguousarray(batch.future_features).reshape(-1, network.spec.features)
            _, found, _ = engine.linear_backward(
                np.ascontiguousarray(back.offset.reshape(-1, 1)), flat,
                np.ascontiguousarray(views["calendar.weight"][None]), need_x=False,
            )  # fmt: skip
            np.multiply(found[0], gain, out=parts["calendar.weight"])
    whole = back.weights
    if run is not None:
        whole = whole + engine.backward(run.recording, dh=back.h0, dc=back.c0 or None).weights
    gradient[: network.recurrent.count] = whole
    return loss, gradient


def outputs(network: Network, weights: Array, batch: Batch, memory: Memory | None = None) -> Array:
    """The head's numbers ``(horizon, batch, width)``, in scaled units; keeps nothing.

    With ``memory`` the window is not read: that is what came before.
    """
    if memory is None:
        rows, memory = _window(network, batch)
        if len(rows):
            stack = weights[: network.recurrent.count]
            run = network.recurrent.infer(stack, rows, outputs=False)
            memory = Memory(run.h, run.c, memory.past, memory.value, memory.age)
    return forecast(network, weights, memory, batch.future_features)


def forecast(network: Network, weights: Array, memory: Memory, future_features: Array) -> Array:
    """The head's numbers ``(steps, batch, width)`` of as many steps as there are
    ``future_features (steps, batch, features)``."""
    y = _roll(network, weights, memory, future_features).y
    return arranged(network, network.views(weights), y)


def _window(network: Network, batch: Batch) -> tuple[Array, Memory]:
    """What the stack reads of the window before its newest row, and the rest of its memory."""
    spec = network.spec
    values = filled(batch.past, batch.observed)
    seen = newest(batch.observed)
    age = np.where(seen < 0, np.inf, np.arange(spec.context)[:, None] - seen)
    following = np.concatenate([batch.past_features[1:], batch.future_features[:1]])
    first = spec.context - spec.steps
    rows = inputs(values[first:-1], age[first:-1], following[first:-1])
    past = values[spec.context - max(spec.lags, 1) : -1]
    recurrent = network.recurrent
    states = [np.zeros((len(batch), each), values.dtype) for each in recurrent.states]
    cells = [np.zeros((len(batch), each), values.dtype) for each in recurrent.cells]
    return rows, Memory(states, cells, past, values[-1], age[-1])


def _roll(
    network: Network,
    weights: Array,
    memory: Memory,
    future_features: Array,
    record: tuple[int, int] | None = None,
) -> engine.Rollout:
    """The closed loop over the horizon; ``record`` is (seed, step) of training."""
    spec, views = network.spec, network.views(weights)
    steps = len(future_features)
    age = memory.age + np.arange(steps)[:, None]
    values = np.zeros(age.shape, weights.dtype)
    values[0] = memory.value
    fed = np.arange(steps) > 0
    lags = offset = None
    if spec.lags:
        gain = weights.dtype.type(spec.skip_gain)
        lags = gain * views["lags.weight"]
        if spec.features:
            flat = np.ascontiguousarray(future_features).reshape(-1, spec.features)
            offset = engine.linear(flat, (gain * views["calendar.weight"])[None])
            offset = offset.reshape(age.shape)
    seed, step = record or (0, 0)
    return engine.rollout(
        spec.cell, network.recurrent.sizes, weights[: network.recurrent.count],
        (views["head.weight"], views["head.bias"]), inputs(values, age, future_features), fed,
        h0=memory.h, c0=memory.c or None, feed=1, lags=lags, past=memory.past, offset=offset,
        record=record is not None, dropout=spec.dropout if record else 0.0,
        seed=seed ^ LOOP, step=step,
    )  # fmt: skip


def arranged(network: Network, views: dict[str, Array], y: Array) -> Array:
    """Numbers of the loop (the median, and how far the other quantiles lie from it; or a location
    and what lies round it) as the head has them."""
    middle, others = columns(network.head)
    output = np.empty_like(y)
    output[..., middle] = y[..., 0]
    if others:
        steps = np.minimum(np.arange(len(y)), network.spec.horizon - 1)
        output[..., others] = y[..., 1:] + views["head.spread"][steps][:, None]
        if network.head.locations > 1:
            output[..., others] += y[..., :1]
    return output


def _arranged_backward(network: Network, slope: Array) -> Array:
    _, others = columns(network.head)
    dy = np.empty_like(slope)
    dy[..., 0] = slope[..., : network.head.locations].sum(axis=-1)
    dy[..., 1:] = slope[..., others]
    return dy


def columns(head: Head) -> tuple[int, list[int]]:
    """The head's column that is fed back, and the others: of quantiles the level nearest to the
    median, else the location."""
    levels = head.levels if head.locations > 1 else ()
    middle = min(range(len(levels)), key=lambda index: abs(levels[index] - 0.5), default=0)
    return middle, [index for index in range(head.width) if index != middle]
