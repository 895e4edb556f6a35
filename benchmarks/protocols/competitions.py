"""M4 Hourly and M3: one forecast a series, scored as the competitions were.

sMAPE and MASE are averaged over series; OWA is the mean of both relative to Naive 2 (Makridakis,
Spiliotis & Assimakopoulos 2020). The row `M3` is sMAPE averaged over all points forecast of all
3003 series: by n · H (Makridakis & Hibon 2000).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import rollcast
from protocols import peers
from protocols.protocol import Case, Found, Method, Protocol
from rollcast.score import metrics
from rollcast.score.baselines import BASELINES
from rollcast.score.naive2 import naive2, seasonal_indices
from rollcast.score.units import seasonal_scale

Array = np.ndarray

HORIZON = {
    "M4 Hourly": 48, "M3 Yearly": 6, "M3 Quarterly": 8, "M3 Monthly": 18, "M3 Other": 8,
}  # fmt: skip
SEASON = {"M4 Hourly": 24, "M3 Yearly": 1, "M3 Quarterly": 4, "M3 Monthly": 12, "M3 Other": 1}
COUNT = {"M3 Yearly": 645, "M3 Quarterly": 756, "M3 Monthly": 1428, "M3 Other": 174}
CASES = {name: Case(name) for name in HORIZON}

BLENDED: dict[str, Any] = {"blend": "theta + damped", "ensemble": 3}
OURS: dict[str, dict[str, Any]] = {
    "M4 Hourly": {"transform": "log1p", "ensemble": 3},
    "M3 Yearly": {**BLENDED, "context": 18},
    "M3 Quarterly": {**BLENDED, "context": 8},
    "M3 Monthly": {**BLENDED, "transform": "log1p"},
    "M3 Other": BLENDED,
}
"""The options of `Forecaster` besides horizon and seed, one setting for all series of a set: chosen
by forecasts of the last horizon of the training parts, with networks that had not seen it."""


@dataclass(frozen=True)
class Data:
    """Training parts, series by series, and the truth ``(series, horizon)``."""

    name: str
    past: list[Array]
    truth: Array

    @property
    def season(self) -> int:
        return SEASON[self.name]

    def table(self) -> pl.DataFrame:
        """The training parts as a table; integer time."""
        lengths = [len(each) for each in self.past]
        return pl.DataFrame(
            {
                "unique_id": np.repeat([f"{k:05d}" for k in range(len(lengths))], lengths),
                "ds": np.concatenate([np.arange(1, rows + 1) for rows in lengths]),
                "y": np.concatenate(self.past),
            }
        )

    def scores(self, forecast: Array) -> dict[str, float]:
        """sMAPE, MASE and, for M4 Hourly, OWA."""
        unit = np.array([seasonal_scale(each, self.season)[0] for each in self.past])
        smape = float(np.mean(metrics.smape(self.truth, forecast, axis=1)))
        mase = float(np.nanmean(metrics.mase(self.truth, forecast, unit, axis=1)))
        found = {"smape": smape, "mase": mase}
        if self.name == "M4 Hourly":
            found["owa"] = metrics.owa(smape, mase, 18.383, 2.395)
        return found


def load(folder: Path, case: Case) -> Data | None:
    """A set; None where its file is not there."""
    hourly = case.set == "M4 Hourly"
    path = folder / ("m4/m4_hourly.parquet" if hourly else "m3/m3.parquet")
    if not path.exists():
        return None
    whole = pl.read_parquet(path)
    if not hourly:
        info = pl.read_parquet(folder / "m3" / "m3_info.parquet")
        period = case.set.removeprefix("M3 ").lower()
        chosen = info.filter(pl.col("period").str.to_lowercase() == period)
        whole = whole.join(chosen.select("unique_id"), on="unique_id", how="semi")
    parts = {
        split: [
            np.array(group["y"]) for _, group in part.group_by("unique_id", maintain_order=True)
        ]
        for (split,), part in whole.sort("unique_id", "ds").group_by("split")
    }
    return Data(case.set, parts["train"], np.stack(parts["test"]))


def each(forecast: Callable[[Array, int, int], Array]) -> Method:
    """A method that knows one series at a time, and needs no training."""

    def run(data: Data, case: Case, seed: int) -> Found:
        horizon = data.truth.shape[1]
        return data.scores(np.stack([forecast(past, horizon, data.season) for past in data.past]))

    return Method(run)


def baseline(name: str) -> Method:
    method = BASELINES[name].fit(np.empty((0, 1)), np.empty((0, 1)), 1)
    return each(lambda past, horizon, season: method(past[None], horizon, season)[0])


def ours(data: Data, case: Case, seed: int) -> Found:
    model = rollcast.Forecaster(data.truth.shape[1], seed=seed, **OURS[case.set])
    model.fit(data.table(), season=data.season, freq=1)
    return data.scores(model.forecast(level=()).median)


def statistical(name: str) -> Method:
    def run(data: Data, case: Case, seed: int) -> Found:
        return data.scores(peers.statistical(name, data.past, data.truth.shape[1], data.season))

    return Method(run, {"package": "statsforecast"}, needs="statsforecast")


def neural(name: str, steps: int, seasons: int = 7) -> Method:
    def run(data: Data, case: Case, seed: int) -> Found:
        horizon = data.truth.shape[1]
        context = max(2 * horizon, seasons * data.season if data.season > 1 else 0)
        return data.scores(peers.neural(name, data.past, horizon, context, steps, seed))

    setting = {"package": "neuralforecast", "steps": steps, "seasons": seasons}
    return Method(run, setting, seeds=True, needs="neuralforecast")


def sums(found: Mapping[str, Mapping[Case, Found]]) -> list[tuple[str, str, Found]]:
    """All of M3, of methods that were measured on all four sets."""
    points = {CASES[name]: COUNT[name] * HORIZON[name] for name in COUNT}
    rows = []
    for label, by_case in found.items():
        if set(points) <= set(by_case):
            total = sum(points[case] * by_case[case]["smape"] for case in points)
            seconds = sum(by_case[case]["seconds"] for case in points)
            figures = {"smape": total / sum(points.values()), "seconds": seconds}
            rows.append(("M3", label, figures))
    return rows


PROTOCOL = Protocol(
    about="M4 Hourly and M3; sMAPE in percent",
    cases=list(CASES.values()),
    load=load,
    methods={
        "naive": baseline("naive"),
        "seasonal naive": baseline("seasonal naive"),
        "Naive 2": each(
            lambda past, horizon, season: naive2(
                past[None], horizon, seasonal_indices(past[None], season)
            )[0]
        ),
        "AutoTheta": statistical("AutoTheta"),
        "AutoETS": statistical("AutoETS"),
        "NeuralForecast LSTM": neural("LSTM", 200),
        "NeuralForecast NHITS": neural("NHITS", 200),
        "rollcast": Method(ours, lambda case: {"options": OURS[case.set]}, seeds=True),
    },
    columns={"smape": ".2f", "mase": ".3f", "owa": ".3f"},
    published={
        CASES["M4 Hourly"]: {
            "TiRex, pretrained": {"owa": 0.364},
            "ES-RNN, winner of M4": {"smape": 9.328, "mase": 0.893, "owa": 0.440},
            "seasonal naive": {"owa": 0.628},
            "NeuralForecast LSTM, 200 steps": {"owa": 0.712},
            "organisers' RNN": {"owa": 1.036},
        },
        CASES["M3 Other"]: {  # of all four sets together
            "all of M3: Theta": {"smape": 13.01},
            "all of M3: N-BEATS, ensemble": {"smape": 12.37},
        },
    },
    check=[
        (CASES["M4 Hourly"], "naive", "smape", "43.003"),
        (CASES["M4 Hourly"], "naive", "mase", "11.608"),
        (CASES["M4 Hourly"], "seasonal naive", "smape", "13.912"),
        (CASES["M4 Hourly"], "seasonal naive", "mase", "1.193"),
        (CASES["M4 Hourly"], "seasonal naive", "owa", "0.628"),
        (CASES["M4 Hourly"], "Naive 2", "smape", "18.383"),
        (CASES["M4 Hourly"], "Naive 2", "mase", "2.395"),
        (CASES["M3 Yearly"], "naive", "smape", "17.88"),
    ],
    sums=sums,
)  # fmt: skip
