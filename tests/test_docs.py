"""The pages: their code runs, block after block, and the commands they show are there."""

import importlib
import math
import re
import shlex
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.main import get_command

from rollcast import Training
from rollcast.apps.commands import app
from rollcast.apps.recipes import asked
from rollcast.recipes import RECIPES

ROOT = Path(__file__).parents[1]
# Pages show settings that are worth their time; here their code is run, not judged.
MOST_STEPS = 20

PAGES = sorted((ROOT / "docs").rglob("*.md"))

# A block after this comment is too much even so: it is compiled, and leaves the next no names.
LONG = "<!-- takes long -->\n"


@pytest.fixture
def readers_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the table that pages call the reader's own, where training is short."""
    monkeypatch.chdir(tmp_path)
    checked = Training.__post_init__

    def short(self: Training) -> None:
        checked(self)
        object.__setattr__(self, "steps", min(self.steps, MOST_STEPS))

    monkeypatch.setattr(Training, "__post_init__", short)
    rows = [
        f"{sensor},{hour},{math.sin(hour / 5):.4f},{math.cos(hour / 5):.4f}"
        for sensor in "abcd"
        for hour in range(800)
    ]
    Path("sensors.csv").write_text("\n".join(["sensor,hour,load,heat", *rows]) + "\n")
    write_sales()


def write_sales() -> None:
    """The tables of the page about tables: daily sales of three stores, wide hours, a mess."""
    pytest.importorskip("fastexcel")
    stores = ("north", "south", "west")
    days = [(date(2024, 1, 1) + timedelta(day), day) for day in range(200)]
    sales = [(store, day, 20 + place + number % 7) for place, store in enumerate(stores)
             for day, number in days]  # fmt: skip
    table = pl.DataFrame(sales, schema=["store", "day", "units"], orient="row")
    table.write_csv("sales.csv")
    table.write_parquet("sales.parquet")
    text = table.with_columns(pl.col("day").cast(pl.String))
    Path("sales.json").write_text(text.write_json())
    table.to_pandas().to_excel("sales.xlsx", sheet_name="days", index=False)
    with closing(sqlite3.connect("sales.db")) as base:
        base.execute("CREATE TABLE sales (store TEXT, day TEXT, units INTEGER)")
        base.executemany("INSERT INTO sales VALUES (?, ?, ?)", text.rows())
        base.commit()
    hours = pl.DataFrame({"hour": range(800)})
    wave = (pl.col("hour") / 5).sin().round(4)
    hours.with_columns(load=wave, heat=10 - wave).write_csv("wide.csv")
    mess = "store,day,units\na,2024-01-01,1\na,2024-01-01,2\na,2024-01-02,x\na,2024-01-04,3\n"
    Path("messy.csv").write_text(mess)


@pytest.mark.usefixtures("readers_place")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path) -> None:
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_have_the_options_they_show(page: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] != ["rollcast"] or words[1] in ("recipe", "--version"):
                continue
            assert words[1] in commands, line
            options = {name for one in commands[words[1]].params for name in one.opts}
            for word in words[2:]:
                assert not word.startswith("--") or word in options, line


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
