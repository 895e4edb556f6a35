"""Coverage and width of 80 % and 95 % intervals, on made-up and on real series.

Each table is fitted once, on all but its last rows, and forecast from every origin after that; the
interval at an origin knows only truths that were known there. Finished tables are kept in a folder,
so that a run that was stopped goes on where it was.

    python benchmarks/interval_coverage.py [--data FOLDER] [--kept FOLDER]
        [--only airline,noise] [--steps N]
"""

import argparse
import json
from pathlib import Path

import numpy as np
from common import header, table
from sets import REAL, SHAPES, SYNTHETIC, synthetic

from rollcast import Forecaster, Panel, Training

LEVELS = (80, 95)
SHARE, SHARE_OF_SHORT, SHORT = 0.2, 0.35, 500
"""Part of the rows that is forecast; more of tables with fewer rows than SHORT."""

MOST_FORECASTS = 6000


def covered(panel: Panel, horizon: int, steps: int) -> dict[str, float]:
    """Coverage in percent and width, without and with recalibration, and how many forecasts."""
    rows = int(panel.lengths.min())
    late = round(rows * (SHARE_OF_SHORT if rows < SHORT else SHARE))
    model = Forecaster(horizon, training=Training(steps=steps))
    model.fit(panel.head(panel.lengths - late))
    step = max(1, len(panel) * (late - horizon) // MOST_FORECASTS)
    windows = 1 + (late - horizon) // step
    levels = [level for level in LEVELS if level <= model.fitted_.calibration.largest_level]
    found: dict[str, float] = {"forecasts": windows * len(panel)}
    for name, recalibrate in (("fixed", False), ("recalibrated", True)):
        backtest = model.backtest(
            panel, windows=windows, step=step, level=levels, recalibrate=recalibrate
        )
        scores = backtest.scores[model.name]
        for level in levels:
            found[f"{name} {level}"] = 100 * scores[f"coverage-{level}"]
            found[f"{name} width {level}"] = scores[f"width-{level}"]
    return found


def jobs(folder: Path) -> dict:
    """Name → what loads the panel, and its horizon."""
    made = {
        f"{kind}, {shape}": (lambda kind=kind, shape=shape: synthetic(kind, shape), 12)
        for kind in SYNTHETIC
        for shape in SHAPES
    }
    real = {name: (lambda one=one: one.load(folder), one.horizon) for name, one in REAL.items()}
    return made | real


def line(name: str, found: dict[str, float]) -> list[str]:
    """A row of the table; widths as a multiple of the fixed ones."""
    cells = [name, f"{found['forecasts']:.0f}"]
    for level in LEVELS:
        if f"fixed {level}" not in found:
            cells += ["–", "–", "–"]
            continue
        wider = found[f"recalibrated width {level}"] / found[f"fixed width {level}"]
        cells += [f"{found[f'{kind} {level}']:.1f}" for kind in ("fixed", "recalibrated")]
        cells.append(f"{wider:.2f}")
    return cells


def main() -> None:
    """Measure what is not kept yet, and print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, default=Path("coverage"))
    parser.add_argument("--only", default="")
    parser.add_argument("--steps", type=int, default=300)
    chosen = parser.parse_args()
    chosen.kept.mkdir(exist_ok=True)
    wanted = [name for name in chosen.only.split(",") if name]
    print(header("numpy"), f"steps of training: {chosen.steps}", "", sep="\n")
    lines, real = [], []
    for name, (load, horizon) in jobs(chosen.data).items():
        if wanted and not any(each in name for each in wanted):
            continue
        path = chosen.kept / f"{name} {chosen.steps}.json"
        if not path.exists():
            path.write_text(json.dumps(covered(load(), horizon, chosen.steps)))
        found = json.loads(path.read_text())
        lines.append(line(name, found))
        if name in REAL:
            real.append([found.get(f"recalibrated {level}", np.nan) for level in LEVELS])
    headings = ["table", "forecasts"]
    for level in LEVELS:
        headings += [f"{level} % fixed", "recalibrated", "× as wide"]
    print(table(headings, lines))
    if real:
        means = np.nanmean(np.array(real), axis=0)
        print(f"\nreal tables, recalibrated, in the mean: {means[0]:.1f} %, {means[1]:.1f} %")


if __name__ == "__main__":
    main()
