"""Long horizons: the LTSF protocol on ETTh1, ETTm1, Weather and Exchange.

Every column is one series, scaled by mean and population deviation of the training part; errors
are of scaled values over all windows of the test part, one row apart, none left out. Training
sees the training part, the choice of the step to stop at the validation part, nothing the test
part. `repeat last` is the check of the harness: ETTh1, 96 steps: MSE 1.294, MAE .713.

    python benchmarks/ltsf.py [--data FOLDER] [--sets ETTh1 ETTm1] [--horizons 96 192] [--seeds 0 1]

Every run goes to a file (--results) as it ends and is not run again with the same setting: what was
ended goes on. A segment network (Lin et al. 2023, arXiv 2308.11200) reads 720 rows. Its setting was
chosen on the validation part of ETTh1, 96 steps, and is one for all sets and horizons.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from common import ROOT, commit, granted_processors, header, table

import rollcast
from rollcast import Training
from rollcast.data.windows import Windows
from rollcast.forecast.problem import NetworkProblem
from rollcast.model import predict
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec
from rollcast.train.loop import run

AT_ONCE = 500
"""Windows that repeat the last value at once."""

NETWORK = {"context": 720, "segment": 48, "cell": "gru", "hidden": (128,), "dropout": 0.5}
TRAINING = Training(steps=1000, batch_size=256, learning_rate=1e-3)

SMALLEST = {
    "ETTh1": (0.351, 0.392, 0.422, 0.447),
    "ETTm1": (0.293, 0.328, 0.357, 0.410),
    "Weather": (0.143, 0.189, 0.243, 0.314),
}
"""Smallest published MSE at each horizon: of SegRNN (720 and 96 rows), PatchTST (512), DLinear
(336) and a plain GRU, as given in SegRNN's repository and the papers of the others."""


@dataclass(frozen=True)
class Set:
    """A table: its file, rows to train, to validate and to test on; None = 70, 10 and 20 %."""

    file: str
    parts: tuple[int, int, int] | None = None
    encoding: str = "utf8"


SETS = {
    "ETTh1": Set("ett/ETTh1.csv", (8640, 2880, 2880)),
    "ETTm1": Set("ett/ETTm1.csv", (34560, 11520, 11520)),
    "Weather": Set("weather_jena2020/weather.csv", encoding="latin-1"),
    "Exchange": Set("exchange_rate/exchange_rate.csv"),
}
HORIZONS = (96, 192, 336, 720)


@dataclass(frozen=True)
class Part:
    """Scaled values ``(rows, series)`` of all three parts, their stamps, and where parts end."""

    values: np.ndarray
    times: np.ndarray
    ends: tuple[int, int, int]

    def windows(self, horizon: int) -> list[Windows]:
        """Windows to train, to validate and to test on: all whose targets lie in that part."""
        rows, series = self.values.shape
        long = {
            "unique_id": np.repeat([f"{k:03d}" for k in range(series)], rows),
            "ds": np.tile(self.times, series),
            "y": self.values.T.ravel(),
        }
        as_they_are = np.zeros(series), np.ones(series)
        every = Windows(
            rollcast.read(pl.DataFrame(long)), NETWORK["context"], horizon, scaling="series",
            statistics=as_they_are,
        )  # fmt: skip
        found = []
        for begin, end in zip((NETWORK["context"], *self.ends), self.ends, strict=False):
            origins = np.arange(begin, end - horizon + 1)
            which = np.repeat(np.arange(series), len(origins))
            found.append(every.at(which, np.tile(origins, series)))
        return found


def load(name: str, folder: Path) -> Part | None:
    """A set, scaled; None where the file is not there."""
    each = SETS[name]
    path = folder / each.file
    if not path.exists():
        return None
    read = pl.read_csv(path, encoding=each.encoding)
    raw = read.drop("date").to_numpy().astype(float)
    total = len(raw)
    if each.parts is None:
        train, test = int(0.7 * total), int(0.2 * total)
        ends = (train, total - test, total)
    else:
        ends = tuple(int(end) for end in np.cumsum(each.parts))
    raw = raw[: ends[2]]
    # stamps are even in every set but for one duplicate and one gap in Weather, which the
    # published figures know nothing of either: rows count, stamps begin at the first one
    first, second = (np.datetime64(text, "us") for text in stamps(read["date"][:2]))
    times = first + (second - first) * np.arange(len(raw))
    known = raw[: ends[0]]
    return Part((raw - known.mean(axis=0)) / known.std(axis=0), times, ends)  # type: ignore[arg-type]


def stamps(column: pl.Series) -> list[str]:
    """``1990/1/1 0:00`` as ``1990-01-01T00:00``, others as they are."""
    found = []
    for text in column:
        day, clock = text.split(" ")
        date = "-".join(part.zfill(2) for part in day.replace("/", "-").split("-"))
        found.append(f"{date}T{clock.zfill(5)}")
    return found


def repeat_last(part: Part, horizon: int) -> tuple[float, float]:
    """MSE and MAE of the newest value, over all test windows."""
    _, begin, end = part.ends
    square = absolute = count = 0.0
    origins = np.arange(begin, end - horizon + 1)
    for some in np.array_split(origins, max(1, len(origins) // AT_ONCE)):
        truth = part.values[some[:, None] + np.arange(horizon)]
        error = truth - part.values[some - 1][:, None]
        square, absolute = square + np.square(error).sum(), absolute + np.abs(error).sum()
        count += error.size
    return square / count, absolute / count


def ours(part: Part, horizon: int, seed: int) -> dict[str, float]:
    """MSE and MAE of a network over all validation and all test windows, and how long it took."""
    began = time.perf_counter()
    training, validation, test = part.windows(horizon)
    spec = NetworkSpec(
        horizon=horizon, strategy="segment", features=len(training.feature_names), head="mae",
        skip="none", **NETWORK,
    )  # fmt: skip
    network = build(spec)
    problem = NetworkProblem(network, training, validation, seed=seed)
    outcome = run(problem, TRAINING, seed)
    found: dict[str, float] = {"step": outcome.best_step, "train_seconds": outcome.seconds}
    for name, windows in (("validation", validation), ("test", test)):
        square = absolute = count = 0.0
        for batch, output in predict.outputs(network, outcome.weights, windows):
            error = (network.head.median(output) - batch.target).astype(np.float64)
            square, absolute = square + np.square(error).sum(), absolute + np.abs(error).sum()
            count += error.size
        found |= {f"{name}_mse": square / count, f"{name}_mae": absolute / count}
    return found | {"seconds": time.perf_counter() - began}


def kept(path: Path, key: dict[str, object]) -> dict[str, float] | None:
    """What was measured before with this key, the newest."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    same = [one for one in map(json.loads, lines) if one["key"] == key]
    return same[-1]["found"] if same else None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["ETTh1"])
    parser.add_argument("--horizons", nargs="+", type=int, choices=HORIZONS, default=HORIZONS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "ltsf.jsonl")
    asked = parser.parse_args()
    setting = json.loads(json.dumps({"network": NETWORK, "training": str(TRAINING)}))
    rows = []
    for name in asked.sets:
        part = load(name, asked.data)
        if part is None:
            print(f"skipped: {asked.data / SETS[name].file} is not there")
            continue
        for horizon in asked.horizons:
            mse, mae = repeat_last(part, horizon)
            rows.append([name, horizon, "repeat last", f"{mse:.3f}", f"{mae:.3f}", "", ""])
            for seed in asked.seeds:
                key = {"set": name, "horizon": horizon, "seed": seed, **setting}
                found = kept(asked.results, key)
                if found is None:
                    found = ours(part, horizon, seed)
                    asked.results.parent.mkdir(parents=True, exist_ok=True)
                    record = {"key": key, "commit": commit(), "found": found}
                    with asked.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(record) + "\n")
                cells = [f"{found[f'test_{each}']:.3f}" for each in ("mse", "mae")]
                cells += [f"{found['step']:.0f}", f"{found['seconds']:.0f}"]
                rows.append([name, horizon, f"rollcast, seed {seed}", *cells])
            if name in SMALLEST:
                best = SMALLEST[name][HORIZONS.index(horizon)]
                rows.append([name, horizon, "smallest published", f"{best:.3f}", "", "", ""])
    print(header("rollcast", "numpy") + "\n" + f"{NETWORK}, {TRAINING}\n")
    columns = ["set", "horizon", "method", "MSE", "MAE", "best step", "seconds"]
    print(table(columns, rows) + f"\n\n{granted_processors()} processors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
