"""What a stream knows, as bytes and back: the safe container of model files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from rollcast.data.calendar import calendar_feature_names
from rollcast.data.frequency import parse_frequency
from rollcast.data.panel import Panel, object_array
from rollcast.errors import ModelFileError
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.history import LATEST, pack_ids, unpack_ids
from rollcast.model.file import field, pack_container, section, unpack_container
from rollcast.model.recursive import Memory

KIND = "rollcast stream"


@dataclass(frozen=True, eq=False)
class Start:
    """Where a stream begins: the memory before each newest row; location, scale ``(series,)``;
    ``beside (series, numbers)``: what the network reads of static inputs."""

    memory: Memory
    location: np.ndarray
    scale: np.ndarray
    beside: np.ndarray


def pack(fitted: Fitted, panel: Panel, start: Start, single: bool) -> bytes:
    """The bytes of a stream; ``panel`` has the newest stamp of each series."""
    memory = start.memory
    age = np.where(np.isinf(memory.age), -1, memory.age).astype(np.int64)
    sections = {
        "stream/ids": pack_ids(panel.ids),
        "stream/times": panel.times.astype(np.int64),
        "stream/location": start.location,
        "stream/scale": start.scale,
        "stream/past": memory.past,
        "stream/beside": start.beside,
        "stream/value": memory.value,
        "stream/age": age,
    }
    for name, layers in (("h", memory.h), ("c", memory.c)):
        sections |= {f"stream/{name}{layer}": each for layer, each in enumerate(layers)}
    spec = {
        "model": _digest(fitted),
        "series": len(panel),
        "single": single,
        "source": panel.source,
    }
    return pack_container(KIND, spec, sections)


def unpack(fitted: Fitted, data: bytes) -> tuple[Panel, Start, bool]:
    """The newest stamps, the start, and whether it takes plain numbers.

    Raises ModelFileError for bytes that are damaged or belong to another model.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ModelFileError(f"state: {type(data).__name__} given; expected the bytes of state().")
    spec, sections = unpack_container("state", bytes(data), KIND)
    if field(spec, "model", str) != _digest(fitted):
        raise ModelFileError("state: it belongs to another model. Load that one, or open anew.")
    count = field(spec, "series", int)
    network, dtype = fitted.network, fitted.weights.dtype.str
    ids = unpack_ids(sections, "stream/ids", count)
    times = section(sections, "stream/times", "i8", (count,))
    scale = section(sections, "stream/scale", "f8", (count,))
    age = section(sections, "stream/age", "i8", (count,))
    if not count or (np.abs(times // 2) > LATEST // 2).any() or (scale <= 0).any():
        raise ModelFileError("state: its series cannot be. Open the stream anew.")
    if (age < -1).any():
        raise ModelFileError("state: its rows cannot be. Open the stream anew.")
    layers = {
        name: [
            section(sections, f"stream/{name}{layer}", dtype, (count, units))
            for layer, units in enumerate(numbers)
        ]
        for name, numbers in (("h", network.recurrent.states), ("c", network.recurrent.cells))
        if numbers
    }
    memory = Memory(
        h=layers["h"],
        c=layers.get("c", []),
        past=section(sections, "stream/past", dtype, (max(network.spec.lags, 1) - 1, count)),
        value=section(sections, "stream/value", dtype, (count,)),
        age=np.where(age < 0, np.inf, age),
    )
    panel = Panel(
        values=np.full(count, np.nan),
        offsets=np.arange(count + 1, dtype=np.int64),
        times=times if parse_frequency(fitted.freq).kind == "integer" else times.view("M8[us]"),
        ids=object_array(ids),
        freq=fitted.freq,
        season=fitted.season,
        columns=fitted.columns,
        source=field(spec, "source", str),
    )
    location = section(sections, "stream/location", "f8", (count,))
    waves = len(calendar_feature_names(fitted.freq))
    shape = (count, network.spec.row_features - waves)
    beside = np.zeros(shape, fitted.weights.dtype)
    if "stream/beside" in sections or shape[1]:  # older states lack it
        beside = section(sections, "stream/beside", dtype, shape)
    return panel, Start(memory, location, scale, beside), field(spec, "single", bool)


def _digest(fitted: Fitted) -> str:
    """Equal for the same network with the same weights."""
    digest = hashlib.sha256(json.dumps(fitted.network.spec.to_json(), sort_keys=True).encode())
    digest.update(np.ascontiguousarray(fitted.weights).data)
    return digest.hexdigest()
