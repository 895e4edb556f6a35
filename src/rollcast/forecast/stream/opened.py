"""Streams opened at the end of series, and which models can have any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast.data.panel import Panel
from rollcast.errors import UsageError
from rollcast.forecast.limits import Limits
from rollcast.forecast.stream import state as stream_state
from rollcast.forecast.stream.joined import JoinedStream, members_of, restored
from rollcast.forecast.stream.stream import Stream, restored_plain
from rollcast.forecast.stream.transform import RowTransform
from rollcast.model.effects import vectors
from rollcast.model.walk import memories

if TYPE_CHECKING:
    from rollcast.data.windows import Windows
    from rollcast.forecast.fitted import Fitted

Array = np.ndarray

AnyStream = Stream | JoinedStream
"""They have the same methods."""


def open_stream(name: str, fitted: Fitted, panel: Panel, series: Any) -> AnyStream:
    """A stream at the end of one ``series`` of ``panel``, of a list of them, or (None) of all."""
    single = series is None and panel.columns.id is None
    if series is not None:
        # an (id, target) pair is one id
        one = isinstance(series, tuple) and panel.columns.pairs and series in panel.ids.tolist()
        single = one or not isinstance(series, list | tuple | np.ndarray)
        panel = panel.take(_places(panel, [series] if single else list(series)))
    windows = fitted.windows_at_end(panel)
    if not joins(fitted):
        return _plain(name, fitted, windows, single, fitted.limits)
    members = [_plain(name, each, windows, False, Limits()) for each in members_of(fitted)]
    seen = windows.transformed
    transform = None if seen is None else RowTransform.after(seen)
    return JoinedStream(name, fitted, members, transform, single)


def joins(fitted: Fitted) -> bool:
    """Whether more than one plain stream is needed, or something between it and the values."""
    return fitted.transform is not None or fitted.weights.ndim > 1


def _plain(name: str, fitted: Fitted, windows: Windows, single: bool, limits: Limits) -> Stream:
    panel = windows.panel
    assert windows.statistics is not None
    memory = memories(fitted.network, fitted.weights, windows, np.arange(len(panel)))
    start = stream_state.Start(memory, *windows.statistics, statics(fitted, windows))
    return Stream(name, fitted, panel, start, single, limits)


def statics(fitted: Fitted, windows: Windows) -> Array:
    """What the network reads of static inputs, ``(series, numbers)``."""
    inputs, spec = windows.features.inputs, fitted.network.spec
    if inputs is None:
        return np.zeros((len(windows.panel), 0), fitted.weights.dtype)
    every = np.arange(len(windows.panel))
    row = np.zeros((1, len(every)), np.int64)
    views = fitted.network.views(fitted.weights)
    return vectors(spec, views, inputs.static[None], inputs.codes(every, row, row))[0]


def _places(panel: Panel, ids: list[Any]) -> list[int]:
    """Which series of the panel have these ids; raises UsageError."""
    known = {id: index for index, id in enumerate(panel.ids.tolist())}
    for id in ids:
        if id not in known:
            raise UsageError(
                f"stream: {panel.source} has no series {id!r}; it has "
                f"{', '.join(map(repr, list(known)[:5]))}{' …' if len(known) > 5 else ''}."
            )
    if not ids or len(set(ids)) < len(ids):
        raise UsageError(f"stream: series={ids!r}; expected each id once, and at least one.")
    return [known[id] for id in ids]


def restored_stream(name: str, fitted: Fitted, state: bytes) -> AnyStream:
    """The stream that was packed; raises ModelFileError for a state of another model."""
    if joins(fitted):
        return restored(name, fitted, state)
    return restored_plain(name, fitted, state, fitted.limits)


def check_streamable(fitted: Fitted) -> None:
    """Raise UsageError for a model whose forecasts need more than the newest value and a state."""
    if fitted.blend.share > 0.0:
        raise UsageError(
            f"stream: this model's forecasts are blended with {fitted.blend.method!r}, which fits "
            "the whole past anew for every forecast: the longer that is, the more a value would "
            "cost. Fit it with blend=None, or call update and predict."
        )
    if fitted.holidays or any(each.role != "static" for each in fitted.inputs):
        raise UsageError(
            "stream: this model reads inputs of every row, and a stream takes the target alone. "
            "Call update and predict, or fit it with static inputs at most."
        )
    if not fitted.whole:
        found = f"strategy={fitted.network.spec.strategy!r}, scaling={fitted.scaling!r}"
        raise UsageError(
            f"stream: this model was fitted with {found}, which reads a whole window for every "
            "forecast. Fit one with strategy='recursive', scaling='series'."
        )
