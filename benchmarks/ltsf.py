"""Long horizons: the LTSF protocol on ETTh1, ETTm1, Weather and Exchange.

Every column is one series, scaled by mean and population deviation of the training part; errors
are of scaled values over all windows of the test part, one row apart, none left out. Training
sees the training part, the choice of the step to stop at the validation part, nothing the test
part. `repeat last` is the check of the harness: ETTh1, 96 steps: MSE 1.294, MAE .713.

    python benchmarks/ltsf.py [--sets ETTh1 ETTm1] [--horizons 96 192] [--seeds 0] [--again]

What was measured is kept in a file (--results) and printed from there; a run that was ended goes
on with what is missing.
"""

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from common import ROOT, commit, granted_processors, header, table

from rollcast import Forecaster, Training
from rollcast.atomic import write_atomically

LOOK_BACK = 720
AT_ONCE = 500
"""Test windows of a series in one backtest."""


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

    def frame(self, rows: int) -> pl.DataFrame:
        """The first rows as a long table."""
        series = self.values.shape[1]
        return pl.DataFrame(
            {
                "unique_id": np.repeat([f"{k:03d}" for k in range(series)], rows),
                "ds": np.tile(self.times[:rows], series),
                "y": self.values[:rows].T.ravel(),
            }
        )


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
    first, second = (np.datetime64(text) for text in stamps(read["date"][:2]))
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


def ours(part: Part, model: Forecaster, horizon: int) -> tuple[float, float]:
    """MSE and MAE of a fitted model, over all test windows."""
    _, begin, end = part.ends
    square = absolute = count = 0.0
    for windows, rows in chunks(begin, end, horizon):
        found = model.backtest(part.frame(rows), windows=windows, step=1, level=())
        error = found.truth - found.forecasts[model.name]
        square, absolute = square + np.square(error).sum(), absolute + np.abs(error).sum()
        count += error.size
    return square / count, absolute / count


def chunks(begin: int, end: int, horizon: int) -> Iterator[tuple[int, int]]:
    """How many origins, and after how many rows their last target ends."""
    total = end - begin - horizon + 1
    for done in range(0, total, AT_ONCE):
        windows = min(AT_ONCE, total - done)
        yield windows, begin + done + windows - 1 + horizon
