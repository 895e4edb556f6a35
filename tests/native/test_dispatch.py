"""The table of instruction sets: what it says, what it refuses, and that no row leaks."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rollcast import engine
from rollcast.errors import EngineError


def isa_of_a_process(name):
    code = "import rollcast.engine as e; print(e.isa())"
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "ROLLCAST_ISA": name},
        timeout=120,
    )


def test_the_best_row_is_taken_when_none_is_named():
    assert isa_of_a_process("").stdout.strip() == engine.isas()[0]


@pytest.mark.parametrize("name", engine.isas())
def test_a_row_named_in_the_environment_is_taken(name):
    assert isa_of_a_process(name).stdout.strip() == name


def test_an_unknown_row_is_an_error_that_lists_the_possible_ones():
    done = isa_of_a_process("avx1024")
    assert done.returncode != 0
    assert "'avx1024'" in done.stderr and ", ".join(engine.isas()) in done.stderr
    with pytest.raises(EngineError, match="possible here"):
        engine.select_isa("sse")


@pytest.mark.skipif(not shutil.which("nm"), reason="needs nm to read the symbols")
def test_a_row_exports_its_table_and_nothing_else():
    """Anything else, a weak symbol of the standard library say, the linker could merge into another
    row and so hand it instructions that its processor does not have."""
    build = Path(__file__).parents[2] / "build"
    objects = [  # a sanitizer adds symbols of its own
        path
        for path in build.glob("**/variant_*.dir/**/*.o")
        if build / "check" not in path.parents
    ]
    if not objects:
        pytest.skip("no object files of a build beside the sources")
    for path in objects:
        row = re.search(r"variant_(\w+)\.dir", str(path))[1]
        listed = subprocess.run(
            ["nm", "--demangle", "--defined-only", "--extern-only", path],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        outside = [line for line in listed if f"rollcast::{row}::" not in line]
        assert not outside, outside[:5]
