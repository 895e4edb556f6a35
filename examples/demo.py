"""Forecast two series that ship with the package, and show how good the forecasts are.

For each: rolling origins beside naive and seasonal naive, with a network trained once, on what lies
before the first origin; then a forecast of what comes next, a report and a model file.

    python examples/demo.py --out demo
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rollcast

REFERENCES = ("naive", "seasonal naive")


@dataclass(frozen=True)
class Example:
    """One data set: how far ahead, from how many origins a horizon apart, and what is trained."""

    name: str
    about: str
    horizon: int
    origins: int


EXAMPLES = (
    Example("seattle-weather", "highest temperature of the day in Seattle, °C", 14, 20),
    Example("co2", "weekly CO₂ at Mauna Loa, parts per million", 26, 12),
)


def backtest(panel: rollcast.Panel, example: Example) -> rollcast.Backtest:
    """Forecasts from the last origins, by a network that was trained before the first of them."""
    before, _ = panel.split(example.horizon * example.origins)
    model = rollcast.Forecaster(example.horizon).fit(before)
    return model.backtest(panel, windows=example.origins)


def print_errors(found: rollcast.Backtest) -> bool:
    """Print the error of each method at each origin, and the mean; whether the network won."""
    methods = list(found.forecasts)
    errors = {
        method: np.nanmean(np.abs(found.truth - found.forecasts[method]), axis=1)
        for method in methods
    }
    print(f"  {'mean absolute error after':<27}" + "".join(f"{name:>15}" for name in methods))
    for index in range(len(found)):
        known = str(found.panel.times[found.origin[index] - 1])[:10]
        print(f"  {known:<27}" + "".join(f"{errors[name][index]:15.3f}" for name in methods))
    for metric in ("mae", "rmse", "mase"):
        row = "".join(f"{found.scores[name][metric]:15.3f}" for name in methods)
        print(f"  {f'{metric} of all {len(found)}':<27}{row}")
    inside = found.scores[found.name]["coverage-80"]
    print(f"  {inside:.0%} of the truth lies inside the 80 % intervals")
    mean = {name: float(np.nanmean(errors[name])) for name in methods}
    return all(mean[found.name] < mean[name] for name in REFERENCES)


def leave_files(panel: rollcast.Panel, example: Example, folder: Path) -> None:
    """Train on everything, then leave the forecast, the report and the model in a folder."""
    model = rollcast.Forecaster(example.horizon).fit(panel)
    folder.mkdir(parents=True, exist_ok=True)
    model.predict().write_csv(folder / "forecast.csv")
    rollcast.write_report(model, folder / "report.html")
    model.save(folder / "model.roll")
    print(f"  forecast.csv, report.html and model.roll are in {folder}")


def run(example: Example, folder: Path) -> bool:
    """Show one data set; whether the network beat the references in the mean."""
    started = time.perf_counter()
    panel = rollcast.datasets.load(example.name)
    print(
        f"\n{example.name}: {example.about}; {example.horizon} steps ahead\n  {panel}", flush=True
    )
    won = print_errors(backtest(panel, example))
    leave_files(panel, example, folder)
    print(f"  {time.perf_counter() - started:.0f} s")
    return won


def main() -> int:
    """Run every example; exit code 1 when a reference was better."""
    parser = argparse.ArgumentParser(description="Forecast two series that ship with the package.")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the results")
    folder = parser.parse_args().out
    won = [run(example, folder / example.name) for example in EXAMPLES]
    if not all(won):
        print("\nA reference was better than the network.", file=sys.stderr)
        return 1
    print("\nIn the mean over the origins, the network beat naive and seasonal naive.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
