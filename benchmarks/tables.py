"""Rolling origins on small public tables, everything at its default, beside the baselines.

The network is trained once, on what lies before the first origin; then it forecasts from each
origin, a horizon apart, without being trained again. Printed is MASE over all origins: the error
relative to that of seasonal naive on the rows before the first origin.

    python benchmarks/tables.py [--data FOLDER]
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import ROOT, header, table

import rollcast
from rollcast.data import datasets

MOST_ORIGINS, LARGEST_SHARE = 12, 0.25
BESIDE = ("naive", "seasonal naive", "linear")


@dataclass(frozen=True)
class Table:
    """A file under the data folder, or without one a data set that ships."""

    name: str
    horizon: int
    file: str = ""
    time: str = ""
    target: str = ""


SMALL = "tsdl_small/"
TABLES = (
    Table("airline, monthly", 12, SMALL + "airline-passengers.csv", "Month", "Passengers"),
    Table("Seattle temperature, daily", 14, "vega/seattle-weather.csv", "date", "temp_max"),
    Table("Melbourne temperature, daily", 14, SMALL + "daily-min-temperatures.csv", "Date", "Temp"),
    Table("PM2.5, hourly", 24, "beijing_pm25/pollution.csv", "year,month,day,hour", "pm2.5"),
    Table("births, daily", 14, SMALL + "daily-total-female-births.csv", "Date", "Births"),
    Table("co2", 26),
    Table("sunspots", 10),
    Table("nile", 6),
)


def load(each: Table, folder: Path) -> rollcast.Panel | None:
    """The panel; None where the file is not there."""
    if not each.file:
        return datasets.load(each.name)
    path = folder / each.file
    return rollcast.read(path, time=each.time, target=each.target) if path.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    folder = parser.parse_args().data
    rows, ratios = [], []
    for each in TABLES:
        panel = load(each, folder)
        if panel is None:
            print(f"skipped: {folder / each.file} is not there")
            continue
        origins = min(MOST_ORIGINS, int(LARGEST_SHARE * len(panel.values)) // each.horizon)
        before, _ = panel.split(origins * each.horizon)
        began = time.perf_counter()
        model = rollcast.Forecaster(each.horizon).fit(before)
        seconds = time.perf_counter() - began
        scores = model.backtest(panel, windows=origins, step=each.horizon, level=()).scores
        found = [scores[method]["mase"] for method in ("rollcast", *BESIDE)]
        ratios.append([found[0] / other for other in found[1:]])
        texts = [f"{value:.3f}" for value in found]
        rows.append([each.name, each.horizon, origins, *texts, f"{seconds:.1f}"])
    means = np.exp(np.log(ratios).mean(axis=0))
    rows.append(["rollcast / other", "", "", "", *(f"{m:.3f}" for m in means), ""])
    print(header("rollcast", "numpy") + "\n")
    print(table(["MASE", "horizon", "origins", "rollcast", *BESIDE, "fit, s"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
