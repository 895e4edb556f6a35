"""The compiled module (native/module.cpp), as far as the engine uses it."""

from typing import Any

from numpy import ndarray

Maybe = ndarray | None

class Kind:
    def __init__(self, cell: int, dilation: list[int], residual: bool, zoneout: float) -> None: ...

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
def bfloat16_units() -> list[str]: ...
def pack(
    cell: Kind, sizes: list[int], weights: ndarray, projection: int = 0, bfloat16: bool = False
) -> Any: ...
def forward(
    cell: Kind,
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
    recompute: bool = False,
    projection: int = 0,
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
def rollout(
    packed: Any,
    head_weight: ndarray,
    head_bias: ndarray,
    x: ndarray,
    fed: ndarray,
    feed: int,
    lags: Maybe,
    past: Maybe,
    offset: Maybe,
    h0: Maybe,
    c0: Maybe,
    y: ndarray,
    hn: Maybe,
    cn: Maybe,
    dropout: float,
    seed: int,
    step: int,
) -> None: ...
def record_rollout(
    cell: Kind,
    sizes: list[int],
    weights: ndarray,
    head_weight: ndarray,
    head_bias: ndarray,
    x: ndarray,
    fed: ndarray,
    feed: int,
    lags: Maybe,
    past: Maybe,
    offset: Maybe,
    h0: Maybe,
    c0: Maybe,
    y: ndarray,
    hn: Maybe,
    cn: Maybe,
    dropout: float,
    seed: int,
    step: int,
    recompute: bool,
    projection: int,
) -> Any: ...
def rollout_backward(
    recording: Any,
    dy: Maybe,
    dh: Maybe,
    dc: Maybe,
    gradient: ndarray,
    head_weight: ndarray,
    head_bias: ndarray,
    lags: ndarray,
    offset: ndarray,
    dx: ndarray,
    dh0: Maybe,
    dc0: Maybe,
) -> None: ...
def stream(packed: Any, batch: int, weight: Maybe, bias: Maybe, y: ndarray) -> Any: ...
def linear(x: ndarray, weight: ndarray, bias: Maybe, y: ndarray) -> None: ...
def linear_backward(
    dy: ndarray, x: ndarray, weight: ndarray, dx: Maybe, dweight: ndarray, dbias: Maybe
) -> None: ...
def loss(
    family: int,
    delta: float,
    levels: tuple[float, ...],
    output: ndarray,
    target: ndarray,
    observed: Maybe,
    weight: Maybe,
    slope: Maybe,
) -> float: ...

class SequencePlan:
    def __init__(
        self,
        cell: Kind,
        sizes: list[int],
        outputs: int,
        head: bool,
        last: bool,
        family: int,
        delta: float,
        levels: list[float],
        dropout: float,
    ) -> None: ...
    def run(
        self,
        weights: ndarray,
        x: ndarray,
        target: Maybe,
        observed: Maybe,
        weight: Maybe,
        lengths: Maybe,
        h0: Maybe,
        c0: Maybe,
        hn: Maybe,
        cn: Maybe,
        gradient: Maybe,
        output: Maybe,
        seed: int,
        step: int,
    ) -> float: ...

def gather(
    values: ndarray,
    begin: ndarray,
    stop: Maybe,
    context: int,
    constant: float,
    find: bool,
    measure: int,
    location: ndarray,
    scale: ndarray,
    scaled: ndarray,
    observed: ndarray,
) -> None: ...
def dot(a: ndarray, b: ndarray) -> float: ...
def drop(
    values: ndarray, probability: float, seed: int, step: int, layer: int, order: list[int]
) -> None: ...
def sgd(
    weights: ndarray,
    gradient: ndarray,
    velocity: Maybe,
    clip_norm: float,
    clip_value: float,
    rate: float,
    momentum: float,
    decay: float,
    first: bool,
) -> float: ...
def rmsprop(
    weights: ndarray,
    gradient: ndarray,
    square: ndarray,
    mean: Maybe,
    velocity: Maybe,
    clip_norm: float,
    clip_value: float,
    rate: float,
    alpha: float,
    epsilon: float,
    momentum: float,
    decay: float,
) -> float: ...
def adam(
    weights: ndarray,
    gradient: ndarray,
    mean: ndarray,
    square: ndarray,
    step: int,
    clip_norm: float,
    clip_value: float,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float,
    decoupled: bool,
) -> float: ...
