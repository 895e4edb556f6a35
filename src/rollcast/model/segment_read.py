"""What a segment network reads of a batch, segment by segment, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollcast.model.effects import Slopes, filled_backward, static_backward, static_vectors
from rollcast.model.inputs import filled
from rollcast.model.skip import skip_rows
from rollcast.model.spec import NetworkSpec, widths

if TYPE_CHECKING:
    from rollcast.data.windows import Batch

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Read:
    """What the network reads of a batch: ``past (context, batch)`` without gaps; ``rows (batch,
    columns)`` of the skip path; ``segments (n · batch, numbers)``; what is known of each past and
    each future segment, ``(… · batch, features)``, None where nothing is, with the vectors of the
    series' categories last; past inputs alike."""

    past: Array
    rows: Array
    segments: Array
    past_calendar: Array | None
    future_calendar: Array | None
    inputs: Array | None


def read_batch(spec: NetworkSpec, views: dict[str, Array], batch: Batch) -> Read:
    """What the network reads of a batch."""
    past, rows, width = filled(batch.past, batch.observed), len(batch), spec.segment_rows
    newest = slice(spec.context - spec.steps * width, None)

    def cut(values: Array) -> Array:
        return values.reshape(spec.steps, width, rows).transpose(0, 2, 1)

    kinds = [cut(past[newest] - past[-1])]
    if spec.indicator:
        kinds.append(cut(batch.observed[newest].astype(past.dtype)))
    segments = np.concatenate(kinds, axis=2).reshape(spec.steps * rows, -1)
    segments = np.ascontiguousarray(segments)  # one segment is a view
    known = past_inputs = (None, None)
    if spec.row_features:
        known = (
            _of_segments(spec, batch.past_features[newest], spec.calendar),
            _of_segments(spec, batch.future_features, spec.calendar),
        )
        if spec.static_codes:
            assert batch.codes is not None
            vectors = static_vectors(spec, views, batch.codes)
            known = _beside(known[0], vectors), _beside(known[1], vectors)
    if spec.past_width:
        assert batch.past_inputs is not None
        past_inputs = (_of_segments(spec, batch.past_inputs[newest], 0), None)
    return Read(past, skip_rows(spec, past, batch), segments, *known, past_inputs[0])


def _of_segments(spec: NetworkSpec, features: Array, calendar: int) -> Array:
    """Features ``(rows, batch, features)`` of each segment, ``(segments · batch, features)``: those
    of the first row of the calendar, which comes first, and the mean over the rows of the others.
    """
    width = spec.segment_rows
    found = features[::width].copy()
    if calendar < features.shape[2]:
        starts = np.arange(0, len(features), width)
        found[..., calendar:] = np.add.reduceat(features[..., calendar:], starts, axis=0)
        found[..., calendar:] /= _rows_of(features, width)[:, None, None]
    return found.reshape(len(found) * features.shape[1], -1 if found.size else 0)


def _beside(each: Array, vectors: Array) -> Array:
    """``each (segments · batch, features)`` with the ``vectors (batch, numbers)`` of its series."""
    return np.concatenate([each, np.tile(vectors, (len(each) // len(vectors), 1))], axis=1)


def known_backward(
    spec: NetworkSpec, parts: dict[str, Array], batch: Batch, *slopes: Array | None
) -> None:
    """Gradients of the vectors of series' categories into ``parts``, from those by what is known of
    segments."""
    width = widths(spec.static_codes)
    total = np.zeros((len(batch), width), batch.past.dtype)
    for each in slopes:
        assert each is not None
        total += each[:, -width:].reshape(-1, len(batch), width).sum(axis=0)
    assert batch.codes is not None
    static_backward(spec, parts, batch.codes, total)


def _rows_of(features: Array, width: int) -> Array:
    """Rows of each segment: the last may have fewer."""
    counts = np.full(-(-len(features) // width), width, features.dtype)
    counts[-1] = len(features) - width * (len(counts) - 1)
    return counts


def of_segments_backward(spec: NetworkSpec, slope: Array, into: Array, calendar: int) -> None:
    """Adds the gradient of ``_of_segments`` to that of the features, ``into``; what stands behind
    them in ``slope`` is no affair of theirs."""
    width = spec.segment_rows
    each = slope.reshape(-1, into.shape[1], slope.shape[1])[..., : into.shape[2]]
    into[::width, :, :calendar] += each[..., :calendar]
    share = each[..., calendar:] / _rows_of(into, width)[:, None, None]
    into[..., calendar:] += np.repeat(share, width, axis=0)[: len(into)]


def read_backward(
    spec: NetworkSpec,
    batch: Batch,
    dsegments: Array,
    dcalendar: Array | None,
    dinputs: Array | None,
    dpast: Array,
    slopes: Slopes,
) -> None:
    """Adds to ``slopes`` the gradients by what was read: ``dpast (context, batch)``, written into,
    is that by the whole window, the others are those by the parts of `Read`."""
    newest = slice(spec.context - spec.steps * spec.segment_rows, None)
    if dcalendar is not None:
        of_segments_backward(spec, dcalendar, slopes.past_features[newest], spec.calendar)
    if dinputs is not None:
        of_segments_backward(spec, dinputs, slopes.past_inputs[newest], 0)
    cut = dsegments[:, : spec.segment_rows].reshape(spec.steps, dpast.shape[1], -1)
    cut = cut.transpose(0, 2, 1)
    dpast[newest] += cut.reshape(-1, dpast.shape[1])
    dpast[-1] -= cut.sum(axis=(0, 1))
    slopes.past += filled_backward(dpast, batch.observed)
