"""The native engine, on NumPy arrays: the only room that knows the native module.

Arrays are time-major ``(time, batch, feature)``, C-contiguous, float32 or float64, all of one call
of one type. A stack is a cell name and ``sizes = (input, units of layer 0, units of layer 1, …)``.
Weights are one flat vector: per layer ``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh`` in the
shapes and gate order of ``torch.nn``. ``engine.bidirectional`` reads sequences in both directions.

The environment variable ``ROLLCAST_ISA`` forces an instruction set and ``ROLLCAST_THREADS`` the
number of threads.
"""

from rollcast.engine import bidirectional, trusted
from rollcast.engine.cells import CELLS, GATES, TILED, WIRED, name_of, wiring_of
from rollcast.engine.linear import linear, linear_backward
from rollcast.engine.loss import FAMILIES, loss
from rollcast.engine.rollout import Rollout, RolloutGradients, rollout, rollout_backward
from rollcast.engine.rows import (
    bfloat16_units,
    isa,
    isas,
    products,
    select_isa,
    set_products,
    set_threads,
    share_team,
    threads,
)
from rollcast.engine.sequence import Sequence
from rollcast.engine.shapes import cell_widths, state_widths, weight_count
from rollcast.engine.stack import (
    Gradients,
    Packed,
    Recording,
    Run,
    backward,
    forward,
    infer,
    pack,
)
from rollcast.engine.stream import Stream
from rollcast.engine.update import adam, dot, norm, rmsprop, sgd
from rollcast.engine.windows import MEASURES, gather

__all__ = [
    "CELLS",
    "FAMILIES",
    "GATES",
    "MEASURES",
    "TILED",
    "WIRED",
    "Gradients",
    "Packed",
    "Recording",
    "Rollout",
    "RolloutGradients",
    "Run",
    "Sequence",
    "Stream",
    "adam",
    "backward",
    "bfloat16_units",
    "bidirectional",
    "cell_widths",
    "dot",
    "forward",
    "gather",
    "infer",
    "isa",
    "isas",
    "linear",
    "linear_backward",
    "loss",
    "name_of",
    "norm",
    "pack",
    "products",
    "rmsprop",
    "rollout",
    "rollout_backward",
    "select_isa",
    "set_products",
    "set_threads",
    "sgd",
    "share_team",
    "state_widths",
    "threads",
    "trusted",
    "weight_count",
    "wiring_of",
]
