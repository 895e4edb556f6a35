"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import rollcast.data

ROOM = Path(rollcast.data.__file__).parent
MODULES = sorted(path.stem for path in ROOM.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_happens(name: str) -> None:
    module = importlib.import_module(f"rollcast.data.{name}")
    names = {"np": importlib.import_module("numpy"), **vars(module)}
    names["Panel"] = importlib.import_module("rollcast.data.panel").Panel
    assert doctest.testmod(module, extraglobs=names).failed == 0
