"""The recursive network: it forecasts one step, reads its forecast, and goes on.

    h_t  = the recurrent stack's state after row t (value, freshness, calendar of the next row)
    ŷ_{t+1} = W h_t + b + Σ_{j<p} a_j y_{t−j} + g f_{t+1} + Σ_{j<q} c_j u_{t−j}
                                       median; the autoregressive path, f features, u past inputs
    other quantiles: the median, plus their rows of W h_t + b, plus a number for each step ahead
    of a distribution ŷ is the location; its other numbers: their rows, and a number for each step

Beyond the newest row, y is what was forecast. Training goes through that closed loop: the window is
read as it was, the loss is that of the horizon rolled out of it (a network that is trained on true
inputs alone says little about where its own forecasts lead it; Bengio et al. 2015); or true values
are read on the way, see fed.py. Freshness, 1/(1 + rows since a value was seen), tells what was
observed from what was forecast, and how far out a step is. The autoregressive path is what lets a
trend go on (Lai et al. 2018, LSTNet, section 3.6); it is rolled in the same loop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model import fed as feeding
from rollcast.model.effects import Slopes
from rollcast.model.inputs import filled, newest
from rollcast.model.recursive_read import (
    held,
    inputs,
    known,
    known_backward,
    window_backward,
)
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
    ``value (batch,)`` the newest; ``age (batch,)``: rows since a value was observed, inf = never;
    ``inputs (rows, batch, numbers)``: the newest past inputs, None without any.
    """

    h: list[Array]
    c: list[Array]
    past: Array
    value: Array
    age: Array
    inputs: Array | None = None

    def take(self, rows: slice | Array) -> Memory:
        """The memory of some rows of the batch."""
        h, c = [each[rows] for each in self.h], [each[rows] for each in self.c]
        inputs = None if self.inputs is None else self.inputs[:, rows]
        return Memory(h, c, self.past[:, rows], self.value[rows], self.age[rows], inputs)


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
        if spec.row_features:
            result["calendar.weight"] = (spec.row_features,)
        if spec.input_lags and spec.past_inputs:
            result["inputs.weight"] = (spec.input_lags, spec.past_inputs)
    return result


def begin(spec: NetworkSpec, views: dict[str, Array], generator: np.random.Generator) -> None:
    """First weights, into ``views`` of zeros: torch's for the head, the last value for the lags."""
    bound = 1.0 / np.sqrt(spec.hidden[-1])
    for name in ("head.weight", "head.bias"):
        views[name][...] = spec.decoder_gain * generator.uniform(-bound, bound, views[name].shape)
    if spec.lags:
        views["lags.weight"][0] = 1.0 / spec.skip_gain


def loss_and_gradient(
    network: Network,
    weights: Array,
    batch: Batch,
    *,
    seed: int = 0,
    step: int = 0,
    row_weight: Array | None = None,
    slopes: Slopes | None = None,
    fed: Array | None = None,
) -> tuple[float, Array]:
    """The head's mean loss over the batch, rolled freely, and its gradient ``(count,)``.

    ``fed``, bool (steps, batch), says at which steps a forecast is read in the place of the true
    value (None: all but the first); steps beyond it have no loss. (seed, step) key the dropout;
    ``row_weight (batch,)`` makes it a weighted mean; the gradient by what is read of the batch is
    added to ``slopes``.
    """
    views = network.views(weights)
    stack = weights[: network.recurrent.count]
    rows, memory = _window(network, batch)
    run = None
    if len(rows):
        assert isinstance(network.recurrent, Recurrent)  # normalised, it could not roll
        run = network.recurrent.forward(
            stack, rows, seed=seed, step=step, outputs=False, need_x=slopes is not None
        )
        memory = replace(memory, h=run.h, c=run.c)
    read, observed = None, batch.target_observed
    if fed is not None:
        read = feeding.forced(memory.value, memory.age, batch, fed)
        observed = feeding.counted(batch, fed)
    rolled = _roll(network, weights, memory, batch.future_features, (seed, step), read)
    output = arranged(network, views, rolled.y, batch.added)
    loss, slope = network.head.loss_and_gradient(
        output, batch.target, observed, row_weight, batch.location, batch.scale
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
        known_backward(network.spec, views, parts, back.offset, batch, memory.inputs, slopes)
    whole = back.weights
    seen = None
    if run is not None:
        seen = engine.backward(run.recording, dh=back.h0, dc=back.c0 or None)
        whole = whole + seen.weights
    gradient[: network.recurrent.count] = whole
    if slopes is not None:
        slopes.added += dy[..., 0]
        if read is not None:
            feeding.forced_backward(back.x, slopes)
        lags = _gained(network, views)
        window_backward(network.spec, lags, batch, seen and seen.x, back.x, back.offset, slopes)
    return loss, gradient


def outputs(network: Network, weights: Array, batch: Batch, memory: Memory | None = None) -> Array:
    """The head's numbers ``(horizon, batch, width)``, in scaled units; keeps nothing.

    With ``memory`` the window is not read: that is what came before.
    """
    memory = memory or remembered(network, weights, batch)
    return forecast(network, weights, memory, batch.future_features, batch.added)


def remembered(network: Network, weights: Array, batch: Batch) -> Memory:
    """What the network carries after the rows of a window but the newest."""
    rows, memory = _window(network, batch)
    if not len(rows):
        return memory
    run = network.recurrent.infer(weights[: network.recurrent.count], rows, outputs=False)
    return replace(memory, h=run.h, c=run.c)


def next_step(
    network: Network, weights: Array, memory: Memory, features: Array
) -> tuple[Array, Memory]:
    """The head's numbers ``(1, batch, width)`` of the next row, whose ``features (1, batch,
    features)`` are given, and the memory after the newest one; its value is yet to be set."""
    run = _roll(network, weights, memory, features)
    past = np.concatenate([memory.past, memory.value[None]])[1:]
    after = replace(memory, h=run.h, c=run.c, past=past, age=np.zeros(len(memory.value)))
    return arranged(network, network.views(weights), run.y), after


def forecast(
    network: Network,
    weights: Array,
    memory: Memory,
    future_features: Array,
    added: Array | None = None,
) -> Array:
    """The head's numbers ``(steps, batch, width)`` of as many steps as there are
    ``future_features (steps, batch, features)``; ``added (steps, batch)`` as in `Batch`."""
    y = _roll(network, weights, memory, future_features).y
    return arranged(network, network.views(weights), y, added)


def _window(network: Network, batch: Batch) -> tuple[Array, Memory]:
    """What the stack reads of the window before its newest row, and the rest of its memory."""
    spec = network.spec
    values = filled(batch.past, batch.observed)
    seen = newest(batch.observed)
    age = np.where(seen < 0, np.inf, np.arange(spec.context)[:, None] - seen)
    following = np.concatenate([batch.past_features[1:], batch.future_features[:1]])
    first = spec.context - spec.steps
    past_inputs = batch.past_inputs if spec.past_width else None
    own = None if past_inputs is None else past_inputs[first:-1]
    rows = inputs(values[first:-1], age[first:-1], following[first:-1], own)
    past = values[spec.context - max(spec.lags, 1) : -1]
    recurrent = network.recurrent
    states = [np.zeros((len(batch), each), values.dtype) for each in recurrent.states]
    cells = [np.zeros((len(batch), each), values.dtype) for each in recurrent.cells]
    kept = None if past_inputs is None else past_inputs[-max(spec.input_lags, 1) :]
    return rows, Memory(states, cells, past, values[-1], age[-1], kept)


def _roll(
    network: Network,
    weights: Array,
    memory: Memory,
    future_features: Array,
    record: tuple[int, int] | None = None,
    read: feeding.Fed | None = None,
) -> engine.Rollout:
    """The closed loop over the horizon; ``record`` is (seed, step) of training, ``read`` what the
    loop reads where that is not its own forecasts."""
    spec, views = network.spec, network.views(weights)
    steps = len(future_features)
    read = read or feeding.own(memory.value, memory.age, steps)
    lags = _gained(network, views)
    offset = None
    if lags is not None and (spec.row_features or memory.inputs is not None):
        offset = known(spec, views, future_features, memory.inputs)
    rows = inputs(read.values, read.age, future_features, held(memory.inputs, steps))
    seed, step = record or (0, 0)
    return engine.rollout(
        spec.cell, network.recurrent.sizes, weights[: network.recurrent.count],
        (views["head.weight"], views["head.bias"]), rows, read.fed,
        h0=memory.h, c0=memory.c or None, feed=1, lags=lags, past=memory.past, offset=offset,
        record=record is not None, dropout=spec.dropout if record else 0.0,
        seed=seed ^ LOOP, step=step,
    )  # fmt: skip


def _gained(network: Network, views: dict[str, Array]) -> Array | None:
    """The weights of the newest values as they count, None without any."""
    lags = views.get("lags.weight")
    return None if lags is None else lags.dtype.type(network.spec.skip_gain) * lags


def arranged(
    network: Network, views: dict[str, Array], y: Array, added: Array | None = None
) -> Array:
    """Numbers of the loop (the median, and how far the other quantiles lie from it; or a location
    and what lies round it) as the head has them; ``added`` is what comes to the median."""
    if added is not None:
        y = y.copy()
        y[..., 0] += added
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
