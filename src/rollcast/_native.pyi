"""The compiled module (native/module.cpp), as far as the engine uses it."""

from typing import Any

from numpy import ndarray

Maybe = ndarray | None

def row() -> str: ...
def select_row(name: str) -> None: ...
def supported_rows() -> list[str]: ...
def compiled_rows() -> list[str]: ...
def threads() -> int: ...
def set_threads(count: int) -> None: ...
def share_team(library: str | None) -> bool: ...
def granted_cpus() -> int: ...
def idle_bytes() -> int: ...
def release_idle() -> None: ...
def pack(cell: int, sizes: list[int], weights: ndarray) -> Any: ...
def forward(
    cell: int,
    sizes: list[int],
    weights: ndarray,
    x: ndarray,
    h0: Maybe,
    c0: Maybe,
    lengths: list[int],
    order: list[int],
    y: Maybe,
    hn: Maybe,
    cn: Maybe,
    dropout: float,
    seed: int,
    step: int,
    need_x: bool,
) -> Any: ...
def infer(
    packed: Any,
    x: ndarray,
    h0: Maybe,
    c0: Maybe,
    lengths: list[int],
    y: Maybe,
    hn: Maybe,
    cn: Maybe,
) -> None: ...
def backward(
    recording: Any,
    dy: Maybe,
    dh: Maybe,
    dc: Maybe,
    gradient: ndarray,
    dx: Maybe,
    dh0: Maybe,
    dc0: Maybe,
) -> None: ...
def linear(x: ndarray, weight: ndarray, bias: Maybe, y: ndarray) -> None: ...
def linear_backward(
    dy: ndarray, x: ndarray, weight: ndarray, dx: Maybe, dweight: ndarray, dbias: Maybe
) -> None: ...
def drop(
    values: ndarray, probability: float, seed: int, step: int, layer: int, order: list[int]
) -> None: ...
def squared_norm(vector: ndarray) -> float: ...
def sgd(
    weights: ndarray,
    gradient: ndarray,
    velocity: Maybe,
    scale: float,
    rate: float,
    momentum: float,
    decay: float,
    first: bool,
) -> None: ...
def adam(
    weights: ndarray,
    gradient: ndarray,
    mean: ndarray,
    square: ndarray,
    step: int,
    scale: float,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float,
    decoupled: bool,
) -> None: ...
