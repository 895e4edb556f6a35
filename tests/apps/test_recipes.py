"""``rollcast recipe``: the list, the options made from a function, the files, the errors."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from rollcast import recipes
from rollcast.apps.recipes import split
from rollcast.plots import curves
from rollcast.recipes import RecipeResult
from rollcast.train.events import FitStarted, Listener, StepDone

CALLS: list[dict[str, Any]] = []


def two_lines(
    *,
    series: int = 5,
    hidden: Sequence[int] = (64, 32),
    optimizers: Sequence[str] = ("adam", "lbfgs(history=5)"),
    rate: float | None = None,
    stateful: bool = True,
    cell: str = "lstm",
    seed: int = 0,
    published: bool = False,
    listeners: Sequence[Listener] = (),
) -> RecipeResult:
    """Two lines that a test can read.

    More about them.

    Parameters
    ----------
    series
        How many there are, in a
        text of two lines
    hidden
        Units of each layer
    """
    CALLS.append({k: v for k, v in locals().items() if k != "listeners"})
    for listener in listeners:
        listener(FitStarted(0, 2, 1, 1, 1, 1))
        listener(StepDone(1, 2, 0.5, 1.0, 0.1, 0.01))
    figures = {"losses": curves({"loss": {"ours": np.array([2.0, 1.0])}}, title="Losses")}
    rows = [{"method": "ours", "rmse": 0.123456, "n": 3}, {"method": "theirs", "rmse": None}]
    return RecipeResult("two-lines", {"seed": seed}, {"rmse": 0.1}, figures, rows, 2.0)


@pytest.fixture(autouse=True)
def one_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    monkeypatch.setattr(recipes, "RECIPES", MappingProxyType({"two-lines": two_lines}))


def test_alone_it_lists_every_recipe_with_a_line(rollcast) -> None:
    result = rollcast("recipe")
    assert result.exit_code == 0
    assert "two-lines" in result.stdout
    assert "Two lines that a test can read" in result.stdout


def test_help_has_an_option_for_each_argument_with_its_text_and_default(rollcast) -> None:
    text = " ".join(rollcast("recipe", "two-lines", "--help").stdout.split())
    for words in ("Two lines that a test can read.", "More about them.", "--out", "--png"):
        assert words in text
    assert "How many there are, in a text of two lines [default: 5]" in text
    assert "Units of each layer (default: 64,32)" in text
    assert "--no-stateful" in text
    assert "--no-published" not in text
    assert "listeners" not in text
    assert "Parameters" not in text


def test_it_runs_prints_its_table_and_writes_its_files(rollcast, tmp_path: Path) -> None:
    result = rollcast("recipe", "two-lines", "--out", "found", "--no-png")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    for words in ("Two lines", "0.1235", "theirs", "–", "found/losses.html", "found/results.json"):
        assert words in result.stdout
    found = json.loads((tmp_path / "found" / "results.json").read_text(encoding="utf-8"))
    assert found["metrics"] == {"rmse": 0.1}


def test_without_a_folder_it_says_how_to_keep_the_pictures(rollcast, tmp_path: Path) -> None:
    result = rollcast("recipe", "two-lines")
    assert "2.0 s; --out FOLDER keeps the pictures" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_options_reach_the_function_in_their_types(rollcast) -> None:
    rollcast(
        *("recipe", "two-lines", "--series", "7", "--hidden", "3,4", "--hidden", "5"),
        *("--optimizers", "sgd(momentum=0.9,weight_decay=0.1),adam", "--rate", "0.5"),
        *("--no-stateful", "--cell", "gru", "--seed", "9", "--published"),
    )
    expected = {"series": 7, "hidden": (3, 4, 5), "rate": 0.5, "stateful": False, "cell": "gru"}
    expected |= {"optimizers": ("sgd(momentum=0.9,weight_decay=0.1)", "adam")}
    assert [expected | {"seed": 9, "published": True}] == CALLS


def test_what_is_not_given_is_as_in_the_function(rollcast) -> None:
    rollcast("recipe", "two-lines")
    assert CALLS[0]["hidden"] == (64, 32)
    assert CALLS[0]["rate"] is None
    assert CALLS[0]["stateful"] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("three-lines",), "no recipe 'three-lines'. There are two-lines"),
        (("two-lines", "--nix"), "No such option"),
        (("two-lines", "--series", "many"), "--series"),
        (("two-lines", "--hidden", "3,many"), "--hidden 3,many: expected whole numbers"),
        (("two-lines", "--quiet"), "--quiet would leave nothing"),
        (("two-lines", "--png"), "--png needs a place"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(rollcast, arguments, words) -> None:
    result = rollcast("recipe", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert CALLS == []


def test_quiet_writes_and_says_nothing(rollcast, tmp_path: Path) -> None:
    result = rollcast("recipe", "two-lines", "--quiet", "--out", "found", "--no-png")
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "found" / "losses.html").exists()


def test_commas_inside_brackets_stay() -> None:
    assert split("a(b=1,c=2), d") == ["a(b=1,c=2)", "d"]
