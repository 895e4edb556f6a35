"""Scripts written against ``torch.nn`` run with only the import changed, and learn the same."""

import re
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "torch"
SHORT: dict[str, dict[str, Any]] = {
    "sine_waves": {"steps": 1, "waves": 3, "length": 8, "ahead": 3},
    "sine_to_cosine": {"steps": 30},
    "trigonometric_stack": {"steps": 4, "length": 100},
    "packed_batches": {"steps": 6, "dropout": 0.0},
}


def test_every_script_is_tried() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SHORT)


@pytest.mark.parametrize("name", SHORT)
def test_a_script_learns_the_same_with_only_the_import_changed(name: str) -> None:
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    changed, count = re.subn(
        r"^from torch\.nn import (\w+)  #.*$",
        r"from rollcast.interop.torch import \1",
        source,
        flags=re.MULTILINE,
    )
    assert count == 1
    losses = []
    for text in (source, changed):
        names: dict[str, Any] = {"__name__": name}
        exec(compile(text, name, "exec"), names)
        losses.append(names["train"](**SHORT[name]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3, abs=1e-6)
    assert losses[0] != losses[0][:1] * len(losses[0])
