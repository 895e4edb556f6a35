"""The inputs of a fitted forecaster in a model file, and back: every part checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.calendar import calendar_feature_names
from rollcast.data.holidays import HOLIDAY_NAMES
from rollcast.data.input_windows import InputScales
from rollcast.data.inputs import ROLES, Input, Inputs
from rollcast.data.panel import Panel
from rollcast.errors import ModelFileError
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.history import pack_ids, unpack_ids
from rollcast.model.file import field, section
from rollcast.model.spec import NetworkSpec

Sections = dict[str, np.ndarray]


def pack_inputs(fitted: Fitted) -> tuple[dict[str, Any], Sections]:
    """Spec and sections of the inputs of a model; both empty without any."""
    scales = fitted.input_scales
    if scales is None:
        return {}, {}
    columns = [
        {"name": each.name, "role": each.role, "forced": each.forced}
        | ({} if each.categories is None else {"categories": list(each.categories)})
        for each in fitted.inputs
    ]
    spec = {
        "columns": columns,
        "holidays": fitted.holidays,
        "marked": [list(each) for each in scales.marked],
    }
    sections = {"scaling/input_future": scales.future, "scaling/input_static": scales.static}
    sections["scaling/input_unit"] = scales.unit
    sections["scaling/input_ids"] = pack_ids(fitted.input_ids)
    if scales.past.size:
        sections["scaling/input_past"] = scales.past
    return {"inputs": spec}, sections


def unpack_inputs(spec: dict[str, Any], sections: Sections, scaling: str) -> dict[str, Any]:
    """The fields of `Fitted` that say which inputs a model has; raises ModelFileError."""
    if "inputs" not in spec:
        return {}
    saved = field(spec, "inputs", dict)
    columns = tuple(_column(each) for each in field(saved, "columns", list))
    if len({each.name for each in columns}) < len(columns):
        raise ModelFileError("the model's inputs name a column twice.")
    order = [list(ROLES).index(each.role) for each in columns]
    if order != sorted(order):
        raise ModelFileError("the model's inputs are out of order.")
    counts = [
        sum(each.role == role and each.categories is None for each in columns) for role in ROLES
    ]
    marked = field(saved, "marked", list)
    fits = len(marked) == len(counts) and all(
        isinstance(each, list) and len(each) == count and all(type(one) is bool for one in each)
        for each, count in zip(marked, counts, strict=False)
    )
    if not fits:
        raise ModelFileError("the model's inputs and what is known of them do not fit together.")
    unit = section(sections, "scaling/input_unit", "f8", (None,))
    ids = np.empty(len(unit), object)
    ids[:] = unpack_ids(sections, "scaling/input_ids", len(ids))
    past = np.zeros((2, len(unit) if scaling == "series" else 0, 0))
    if scaling == "series" and counts[0]:
        past = section(sections, "scaling/input_past", "f8", (2, len(unit), counts[0]))
    scales = InputScales(
        section(sections, "scaling/input_future", "f8", (2, counts[1])),
        section(sections, "scaling/input_static", "f8", (2, counts[2])),
        past,
        unit,
        tuple(tuple(each) for each in marked),  # type: ignore[arg-type]
    )
    if any((each[1] <= 0).any() for each in (scales.future, scales.static, past)):
        raise ModelFileError("the model's inputs have a scale that is not above 0.")
    if (unit <= 0).any():
        raise ModelFileError("the model's inputs have a unit that is not above 0.")
    return {
        "inputs": columns,
        "holidays": field(saved, "holidays", str, type(None)),
        "input_scales": scales,
        "input_ids": ids,
    }


def _column(saved: Any) -> Input:
    if not isinstance(saved, dict):
        raise ModelFileError("the model's inputs are no columns. It was not written by save().")
    name, role = field(saved, "name", str), field(saved, "role", str)
    categories = None
    if "categories" in saved:
        found = field(saved, "categories", list)
        if not found or not all(isinstance(each, str) for each in found):
            raise ModelFileError(
                f"the model's input {name[:40]!r} has categories that are no text."
            )
        if len(set(found)) < len(found):
            raise ModelFileError(f"the model's input {name[:40]!r} names a category twice.")
        categories = tuple(found)
    if not name or role not in ROLES:
        raise ModelFileError(f"the model's input {name[:40]!r} has the role {role[:40]!r}.")
    return Input(name, role, categories, field(saved, "forced", bool))


def check_fit(spec: NetworkSpec, freq: str | int, found: dict[str, Any]) -> None:
    """Raise ModelFileError for a network that does not read the features of its frequency and
    inputs."""
    waves = len(calendar_feature_names(freq))
    expected: dict[str, Any] = {"features": waves}
    if found:
        columns, scales = found["inputs"], found["input_scales"]
        past, future, static = (
            [each for each in columns if each.role == role and each.categories is None]
            for role in ROLES
        )
        marks = [sum(each) for each in scales.marked]
        effects = len(future) + (len(HOLIDAY_NAMES) if found["holidays"] else 0)
        expected = {
            "features": waves + effects + marks[1] + len(static) + marks[2],
            "waves": waves,
            "effects": effects,
            "past_inputs": len(past) + marks[0],
        }
        for role, name in zip(ROLES, ("past_codes", "known_codes", "static_codes"), strict=True):
            of = [each.categories for each in columns if each.role == role]
            expected[name] = tuple(len(each) + 1 for each in of if each is not None)
    if any(getattr(spec, name) != value for name, value in expected.items()):
        raise ModelFileError("the model's network does not fit its frequency or its inputs.")


# ------------------------------------------------------------------------------------ the history


def pack_rows(panel: Panel) -> Sections:
    """The sections of a model file with the inputs of the panel it remembers."""
    inputs = panel.inputs
    if inputs is None:
        return {}
    return {
        "history/input_past": inputs.past,
        "history/input_future": inputs.future,
        "history/input_lengths": inputs.lengths.astype(np.int64),
        "history/input_static": inputs.static,
    }


def unpack_rows(panel: Panel | None, sections: Sections, found: dict[str, Any]) -> Panel | None:
    """The remembered panel with its inputs; raises ModelFileError."""
    if panel is None or not found:
        return panel
    columns: tuple[Input, ...] = found["inputs"]
    counts = [sum(each.role == role for each in columns) for role in ROLES]
    past = section(sections, "history/input_past", "f8", (len(panel.values), counts[0]))
    future = section(sections, "history/input_future", "f8", (None, counts[1]))
    static = section(sections, "history/input_static", "f8", (len(panel), counts[2]))
    lengths = section(sections, "history/input_lengths", "i8", (len(panel),))
    if (lengths < panel.lengths).any() or (lengths > len(future)).any():
        raise ModelFileError("the model's history of inputs does not fit together. Save it again.")
    if lengths.sum() != len(future):
        raise ModelFileError("the model's history of inputs does not fit together. Save it again.")
    for role, values in zip(ROLES, (past, future, static), strict=True):
        of = [each for each in columns if each.role == role]
        for column, one in zip(of, values.T, strict=True):
            most = len(column.categories) if column.categories is not None else None
            wrong = (one < 0) | (one > (most or 0)) | (one != np.floor(one))
            if most is not None and (wrong | np.isnan(one)).any():
                raise ModelFileError(f"the model's history of {column.name[:40]!r} has odd codes.")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    inputs = Inputs(columns, past, future, offsets, static, found["holidays"])
    return replace(panel, inputs=inputs)
