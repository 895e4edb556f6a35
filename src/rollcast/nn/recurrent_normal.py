"""An LSTM layer with batch normalisation within its recurrence (Cooijmans et al. 2016, arXiv
1603.09025, equations 6 to 8).

Statistics are those of each step over the batch, and of each step in the training data where
outputs shall not depend on the batch; later steps go by those of the last.
"""

from typing import NamedTuple

import numpy as np

from rollcast import engine
from rollcast.nn.normal import Normal, spread_of
from rollcast.nn.steps import sigmoid

OVER_ROWS = Normal((0,), population=True)

FIRST_GAIN = 0.1
"""So that tanh and the gates begin where they are steep (section 4)."""

PARTS = 9
"""Units normalised for each unit of the layer: four gates of both products, and the cell."""


class Weights(NamedTuple):
    """Those of torch's LSTM, and gains of the products and of the cell, whose shift comes last."""

    weight_ih: np.ndarray  # (4 units, inputs)
    weight_hh: np.ndarray  # (4 units, units)
    bias_ih: np.ndarray
    bias_hh: np.ndarray
    gain: np.ndarray  # (9 units,): of W_x x, of W_h h, of c
    shift: np.ndarray  # (units,), of c


class Kept(NamedTuple):
    """What one step keeps for the way back."""

    h: np.ndarray  # before the step
    c: np.ndarray
    gates: tuple[np.ndarray, ...]  # i, f, g, o
    scaled: tuple[np.ndarray, ...]  # W_x x, W_h h, c: normalised, without gain
    spread: tuple[np.ndarray, ...]
    squashed: np.ndarray  # tanh of the normalised cell


def forward(
    x: np.ndarray, weights: Weights, mean: np.ndarray | None, variance: np.ndarray | None
) -> tuple[np.ndarray, list[Kept], np.ndarray, np.ndarray]:
    """Outputs (time, batch, units) of x (time, batch, inputs) from zero states, what ``backward``
    needs, and mean and variance (time, 9 units) as used: those given, (steps, 9 units), or of this
    batch."""
    time, batch, inputs = x.shape
    units = len(weights.shift)
    products = engine.linear(np.ascontiguousarray(x).reshape(-1, inputs), weights.weight_ih)
    products = products.reshape(time, batch, -1)
    gain_x, gain_h, gain_c = np.split(weights.gain, (4 * units, 8 * units))
    h, c = np.zeros((2, batch, units), x.dtype)
    y = np.empty((time, batch, units), x.dtype)
    kept: list[Kept] = []
    means, variances = np.empty((2, time, PARTS * units), x.dtype)

    def normalised(value: np.ndarray, t: int, part: slice) -> tuple[np.ndarray, np.ndarray]:
        if mean is None or variance is None:
            found = OVER_ROWS.statistics(value)
        else:
            at = min(t, len(mean) - 1)
            found = mean[at, part], variance[at, part]
        means[t, part], variances[t, part] = (each.reshape(-1) for each in found)
        spread = spread_of(found[1])
        return (value - found[0]) / spread, spread

    for t in range(time):
        a_x, spread_x = normalised(products[t], t, slice(0, 4 * units))
        a_h, spread_h = normalised(
            engine.linear(h, weights.weight_hh), t, slice(4 * units, 8 * units)
        )
        a = gain_x * a_x + gain_h * a_h + weights.bias_ih + weights.bias_hh  # (6)
        i, f, g, o = np.split(a, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        before, c = c, f * c + i * g  # (7)
        cell, spread_c = normalised(c, t, slice(8 * units, None))
        squashed = np.tanh(gain_c * cell + weights.shift)
        kept.append(
            Kept(
                h, before, (i, f, g, o), (a_x, a_h, cell), (spread_x, spread_h, spread_c), squashed
            )
        )
        h = np.ascontiguousarray(o * squashed, x.dtype)  # (8)
        y[t] = h
    return y, kept, means, variances


def backward(
    dy: np.ndarray, x: np.ndarray, weights: Weights, kept: list[Kept]
) -> tuple[np.ndarray, Weights]:
    """Exact gradients of x and of the weights, through time and the statistics of the batch."""
    time, batch, units = dy.shape
    gain_x, gain_h, gain_c = np.split(weights.gain, (4 * units, 8 * units))
    slopes = Weights(*(np.zeros_like(each) for each in weights))
    parts = np.split(slopes.gain, (4 * units, 8 * units))
    dproducts = np.empty((time, batch, 4 * units), dy.dtype)
    dh, dc = np.zeros((2, batch, units), dy.dtype)
    for t in reversed(range(time)):
        step = kept[t]
        i, f, g, o = step.gates
        dh = dh + dy[t]
        du = dh * o * (1 - step.squashed**2)
        parts[2][:] += (du * step.scaled[2]).sum(axis=0)
        slopes.shift[:] += du.sum(axis=0)
        dc = dc + OVER_ROWS.back(du * gain_c, step.scaled[2], step.spread[2], None)
        da = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * step.c * f * (1 - f),
                dc * i * (1 - g**2),
                dh * step.squashed * o * (1 - o),
            ],
            axis=1,
        )
        dc = dc * f
        parts[0][:] += (da * step.scaled[0]).sum(axis=0)
        parts[1][:] += (da * step.scaled[1]).sum(axis=0)
        slopes.bias_ih[:] += da.sum(axis=0)
        dproducts[t] = OVER_ROWS.back(da * gain_x, step.scaled[0], step.spread[0], None)
        dproduct = OVER_ROWS.back(da * gain_h, step.scaled[1], step.spread[1], None)
        dh, dweight, _ = engine.linear_backward(
            np.ascontiguousarray(dproduct, dy.dtype), step.h, weights.weight_hh
        )
        assert dh is not None
        slopes.weight_hh[:] += dweight
    slopes.bias_hh[:] = slopes.bias_ih
    dx, dweight, _ = engine.linear_backward(
        dproducts.reshape(-1, 4 * units),
        np.ascontiguousarray(x).reshape(time * batch, -1),
        weights.weight_ih,
    )
    assert dx is not None
    slopes.weight_ih[:] = dweight
    return dx.reshape(x.shape), slopes
