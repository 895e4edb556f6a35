"""One step of every cell in plain NumPy, in the letters of the paper it comes from.

These are the specification that the native engine is tested against. Nothing here is fast. ``x`` is
(batch, input), every state (batch, hidden); a step gives the states after it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

States = tuple[np.ndarray, ...]


class LayerWeights(NamedTuple):
    """The arrays of one layer."""

    weight_ih: np.ndarray  # (gates * hidden, input)
    weight_hh: np.ndarray | None  # (gates * hidden, hidden); None where h is not multiplied
    bias_ih: np.ndarray  # (gates * hidden,)
    bias_hh: np.ndarray | None  # (gates * hidden,)
    weight_hr: np.ndarray | None = None  # (projection, hidden)
    more: tuple[np.ndarray, ...] = ()  # what CellSpec.vectors names, each (count * hidden,)


Step = Callable[[np.ndarray, States, LayerWeights], States]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function, written with tanh so that no argument overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def _both(x: np.ndarray, h: np.ndarray, weights: LayerWeights) -> np.ndarray:
    """The sums of all gates."""
    W, U, b, d = weights[:4]
    assert U is not None and d is not None
    return x @ W.T + b + h @ U.T + d


def elman(squash: Callable[[np.ndarray], np.ndarray]) -> Step:
    """Elman 1990, Finding structure in time, figure 2.

    The paper draws the network and prints no formula; the equation numbers are those of
    Goodfellow, Bengio and Courville 2016, Deep learning, section 10.2.
    """

    def step(x: np.ndarray, states: States, weights: LayerWeights) -> States:
        (h,) = states
        a = _both(x, h, weights)  # (10.8), its bias in two parts as in torch
        return (squash(a),)  # (10.9)

    return step


def relu(a: np.ndarray) -> np.ndarray:
    """The positive part."""
    return np.maximum(a, 0.0)


def lstm(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000 (section 3).

    Letters and equation numbers are those of Graves 2013 (arXiv 1308.0850), which writes the same
    cell in vectors; the peephole terms of its equations 7, 8 and 10 are left out.
    With ``weight_hr`` the output is projected (Sak et al. 2014, arXiv 1402.1128, section 2).
    """
    W_r = weights.weight_hr
    h, c = states
    i, f, g, o = np.split(_both(x, h, weights), 4, axis=1)
    i = sigmoid(i)  # (7)
    f = sigmoid(f)  # (8)
    c = f * c + i * np.tanh(g)  # (9)
    o = sigmoid(o)  # (10)
    h = o * np.tanh(c)  # (11)
    return (h if W_r is None else h @ W_r.T), c


def gru(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Cho et al. 2014 (arXiv 1406.1078), in the variant of torch and cuDNN.

    The paper resets the state before its product with U; here the reset gate multiplies the
    product and its bias, which is why the two biases of gate n cannot be added up beforehand.
    """
    W, U, b, d = weights[:4]
    assert U is not None and d is not None
    (h,) = states
    x_r, x_z, x_n = np.split(x @ W.T + b, 3, axis=1)
    h_r, h_z, h_n = np.split(h @ U.T + d, 3, axis=1)
    r = sigmoid(x_r + h_r)  # (5)
    z = sigmoid(x_z + h_z)  # (6)
    n = np.tanh(x_n + r * h_n)  # (8) in the variant; the paper has [U (r * h)]
    return (z * h + (1.0 - z) * n,)  # (7)


def lstm_peephole(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Gers, Schraudolph and Schmidhuber 2002, in the letters of Graves 2013 (arXiv 1308.0850).

    The gates see the cell state, each unit its own: ``weight_ch`` holds W_ci, W_cf, W_co.
    """
    W_ci, W_cf, W_co = np.split(weights.more[0], 3)
    h, c = states
    i, f, g, o = np.split(_both(x, h, weights), 4, axis=1)
    i = sigmoid(i + W_ci * c)  # (7)
    f = sigmoid(f + W_cf * c)  # (8)
    c = f * c + i * np.tanh(g)  # (9)
    o = sigmoid(o + W_co * c)  # (10)
    return o * np.tanh(c), c  # (11)


def _normal(z: np.ndarray) -> np.ndarray:
    """Each row less its mean, over its deviation; 1e-5 as in torch."""
    away = z - z.mean(axis=1, keepdims=True)
    return away / np.sqrt((away * away).mean(axis=1, keepdims=True) + 1e-5)


def lstm_layer_norm(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Ba, Kiros and Hinton 2016 (arXiv 1607.06450), supplement, equations 20 to 22.

    The two products are normalised over all four gates each, the cell state on its way to h. Of the
    paper's three biases of a gate (b and one in each normalisation) there are two.
    """
    gain_x, gain_h, gain_c, bias_c = weights.more
    assert weights.weight_hh is not None and weights.bias_hh is not None
    h, c = states
    a_x = _normal(x @ weights.weight_ih.T) * gain_x + weights.bias_ih
    a_h = _normal(h @ weights.weight_hh.T) * gain_h + weights.bias_hh
    i, f, g, o = np.split(a_h + a_x, 4, axis=1)  # (20)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)  # (21)
    return sigmoid(o) * np.tanh(_normal(c) * gain_c + bias_c), c  # (22)


def min_gru(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Feng et al. 2024, Were RNNs all we needed? (arXiv 2410.01201), section 3.1.3."""
    (h,) = states
    z, n = np.split(x @ weights.weight_ih.T + weights.bias_ih, 2, axis=1)
    z = sigmoid(z)
    return ((1.0 - z) * h + z * n,)


def min_lstm(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Feng et al. 2024 (arXiv 2410.01201), section 3.2.4: the shares of both gates add up to 1."""
    (h,) = states
    f, i, n = np.split(x @ weights.weight_ih.T + weights.bias_ih, 3, axis=1)
    f, i = sigmoid(f), sigmoid(i)
    return (f / (f + i) * h + i / (f + i) * n,)


def slstm(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Beck et al. 2024, xLSTM (arXiv 2405.04517), section 2.2, with sigmoid forget gate, one head.

    A state with n = 0 has seen nothing: its stabiliser m counts as minus infinity, so that zero
    states need no other value.
    """
    h, c, n, m = states
    i, f, z, o = np.split(_both(x, h, weights), 4, axis=1)
    with np.errstate(divide="ignore"):
        log_f = np.where(n == 0, -np.inf, -np.logaddexp(0.0, -f) + m)
    m = np.maximum(log_f, i)  # (15)
    i = np.exp(i - m)  # (16)
    f = np.exp(log_f - m)  # (17)
    c = f * c + i * np.tanh(z)  # (8), (11)
    n = f * n + i  # (9)
    return sigmoid(o) * c / n, c, n, m  # (10), (14)
