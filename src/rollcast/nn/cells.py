"""The recurrent cells as plain NumPy: the specification that the native engine is tested against.

A cell is one row of ``CELLS``. It says which gates it has, which states it carries and what one
step does, in the letters of the paper it comes from. Nothing here is fast.

The weights of a stack are one flat vector. Layer by layer it holds ``weight_ih`` (gates · hidden,
input), ``weight_hh`` (gates · hidden, hidden), ``bias_ih`` and ``bias_hh`` (gates · hidden), with
the gates one below the other in the order of ``CellSpec.gates``, and for a projected LSTM
``weight_hr`` (projection, hidden); the width of h is then the projection. That is the order of
``torch.nn``, so weights can be carried over number by number.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rollcast.errors import UsageError

States = tuple[np.ndarray, ...]


class LayerWeights(NamedTuple):
    """The arrays of one layer."""

    weight_ih: np.ndarray  # (gates * hidden, input)
    weight_hh: np.ndarray  # (gates * hidden, hidden)
    bias_ih: np.ndarray  # (gates * hidden,)
    bias_hh: np.ndarray  # (gates * hidden,)
    weight_hr: np.ndarray | None = None  # (projection, hidden)


@dataclass(frozen=True)
class CellSpec:
    """One cell: its name, gates and states, and ``step(x, states, weights) -> states``.

    ``x`` is (batch, input), every state (batch, hidden). The first state is also the output.
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    step: Callable[[np.ndarray, States, LayerWeights], States]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function, written with tanh so that no argument overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def _elman(squash: Callable[[np.ndarray], np.ndarray]):
    """Elman 1990, Finding structure in time, figure 2.

    The paper draws the network and prints no formula; the equation numbers are those of
    Goodfellow, Bengio and Courville 2016, Deep learning, section 10.2.
    """

    def step(x: np.ndarray, states: States, weights: LayerWeights) -> States:
        U, W, b, d = weights[:4]
        (h,) = states
        a = x @ U.T + b + h @ W.T + d  # (10.8), its bias in two parts as in torch
        return (squash(a),)  # (10.9)

    return step


def _lstm(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000 (section 3).

    Letters and equation numbers are those of Graves 2013 (arXiv 1308.0850), which writes the same
    cell in vectors; the peephole terms of its equations 7, 8 and 10 are left out.
    With ``weight_hr`` the output is projected (Sak et al. 2014, arXiv 1402.1128, section 2).
    """
    W_x, W_h, b_x, b_h, W_r = weights
    h, c = states
    i, f, g, o = np.split(x @ W_x.T + b_x + h @ W_h.T + b_h, 4, axis=1)
    i = sigmoid(i)  # (7)
    f = sigmoid(f)  # (8)
    c = f * c + i * np.tanh(g)  # (9)
    o = sigmoid(o)  # (10)
    h = o * np.tanh(c)  # (11)
    return (h if W_r is None else h @ W_r.T), c


def _gru(x: np.ndarray, states: States, weights: LayerWeights) -> States:
    """Cho et al. 2014 (arXiv 1406.1078), in the variant of torch and cuDNN.

    The paper resets the state before its product with U; here the reset gate multiplies the
    product and its bias, which is why the two biases of gate n cannot be added up beforehand.
    """
    W, U, b, d = weights[:4]
    (h,) = states
    x_r, x_z, x_n = np.split(x @ W.T + b, 3, axis=1)
    h_r, h_z, h_n = np.split(h @ U.T + d, 3, axis=1)
    r = sigmoid(x_r + h_r)  # (5)
    z = sigmoid(x_z + h_z)  # (6)
    n = np.tanh(x_n + r * h_n)  # (8) in the variant; the paper has [U (r * h)]
    return (z * h + (1.0 - z) * n,)  # (7)


def _relu(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0.0)


CELLS: dict[str, CellSpec] = {
    "rnn_tanh": CellSpec("rnn_tanh", ("h",), ("h",), _elman(np.tanh)),
    "rnn_relu": CellSpec("rnn_relu", ("h",), ("h",), _elman(_relu)),
    "lstm": CellSpec("lstm", ("i", "f", "g", "o"), ("h", "c"), _lstm),
    "gru": CellSpec("gru", ("r", "z", "n"), ("h",), _gru),
}


def find_cell(name: str) -> CellSpec:
    """The row of ``CELLS`` called ``name``. Raises ``UsageError`` with the names there are."""
    if name not in CELLS:
        raise UsageError(f"cell={name!r}: there is no such cell. Choose one of {', '.join(CELLS)}.")
    return CELLS[name]


def layout(
    cell: str, sizes: Sequence[int], projection: int = 0
) -> list[tuple[str, tuple[int, ...], slice]]:
    """Names, shapes and places of all weights of a stack in its flat vector, in order.

    ``sizes`` is (input, hidden of layer 0, hidden of layer 1, …); ``projection`` the width of h in
    a projected LSTM, 0 for none.

    >>> layout("rnn_tanh", (1, 2))[0]
    ('weight_ih_l0', (2, 1), slice(0, 2, None))
    """
    gates = len(find_cell(cell).gates)
    places = []
    start = 0
    for layer, (below, hidden) in enumerate(itertools.pairwise(sizes)):
        rows, width = gates * hidden, projection or hidden
        shapes: list[tuple[str, tuple[int, ...]]] = [
            ("weight_ih", (rows, projection if projection and layer else below)),
            ("weight_hh", (rows, width)),
            ("bias_ih", (rows,)),
            ("bias_hh", (rows,)),
        ]
        if projection:
            shapes.append(("weight_hr", (projection, hidden)))
        for name, shape in shapes:
            stop = start + int(np.prod(shape))
            places.append((f"{name}_l{layer}", shape, slice(start, stop)))
            start = stop
    return places


def layer_weights(
    cell: str, sizes: Sequence[int], weights: np.ndarray, projection: int = 0
) -> list[LayerWeights]:
    """The arrays of every layer, as views of the flat vector."""
    arrays = [weights[place].reshape(shape) for _, shape, place in layout(cell, sizes, projection)]
    count = 5 if projection else 4
    return [LayerWeights(*arrays[k : k + count]) for k in range(0, len(arrays), count)]


def reference_forward(
    cell: str,
    sizes: Sequence[int],
    weights: np.ndarray,
    x: np.ndarray,
    h0: Sequence[np.ndarray] | None = None,
    c0: Sequence[np.ndarray] | None = None,
    *,
    lengths: np.ndarray | None = None,
    keep: Callable[[int, int, int, int], np.ndarray] | None = None,
    projection: int = 0,
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray] | None]:
    """Outputs (time, batch, hidden) and final states of a stack, step by step.

    The final states are one (batch, hidden) array per layer; the third result is None for a cell
    without ``c``. ``x`` is (time, batch, input), ``h0`` and ``c0`` are one array per layer, zero
    when left out. With ``lengths`` (batch,), a row stops after its own number of steps: its states
    stay and its outputs are zero. ``keep(layer, time, batch, hidden)`` gives what the output of
    every layer but the last is multiplied by (``layers.dropout_mask`` with its first arguments).
    With ``projection`` every h has so many numbers in place of ``hidden``.
    """
    spec = find_cell(cell)
    time, batch, _ = x.shape
    lengths = np.full(batch, time) if lengths is None else lengths
    final: list[States] = []
    stack = layer_weights(cell, sizes, weights, projection)
    for layer, arrays in enumerate(stack):
        width = projection or sizes[layer + 1]
        given = zip((h0, c0), (width, sizes[layer + 1]), spec.states, strict=False)
        states = tuple(
            np.zeros((batch, size), x.dtype) if start is None else start[layer]
            for start, size, _ in given
        )
        y = np.zeros((time, batch, width), x.dtype)
        for t in range(time):
            running = (t < lengths)[:, None]
            after = spec.step(x[t], states, arrays)
            states = tuple(
                np.where(running, new, old) for new, old in zip(after, states, strict=True)
            )
            y[t] = np.where(running, states[0], 0.0)
            if keep is not None and layer + 1 < len(stack):
                y[t] *= keep(layer, t, batch, width)
        final.append(states)
        x = y
    h = [states[0] for states in final]
    c = [states[1] for states in final] if "c" in spec.states else None
    return x, h, c
