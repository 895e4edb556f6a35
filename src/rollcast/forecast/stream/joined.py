"""Streams of ensembles and of transformed series: plain ones side by side, and what lies between.

Each member has a plain `Stream` over what its network sees. A value costs a step of each; what the
transform needs is a state too, so that nothing grows with the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.transform import transform_text
from rollcast.errors import DataError, ModelFileError
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.limits import Limits
from rollcast.forecast.result import Forecast, checked_levels
from rollcast.forecast.stream.stream import Stream, finished, restored_plain
from rollcast.forecast.stream.transform import RowTransform
from rollcast.model.file import field, pack_container, section, unpack_container
from rollcast.model.predict import Prediction

Array = np.ndarray

KIND = "rollcast streams"


class JoinedStream:
    """Some series of a fitted `Forecaster` with a transform or an ensemble, each at its newest row.

    It has the methods of a `Stream`, which says what they do. A stream belongs to one thread.
    """

    def __init__(
        self,
        name: str,
        fitted: Fitted,
        members: Sequence[Stream],
        transform: RowTransform | None,
        single: bool,
    ) -> None:
        self.name, self._fitted, self._single = name, fitted, single
        self._members, self._transform = list(members), transform
        self._limits = fitted.limits
        self._count = len(members[0].ids)
        self._next = self._following()

    @property
    def ids(self) -> list[Any]:
        """The ids of the series, in the order of the values that ``update`` takes."""
        return self._members[0].ids

    @property
    def next(self) -> Any:
        """The forecast of the next row: a number, or an array ``(series,)``."""
        return float(self._next[0]) if self._single else self._next.copy()

    def update(self, values: Any, time: Any = None) -> Any:
        """As `Stream.update`; also raises DataError for values that the transform does not take."""
        row = self._row(values)
        if self._transform is not None:
            self._transform.check(row)
        if time is not None:
            for _ in range(self._members[0].gap(time)):
                self._take(np.full(self._count, np.nan))
        self._take(row)
        self._next = self._following()
        return self.next

    def forecast(self, *, level: float | Sequence[float] = (80, 95)) -> Forecast:
        """As `Stream.forecast`."""
        levels = checked_levels(level)
        found = self._mean([each.prediction() for each in self._members])
        return finished(self._fitted, self.name, self._members[0].newest, found, levels)

    def predict(self, *, level: float | Sequence[float] = (80, 95)) -> Any:
        """As `Stream.predict`."""
        return self.forecast(level=level).frame()

    def state(self) -> bytes:
        """As `Stream.state`."""
        transform = self._transform
        sections = {
            f"stream/member{index}": np.frombuffer(each.state(), np.uint8)
            for index, each in enumerate(self._members)
        }
        spec = {
            "members": len(self._members),
            "single": self._single,
            "transform": transform_text(self._fitted.params["transform"]),
        }
        if transform is not None:
            sections |= {f"stream/kept{lag}": each for lag, each in enumerate(transform.kept)}
            if transform.powers is not None:
                sections["stream/powers"] = transform.powers
        return pack_container(KIND, spec, sections)

    def __repr__(self) -> str:
        members = len(self._members)
        return f"JoinedStream({self._count} series, {members} network{'s'[: members - 1]})"

    def _row(self, values: Any) -> Array:
        try:
            row = np.array(values, np.float64)
            fits = row.shape == (() if self._single else (self._count,))
        except (TypeError, ValueError):
            fits, row = False, np.empty(0)
        if not fits:
            wanted = "a number" if self._single else f"{self._count} numbers, one for each id"
            raise DataError(f"update({str(values)[:60]}): expected {wanted}.")
        if np.isinf(row).any():
            raise DataError("update: an infinite value. Make it missing (NaN).")
        return row.reshape(self._count)

    def _take(self, row: Array) -> None:
        seen = row if self._transform is None else self._transform.take(row)
        for each in self._members:
            each.update(seen)

    def _mean(self, found: list[Prediction]) -> Prediction:
        """The mean of the members' forecasts in the unit of the data."""
        if self._transform is not None:
            found = [self._transform.undone(each) for each in found]
        median = sum((each.median / len(found) for each in found), np.zeros(()))
        quantiles = sum((each.quantiles / len(found) for each in found), np.zeros(()))
        return Prediction(median, quantiles, found[0].levels, found[-1].scale)

    def _following(self) -> Array:
        """The forecast of the next row ``(series,)``."""
        said = []
        for each in self._members:
            median = np.array(each.next, np.float64).reshape(-1, 1)
            scale = np.ones_like(median)
            said.append(Prediction(median, np.empty((*median.shape, 0)), (), scale))
        return self._limits.point(self._mean(said).median)[:, 0]


def members_of(fitted: Fitted) -> list[Fitted]:
    """Each network of an ensemble by itself."""
    return [replace(fitted, weights=each) for each in np.atleast_2d(fitted.weights)]


def restored(name: str, fitted: Fitted, state: bytes) -> JoinedStream:
    """The stream that was packed. Raises ModelFileError for bytes that are damaged or belong to
    another model."""
    if not isinstance(state, bytes | bytearray | memoryview):
        raise ModelFileError(f"state: {type(state).__name__} given; expected the bytes of state().")
    spec, sections = unpack_container("state", bytes(state), KIND)
    each = members_of(fitted)
    transform = field(spec, "transform", str, type(None))
    same = transform == transform_text(fitted.params["transform"])
    if field(spec, "members", int) != len(each) or not same:
        raise ModelFileError("state: it belongs to another model. Load that one, or open anew.")
    members = []
    for index, member in enumerate(each):
        data = section(sections, f"stream/member{index}", "u1", (None,)).tobytes()
        members.append(restored_plain(name, member, data, Limits()))
    panel, count = members[0].newest, len(members[0].ids)
    if any(one.ids != members[0].ids for one in members):
        raise ModelFileError("state: its members have other series. Open the stream anew.")
    rows = None
    if fitted.transform is not None:
        kind, lags = fitted.transform.shape(fitted.season)
        powers = None
        if kind == "boxcox":
            powers = section(sections, "stream/powers", "f8", (count,))
            if not ((powers >= 0) & (powers <= 2)).all():
                raise ModelFileError("state: its powers cannot be. Open the stream anew.")
        kept = tuple(
            section(sections, f"stream/kept{index}", "f8", (lag, count))
            for index, lag in enumerate(lags)
        )
        rows = RowTransform(panel, kind, powers, lags, kept)
    return JoinedStream(name, fitted, members, rows, field(spec, "single", bool))
