"""Small real tables, and exchangeable made-up ones, as panels with a horizon each.

The real ones lie in a folder of public data sets (its files are named below); none is shipped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rollcast import Panel, read


@dataclass(frozen=True)
class Set:
    """One table: ``load(folder)`` gives its panel; ``horizon`` rows are forecast."""

    load: Callable[[Path], Panel]
    horizon: int


def csv(name: str, time: str, target: str, freq: str, season: int | None = None) -> Callable:
    """A reader of one CSV file of one series."""
    return lambda folder: read(
        str(folder / name), time=time, target=target, freq=freq, season=season
    )


def beijing(folder: Path) -> Panel:
    """Hours of PM2.5 in Beijing, with gaps."""
    path = str(folder / "beijing_pm25/pollution.csv")
    return read(path, time="year,month,day,hour", target="pm2.5", freq="h", season=24)


def co2(folder: Path) -> Panel:
    """Weeks of carbon dioxide over Mauna Loa."""
    table = pl.read_csv(folder / "statsmodels/co2.csv", null_values=["NA", ""])
    time = pl.col("date").cast(pl.String).str.to_date("%Y%m%d").cast(pl.Datetime("us"))
    return read(table.select(ds=time, y="co2"), freq="W-SAT", season=52)


def taylor(folder: Path) -> Panel:
    """Half-hours of electricity demand."""
    return Panel.of(pl.read_csv(folder / "darts_sets/taylor.csv")["Y"].to_numpy(), season=48)


def nn5(folder: Path) -> Panel:
    """Days of 111 cash machines, with gaps."""
    return read(str(folder / "nn5_daily/nn5.parquet"), freq="D", season=7)


def m4_hourly(folder: Path) -> Panel:
    """Every eighth of the 414 hourly series of M4, both of its parts."""
    table = pl.read_parquet(folder / "m4/m4_hourly.parquet")
    chosen = table["unique_id"].unique().sort().gather_every(8)
    kept = table.filter(pl.col("unique_id").is_in(chosen.implode()))
    return read(kept.select("unique_id", "ds", "y"), freq=1, season=24)


REAL: dict[str, Set] = {
    "airline": Set(csv("tsdl_small/airline-passengers.csv", "Month", "Passengers", "MS", 12), 12),
    "sunspots": Set(csv("tsdl_small/monthly-sunspots.csv", "Month", "Sunspots", "MS"), 12),
    "melbourne": Set(csv("tsdl_small/daily-min-temperatures.csv", "Date", "Temp", "D"), 14),
    "seattle": Set(csv("vega/seattle-weather.csv", "date", "temp_max", "D"), 14),
    "bike sharing": Set(
        csv("skforecast_sets/bike_sharing_dataset_clean.csv", "date_time", "users", "h", 24), 24
    ),
    "beijing": Set(beijing, 24),
    "nn5": Set(nn5, 28),
    "taylor": Set(taylor, 48),
    "m4 hourly": Set(m4_hourly, 48),
    "co2": Set(co2, 13),
    "births": Set(csv("tsdl_small/daily-total-female-births.csv", "Date", "Births", "D", 7), 14),
    "nottingham": Set(
        csv("tsdl_small/monthly-mean-temp.csv", "Month", "Temperature", "MS", 12), 12
    ),
}


def noise(rows: int, series: int, generator: np.random.Generator) -> np.ndarray:
    """Independent normal values."""
    return generator.normal(size=(series, rows))


def autoregression(rows: int, series: int, generator: np.random.Generator) -> np.ndarray:
    """x_t = 0.8 x_(t−1) + e_t, begun in its stationary law."""
    values = generator.normal(size=(series, rows))
    values[:, 0] /= np.sqrt(1 - 0.8**2)
    for row in range(1, rows):
        values[:, row] += 0.8 * values[:, row - 1]
    return values


def skewed(rows: int, series: int, generator: np.random.Generator) -> np.ndarray:
    """A wave of 24 rows with gamma noise, larger where the wave is high."""
    wave = np.sin(2 * np.pi * (np.arange(rows) + generator.integers(24, size=(series, 1))) / 24)
    return 5 + wave + (1.2 + wave) * (generator.gamma(2.0, size=(series, rows)) - 2) / 2


def heavy(rows: int, series: int, generator: np.random.Generator) -> np.ndarray:
    """A wave of 24 rows with Student-t noise of 3 degrees of freedom."""
    wave = np.sin(2 * np.pi * (np.arange(rows) + generator.integers(24, size=(series, 1))) / 24)
    return 3 * wave + generator.standard_t(3, size=(series, rows))


SYNTHETIC = {"noise": noise, "autoregression": autoregression, "skewed": skewed, "heavy": heavy}
SHAPES = {"one series": (3000, 1), "many series": (400, 60)}


def synthetic(kind: str, shape: str, seed: int = 0) -> Panel:
    """A panel of stationary series: windows of it are exchangeable but for their overlap."""
    rows, series = SHAPES[shape]
    values = SYNTHETIC[kind](rows, series, np.random.default_rng(seed))
    season = 24 if kind in ("skewed", "heavy") else 1
    return Panel.of({f"s{index:03d}": row for index, row in enumerate(values)}, season=season)
