"""Small real tables: rolling origins, everything at its default, beside references.

Each method is trained or fitted once, on what lies before the first origin, and then forecasts
from every origin, a horizon apart, knowing all rows before it. MASE and CRPS are over all origins,
both in the unit of MASE: the mean absolute seasonal difference before the first origin. CRPS is of
the quantiles that 50, 80 and 95 % intervals end at, and the median; those of a baseline lie round
its forecast as its errors did at CALIBRATED origins before the first one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sets import REAL

import rollcast
from protocols import peers
from protocols.protocol import Case, Found, Method, Protocol
from rollcast.errors import RollcastError
from rollcast.score import metrics, spread
from rollcast.score.baselines import BASELINES
from rollcast.score.units import seasonal_scales

Array = np.ndarray

MOST_ORIGINS, LARGEST_SHARE, CALIBRATED = 12, 0.25, 60
LEVELS = (50, 80, 95)
QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)

NEWEST = {"AutoETS": 2000, "AutoARIMA": 1000}
"""Rows a series that models of statsforecast are fitted on: more cost hours at a season of 24."""

LONGEST_SEASON = 24
"""AutoETS has no season beyond this one (statsforecast drops it), AutoARIMA takes minutes to
hours with one: series with a longer season are given to both without."""


@dataclass(frozen=True, eq=False)
class Data:
    """The whole table, what lies before the first origin, and the origins."""

    panel: rollcast.Panel
    before: rollcast.Panel
    origins: int
    horizon: int

    def rows(self) -> tuple[Array, Array]:
        """Series and row of the panel at which each target begins, series by series."""
        back = self.horizon * np.arange(self.origins, 0, -1)
        series = np.repeat(np.arange(len(self.panel)), self.origins)
        return series, (self.panel.offsets[1:, None] - back).reshape(-1)

    def truth(self) -> Array:
        """What came ``(windows, horizon)``."""
        _, rows = self.rows()
        return self.panel.values[rows[:, None] + np.arange(self.horizon)]

    def scores(self, quantiles: Array) -> dict[str, float]:
        """MASE of the median and CRPS, of quantiles ``(windows, horizon, levels)``."""
        cut = self.before.offsets
        unit = seasonal_scales(self.before.values, cut, self.panel.season)
        unit = unit[self.rows()[0]]
        truth, middle = self.truth(), QUANTILES.index(0.5)
        mase = metrics.mase(truth, quantiles[..., middle], unit)
        crps = spread.crps(truth / unit[:, None], quantiles / unit[:, None, None], QUANTILES)
        return {"mase": float(mase), "crps": float(crps)}


def load(folder: Path, case: Case) -> Data | None:
    """A table; None where the file is not there."""
    each = REAL[case.set]
    try:
        panel = each.load(folder)
    except (OSError, RollcastError):
        return None
    rows = int(panel.lengths.min())
    origins = min(MOST_ORIGINS, int(LARGEST_SHARE * rows) // each.horizon)
    before, _ = panel.split(origins * each.horizon)
    return Data(panel, before, origins, each.horizon)


def ours(**options: Any) -> Method:
    def run(data: Data, case: Case, seed: int) -> Found:
        model = rollcast.Forecaster(data.horizon, seed=seed, **options).fit(data.before)
        widest = model.fitted_.calibration.largest_level
        levels = [min(level, widest) for level in LEVELS]  # the shortest tables allow no 95 %
        back = model.backtest(
            data.panel, windows=data.origins, step=data.horizon, level=sorted(set(levels))
        )
        _, rows = data.rows()
        quantiles = np.full((len(rows), data.horizon, len(QUANTILES)), np.nan)
        low, high = zip(*(back.bands[level] for level in levels), strict=True)
        # a window without any observed row is no window of a backtest
        quantiles[np.searchsorted(rows, back.origin)] = np.stack(
            [*low[::-1], back.forecasts[back.name], *high], axis=-1
        )
        return data.scores(quantiles)

    return Method(run, {"options": {name: str(value) for name, value in options.items()}}, True)


def baseline(name: str) -> Method:
    def run(data: Data, case: Case, seed: int) -> Found:
        panel, horizon, season = data.panel, data.horizon, data.panel.season
        context = max(2 * season, 3 * horizon)

        def windows(series: Array, rows: Array) -> tuple[Array, Array]:
            """Past and target; NaN before a series begins."""
            at = rows[:, None] + np.arange(-context, horizon)
            inside = (at >= panel.offsets[series][:, None]) & (at < len(panel.values))
            values = np.where(inside, panel.values[np.where(inside, at, 0)], np.nan)
            return values[:, :context], values[:, context:]

        series, rows = data.rows()
        first = panel.offsets[1:] - data.origins * horizon  # the first row of the test part
        known = [
            np.arange(panel.offsets[k] + season + 1, first[k] - horizon + 1)
            for k in range(len(panel))
        ]
        which = np.repeat(np.arange(len(panel)), [len(each) for each in known])
        past, target = windows(which, np.concatenate(known))
        forecast = BASELINES[name].fit(past, target, season)
        made = forecast(windows(series, rows)[0], horizon, season)
        offsets = np.empty((*made.shape, len(QUANTILES)))
        for k in range(len(panel)):
            own = np.flatnonzero(which == k)[-CALIBRATED:]
            errors = target[own] - forecast(past[own], horizon, season)
            offset = np.nanquantile(errors, QUANTILES, axis=0).T
            offset -= offset[:, [QUANTILES.index(0.5)]]
            offsets[series == k] = offset
        return data.scores(made[..., None] + offsets)

    return Method(run)


def statistical(name: str) -> Method:
    """A model of statsforecast at its defaults: fitted once, then carried forward."""

    def run(data: Data, case: Case, seed: int) -> Found:
        from statsforecast import models

        panel, horizon = data.panel, data.horizon
        season = panel.season if panel.season <= LONGEST_SEASON else 1
        found = np.empty((len(panel) * data.origins, horizon, len(QUANTILES)))
        for k in range(len(panel)):
            values = panel.values[panel.offsets[k] : panel.offsets[k + 1]]
            index = np.arange(len(values))
            seen = ~np.isnan(values)
            values = np.interp(index, index[seen], values[seen])
            model = getattr(models, name)(season_length=season)
            for number in range(data.origins):
                end = len(values) - horizon * (data.origins - number)
                newest = values[max(0, end - NEWEST[name]) : end]
                if number == 0:
                    model.fit(newest)
                    made = model.predict(horizon, level=list(LEVELS))
                else:
                    made = model.forward(newest, horizon, level=list(LEVELS))
                columns = [made[f"lo-{level}"] for level in LEVELS[::-1]]
                columns += [made["mean"], *(made[f"hi-{level}"] for level in LEVELS)]
                found[k * data.origins + number] = np.stack(columns, axis=-1)
        return data.scores(found)

    setting = {"newest rows": NEWEST[name], "longest season": LONGEST_SEASON}
    return Method(run, setting, needs="statsforecast")


def neural(name: str, steps: int, most: int = 336) -> Method:
    """A model of NeuralForecast with the multi-quantile loss: trained once, then forecasting from
    every origin. Its window is seven seasons or two horizons, the longer, at ``most`` so many rows
    unless two horizons are more; a missing value is interpolated, since it takes none."""

    def run(data: Data, case: Case, seed: int) -> Found:
        panel, horizon = data.panel, data.horizon
        context = max(2 * horizon, min(7 * panel.season, most))
        series, pasts = [], []
        for k in range(len(panel)):
            values = panel.values[panel.offsets[k] : panel.offsets[k + 1]]
            index = np.arange(len(values))
            seen = ~np.isnan(values)
            values = np.interp(index, index[seen], values[seen])
            ends = len(values) - horizon * np.arange(data.origins, 0, -1)
            series.append(values[: ends[0]])
            pasts += [values[max(0, end - 2 * context) : end] for end in ends]
        made = peers.neural_quantiles(name, series, pasts, horizon, context, steps, LEVELS, seed)
        return data.scores(made)

    setting = {"package": "neuralforecast", "steps": steps, "longest window": most}
    return Method(run, setting, seeds=True, needs="neuralforecast")


def sums(found: Mapping[str, Mapping[Case, Found]]) -> list[tuple[str, str, Found]]:
    """Each method relative to each of ours: the geometric mean of the ratio over the tables that
    both were measured on; above 1 ours is better."""
    rows = []
    for ours in (label for label in found if label.startswith("rollcast")):
        for other, by_case in found.items():
            both = [case for case in by_case if case in found[ours]]
            if other != ours and both:
                ratio = {
                    figure: float(
                        np.exp(
                            np.mean(
                                [np.log(by_case[c][figure] / found[ours][c][figure]) for c in both]
                            )
                        )
                    )
                    for figure in ("mase", "crps")
                }
                rows.append((f"{len(both)} tables", f"{other} / {ours}", ratio))
    return rows


CASES = [Case(name) for name in REAL if name != "m4 hourly"]

PROTOCOL = Protocol(
    about="small real tables, rolling origins; MASE, and CRPS in the same unit",
    cases=CASES,
    load=load,
    methods={
        "naive": baseline("naive"),
        "seasonal naive": baseline("seasonal naive"),
        "linear": baseline("linear"),
        "AutoETS": statistical("AutoETS"),
        "AutoARIMA": statistical("AutoARIMA"),
        "NeuralForecast LSTM": neural("LSTM", 200),
        "NeuralForecast NHITS": neural("NHITS", 200),
        "rollcast": ours(),
        "rollcast, theta": ours(blend="theta"),
    },
    columns={"mase": ".3f", "crps": ".3f"},
    published={},
    sums=sums,
)
