"""Location and scale of every column of every series, as learnt from the rows of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rollcast.data.panel import Panel
from rollcast.data.scaling import floored, series_statistics

Statistics = tuple[np.ndarray, np.ndarray]
"""Location and scale: taken away, and divided by."""


def _standard(values: np.ndarray) -> Statistics:
    location = np.nanmean(values, axis=0)
    return location, floored(location, np.nanstd(values, axis=0))


def _minmax(values: np.ndarray) -> Statistics:
    least = np.nanmin(values, axis=0)
    return least, floored(least, np.nanmax(values, axis=0) - least)


def _none(values: np.ndarray) -> Statistics:
    columns = values.shape[1]
    return np.zeros(columns), np.ones(columns)


SCALERS: dict[str, Callable[[np.ndarray], Statistics]] = {
    "series": _standard,
    "standard": _standard,
    "minmax": _minmax,
    "none": _none,
}
"""The statistics of each column over all rows of training: mean and deviation, least and extent (to
0 … 1), or nothing. ``series`` uses them for targets of series that training did not see; for the
rest each series has its own."""


@dataclass(frozen=True)
class Scaling:
    """What training saw: statistics ``(columns,)`` of all rows and, for ``series``, those of each
    series ``(series, columns)``, by id."""

    kind: str
    names: tuple[str, ...]
    location: np.ndarray
    scale: np.ndarray
    ids: tuple[object, ...]
    locations: np.ndarray
    scales: np.ndarray

    @classmethod
    def of(cls, kind: str, names: tuple[str, ...], panel: Panel, values: np.ndarray) -> Scaling:
        """The statistics of ``values (rows, columns)`` in the series of ``panel``."""
        location, scale = SCALERS[kind](values)
        ids = tuple(panel.ids) if kind == "series" else ()
        locations, scales = _by_series(panel, values) if ids else (values[:0], values[:0])
        return cls(kind, names, location, scale, ids, locations, scales)

    def statistics(
        self, panel: Panel, names: tuple[str, ...], values: np.ndarray, wanted: tuple[str, ...]
    ) -> Statistics:
        """Location and scale ``(series, wanted)`` for the series of a table of which the columns
        ``names`` are there; those seen in training keep what they had there."""
        places = [self.names.index(name) for name in wanted]
        shape = (len(panel), len(wanted))
        location = np.broadcast_to(self.location[places], shape).copy()
        scale = np.broadcast_to(self.scale[places], shape).copy()
        if self.kind != "series":
            return location, scale
        own = _by_series(panel, values)
        known = {id: index for index, id in enumerate(self.ids)}
        seen = np.array([known.get(id, -1) for id in panel.ids])
        if panel.columns.id is None and len(self.ids) == 1:
            seen[:] = 0  # it has the name of its file, and is the one series that there was
        for column, (name, place) in enumerate(zip(wanted, places, strict=True)):
            if name in names:
                location[:, column], scale[:, column] = (s[:, names.index(name)] for s in own)
            location[seen >= 0, column] = self.locations[seen[seen >= 0], place]
            scale[seen >= 0, column] = self.scales[seen[seen >= 0], place]
        return location, scale


def _by_series(panel: Panel, values: np.ndarray) -> Statistics:
    columns = [
        series_statistics(replace(panel, values=np.ascontiguousarray(column)))
        for column in values.T
    ]
    return (
        np.stack([location for location, _ in columns], axis=1),
        np.stack([scale for _, scale in columns], axis=1),
    )
