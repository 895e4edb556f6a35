"""Small real series that ship with the package, all in the public domain (`files/SOURCES.md`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rollcast.data.panel import Panel
from rollcast.data.read import read
from rollcast.errors import UsageError

FILES = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Dataset:
    """A file and the columns to read: what `rollcast.read` needs, and what the values are."""

    file: str
    time: str
    target: str
    season: int
    about: str

    @property
    def path(self) -> Path:
        return FILES / self.file


DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "seattle-weather": Dataset(
            "seattle-weather.csv", "date", "temp_max", 365, "daily maximum temperature, °C"
        ),
        "co2": Dataset("co2.csv", "date", "co2", 52, "weekly CO₂ at Mauna Loa, ppm by volume"),
        "sunspots": Dataset("sunspots.csv", "YEAR", "SUNACTIVITY", 11, "yearly sunspot number"),
        "nile": Dataset("nile.csv", "year", "volume", 1, "yearly flow of the Nile, 10⁸ m³"),
    }
)

NAMES: tuple[str, ...] = tuple(DATASETS)


def load(name: str) -> Panel:
    """The `Panel` of a shipped data set, one series each. Raises `UsageError` for other names.

    >>> load("nile")
    Panel(nile.csv: 1 series, 100 rows, freq=1, season=1, 1871 to 1970)
    """
    if name not in DATASETS:
        raise UsageError(f"no data set {name!r} ships. Expected one of {', '.join(NAMES)}.")
    found = DATASETS[name]
    return read(found.path, time=found.time, target=found.target, season=found.season)
