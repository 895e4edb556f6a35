"""Results, a line of JSON each as it ends: what was measured is not measured again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import commit, granted_processors, processor, version

VERSIONS = ("numpy", "neuralforecast", "statsforecast")


class Records:
    """The file's results by key; of equal keys the newest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                self.found[_text(record["key"])] = record

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """What was found with this key."""
        return self.found.get(_text(key))

    def add(self, key: Mapping[str, Any], found: Mapping[str, float]) -> dict[str, Any]:
        """Write a result, with what it was measured on."""
        record = {
            "key": dict(key),
            "found": {name: float(value) for name, value in found.items()},
            "commit": commit(),
            "machine": f"{processor()}, {granted_processors()} processors",
            "versions": {name: found for name in VERSIONS if (found := version(name))},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.found[_text(key)] = record
        return record


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True, default=list)
