"""Sampled paths from the command line."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from rollcast.apps.commands import app


@pytest.mark.usefixtures("tmp_path")
def test_paths_are_written_by_both_commands(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).poisson(3.0, 90)
    pl.DataFrame({"ds": np.arange(90), "y": rows}).write_csv(tmp_path / "sold.csv")
    model, first, second = (str(tmp_path / name) for name in ("m.roll", "a.csv", "b.csv"))
    words = [
        "forecast", str(tmp_path / "sold.csv"), "--horizon", "4", "--strategy", "direct", "--steps",
        "5", "--hidden", "4", "--head", "poisson", "--transform", "none",
    ]  # fmt: skip
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2 and "choose one of log1p" in refused.output
    words = [*words[:-2], "--samples", first, "--paths", "7", "--save", model, "--quiet"]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    table = pl.read_csv(first)
    assert table.columns == ["ds", "sample", "rollcast"] and len(table) == 28
    asked = ["predict", model, "--samples", second, "--paths", "7", "--quiet"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert pl.read_csv(second).equals(table)
