"""OWA on M4 Hourly of the plain command, no option but where the table's parts are.

Runs `rollcast forecast m4_hourly.parquet --where "split = train" --season 24 --horizon 48`, times
it as a whole process, and scores the forecast on the test part as the M4 competition did: sMAPE and
MASE averaged over the 414 series, relative to Naive 2 (18.383, 2.395; Makridakis et al. 2020).

    python benchmarks/m4_hourly.py [--data FOLDER] [--seed 0 1 …]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from common import ROOT, header, table

from rollcast.score import metrics
from rollcast.score.baselines import BASELINES

HORIZON, SEASON = 48, 24
NAIVE2 = (18.383, 2.395)
PUBLISHED = {
    "ES-RNN, winner of M4": 0.440,
    "NeuralForecast LSTM, 200 steps": 0.712,
    "organisers' RNN": 1.036,
}


def score(truth: np.ndarray, forecast: np.ndarray, scale: np.ndarray) -> list[float]:
    """sMAPE, MASE and OWA, each averaged over series."""
    smape = float(np.mean(metrics.smape(truth, forecast, axis=1)))
    mase = float(np.mean(metrics.mase(truth, forecast, scale, axis=1)))
    return [smape, mase, metrics.owa(smape, mase, *NAIVE2)]


def command(source: Path, seed: int, out: Path) -> list[str]:
    words = ["forecast", str(source), "--where", "split = train", "--season", str(SEASON)]
    words += ["--horizon", str(HORIZON), "--seed", str(seed), "--out", str(out), "--quiet"]
    return [sys.executable, "-m", "rollcast", *words]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seed", type=int, nargs="*", default=[0])
    arguments = parser.parse_args()
    source = arguments.data / "m4" / "m4_hourly.parquet"
    if not source.exists():
        print(f"skipped: {source} is not there (M4 Hourly as one table: unique_id, ds, y, split)")
        return 0
    whole = pl.read_parquet(source).sort("unique_id", "ds")
    parts = {
        split: [
            group["y"].to_numpy() for _, group in part.group_by("unique_id", maintain_order=True)
        ]
        for (split,), part in whole.group_by("split")
    }
    truth = np.stack(parts["test"])
    history = parts["train"]
    scale = np.array([metrics.seasonal_scale(past[None], SEASON)[0] for past in history])

    rows = []
    for name in ("naive", "seasonal naive"):
        recent = np.stack([past[-SEASON:] for past in history])
        method = BASELINES[name].fit(recent, truth, SEASON)
        rows.append([name, *score(truth, method(recent, HORIZON, SEASON), scale), ""])
    for seed in arguments.seed:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "forecast.parquet"
            began = time.perf_counter()
            subprocess.run(command(source, seed, out), check=True)
            seconds = time.perf_counter() - began
            made = pl.read_parquet(out).sort("unique_id", "ds")
        values = made["rollcast"].to_numpy().reshape(-1, HORIZON)
        rows.append([f"rollcast, seed {seed}", *score(truth, values, scale), f"{seconds:.0f}"])
    rows += [[name, "", "", owa, ""] for name, owa in PUBLISHED.items()]

    print(header("rollcast", "numpy", "polars") + "\n")
    text = [[f"{cell:.3f}" if isinstance(cell, float) else cell for cell in row] for row in rows]
    print(table(["M4 Hourly", "sMAPE %", "MASE", "OWA", "seconds"], text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
