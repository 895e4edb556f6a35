"""``rollcast inspect``: what it prints, and its JSON."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def messy() -> str:
    Path("sales.csv").write_text(
        "day,units\n2024-01-01,1\n2024-01-02,2\n2024-01-02,x\n2024-01-03,4\n"
    )
    return "sales.csv"


def test_a_table_is_shown_with_faults_remedies_and_the_command(rollcast, messy) -> None:
    result = rollcast("inspect", messy, "--time", "day", "--target", "units")
    assert result.exit_code == 0, result.output
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[:2] == ["sales.csv", "  columns     time 'day', target 'units'"]
    fault = lines.index("  1. 1 row has no number in target column 'units', first row 3: 'x'.")
    assert lines[fault + 1].startswith("  →  Make them missing")
    assert "rollcast forecast sales.csv --time day --target units" in result.stdout
    assert result.stdout.rstrip().endswith("--duplicates mean --horizon N")


def test_json_is_all_that_is_printed(rollcast, messy) -> None:
    result = rollcast("inspect", messy, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["columns"] == {"time": "day"}
    assert found["stops"] is True


def test_options_of_reading_are_those_of_forecast(rollcast, table) -> None:
    result = rollcast("inspect", table, "--where", "y > 40", "--freq", "MS", "--snap", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["freq"] == "MS"
    assert "--where 'y > 40' --freq MS --snap" in json.loads(result.stdout)["command"]


def test_a_file_that_is_not_there_exits_as_a_table_does(rollcast) -> None:
    assert rollcast("inspect", "nowhere.csv").exit_code == 3
