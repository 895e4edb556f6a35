"""The prototype that the targets were drawn from, where its built libraries are given.

Its folder (``librk.so``, ``librk2.so``) comes in the environment variable ROLLCAST_PROTOTYPE.
It is batch-major, for AVX-512, and wants equal layers of a multiple of 16 units, save for W4.
"""

import ctypes
import itertools
import os
from ctypes import c_int, c_void_p
from pathlib import Path

import numpy as np
from workloads import Array, Task, Workload

_threads = 1
_pointers = ctypes.POINTER(c_void_p)
SIGNATURES = {
    "librk.so": {
        "rk_fwd": (c_void_p, [c_void_p, *[c_int] * 5, c_void_p, c_void_p, c_int, c_int]),
        "rk_bwd": (None, [c_void_p] * 5),
    },
    "librk2.so": {
        "rk_stream_new": (c_void_p, [*[c_int] * 3, c_void_p]),
        "rk_stream_step": (None, [c_void_p] * 3),
        "rk_seq": (None, [c_void_p, c_void_p, c_int, c_void_p, c_int, c_int, c_int]),
        "rk_rnn_fwd": (None, [c_void_p, *[c_int] * 4, c_void_p, c_void_p]),
        "rk_rnn_bwd": (None, [c_void_p] * 2 + [c_int] * 4 + [c_void_p] * 3),
        "rk_bl_fwd": (c_void_p, [c_void_p, *[c_int] * 3, *[c_void_p] * 3, c_int]),
        "rk_bl_bwd": (None, [c_void_p] * 4),
    },
}
_entries: dict = {}


def start(threads: int, variant: str) -> None:
    global _threads
    _threads = threads
    folder = Path(os.environ["ROLLCAST_PROTOTYPE"])
    for file, signatures in SIGNATURES.items():
        library = ctypes.CDLL(str(folder / file))
        library.rk_pool(1)  # its own pool
        for name, (result, arguments) in signatures.items():
            entry = getattr(library, name)
            entry.restype, entry.argtypes = result, arguments
            _entries[name] = entry


def addresses(arrays: list[Array]) -> ctypes.Array:
    return (c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])


def build(work: Workload, mode: str, variant: str) -> Task:
    # Whoever keeps the addresses keeps the arrays.
    parts = [np.ascontiguousarray(part) for part in work.split(work.weights())]
    parts = parts[: 4 * (len(work.sizes) - 1)]
    x = np.ascontiguousarray(work.inputs().transpose(1, 0, 2))
    if mode == "one":
        return _one(work, parts, x)
    if mode == "infer":
        return _infer(work, parts, x)
    gradient = np.zeros(sum(part.size for part in parts), np.float32)
    into, end = [], 0
    for part in parts:
        into.append(gradient[end : end + part.size])
        end += part.size
    slopes = np.ascontiguousarray(work.slopes().transpose(1, 0, 2))
    if work.cell == "rnn_tanh":
        run = _rnn(work, parts, x, into, slopes)
    elif work.last:
        run = _last(work, parts, x, into, np.ascontiguousarray(slopes[:, -1]))
    else:
        run = _lstm(work, parts, x, into, slopes)

    def check() -> dict[str, Array]:
        run()
        return {"gradient": gradient.copy()}

    return Task(run, check)


def _lstm(work: Workload, parts: list, x: Array, into: list, slopes: Array):
    weights, gradients = addresses(parts), addresses(into)
    y = np.empty_like(slopes)
    shape = (work.batch, work.time, work.sizes[0], work.sizes[1], len(work.sizes) - 1)

    def run(kept: tuple = (parts, into)) -> None:
        made = _entries["rk_fwd"](x.ctypes.data, *shape, weights, y.ctypes.data, 1, _threads)
        _entries["rk_bwd"](made, x.ctypes.data, slopes.ctypes.data, weights, gradients)

    return run


def _rnn(work: Workload, parts: list, x: Array, into: list, slopes: Array):
    weights, gradients = addresses(parts), addresses(into)
    units, layers = work.sizes[1], len(work.sizes) - 1
    h = np.empty((layers, work.time + 1, units), np.float32)
    shape = (work.time, work.sizes[0], units, layers)
    place, dy, states = x.ctypes.data, slopes.ctypes.data, h.ctypes.data

    def run(kept: tuple = (parts, into, h, x, slopes)) -> None:
        _entries["rk_rnn_fwd"](place, *shape, weights, states)
        _entries["rk_rnn_bwd"](place, dy, *shape, weights, gradients, states)

    return run


def _last(work: Workload, parts: list, x: Array, into: list, slope: Array):
    weights, gradients = addresses(parts), addresses(into)
    sizes = (c_int * len(work.sizes))(*work.sizes)
    y = np.empty_like(slope)
    shape = (work.batch, work.time, len(work.sizes) - 1)

    def run(kept: tuple = (parts, into)) -> None:
        place = x.ctypes.data
        made = _entries["rk_bl_fwd"](place, *shape, sizes, weights, y.ctypes.data, _threads)
        _entries["rk_bl_bwd"](made, slope.ctypes.data, weights, gradients)

    return run


def _infer(work: Workload, parts: list, x: Array) -> Task:
    units, layers = work.sizes[1], len(work.sizes) - 1
    weights = addresses(parts)
    y = np.empty((work.batch, work.time, units), np.float32)
    if work.batch == 1:
        made = _entries["rk_stream_new"](work.sizes[0], units, layers, weights)

        def run(kept: list = parts) -> None:
            place = x.ctypes.data
            # Chunks of 64 steps; every other step walks the hidden blocks backwards.
            _entries["rk_seq"](made, place, work.time, y.ctypes.data, _threads, 64, 1)
    else:
        shape = (work.batch, work.time, work.sizes[0], units, layers)

        def run(kept: list = parts) -> None:
            _entries["rk_fwd"](x.ctypes.data, *shape, weights, y.ctypes.data, 0, _threads)

    def check() -> dict[str, Array]:
        run()
        return {"outputs": y.transpose(1, 0, 2).copy()}

    return Task(run, check)


def _one(work: Workload, parts: list, x: Array) -> Task:
    made = _entries["rk_stream_new"](
        work.sizes[0], work.sizes[1], len(work.sizes) - 1, addresses(parts)
    )
    y = np.empty((1, work.sizes[-1]), np.float32)
    place = y.ctypes.data
    inputs = itertools.cycle([each.ctypes.data for each in x[0]])

    def run(kept: tuple = (parts, x)) -> Array:
        _entries["rk_stream_step"](made, next(inputs), place)
        return y

    return Task(run, lambda: {"outputs": np.stack([run().copy() for _ in range(3)])})
