"""The cells that the engine knows, and how their layers may be wired.

A cell is written as a choice: ``lstm``, ``gru(dilation=2)``, ``lstm(zoneout=0.1, residual=true)``.
The options are

- ``dilation``: how many steps back each layer's recurrence goes (Chang et al. 2017, arXiv
  1710.02224). ``2`` is 1, 2, 4, … from the lowest layer up (their equation 6); ``1-4-8`` names
  every layer's own. A layer then carries the states after its last so many steps, side by side.
- ``residual``: what a layer reads is added to its output, from the second layer on, where both are
  as wide (He et al. 2016; Wu et al. 2016, arXiv 1609.08144, section 3.1).
- ``zoneout``: the probability with which, while training, each number of a state stays as it was
  (Krueger et al. 2017, arXiv 1606.01305, section 3.1); inference takes the mean. Of rnn, lstm and
  gru.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from rollcast.choice import choose, require
from rollcast.engine.rows import _native
from rollcast.errors import UsageError


class CellShape(NamedTuple):
    """What a layer of a cell consists of; as in native/engine.h."""

    gates: int
    recurrent: bool = True  # h is multiplied by weights
    vectors: int = 0  # weights besides, of each unit
    cells: int = 0  # states besides h


# In the order of `Cell` in native/engine.h.
SHAPES = {
    "rnn_tanh": CellShape(1),
    "rnn_relu": CellShape(1),
    "lstm": CellShape(4, cells=1),
    "gru": CellShape(3),
    "lstm_peephole": CellShape(4, vectors=3, cells=1),
    "lstm_layer_norm": CellShape(4, vectors=10, cells=1),
    "min_gru": CellShape(2, recurrent=False),
    "min_lstm": CellShape(3, recurrent=False),
    "slstm": CellShape(4, cells=3),
}
GATES = {name: shape.gates for name, shape in SHAPES.items()}
CELLS = tuple(SHAPES)
TILED = CELLS[:4]
"""Those that have zoneout and products in bfloat16."""

LARGEST = 1 << 16
"""No layer goes back further."""


class Wiring(NamedTuple):
    """The options of a cell. ``steps``: of every layer, or the base of their powers; empty: 1."""

    steps: tuple[int, ...] = ()
    residual: bool = False
    zoneout: float = 0.0


def _tiled(dilation: str = "1", residual: bool = False, zoneout: float = 0.0) -> Wiring:
    require("zoneout", zoneout, 0.0 <= zoneout < 1.0, "a probability below 1")
    return Wiring(_steps(dilation), residual, zoneout)


def _other(dilation: str = "1", residual: bool = False) -> Wiring:
    return Wiring(_steps(dilation), residual)


def _steps(dilation: str) -> tuple[int, ...]:
    parts = dilation.split("-")
    fits = all(part.isascii() and part.isdigit() and 1 <= int(part) <= LARGEST for part in parts)
    require("dilation", dilation, fits, f"whole numbers to {LARGEST}, as in 2 or 1-2-4")
    return () if dilation == "1" else tuple(map(int, parts))


WIRED = {name: _tiled if name in TILED else _other for name in CELLS}
"""The table of which a cell is a choice."""


@lru_cache(maxsize=256)
def name_of(cell: str) -> str:
    """The name of a cell written with or without options. Raises ``UsageError``."""
    if cell in SHAPES:
        return cell
    if not isinstance(cell, str) or "(" not in cell:
        raise UsageError(f"unknown cell {cell!r}; possible: {', '.join(CELLS)}")
    choose("cell", cell, WIRED)
    return cell.split("(")[0].strip()


def shape_of(cell: str) -> CellShape:
    """What its layers consist of."""
    return SHAPES[name_of(cell)]


@lru_cache(maxsize=256)
def wiring_of(cell: str) -> Wiring:
    """Its options."""
    name_of(cell)
    return choose("cell", cell, WIRED)


@lru_cache(maxsize=256)
def reaches(cell: str, layers: int) -> tuple[int, ...]:
    """How many steps back every layer goes. Raises ``UsageError`` for another number of layers."""
    steps = wiring_of(cell).steps
    if len(steps) == 1:
        steps = tuple(steps[0] ** layer for layer in range(layers))
    if steps and (len(steps) != layers or max(steps) > LARGEST):
        raise UsageError(
            f"cell={cell!r}: dilation gives {len(steps)} layers' steps, the largest {max(steps)}; "
            f"expected one number, or one for each of {layers} layers, and at most {LARGEST} steps."
        )
    return steps or (1,) * layers


@lru_cache(maxsize=256)
def kind(cell: str, layers: int) -> Any:
    """The cell as the native module takes it."""
    wiring = wiring_of(cell)
    steps = list(reaches(cell, layers)) if wiring.steps else []
    return _native.Kind(CELLS.index(name_of(cell)), steps, wiring.residual, wiring.zoneout)
