"""Coverage and width of 80 % and 95 % intervals, on made-up and on real series.

Each table is fitted once, on all but its last rows, and forecast from every origin after that; the
interval at an origin knows only truths that were known there. Short tables are judged once more,
``again``: over their later half, fitted anew before each horizon of origins, with several seeds.
Finished tables are kept in a folder, so that a run that was stopped goes on where it was.

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
from rollcast.forecast.backtest import Backtest

LEVELS = (80, 95)
KINDS = ("recalibrated", "fixed")
SHARE, SHARE_OF_SHORT, SHORT = 0.2, 0.35, 500
"""Part of the rows that is forecast; more of tables with fewer rows than SHORT."""

MOST_FORECASTS = 6000

AGAIN, FEW = ", again", ("airline", "births", "nottingham")
"""Tables with few forecasts, and what they are called when fitted again and again."""

SEEDS = 3
"""Of the tables that are fitted again and again."""


def covered(panel: Panel, horizon: int, steps: int) -> dict[str, float]:
    """Coverage in percent with its standard error, width and pinball loss, without and with
    recalibration, and how many forecasts."""
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
        found |= figures(name, [backtest], horizon)
    return found


def covered_again(panel: Panel, horizon: int, steps: int) -> dict[str, float]:
    """The same over the later half of a table, fitted before each horizon of origins; recalibrated
    alone. Levels that the first of those fits has too few windows for are left out."""
    windows = int(panel.lengths.min()) // 2 - horizon + 1
    backtests = [
        Forecaster(horizon, training=Training(steps=steps), seed=seed).backtest(
            panel, windows=windows, step=1, refit=horizon
        )
        for seed in range(SEEDS)
    ]
    return {"forecasts": windows * len(panel)} | figures("recalibrated", backtests, horizon)


def figures(name: str, backtests: list[Backtest], horizon: int) -> dict[str, float]:
    """Of each level, over all backtests of the same windows."""
    found = {}
    for level in backtests[0].bands:
        scores = [each.scores[each.name] for each in backtests]
        for what, factor in (("coverage", 100), ("width", 1), ("pinball", 1)):
            found[f"{name} {what} {level:g}"] = factor * float(
                np.mean([row[f"{what}-{level:g}"] for row in scores])
            )
        inside = np.mean([share_inside(each, level) for each in backtests], axis=0)
        found[f"{name} error {level:g}"] = 100 * standard_error(inside, horizon)
    return found


def share_inside(backtest: Backtest, level: float) -> np.ndarray:
    """The share of truths inside, of each row where forecasts begin: ``(origins,)``."""
    low, high = backtest.bands[level]
    seen = ~np.isnan(backtest.truth)
    inside = ((low <= backtest.truth) & (backtest.truth <= high) & seen).sum(axis=1)
    _, place = np.unique(backtest.times[:, 0], return_inverse=True)
    return np.bincount(place, inside) / np.maximum(np.bincount(place, seen.sum(axis=1)), 1)


def standard_error(values: np.ndarray, horizon: int) -> float:
    """Of the mean of origins in a row, by the means of blocks of a horizon: of neighbours, whose
    forecasts overlap, and so err alike. Two blocks at least; a few say only roughly."""
    blocks = max(2, round(len(values) / horizon))
    means = [block.mean() for block in np.array_split(values, blocks)]
    return float(np.std(means, ddof=1) / np.sqrt(blocks))


def jobs(folder: Path) -> dict:
    """Name → what loads the panel, and its horizon."""
    made = {
        f"{kind}, {shape}": (lambda kind=kind, shape=shape: synthetic(kind, shape), 12)
        for kind in SYNTHETIC
        for shape in SHAPES
    }
    real = {name: (lambda one=one: one.load(folder), one.horizon) for name, one in REAL.items()}
    again = {f"{name}{AGAIN}": real[name] for name in FEW}
    return made | real | again


def line(name: str, found: dict[str, float]) -> list[str]:
    """A row of the table; widths and pinball losses as multiples of the fixed ones."""
    cells = [name, f"{found['forecasts']:.0f}"]
    for level in LEVELS:
        for kind in ("fixed coverage", "recalibrated coverage", "recalibrated error"):
            value = found.get(f"{kind} {level}")
            cells.append("–" if value is None else f"{value:.1f}")
        for what in ("width", "pinball"):
            later, before = (found.get(f"{kind} {what} {level}") for kind in KINDS)
            ratio = later is not None and before is not None and later / before
            cells.append(f"{ratio:.2f}" if ratio else "–")
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
            measure = covered_again if name.endswith(AGAIN) else covered
            path.write_text(json.dumps(measure(load(), horizon, chosen.steps)))
        found = json.loads(path.read_text())
        lines.append(line(name, found))
        if name in REAL:
            real.append([found.get(f"recalibrated coverage {level}", np.nan) for level in LEVELS])
    headings = ["table", "forecasts"]
    for level in LEVELS:
        headings += [f"{level} % fixed", "recalibrated", "±", "× as wide", "× pinball"]
    print(table(headings, lines))
    if real:
        means = np.nanmean(np.array(real), axis=0)
        print(f"\nreal tables, recalibrated, in the mean: {means[0]:.1f} %, {means[1]:.1f} %")


if __name__ == "__main__":
    main()
