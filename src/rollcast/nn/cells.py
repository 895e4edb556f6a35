"""The recurrent cells as plain NumPy: the specification that the native engine is tested against.

A cell is one row of ``CELLS``. It says which gates it has, which states it carries and what one
step does (``steps.py``), in the letters of the paper it comes from. Nothing here is fast.

The weights of a stack are one flat vector. Layer by layer it holds ``weight_ih`` (gates · hidden,
input), ``weight_hh`` (gates · hidden, hidden), ``bias_ih`` and ``bias_hh`` (gates · hidden), with
the gates one below the other in the order of ``CellSpec.gates``, and for a projected LSTM
``weight_hr`` (projection, hidden); the width of h is then the projection. That is the order of
``torch.nn``, so weights can be carried over number by number. A cell that does not multiply h has
neither ``weight_hh`` nor ``bias_hh``; what ``CellSpec.vectors`` names comes last.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rollcast.engine import name_of, state_widths, wiring_of
from rollcast.errors import UsageError
from rollcast.nn import steps
from rollcast.nn.steps import LayerWeights, Step


@dataclass(frozen=True)
class CellSpec:
    """One cell: its name, gates and states, and ``step(x, states, weights) -> states``.

    ``x`` is (batch, input), every state (batch, hidden). The first state is also the output; where
    the engine speaks of ``c`` it means all others, side by side (batch, others · hidden).
    ``recurrent``: whether h is multiplied by weights. ``vectors``: names of further weights and how
    many numbers of each a unit has.
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    step: Step
    recurrent: bool = True
    vectors: tuple[tuple[str, int], ...] = ()

    @property
    def cells(self) -> int:
        """How many states there are besides h."""
        return len(self.states) - 1


_FOUR = ("i", "f", "g", "o")
_NORMAL = (("gain_ih", 4), ("gain_hh", 4), ("gain_ch", 1), ("bias_ch", 1))

CELLS: dict[str, CellSpec] = {
    spec.name: spec
    for spec in (
        CellSpec("rnn_tanh", ("h",), ("h",), steps.elman(np.tanh)),
        CellSpec("rnn_relu", ("h",), ("h",), steps.elman(steps.relu)),
        CellSpec("lstm", _FOUR, ("h", "c"), steps.lstm),
        CellSpec("gru", ("r", "z", "n"), ("h",), steps.gru),
        CellSpec(
            "lstm_peephole", _FOUR, ("h", "c"), steps.lstm_peephole, vectors=(("weight_ch", 3),)
        ),
        CellSpec("lstm_layer_norm", _FOUR, ("h", "c"), steps.lstm_layer_norm, vectors=_NORMAL),
        CellSpec("min_gru", ("z", "n"), ("h",), steps.min_gru, recurrent=False),
        CellSpec("min_lstm", ("f", "i", "n"), ("h",), steps.min_lstm, recurrent=False),
        CellSpec("slstm", ("i", "f", "z", "o"), ("h", "c", "n", "m"), steps.slstm),
    )
}


def find_cell(name: str) -> CellSpec:
    """The row of ``CELLS`` called ``name``, which may have options (``engine.cells``). Raises
    ``UsageError`` with the names there are."""
    if "(" in name:
        name = name_of(name)
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
    spec = find_cell(cell)
    gates = len(spec.gates)
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
        if not spec.recurrent:
            shapes = shapes[::2]
        if projection:
            shapes.append(("weight_hr", (projection, hidden)))
        shapes += [(name, (count * hidden,)) for name, count in spec.vectors]
        for name, shape in shapes:
            stop = start + int(np.prod(shape))
            places.append((f"{name}_l{layer}", shape, slice(start, stop)))
            start = stop
    return places


def layer_weights(
    cell: str, sizes: Sequence[int], weights: np.ndarray, projection: int = 0
) -> list[LayerWeights]:
    """The arrays of every layer, as views of the flat vector."""
    found: list[dict[str, np.ndarray]] = [{} for _ in sizes[1:]]
    for name, shape, place in layout(cell, sizes, projection):
        kind, _, layer = name.rpartition("_l")
        found[int(layer)][kind] = weights[place].reshape(shape)
    vectors = [name for name, _ in find_cell(cell).vectors]
    return [
        LayerWeights(
            each["weight_ih"], each.get("weight_hh"), each["bias_ih"], each.get("bias_hh"),
            each.get("weight_hr"), tuple(each[name] for name in vectors),
        )
        for each in found
    ]  # fmt: skip


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
    stay: Callable[[str, int, int, int, int], np.ndarray] | None = None,
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray] | None]:
    """Outputs (time, batch, hidden) and final states of a stack, step by step.

    The final states are one (batch, hidden) array per layer; the third result, the other states
    side by side, is None for a cell without. ``x`` is (time, batch, input), ``h0`` and ``c0`` are
    one array per layer, zero when left out. With ``lengths`` (batch,), a row stops after its own
    number of steps: its states stay and its outputs are zero. ``keep(layer, time, batch, hidden)``
    gives what the output of every layer but the last is multiplied by (``layers.dropout_mask`` with
    its first arguments).
    With ``projection`` every h has so many numbers in place of ``hidden``. ``cell`` may have
    options (``engine.cells``): with dilation the states are (batch, steps back · hidden), and
    ``stay(state, layer, time, batch, hidden)`` tells where zoneout lets them stay while training.
    """
    spec, wiring = find_cell(cell), wiring_of(cell)
    time, batch, _ = x.shape
    lengths = np.full(batch, time) if lengths is None else lengths
    steps = np.arange(batch)
    last: list[tuple[np.ndarray, ...]] = []
    stack = layer_weights(cell, sizes, weights, projection)
    backs = state_widths(cell, sizes, projection)
    for layer, arrays in enumerate(stack):
        width, units = projection or sizes[layer + 1], sizes[layer + 1]
        back = backs[layer] // width  # Chang et al. 2017, (2): step t goes on from step t - back
        first = np.zeros((batch, back * width), x.dtype) if h0 is None else h0[layer]
        others = np.zeros((batch, back * spec.cells * units), x.dtype)
        others = others if c0 is None or not spec.cells else c0[layer]
        hs = list(first.reshape(batch, back, width).swapaxes(0, 1))
        cs = list(others.reshape(batch, back, spec.cells * units).swapaxes(0, 1))
        y = np.zeros((time, batch, width), x.dtype)
        add = wiring.residual and layer > 0 and x.shape[2] == width
        for t in range(time):
            before = (hs[t], *np.split(cs[t], spec.cells, axis=1)) if spec.cells else (hs[t],)
            after = spec.step(x[t], before, arrays)
            if wiring.zoneout:  # Krueger et al. 2017, (3) and (4); in inference the mean of both
                share = [stay(name, layer, t, batch, units) for name in spec.states] if stay else (
                    [wiring.zoneout] * len(before)
                )  # fmt: skip
                after = tuple(
                    part * old + (1.0 - part) * new
                    for part, old, new in zip(share, before, after, strict=True)
                )
            hs.append(after[0])
            cs.append(np.concatenate((np.zeros((batch, 0)), *after[1:]), axis=1))
            y[t] = np.where((t < lengths)[:, None], after[0] + (x[t] if add else 0.0), 0.0)
            if keep is not None and layer + 1 < len(stack):
                y[t] *= keep(layer, t, batch, width)
        ends = [lengths + place for place in range(back)]
        last.append(
            tuple(
                np.concatenate([np.stack(states)[end, steps] for end in ends], axis=1)
                for states in (hs, cs)
            )
        )
        x = y
    h = [states[0] for states in last]
    return x, h, [states[1] for states in last] if spec.cells else None
