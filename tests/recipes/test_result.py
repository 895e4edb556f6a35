"""What a recipe leaves: pages that load nothing, and its numbers as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

from rollcast.errors import MissingExtraError, UsageError
from rollcast.plots import curves, image
from rollcast.recipes import RecipeResult


@pytest.fixture
def result() -> RecipeResult:
    return RecipeResult(
        "demo",
        {"seed": np.int64(3), "hidden": (64, 32), "name": "<b>"},
        {"rmse": np.float32(0.5), "loss": float("nan")},
        {"losses": curves({"loss": {"ours": np.array([3.0, 2.0, 1.0])}}, title="Losses of <b>")},
        [{"method": "ours", "rmse": 0.5, "loss": None}],
        1.5,
    )


def test_a_page_for_every_figure_and_the_numbers(result: RecipeResult, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    written = result.write(folder, images=False)
    assert written == [folder / "losses.html", folder / "results.json"]
    assert sorted(folder.iterdir()) == sorted(written)
    page = (folder / "losses.html").read_text(encoding="utf-8")
    assert "<h1>Losses of &lt;b&gt;</h1>" in page
    assert "default-src 'none'" in page
    assert "recipe demo, seed 3" in page


def test_the_numbers_are_json_that_any_reader_takes(result: RecipeResult, tmp_path: Path) -> None:
    result.write(tmp_path, images=False)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=refuse)  # called for NaN
    assert found["recipe"] == "demo"
    assert found["seed"] == 3
    assert found["settings"] == {"seed": 3, "hidden": [64, 32], "name": "<b>"}
    assert found["metrics"] == {"rmse": 0.5, "loss": None}
    assert found["table"] == [{"method": "ours", "rmse": 0.5, "loss": None}]
    assert found["seconds"] == 1.5
    assert found["figures"] == ["losses.html"]


def test_a_folder_that_cannot_be_one_is_said(result: RecipeResult, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Choose one that can be written"):
        result.write(tmp_path / "file", images=False)


def test_without_kaleido_images_are_left_out_or_refused_when_asked_for(
    result: RecipeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "find_spec", lambda name: None)
    assert [path.suffix for path in result.write(tmp_path)] == [".html", ".json"]
    with pytest.raises(MissingExtraError, match=r"pip install 'rollcast\[png\]'"):
        result.write(tmp_path, images=True)


def test_without_a_browser_it_is_named(
    result: RecipeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "find_spec", lambda name: object())
    monkeypatch.setattr(image, "_browser", lambda: None)
    assert [path.suffix for path in result.write(tmp_path)] == [".html", ".json"]
    with pytest.raises(MissingExtraError, match="Chromium or Chrome"):
        result.write(tmp_path, images=True)
