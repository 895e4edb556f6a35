"""The series that ship."""

from __future__ import annotations

import numpy as np
import pytest

from rollcast.data import datasets
from rollcast.errors import UsageError

KNOWN = {
    "seattle-weather": ("D", 365, 1461, 12.8, 5.6),
    "co2": ("W-SAT", 52, 2284, 316.1, 371.5),
    "sunspots": (1, 11, 309, 5.0, 2.9),
    "nile": (1, 1, 100, 1120.0, 740.0),
}


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_shipped_series_is_what_its_source_says(name: str) -> None:
    panel = datasets.load(name)
    freq, season, rows, first, last = KNOWN[name]
    assert (panel.freq, panel.season, len(panel), len(panel.values)) == (freq, season, 1, rows)
    assert (panel.values[0], panel.values[-1]) == (first, last)
    panel.validate()


def test_co2_was_not_measured_in_fifty_nine_weeks() -> None:
    assert np.isnan(datasets.load("co2").values).sum() == 59


@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_file_has_its_source_beside_it(name: str) -> None:
    found = datasets.DATASETS[name]
    assert found.path.is_file()
    assert f"`{found.file}`" in (datasets.FILES / "SOURCES.md").read_text(encoding="utf-8")


def test_no_other_files_ship() -> None:
    files = {path.name for path in datasets.FILES.glob("*.csv")}
    assert files == {found.file for found in datasets.DATASETS.values()}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no data set 'airline'.*seattle-weather, co2"):
        datasets.load("airline")
