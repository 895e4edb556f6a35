"""A fitted forecaster in a model file, and back: every part checked before it is used."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from rollcast.data.panel import Panel
from rollcast.data.scaling import make_scaling
from rollcast.data.transform import make_transform
from rollcast.errors import ModelFileError, UsageError
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.forecaster_params import BUDGET
from rollcast.forecast.history import (
    pack_columns,
    pack_history,
    pack_ids,
    unpack_columns,
    unpack_history,
    unpack_ids,
)
from rollcast.forecast.holdout import Holdout
from rollcast.forecast.saved.blend import pack_blend, unpack_blend
from rollcast.forecast.saved.calibration import calibration_in, error_paths_in
from rollcast.forecast.saved.inputs import (
    check_fit,
    pack_inputs,
    pack_rows,
    unpack_inputs,
    unpack_rows,
)
from rollcast.forecast.saved.trials import best_steps, continued, pack_trials, unpack_trials
from rollcast.forecast.search.candidates import chosen_of
from rollcast.model.file import field, section
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec
from rollcast.train.training import Training

_FACTS: dict[str, tuple[type, ...]] = {
    "series": (int,),
    "rows": (int,),
    "steps": (int,),
    "reason": (str,),
    "seconds": (float,),
    "trained_until": (int,),
}


def pack(fitted: Fitted, history: Panel | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Spec and sections of a model file."""
    params: dict[str, Any] = dict(fitted.params)
    params["training"] = asdict(params["training"])
    if params["hidden"] is not None:
        params["hidden"] = [int(units) for units in params["hidden"]]
    for name in ("horizon", "seed", "context", "validation", "ensemble", "trials"):
        params[name] = None if params[name] is None else int(params[name])
    spec = {
        "forecaster": params,
        "network": fitted.network.spec.to_json(),
        "columns": pack_columns(fitted.columns),
        "freq": fitted.freq if isinstance(fitted.freq, str) else int(fitted.freq),
        "source": fitted.source,
        "scores": {method: _nulls(row) for method, row in fitted.scores.items()},
        "error_by_step": {
            method: list(_nulls(dict(enumerate(errors.tolist()))).values())
            for method, errors in fitted.error_by_step.items()
        },
        "holdout": asdict(fitted.holdout),
        "options": fitted.options,
        "best_steps": list(fitted.best_steps),
        "scaling": fitted.scaling,
        "trials": pack_trials(fitted.trials),
        "continued": list(fitted.continued),
    }
    spec |= {name: getattr(fitted, name) for name in _FACTS}
    sections = pack_blend(fitted.blend, spec) | {
        "network/weights": fitted.weights,
        "calibration/scores": fitted.calibration.scores,
        "calibration/stamps": fitted.calibration.stamps,
        "calibration/overlap": fitted.calibration.overlap,
        "calibration/paths": fitted.error_paths,
    }
    if len(fitted.ids):
        sections |= {
            "scaling/ids": pack_ids(fitted.ids),
            "scaling/location": fitted.location,
            "scaling/scale": fitted.scale,
        }
        if len(fitted.powers):
            sections["scaling/powers"] = fitted.powers
    inputs, scales = pack_inputs(fitted)
    spec, sections = spec | inputs, sections | scales
    if history is not None:
        sections |= pack_history(history) | pack_rows(history)
    return spec, sections


def unpack(
    spec: dict[str, Any], sections: dict[str, np.ndarray]
) -> tuple[dict[str, Any], Fitted, Panel | None]:
    """The forecaster's arguments, what it fitted and its history; raises ModelFileError."""
    params = _params(field(spec, "forecaster", dict))
    network_spec = NetworkSpec.from_json(field(spec, "network", dict))
    network = build(network_spec)
    if network_spec.horizon != params["horizon"]:
        raise ModelFileError("the model's network has another horizon than its forecaster.")
    freq = field(spec, "freq", str, int)
    try:
        scaling = _later(spec, "scaling", params["scaling"], str)
        kind = make_scaling(scaling)
    except UsageError as error:
        raise ModelFileError(f"the model's scaling cannot be: {error}") from error
    inputs = unpack_inputs(spec, sections, kind.of)
    try:
        check_fit(network_spec, freq, inputs)
    except UsageError as error:
        raise ModelFileError(f"the model's frequency cannot be: {error}") from error
    shape = (network.count,)
    if params["ensemble"] > 1:
        shape = (params["ensemble"], network.count)
    weights = section(sections, "network/weights", params["training"].dtype, shape)
    if params["name"] not in field(spec, "scores", dict):
        raise ModelFileError("the model's scores are not those of its network.")
    trials = unpack_trials(spec)
    chosen = chosen_of(params, [trial.setting for trial in trials if trial.chosen])
    ids, location, scale = _statistics(sections)
    powers = _powers(sections, chosen["transform"], len(ids))
    history = unpack_history(spec, sections, network_spec.season)
    history = unpack_rows(history, sections, inputs)
    facts = {name: field(spec, name, *kinds) for name, kinds in _FACTS.items()}
    fitted = Fitted(
        params=params,
        network=network,
        weights=weights,
        blend=unpack_blend(chosen["blend"], spec, sections, network_spec),
        calibration=calibration_in(sections, network_spec.horizon),
        error_paths=error_paths_in(sections, network_spec.horizon),
        columns=unpack_columns(field(spec, "columns", dict)),
        freq=freq,
        season=network_spec.season,
        source=field(spec, "source", str),
        scaling=scaling,
        ids=ids,
        location=location,
        scale=scale,
        powers=powers,
        scores={
            method: {metric: _number(value) for metric, value in row.items()}
            for method, row in _mapping(spec, "scores", dict).items()
        },
        error_by_step={
            method: np.array([_number(value) for value in row])
            for method, row in _mapping(spec, "error_by_step", list).items()
        },
        holdout=_holdout(field(spec, "holdout", dict)),
        options=_options(field(spec, "options", dict)),
        best_steps=best_steps(spec, params["ensemble"]),
        trials=trials,
        continued=continued(spec),
        **inputs,
        **facts,
    )
    return params, fitted, history


def _params(saved: dict[str, Any]) -> dict[str, Any]:
    try:
        training = Training(**field(saved, "training", dict))
    except (UsageError, TypeError) as error:
        raise ModelFileError(f"the model's training cannot be: {error}") from error
    return {
        "horizon": field(saved, "horizon", int),
        "context": field(saved, "context", int, type(None)),
        "cell": field(saved, "cell", str),
        "hidden": tuple(field(saved, "hidden", list)),
        "strategy": field(saved, "strategy", str),
        "segment": _later(saved, "segment", None, int, type(None)),
        "feeding": _later(saved, "feeding", "free", str),
        "skip": _later(saved, "skip", "ridge", str),
        "head": field(saved, "head", str),
        "scaling": field(saved, "scaling", str),
        "transform": _later(saved, "transform", None, str, type(None)),
        "nonnegative": _later(saved, "nonnegative", False, bool),
        "integer": _later(saved, "integer", False, bool),
        "initial": _later(saved, "initial", "torch", str),
        "dropout": _later(saved, "dropout", 0.0, float),
        "normalize": _later(saved, "normalize", None, str, type(None)),
        "validation": _later(saved, "validation", None, int, type(None)),
        "budget": _later(saved, "budget", BUDGET, float),
        "trials": _later(saved, "trials", None, int, type(None)),
        "refit": _later(saved, "refit", True, bool),
        "ensemble": _later(saved, "ensemble", 1, int),
        "blend": _later(saved, "blend", None, str, type(None)),
        "training": training,
        "seed": field(saved, "seed", int),
        "name": field(saved, "name", str),
    }


def _later(saved: dict[str, Any], name: str, usual: Any, *kinds: type) -> Any:
    """An argument that came after the first model files; those that lack it have the usual one."""
    return field(saved, name, *kinds) if name in saved else usual


def _statistics(sections: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if "scaling/location" not in sections:
        return np.empty(0, object), np.empty(0), np.empty(0)
    location = section(sections, "scaling/location", "f8", (None,))
    scale = section(sections, "scaling/scale", "f8", (len(location),))
    if (scale <= 0).any():
        raise ModelFileError("the model's scaling has a scale that is not above 0.")
    powers = sections.get("scaling/powers", location)
    count = len(location) or (len(powers) if powers.ndim == 1 else 0)
    ids = np.empty(count, object)
    ids[:] = unpack_ids(sections, "scaling/ids", count)
    return ids, location, scale


def _powers(sections: dict[str, np.ndarray], text: str | None, count: int) -> np.ndarray:
    try:
        transform = make_transform(text)
    except UsageError as error:
        raise ModelFileError(f"the model's transform cannot be: {error}") from error
    if transform is None or not transform.has_powers:
        return np.empty(0)
    powers = section(sections, "scaling/powers", "f8", (count,))
    if (powers < 0).any() or (powers > 2).any():
        raise ModelFileError("the model's transform has powers that are not from 0 to 2.")
    return powers


def _holdout(saved: dict[str, Any]) -> Holdout:
    return Holdout(**{each.name: field(saved, each.name, int) for each in fields(Holdout)})


def _options(saved: dict[str, Any]) -> dict[str, Any]:
    for name, value in saved.items():
        words = value if isinstance(value, list) else [value]
        if not name.isidentifier() or not all(isinstance(word, str | int) for word in words):
            raise ModelFileError(f"the model's options hold {name[:40]!r}, which is none of them.")
    return saved


def _mapping(spec: dict[str, Any], name: str, kind: type) -> dict[str, Any]:
    rows = field(spec, name, dict)
    return {method: field(rows, method, kind) for method in rows}


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelFileError(f"the model's scores hold {str(value)[:40]!r}, which is no number.")
    try:
        return float(value)
    except OverflowError as error:
        raise ModelFileError("the model's scores hold a number without measure.") from error


def _nulls(row: dict[Any, float]) -> dict[Any, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in row.items()}
