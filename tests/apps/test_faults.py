"""What goes wrong: one line, the exit code of its kind, and nothing half written."""

import subprocess
import sys
from pathlib import Path

import pytest

import rollcast as library

HORIZON = ("--horizon", "6")

USAGE = {
    "no horizon": (),
    "horizon of nothing": ("--horizon", "0"),
    "unknown cell": (*HORIZON, "--cell", "lstn"),
    "unknown head": (*HORIZON, "--head", "quantil"),
    "unknown scaling": (*HORIZON, "--scaling", "windows"),
    "level that is no number": (*HORIZON, "--level", "eighty"),
    "level of everything": (*HORIZON, "--level", "100"),
    "unknown suffix": (*HORIZON, "--out", "forecast.xls"),
    "no such folder": (*HORIZON, "--out", "nowhere/forecast.csv"),
    "a folder": (*HORIZON, "--save", "."),
    "one file twice": (*HORIZON, "--report", "same", "--save", "same"),
    "quiet for nothing": (*HORIZON, "--quiet"),
    "the table itself": (*HORIZON, "--out", "wave.csv"),
    "unknown option": (*HORIZON, "--horizons", "3"),
}

TABLES = {
    "empty": "",
    "header alone": "ds,y\n",
    "no such column": "day,y\n2020-01-01,1\n2020-01-02,2\n",
    "a word among numbers": "ds,y\n2020-01-01,1\n2020-01-02,many\n2020-01-03,3\n",
    "a stamp twice": "ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-02,3\n2020-01-03,3\n",
    "a time that is none": "ds,y\n2020-01-01,1\nyesterday,2\n2020-01-03,3\n",
    "nothing observed": "ds,y\n2020-01-01,\n2020-01-02,\n2020-01-03,\n",
}


def assert_one_line(result, code: int) -> None:
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("fault", USAGE)
def test_an_option_that_cannot_be_is_told_before_any_work(rollcast, table, fault) -> None:
    result = rollcast("forecast", table, *USAGE[fault])
    assert result.exit_code == 2, result.output
    assert "rror" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("fault", TABLES)
def test_a_fault_in_the_table_is_one_line_and_code_3(rollcast, tmp_path, fault) -> None:
    (tmp_path / "sales.csv").write_text(TABLES[fault])
    result = rollcast("forecast", "sales.csv", "--horizon", "1", "--out", "forecast.csv")
    assert_one_line(result, 3)
    assert "sales.csv" in result.stderr
    assert not Path("forecast.csv").exists()


def test_a_table_that_is_not_there_is_code_3(rollcast) -> None:
    assert_one_line(rollcast("forecast", "absent.csv", *HORIZON), 3)


def test_a_missing_column_is_told_with_the_option_to_use(rollcast, tmp_path) -> None:
    (tmp_path / "sales.csv").write_text("day,units\n2020-01-01,1\n2020-01-02,2\n")
    assert "--time" in rollcast("forecast", "sales.csv", "--horizon", "1").stderr


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08" + b"\0" * 7 + b"{}      "])
def test_a_file_that_is_no_model_is_code_4(rollcast, tmp_path, content) -> None:
    (tmp_path / "sales.roll").write_bytes(content)
    assert_one_line(rollcast("predict", "sales.roll"), 4)


def test_a_truncated_model_and_a_missing_one_are_code_4(forecast, rollcast) -> None:
    forecast("--save", "wave.roll")
    whole = Path("wave.roll").read_bytes()
    Path("half.roll").write_bytes(whole[: len(whole) // 2])
    assert_one_line(rollcast("predict", "half.roll"), 4)
    assert_one_line(rollcast("predict", "absent.roll"), 4)


def test_a_fault_of_ours_is_code_1_and_says_so(rollcast, table, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the engine lost count")

    monkeypatch.setattr(library.Forecaster, "fit", fail)
    result = rollcast("forecast", table, *HORIZON, "--out", "forecast.csv")
    assert_one_line(result, 1)
    assert "the engine lost count" in result.stderr


def test_a_traceback_is_shown_when_asked_for(rollcast, monkeypatch) -> None:
    monkeypatch.setenv("ROLLCAST_TRACEBACK", "1")
    result = rollcast("forecast", "absent.csv", *HORIZON)
    assert result.exit_code == 3
    assert "Traceback (most recent call last)" in result.stderr


# Sends itself a real SIGINT in the middle of training, where a person would press Ctrl-C.
INTERRUPTED = """
import os, signal, sys
from rollcast.apps import cli, screen

class Bar(screen.TrainingBar):
    def __call__(self, event):
        if isinstance(event, screen.StepDone) and event.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

screen.TrainingBar = Bar
cli.main()
"""


def test_ctrl_c_is_code_130_and_leaves_no_half_written_file(table, tmp_path) -> None:
    (tmp_path / "forecast.csv").write_text("of yesterday")
    arguments = ["forecast", table, *HORIZON, "--strategy", "direct", "--steps", "100000"]
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments, "--out", "forecast.csv", "--save", "a"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "interrupted\n")
    assert (tmp_path / "forecast.csv").read_text() == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["forecast.csv", "wave.csv"]
