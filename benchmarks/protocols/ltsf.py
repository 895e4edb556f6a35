"""Long horizons: the LTSF protocol on ETTh1, ETTm1, Weather and Exchange.

Every column is one series, scaled by mean and population deviation of the training part; errors
are of scaled values over all windows of the test part, one row apart, none left out. Training
sees the training part, the choice of the step to stop at the validation part, nothing the test
part. `repeat last` is the check of the harness.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from common import ROOT

import rollcast
from protocols.protocol import Case, Found, Method, Protocol
from rollcast import Training
from rollcast.data.windows import Windows
from rollcast.forecast.blend import best_blend
from rollcast.forecast.plan import of_inputs
from rollcast.forecast.problem import NetworkProblem
from rollcast.model import predict
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec
from rollcast.train.loop import run

AT_ONCE = 500
"""Windows that repeat the last value at once."""

KEPT = ROOT / "build" / "ltsf"
"""Forecasts of networks that were trained, so that what was ended goes on."""

GRU = {"cell": "gru", "hidden": (128,), "dropout": 0.2, "skip": "none", "head": "mae",
       "context": 720}  # fmt: skip
MEMBERS = (
    GRU | {"segment": 48, "calendar": True, "seed": 0, "steps": 1.0},
    GRU | {"segment": 72, "calendar": False, "seed": 0, "steps": 1.0},
    GRU | {"segment": 72, "calendar": False, "seed": 1, "steps": 0.5},
    GRU | {"segment": 48, "calendar": False, "seed": 1, "steps": 1.0, "dropout": 0.5},
)
"""The networks of which some are averaged: those whose mean errs least on the validation part
(Caruana et al. 2004, "Ensemble selection from libraries of models"), for long horizons soon have
enough of training, and of a calendar of less than two years. ``steps`` are parts of those of a
`Size`. Lin et al. 2023 (arXiv 2308.11200) read 720 rows in segments of 48. All know which series a
window is of. One setting for all sets and horizons, chosen on the validation parts of ETTh1, ETTm1
and Weather at 96 steps and a look at those of long ones."""

SEEDS = 100
"""Between the seeds of two runs: members have those in between."""

BLEND, BLEND_ROWS = "linear", 720
"""What their mean is blended with, by the rule of ``Forecaster(blend=…)``, and the rows it sees."""

LOOKED_AT = 10_000
"""Validation windows that the blend is chosen by, at least; where there are more, every k-th."""

LEFT_OUT_OF = 256
"""Origins in a batch of which what is left over is left out by others."""


@dataclass(frozen=True)
class Size:
    """How networks are trained on sets of so many ``values`` of the training part, at most, and how
    many times what they read is as long: rows of these are minutes apart."""

    values: float
    longer: int
    training: Training


SIZES = (
    Size(1e5, 1, Training(steps=600, batch_size=256, learning_rate=1e-3)),
    Size(5e5, 2, Training(steps=1000, batch_size=256, learning_rate=1e-3)),
    Size(1e9, 2, Training(steps=2000, batch_size=256, learning_rate=2e-3)),
)
"""Three passes over the windows of the first, down to less than one, or what time allows."""

SMALLEST = {
    "ETTh1": (0.351, 0.392, 0.422, 0.447),
    "ETTm1": (0.293, 0.328, 0.357, 0.410),
    "Weather": (0.143, 0.189, 0.243, 0.314),
}
"""Smallest published MSE at each horizon: of SegRNN (720 and 96 rows), PatchTST (512), DLinear
(336) and a plain GRU, as given in SegRNN's repository and the papers of the others."""

HORIZONS = (96, 192, 336, 720)


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


@dataclass(frozen=True)
class Part:
    """Scaled values ``(rows, series)`` of all three parts, their stamps, and where parts end."""

    values: np.ndarray
    times: np.ndarray
    ends: tuple[int, int, int]

    @property
    def size(self) -> Size:
        """That of the training part."""
        values = self.ends[0] * self.values.shape[1]
        return next(each for each in SIZES if values <= each.values)

    def panel(self, calendar: bool = True) -> rollcast.Panel:
        """All three parts, each column a series, whose id is an input; rows are counted where there
        is no calendar."""
        rows, series = self.values.shape
        long = {
            "unique_id": np.repeat([f"{k:03d}" for k in range(series)], rows),
            "ds": np.tile(self.times if calendar else np.arange(rows), series),
            "y": self.values.T.ravel(),
        }
        return rollcast.read(pl.DataFrame(long), static="unique_id")

    def windows(self, panel: rollcast.Panel, context: int, horizon: int) -> list[Windows]:
        """Windows to train, to validate and to test on: all whose targets lie in that part."""
        series = self.values.shape[1]
        as_they_are = np.zeros(series), np.ones(series)
        every = Windows(panel, context, horizon, scaling="series", statistics=as_they_are)
        found = []
        for begin, end in zip((context, *self.ends), self.ends, strict=False):
            origins = np.arange(begin, end - horizon + 1)
            which = np.repeat(np.arange(series), len(origins))
            found.append(every.at(which, np.tile(origins, series)))
        return found


@cache
def read_set(name: str, folder: Path) -> Part | None:
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


def load(folder: Path, case: Case) -> Part | None:
    return read_set(case.set, folder)


def stamps(column: pl.Series) -> list[str]:
    """``1990/1/1 0:00`` as ``1990-01-01T00:00``, others as they are."""
    found = []
    for text in column:
        day, clock = text.split(" ")
        date = "-".join(part.zfill(2) for part in day.replace("/", "-").split("-"))
        found.append(f"{date}T{clock.zfill(5)}")
    return found


def repeat_last(part: Part, case: Case, seed: int) -> Found:
    """Errors of the newest value over all test windows."""
    _, begin, end = part.ends
    origins = np.arange(begin, end - case.horizon + 1)
    parts = (
        part.values[some[:, None] + np.arange(case.horizon)] - part.values[some - 1][:, None]
        for some in np.array_split(origins, max(1, len(origins) // AT_ONCE))
    )
    return errors(parts)


def errors(parts: Iterator[np.ndarray]) -> dict[str, float]:
    """MSE and MAE over all elements of all parts."""
    square = absolute = count = 0.0
    for error in parts:
        wide = error.astype(np.float64)
        square, absolute = square + np.square(wide).sum(), absolute + np.abs(wide).sum()
        count += error.size
    return {"mse": square / count, "mae": absolute / count}


def member(
    part: Part, case: Case, setting: Mapping[str, Any], seed: int
) -> tuple[list[np.ndarray], dict[str, float]]:
    """One network: its forecasts of all windows to validate and to test on, ``(windows, horizon)``,
    and how it was trained. What was ended is kept under build/."""
    network, size = dict(setting), part.size
    calendar, seed = network.pop("calendar"), SEEDS * seed + network.pop("seed")
    how = replace(size.training, steps=round(network.pop("steps") * size.training.steps))
    for name in ("context", "segment"):
        network[name] *= size.longer
    training, *held = part.windows(part.panel(calendar), network["context"], case.horizon)
    key = json.dumps([str(case), network, calendar, str(how), seed], default=list)
    path = KEPT / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if path.exists():
        with np.load(path) as kept:
            made = [kept["validation"], kept["test"]]
            return made, {"step": float(kept["step"]), "seconds": float(kept["seconds"])}
    spec = NetworkSpec(
        horizon=case.horizon, strategy="segment", features=len(training.feature_names),
        **of_inputs(training), **network,
    )  # fmt: skip
    built, began = build(spec), time.perf_counter()
    outcome = run(NetworkProblem(built, training, held[0], seed=seed), how, seed)
    took = {"step": float(outcome.best_step), "seconds": time.perf_counter() - began}
    made = [
        predict.predict(built, outcome.weights, each).median.astype(np.float32) for each in held
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, validation=made[0], test=made[1], **took)
    return made, took


def truth(windows: Windows) -> np.ndarray:
    """What came ``(windows, horizon)``: rows of the panel, whose values are scaled."""
    return windows.panel.values[windows.origin[:, None] + np.arange(windows.horizon)]


def places(windows: Windows, which: np.ndarray) -> Windows:
    """Some of the windows."""
    series = windows.series[which]
    return windows.at(series, windows.origin[which] - windows.panel.offsets[series])


def best_members(made: list[np.ndarray], truth: np.ndarray) -> tuple[int, ...]:
    """Which of the forecasts ``(windows, horizon)`` have the mean with the least absolute error."""
    every = range(len(made))
    some = [which for count in every for which in combinations(every, count + 1)]
    return min(
        some, key=lambda which: np.abs(np.mean([made[k] for k in which], axis=0) - truth).mean()
    )


def ours(part: Part, case: Case, seed: int) -> Found:
    """Errors of the members' mean, blended, over all validation and test windows; also as they are
    where the last test windows, less than a batch, are left out, as in many a published figure."""
    made = [member(part, case, setting, seed) for setting in MEMBERS]
    began = time.perf_counter()
    training, *held = part.windows(part.panel(True), part.size.longer * BLEND_ROWS, case.horizon)
    came = [truth(windows) for windows in held]
    chosen = best_members([each[0] for each, _ in made], came[0])
    validation, test = (
        np.mean([made[each][0][which] for each in chosen], axis=0) for which in (0, 1)
    )
    alike = np.ones(part.values.shape[1])
    looked_at = np.arange(0, held[0].count, max(1, held[0].count // LOOKED_AT))
    some = places(held[0], looked_at)
    blend = best_blend(BLEND, validation[looked_at], some, came[0][looked_at], alike, training)
    seen, wrong = (
        (mean + blend.share * (blend.alone(windows) - mean) if blend.share else mean) - true
        for mean, windows, true in zip((validation, test), held, came, strict=True)
    )
    by_origin = wrong.reshape(len(alike), -1, case.horizon)
    whole = by_origin.shape[1] // LEFT_OUT_OF * LEFT_OUT_OF
    return {
        **errors(iter([wrong])),
        **{f"validation {name}": value for name, value in errors(iter([seen])).items()},
        "mse without the last": errors(iter([by_origin[:, :whole]]))["mse"],
        "members": float("".join(str(1 + each) for each in chosen)),
        "share": blend.share,
        "step": float(np.mean([how["step"] for _, how in made])),
        "seconds": sum(how["seconds"] for _, how in made) + time.perf_counter() - began,
    }


CASES = [Case(name, horizon) for name in SETS for horizon in HORIZONS]

PROTOCOL = Protocol(
    about="MSE and MAE of values scaled by the training part, all windows of the test part",
    cases=CASES,
    load=load,
    methods={
        "repeat last": Method(repeat_last),
        "rollcast": Method(
            ours,
            {
                "members": [str(each) for each in MEMBERS],
                "sizes": [str(each) for each in SIZES],
                "blend": [BLEND, BLEND_ROWS],
            },
            seeds=True,
        ),
    },
    columns={"mse": ".3f", "mae": ".3f", "validation mse": ".4f", "step": ".0f"},
    published={
        Case(name, horizon): {"smallest": {"mse": mse}}
        for name, figures in SMALLEST.items()
        for horizon, mse in zip(HORIZONS, figures, strict=True)
    },
    check=[
        (Case("ETTh1", 96), "repeat last", "mse", "1.294"),
        (Case("ETTh1", 96), "repeat last", "mae", "0.713"),
    ],
)
