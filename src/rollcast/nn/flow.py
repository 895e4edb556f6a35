"""How gradients flow through time: ∂h_T/∂h_k, step by step, and what the recurrent matrix does.

The Jacobian of the last state by an earlier one is a product of one Jacobian a step (Pascanu,
Mikolov and Bengio 2013, section 2, equations 5 to 7): over many steps it shrinks or grows like a
power. Everything here runs in float64, through the engine's own backward.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.errors import UsageError
from rollcast.nn.cells import find_cell
from rollcast.nn.recurrent import Recurrent

NORMS = ("spectral", "frobenius")

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Flow:
    """How much the last layer's h after the last step T depends on the states after step k.

    ``log_h`` and ``log_c`` are log10 of the norms of ∂h_T/∂h_k and ∂h_T/∂c_k, ``(layers, T + 1,
    batch)``, float64: logarithms, since over a few hundred steps the norms themselves leave what a
    float can hold. Step 0 is the state before the first row. -inf is a norm of zero, NaN follows
    states that are not finite. A derivative by one state of a layer holds its other state and the
    other layers fixed at step k. ``log_c`` has no layers unless the cell is an LSTM.
    """

    log_h: Array
    log_c: Array
    norm: str

    def largest(self) -> Array:
        """log10 of the larger of h's and c's norms over all layers, ``(T + 1, batch)``."""
        return np.concatenate([self.log_h, self.log_c]).max(axis=0)

    def decades(self) -> Array:
        """Powers of ten that are lost (or won, above 0) with every step back, ``(batch,)``: the
        slope of `largest` from k = 0 to T."""
        every = self.largest()
        return (every[0] - every[-1]) / max(1, len(every) - 1)


def state_flow(recurrent: Recurrent, weights: Array, x: Array, *, norm: str = "spectral") -> Flow:
    """The `Flow` of a stack that reads ``x (time, batch, input)`` from a zero state.

    ``norm`` of the Jacobians: ``"spectral"``, the largest singular value, or ``"frobenius"``. It is
    exact: units of the last layer's h go back through one step at a time. The cost is that of
    ``units`` backward passes for each row of the batch, and a singular value a step.

    Raises ``UsageError`` for weights or x that do not fit or are not finite.

    >>> stack = Recurrent("rnn_tanh", 1, (8,))
    >>> weights = stack.initial(np.random.default_rng(0), scheme="orthogonal(gain=0.5)")
    >>> flow = state_flow(stack, weights, np.zeros((20, 1, 1)))
    >>> flow.log_h.shape
    (1, 21, 1)
    """
    if norm not in NORMS:
        raise UsageError(f"norm={norm!r}: choose one of {', '.join(NORMS)}.")
    if recurrent.wired:
        raise UsageError(f"state_flow: cell={recurrent.cell!r} has options; it is for plain ones.")
    weights, x = np.asarray(weights, np.float64), np.asarray(x, np.float64)
    if not (np.isfinite(weights).all() and np.isfinite(x).all()):
        raise UsageError("state_flow: weights and x must be finite; some are NaN or infinite.")
    cell, sizes, units = recurrent.cell, recurrent.sizes, recurrent.hidden[-1]
    before = _states(recurrent, weights, x)
    time, batch, _ = x.shape

    def repeated(rows: Array) -> Array:
        return np.repeat(rows, units, axis=-2)

    rows = batch * units  # of each row of x, one for each unit of the last layer's h
    dh = [np.zeros((rows, width)) for width in recurrent.hidden]
    dh[-1] += np.tile(np.eye(units), (batch, 1))
    dc = [np.zeros((rows, width)) for width in recurrent.cells]
    layers = len(recurrent.hidden)
    log_h = np.empty((layers, time + 1, batch))
    log_c = np.empty((len(dc), time + 1, batch))
    taken = np.zeros(batch)  # log10 of what the Jacobian was divided by so far
    for step in range(time, -1, -1):
        for log, parts in ((log_h, dh), (log_c, dc)):
            for layer, part in enumerate(parts):
                jacobians = part.reshape(batch, units, -1)
                log[layer, step] = taken + _log_norms(jacobians, norm)
        if step == 0:
            break
        h, c = before[step - 1]
        run = engine.forward(
            cell, sizes, weights, np.ascontiguousarray(repeated(x[step - 1 : step])),
            h0=[repeated(each) for each in h], c0=[repeated(each) for each in c] or None,
            outputs=False,
        )  # fmt: skip
        back = engine.backward(run.recording, dh=dh, dc=dc or None)
        taken += _rescaled([*back.h0, *back.c0], batch)
        dh, dc = back.h0, back.c0
    return Flow(log_h, log_c, norm)


def _states(
    recurrent: Recurrent, weights: Array, x: Array
) -> list[tuple[Sequence[Array], Sequence[Array]]]:
    """The states before every step, h and c; c has no layers where the cell has no state but h."""
    batch = x.shape[1]
    zero = [np.zeros((batch, width)) for width in recurrent.hidden]
    h, c = zero, [np.zeros((batch, width)) for width in recurrent.cells]
    packed = engine.pack(recurrent.cell, recurrent.sizes, weights)
    states: list[tuple[Sequence[Array], Sequence[Array]]] = []
    for step in range(len(x)):
        states.append((h, c))
        row = np.ascontiguousarray(x[step : step + 1])
        run = recurrent.infer(packed, row, h0=h, c0=c or None, outputs=False)
        h, c = run.h, run.c
    return states


def _log_norms(jacobians: Array, norm: str) -> Array:
    """log10 of the norm of each matrix; NaN for one that is not finite."""
    finite = np.asarray(np.isfinite(jacobians).all(axis=(1, 2)))
    known = np.where(finite[:, None, None], jacobians, 0.0)
    found = np.asarray(np.linalg.norm(known, ord=2 if norm == "spectral" else "fro", axis=(1, 2)))
    with np.errstate(divide="ignore"):
        return np.where(finite, np.log10(found), np.nan)


def _rescaled(parts: list[Array], batch: int) -> Array:
    """Divide all parts of a row's Jacobian by their largest number, in place; its log10."""
    largest = np.max([np.abs(part.reshape(batch, -1)).max(axis=1) for part in parts], axis=0)
    usable = np.isfinite(largest) & (largest > 0.0)
    scale = np.where(usable, largest, 1.0)
    for part in parts:
        part.reshape(batch, -1)[...] /= scale[:, None]
    return np.log10(scale)


@dataclass(frozen=True)
class RecurrentMatrix:
    """What one block of ``weight_hh`` does to a state: that of one gate, or all in one (``all``).

    ``singular_value`` is the largest one, the most a vector can grow by. ``radius`` is the largest
    absolute eigenvalue, by which it grows in the long run; NaN where the block is not square.
    """

    layer: int
    gate: str
    singular_value: float
    radius: float


def recurrent_matrices(recurrent: Recurrent, weights: Array) -> list[RecurrentMatrix]:
    """The recurrent matrix of every layer, whole and gate by gate.

    An Elman cell has one matrix and one row a layer. There the product of Jacobians must vanish
    where the largest singular value is below 1, and can explode only where it is above (tanh's
    slope is at most 1; Pascanu et al. 2013, section 2.1).
    """
    gates = find_cell(recurrent.cell).gates
    found = []
    for name, shape, place in recurrent.layout():
        kind, _, layer = name.rpartition("_l")
        if kind != "weight_hh":
            continue
        matrix = np.asarray(weights[place], np.float64).reshape(shape)
        blocks = dict(zip(gates, np.split(matrix, len(gates)), strict=True))
        if len(gates) > 1:
            blocks = {"all": matrix} | blocks
        for gate, block in blocks.items():
            square = block.shape[0] == block.shape[1]
            radius = float(np.abs(np.linalg.eigvals(block)).max()) if square else float("nan")
            largest = float(np.linalg.norm(block, ord=2))
            found.append(RecurrentMatrix(int(layer), gate, largest, radius))
    return found
