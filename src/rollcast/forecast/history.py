"""The series a model remembers: longer by new rows, into a model file and back."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from rollcast.data.appended import appended
from rollcast.data.frequency import advance, parse_frequency, steps_between
from rollcast.data.panel import Columns, Panel, count_within, object_array, stamp_text
from rollcast.errors import DataError, ModelFileError
from rollcast.model.file import field, section

ADDED = ("snap", "targets", "pairs")
"""Columns that files of before do not have."""

LATEST = 2**58
"""Largest stamp a history in a file may have: in microseconds, the year 11 104."""

LONGEST = {"integer": LATEST, "fixed": LATEST, "business": 2_600_000, "month": 120_000}
"""Kind of frequency → how long a history may be, in its unit: ten thousand years."""


def append(history: Panel, newer: Panel) -> Panel:
    """``history`` with the rows of ``newer`` after it; rows left out between them are missing.

    Series that only one of them has are kept. Raises DataError where a row of ``newer`` is not
    later than the history of its series, or not on its grid.
    """
    places = {id: index for index, id in enumerate(history.ids.tolist())}
    matches = np.array([places.get(id, -1) for id in newer.ids.tolist()], np.int64)
    known = np.flatnonzero(matches >= 0)
    gaps = np.zeros(len(history), np.int64)  # missing rows between history and newer
    after = np.full(len(history), -1, np.int64)  # which series of newer follows
    if len(known):
        begins = newer.times[newer.offsets[known]]
        ends = history.times[history.offsets[matches[known] + 1] - 1]
        steps, exact = steps_between(ends, begins, history.freq)
        late = np.flatnonzero((steps < 1) | ~exact)
        if len(late):
            index = int(late[0])
            first, last = stamp_text(begins[index]), stamp_text(ends[index])
            place = newer.place(int(known[index]))
            if steps[index] < 1:
                raise DataError(
                    f"{place}: begins at {first}, but the model already has rows up to {last}. "
                    "Give only later rows."
                )
            raise DataError(
                f"{place}: begins at {first}, which is no whole number of steps "
                f"({history.freq}) after {last}. Give stamps on the same grid."
            )
        gaps[matches[known]] = steps - 1
        after[matches[known]] = known
    parts: list[np.ndarray] = []
    lengths: list[int] = []
    starts: list[Any] = []
    for index in range(len(history)):
        old = history.series(index)
        pieces = [old.values]
        if after[index] >= 0:
            pieces += [np.full(gaps[index], np.nan), newer.series(int(after[index])).values]
        parts += pieces
        lengths.append(sum(map(len, pieces)))
        starts.append(old.times[0])
    for index in np.flatnonzero(matches < 0):
        fresh = newer.series(int(index))
        parts.append(fresh.values)
        lengths.append(len(fresh))
        starts.append(fresh.times[0])
    ids = [*history.ids.tolist(), *newer.ids[matches < 0].tolist()]
    plain = replace(history, inputs=None)
    found = _regular(plain, np.concatenate(parts), np.array(lengths), np.array(starts), ids)
    return replace(found, inputs=appended(history, newer, found))


def pack_history(panel: Panel) -> dict[str, np.ndarray]:
    """The sections of a model file that hold the panel's series."""
    return {
        "history/values": panel.values,
        "history/lengths": panel.lengths.astype(np.int64),
        "history/starts": panel.times[panel.offsets[:-1]].astype(np.int64),
        "history/ids": pack_ids(panel.ids),
    }


def unpack_history(
    spec: dict[str, Any], sections: dict[str, np.ndarray], season: int
) -> Panel | None:
    """The panel in a model file; None when it was saved without. Raises ModelFileError.

    The frequency in ``spec`` must be one that `parse_frequency` knows.
    """
    columns = unpack_columns(field(spec, "columns", dict))
    freq = field(spec, "freq", str, int)
    source = field(spec, "source", str)
    frequency = parse_frequency(freq)
    if "history/values" not in sections:
        return None
    values = section(sections, "history/values", "f8", (None,))
    lengths = section(sections, "history/lengths", "i8", (None,))
    starts = section(sections, "history/starts", "i8", (len(lengths),))
    ids = unpack_ids(sections, "history/ids", len(lengths))
    if columns.pairs and not all(isinstance(id, tuple) for id in ids):
        raise ModelFileError("the model's history has ids that are no pairs. Save it again.")
    # Bounded one by one first: a sum of huge lengths could come round to the right number.
    if not len(lengths) or lengths.min() < 1 or lengths.max() > len(values):
        raise ModelFileError("the model's history has series of no possible length. Save it again.")
    if lengths.sum() != len(values):
        raise ModelFileError("the model's history does not fit together. Save it again.")
    # Beyond these, stamps would come round in 64 bits.
    most = LONGEST[frequency.kind] // frequency.step
    if lengths.max() > most or (np.abs(starts // 2) > LATEST // 2).any():
        raise ModelFileError("the model's history lies outside of time. Save it again.")
    begins = starts if frequency.kind == "integer" else starts.view("M8[us]")
    like = Panel(values, np.zeros(2, np.int64), begins, object_array([0]), freq, season, columns)
    try:
        with np.errstate(all="raise"):
            panel = _regular(replace(like, source=source), values, lengths, begins, ids)
            panel.validate()
    except (DataError, ValueError, OverflowError, FloatingPointError) as error:
        raise ModelFileError(f"the model's history cannot be: {error}") from error
    return panel


def pack_ids(ids: np.ndarray) -> np.ndarray:
    """Ids (text, numbers) as the bytes of a JSON list; others as their text."""
    kinds = str | int | float | tuple  # pairs of id and target become lists
    plain = [id if isinstance(id, kinds) else str(id) for id in ids.tolist()]
    return np.frombuffer(json.dumps(plain).encode(), np.uint8)


def unpack_ids(sections: dict[str, np.ndarray], name: str, count: int) -> list[Any]:
    """The ``count`` ids of a section; raises ModelFileError."""
    try:
        ids = json.loads(section(sections, name, "u1", (None,)).tobytes())
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"section {name!r} of the model is not JSON. Save it again."
        ) from error
    if not isinstance(ids, list) or len(ids) != count:
        raise ModelFileError(f"section {name!r} of the model holds no list of {count} ids.")
    ids = [tuple(id) if isinstance(id, list) else id for id in ids]
    parts = [part for id in ids for part in (id if isinstance(id, tuple) else (id,))]
    if not all(isinstance(part, str | int | float) for part in parts) or len(set(ids)) != count:
        raise ModelFileError(f"section {name!r} of the model holds no {count} different ids.")
    if any(isinstance(id, tuple) and len(id) != 2 for id in ids):
        raise ModelFileError(f"section {name!r} of the model holds ids that are no pairs.")
    return ids


def pack_columns(columns: Columns) -> dict[str, Any]:
    """The user's columns as JSON can say them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(columns).items()
    }


def unpack_columns(spec: dict[str, Any]) -> Columns:
    """The user's columns from a model file; raises ModelFileError."""
    values: dict[str, Any] = {}
    for each in fields(Columns):
        default = each.default
        if each.name in ADDED and each.name not in spec:
            continue
        if isinstance(default, tuple):
            found = field(spec, each.name, list)
            if not all(isinstance(name, str) for name in found):
                raise ModelFileError(f"the model's columns have {each.name!r} that are no names.")
            values[each.name] = tuple(found)
        elif isinstance(default, bool):
            values[each.name] = field(spec, each.name, bool)
        else:
            values[each.name] = field(spec, each.name, str, type(None))
    pairs = values.get("pairs", False)
    if pairs and (values["id"] is None or len(values.get("targets", ())) < 2):
        raise ModelFileError("the model's columns have pairs of what is not there.")
    known = ("polars", "pandas", "pyarrow")
    if values["frame"] not in known or not values["time"] or values["target"] is None:
        raise ModelFileError("the model's columns cannot be. It was not written by save().")
    return Columns(**values)


def _regular(
    like: Panel, values: np.ndarray, lengths: np.ndarray, starts: np.ndarray, ids: list[Any]
) -> Panel:
    """A panel of regular series that begin at ``starts``, in the order of their ids."""
    times = advance(np.repeat(starts, lengths), like.freq, count_within(lengths))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    panel = replace(like, values=values, offsets=offsets, times=times, ids=object_array(ids))
    try:
        order = sorted(range(len(ids)), key=ids.__getitem__)
    except TypeError:  # text and numbers mixed: as they came
        return panel
    return panel if order == list(range(len(ids))) else panel.take(order)
