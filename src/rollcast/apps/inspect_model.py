"""``rollcast inspect``: what a model file is, and what lies in it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollcast.apps.screen import mapping_table, screen

if TYPE_CHECKING:
    import numpy as np


HEADER = 8
"""Bytes before the JSON header of a model file: its length."""


def is_model(path: str) -> bool:
    """Whether this is a file that begins as a model does, damaged or not."""
    from rollcast.model.file import KIND

    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        begin = file.read(HEADER + 4096)
    return begin[HEADER : HEADER + 1] == b"{" and KIND.encode() in begin


def show_model(path: str, *, as_json: bool) -> None:
    """Say what a model is, what it was trained on, how good it was, and its parts; or as JSON."""
    facts = facts_of(path)
    if as_json:
        print(json.dumps(facts, indent=2, allow_nan=False, ensure_ascii=False))
        return
    console = screen()
    console.print(f"{path}: {facts['kind']}, {facts['bytes']:,} bytes, format {facts['format']}")
    console.print(facts["summary"], soft_wrap=True)
    console.print(mapping_table(facts["sections"]))


def facts_of(path: str) -> dict[str, Any]:
    """All that is said of a model, as JSON can hold it. Raises ModelFileError."""
    from rollcast import Forecaster, load
    from rollcast.model.file import VERSION, read_model

    spec, sections = read_model(path)
    model = load(path)
    facts: dict[str, Any] = {
        "file": path,
        "kind": type(model).__name__,
        "bytes": Path(path).stat().st_size,
        "format": VERSION,
        "sections": [part(name, array) for name, array in sections.items()],
    }
    if isinstance(model, Forecaster):
        fitted = model.fitted_
        history = model.history_
        facts["summary"] = model.summary()
        facts["weights"] = fitted.network.count
        facts["trained_on"] = {
            "source": fitted.source,
            "series": fitted.series,
            "rows": fitted.rows,
            "freq": fitted.freq,
            "season": fitted.season,
        }
        facts["remembers"] = 0 if history is None else len(history.values)
        facts["largest_level"] = fitted.calibration.largest_level
        facts["scores"] = spec["scores"]
    else:
        facts["summary"] = repr(model)
        facts["weights"] = int(sections["network/weights"].size)
    facts["setting"] = {name: spec[name] for name in ("forecaster", "network") if name in spec}
    return facts


def part(name: str, array: "np.ndarray") -> dict[str, Any]:
    """One section of the file."""
    return {
        "section": name,
        "shape": " × ".join(map(str, array.shape)),
        "type": str(array.dtype),
        "bytes": array.nbytes,
    }
