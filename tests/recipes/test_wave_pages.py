"""The code in the pages of these recipes runs as it stands, with fewer steps."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

PAGES = Path(__file__).parents[2] / "docs" / "recipes"
COLUMNS = {
    "sine-forecast": ["sensor", "hour", "rollcast"],
    "any-shape": ["sensor", "hour", "rollcast-load", "rollcast-heat"],
    "trig-stack": ["sensor", "hour", "rollcast"],
}
pytestmark = pytest.mark.skipif(not PAGES.exists(), reason="a source archive has none")


@pytest.mark.parametrize("name", COLUMNS)
def test_the_code_of_a_page_gives_the_columns_that_it_says(name, tmp_path, monkeypatch) -> None:
    hours = np.arange(420)
    parts = [
        pl.DataFrame({"sensor": [sensor] * 420, "hour": hours})
        .with_columns(load=pl.Series(np.sin(hours / 9 + place)), heat=pl.Series(np.cos(hours / 7)))
        .head(420 - 10 * place)
        for place, sensor in enumerate("abcde")
    ]
    pl.concat(parts).write_csv(tmp_path / "sensors.csv")
    monkeypatch.chdir(tmp_path)
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert "steps=1200" in block
    names: dict = {}
    exec(compile(block.replace("steps=1200", "steps=2"), f"{name}.md", "exec"), names)
    table = names["outputs" if "outputs" in names else "future"]
    assert list(table.columns) == COLUMNS[name]
    assert (PAGES / f"{name}.png").exists()
