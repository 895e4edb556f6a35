"""A small table, and the command line called as a person would."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from rollcast.apps.commands import app

# Few steps of a small window: these tests are about the command line, not about accuracy.
QUICK = ("--steps", "20", "--context", "24", "--strategy", "direct")


@pytest.fixture
def rollcast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """The command line, run in an empty folder with plain text on a wide screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("ROLLCAST_TRACEBACK", raising=False)
    runner = CliRunner()

    def run(*arguments: str) -> Result:
        return runner.invoke(app, list(arguments), prog_name="rollcast")

    return run


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Ten years of a monthly wave, as a CSV file named by its path."""
    months = np.arange(np.datetime64("2010-01"), np.datetime64("2020-01"))
    noise = np.random.default_rng(0).normal(0, 0.5, len(months))
    values = 50 + 10 * np.sin(2 * np.pi * np.arange(len(months)) / 12) + noise
    path = tmp_path / "wave.csv"
    rows = [f"{month}-01,{value:.3f}" for month, value in zip(months, values, strict=True)]
    path.write_text("\n".join(["ds,y", *rows]) + "\n")
    return str(path)


@pytest.fixture
def forecast(rollcast: Callable[..., Result], table: str) -> Callable[..., Result]:
    """``rollcast forecast`` on that table, six months ahead, trained for a moment."""

    def run(*arguments: str) -> Result:
        return rollcast("forecast", table, "--horizon", "6", *QUICK, *arguments)

    return run
