"""What a person sees, and what they do not."""

import io
import math
import subprocess
import sys

import pytest
from rich.console import Console

from rollcast.apps.screen import TrainingBar, number, score_table
from rollcast.train.events import FitStarted, StepDone

SCORES = {
    "rollcast": {"mae": 1.25, "mase": 0.5, "coverage-80": 0.795},
    "seasonal_naive": {"mae": 2.5, "mase": 1.0},
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.000"),
        (1.23456, "1.235"),
        (-12.3456, "-12.35"),
        (0.0123456, "0.0123"),
        (98765.4321, "98765"),
        (123456789, "1.23e+08"),
        (0.0000123, "1.23e-05"),
        (math.nan, "–"),
    ],
)
def test_numbers_have_four_digits_and_no_needless_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_the_scores_are_one_table_with_a_dash_for_what_a_method_has_not() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(score_table(SCORES, "held out"))
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert lines[1:] == [
        ["MAE", "MASE", "in", "80", "%"],
        ["rollcast", "1.250", "0.5000", "79.5", "%"],
        ["seasonal", "naive", "2.500", "1.000", "–"],
    ]


def test_nothing_is_drawn_when_no_one_is_watching() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with TrainingBar(console, shown=False) as bar:
        bar(object())
    assert console.file.getvalue() == ""


def test_the_version_is_answered_without_the_libraries_of_the_command_line() -> None:
    code = (
        "import sys; sys.argv = ['rollcast', '--version']\n"
        "from rollcast.apps.cli import main; main()\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    version, loaded = result.stdout.splitlines()
    assert version.startswith("rollcast ")
    assert not {"typer", "rich", "polars", "plotly", "scipy"} & set(loaded.split())


def test_the_bar_moves_a_few_times_a_second_and_at_the_end(monkeypatch) -> None:
    bar, moved = TrainingBar(Console(file=io.StringIO()), shown=False), []
    monkeypatch.setattr(bar.progress, "update", lambda task, **values: moved.append(values))
    bar(FitStarted(0, 1000, 10, 10, 5, 50))
    for step in range(1, 1001):
        bar(StepDone(step, 1000, 0.5, 1.0, 0.1, seconds=step / 1000))
    assert 4 <= len(moved) - 2 <= 6
    assert moved[-1]["completed"] == 1000
    bar(FitStarted(0, 10, 10, 10, 5, 1))
    bar(StepDone(1, 10, 0.5, 1.0, 0.1, seconds=0.0))
    assert moved[-1]["completed"] == 1
