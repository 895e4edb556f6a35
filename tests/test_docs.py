"""The pages: their code runs, block after block, and the commands they show are there."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from rollcast.apps.recipes import asked
from rollcast.recipes import RECIPES

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "recipes").glob("*.md"))
pytestmark = pytest.mark.skipif(not PAGES, reason="a source archive may have none")

# A block after this comment takes long: it is compiled, and its names are not there for the next.
LONG = "<!-- takes long -->\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    text = page.read_text(encoding="utf-8")
    for long, code in re.findall(rf"({re.escape(LONG)})?```python\n(.*?)```", text, re.DOTALL):
        compiled = compile(code, str(page), "exec")
        if not long:
            exec(compiled, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_name_recipes_and_options_that_there_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"^rollcast recipe +([^#\s].*)$", text, re.MULTILINE):
        name, *words = shlex.split(line, comments=True)
        if name == "NAME":
            continue
        assert name in RECIPES, line
        options = {"--" + one.name.replace("_", "-") for one, _ in asked(RECIPES[name])}
        options |= {"--out", "--png", "--no-png", "--quiet", "--help"}
        for word in words:
            if word.startswith("--"):
                assert word in options, line


def test_every_recipe_has_a_page_that_the_list_names() -> None:
    listed = (ROOT / "docs" / "recipes" / "README.md").read_text(encoding="utf-8")
    for name in RECIPES:
        assert (ROOT / "docs" / "recipes" / f"{name}.md").exists(), name
        assert f"({name}.md)" in listed, name


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_recipes_module_is_the_public_one() -> None:
    assert importlib.import_module("rollcast").recipes.RECIPES is RECIPES
