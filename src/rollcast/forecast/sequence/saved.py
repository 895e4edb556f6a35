"""A fitted sequence network in a model file, and back: every part checked before it is used."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from rollcast.choice import choose, require
from rollcast.data.frequency import parse_frequency
from rollcast.errors import ModelFileError, UsageError
from rollcast.forecast.history import pack_ids, unpack_ids
from rollcast.forecast.sequence.params import checked
from rollcast.forecast.sequence.plan import FittedSequence, build, plan_of
from rollcast.forecast.sequence.scaling import Scaling
from rollcast.model.file import field, section
from rollcast.model.linear_path import SKIPS
from rollcast.train.training import Training

NAME = "sequence"
"""The part of a spec that tells such a file from a forecaster's."""

KINDS: dict[str, tuple[type, ...]] = {
    "inputs": (str, list), "targets": (str, list), "ahead": (int,), "cell": (str,),
    "hidden": (list,), "readout": (bool,), "skip": (str,), "stateful": (bool, str),
    "bidirectional": (bool,),
    "window": (int, type(None)), "stride": (int, type(None)), "burn_in": (int,),
    "record_burn_in": (bool,),
    "loss_steps": (str,), "feeding": (str,), "dropout": (float,), "normalize": (str, type(None)),
    "recompute": (str, type(None)), "initial": (str,), "scaling": (str,),
    "difference": (bool, str), "restore": (str,),
    "held_out": (int,), "check_every": (int, type(None)), "seed": (int,), "name": (str,),
}  # fmt: skip
"""Every argument but the training, and what JSON has in its place."""

LATER: dict[str, Any] = {"skip": "none", "bidirectional": False}
"""Arguments that came after the first model files, with what they were until then."""


def pack(fitted: FittedSequence) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Spec and sections of a model file."""
    params, scaling, options = fitted.params, fitted.scaling, fitted.options
    saved = {name: _plain(params[name]) for name in KINDS}
    for name in ("inputs", "targets"):
        saved[name] = saved[name][0] if len(saved[name]) == 1 else saved[name]
    spec = {
        NAME: saved | {"training": asdict(params["training"])},
        "options": {name: _plain(value) for name, value in options.items()},
        "freq": fitted.freq if isinstance(fitted.freq, str) else int(fitted.freq),
        "differences": fitted.difference,
        "rows": fitted.rows,
    }
    sections = {
        "network/weights": fitted.weights,
        "scaling/location": scaling.location,
        "scaling/scale": scaling.scale,
    }
    if scaling.kind == "series":
        sections |= {
            "scaling/ids": pack_ids(np.array(scaling.ids, object)),
            "scaling/locations": scaling.locations,
            "scaling/scales": scaling.scales,
        }
    return spec, sections


def unpack(
    spec: dict[str, Any], sections: dict[str, np.ndarray]
) -> tuple[dict[str, Any], FittedSequence]:
    """The regressor's arguments and what it fitted; raises ModelFileError."""
    saved = LATER | field(spec, NAME, dict)
    params = {name: field(saved, name, *kinds) for name, kinds in KINDS.items()}
    weights = section(sections, "network/weights", _dtype(sections), (None,))
    rows = field(spec, "rows", int)
    options = _options(field(spec, "options", dict))
    freq = field(spec, "freq", str, int)
    try:
        params["training"] = Training(**field(saved, "training", dict))
        params = checked(params)
        # none of these can be more than there are weights, whatever the file says
        for units in params["hidden"]:
            require("hidden", units, units <= weights.size, "units that are there")
        many = params["normalize"] == "recurrent_batch" and rows > weights.size
        require("rows", rows, rows >= 1 and not many, "rows that are there")
        skip = choose("skip", params["skip"], SKIPS)
        rows_read = skip.rows if skip else 0
        require("skip", params["skip"], rows_read <= weights.size, "rows that are there")
        plan = plan_of(params)
        network = build(params, plan, rows)
        parse_frequency(freq)
    except (UsageError, TypeError) as error:
        raise ModelFileError(f"the model's arguments cannot be: {error}") from error
    if weights.shape != (network.count,) or weights.dtype != params["training"].dtype:
        raise ModelFileError("the model's weights are not those of its network. Save it again.")
    names = plan.inputs + plan.targets
    fitted = FittedSequence(
        params=params,
        network=network,
        weights=weights,
        plan=plan,
        scaling=_scaling(params["scaling"], names, sections),
        options=options,
        freq=freq,
        rows=rows,
        difference=field(spec, "differences", bool),
    )
    given = {name: saved[name] for name in ("inputs", "targets")}  # as written by hand
    return params | given, fitted


def _options(saved: dict[str, Any]) -> dict[str, Any]:
    time = field(saved, "time", str, list)
    options = {"id": field(saved, "id", str), "time": time, "freq": saved.get("freq")}
    kinds = isinstance(options["freq"], str | int | None), all(isinstance(t, str) for t in time)
    if not all(kinds) or set(saved) != set(options):
        raise ModelFileError("the model's options are not those of its table. Save it again.")
    return options


def _scaling(kind: str, names: tuple[str, ...], sections: dict[str, np.ndarray]) -> Scaling:
    columns = len(names)
    location = section(sections, "scaling/location", "f8", (columns,))
    scale = section(sections, "scaling/scale", "f8", (columns,))
    ids, locations, scales = (), np.empty((0, columns)), np.empty((0, columns))
    if kind == "series":
        locations = section(sections, "scaling/locations", "f8", (None, columns))
        scales = section(sections, "scaling/scales", "f8", (len(locations), columns))
        ids = tuple(unpack_ids(sections, "scaling/ids", len(locations)))
    if (scale <= 0).any() or (scales <= 0).any():
        raise ModelFileError("the model's scaling has a scale that is not above 0.")
    return Scaling(kind, names, location, scale, ids, locations, scales)


def _dtype(sections: dict[str, np.ndarray]) -> str:
    found = sections.get("network/weights")
    return "f8" if found is not None and found.dtype == np.float64 else "f4"


def _plain(value: Any) -> Any:
    """As JSON says it: sequences as lists, NumPy's numbers as Python's."""
    if isinstance(value, str) or value is None:
        return value
    if hasattr(value, "tolist"):  # a NumPy number or array
        return value.tolist()
    return [_plain(each) for each in value] if hasattr(value, "__iter__") else value
