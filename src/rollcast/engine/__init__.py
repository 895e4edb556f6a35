"""The native engine, on NumPy arrays: the only room that knows the native module.

Arrays are time-major ``(time, batch, feature)``, C-contiguous, float32 or float64, all of one call
of one type. A stack is a cell name and ``sizes = (input, units of layer 0, units of layer 1, …)``.
Weights are one flat vector: per layer ``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh`` in the
shapes and gate order of ``torch.nn``. ``engine.bidirectional`` reads sequences in both directions.

The environment variable ``ROLLCAST_ISA`` forces an instruction set and ``ROLLCAST_THREADS`` the
number of threads.
"""

from rollcast.engine import bidirectional, trusted
from rollcast.engine.linear import linear, linear_backward
from rollcast.engine.rows import isa, isas, select_isa, set_threads, share_team, threads
from rollcast.engine.shapes import CELLS, GATES, weight_count
from rollcast.engine.stack import (
    Gradients,
    Packed,
    Recording,
    Run,
    backward,
    forward,
    infer,
    pack,
    step,
)
from rollcast.engine.update import adam, norm, sgd

__all__ = [
    "CELLS",
    "GATES",
    "Gradients",
    "Packed",
    "Recording",
    "Run",
    "adam",
    "backward",
    "bidirectional",
    "forward",
    "infer",
    "isa",
    "isas",
    "linear",
    "linear_backward",
    "norm",
    "pack",
    "select_isa",
    "set_threads",
    "sgd",
    "share_team",
    "step",
    "threads",
    "trusted",
    "weight_count",
]
