"""Forecasts with their truths, and how good they are: overall, by series, by window, by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rollcast.score import metrics
from rollcast.score.mean import Axis, Score

Array = np.ndarray
Bands = dict[float, tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class Judged:
    """Windows of which forecasts and truths are known; all arrays ``(windows, horizon)``.

    - ``truth``, NaN where not observed; ``forecasts``: method → medians, the network first.
    - ``quantiles (windows, horizon, levels)`` and ``levels``: the network's own, if it has any.
    - ``bands``: level in percent → the ends of the network's intervals.
    - ``units``, ``squares (windows,)``: the units of MASE and of RMSSE of each window.
    - ``reference``: what Naive 2 says, to which OWA compares.
    """

    name: str
    truth: Array
    forecasts: dict[str, Array]
    quantiles: Array
    levels: tuple[float, ...]
    bands: Bands
    units: Array
    squares: Array
    reference: Array

    def scores(self, axis: Axis = None) -> dict[str, dict[str, Score]]:
        """Method → metric → value; ``axis`` as that of the metrics."""
        owa = self._point(self.reference, axis)
        found = {}
        for method, forecast in self.forecasts.items():
            row = self._point(forecast, axis)
            row["owa"] = owa_of(row, owa)
            found[method] = row
        if self.levels:
            crps = metrics.crps(self.truth, self.quantiles, self.levels, axis=axis)
            for method, row in found.items():
                # of a point forecast it is the absolute error
                row["crps"] = crps if method == self.name else row["mae"]
        for level, (low, high) in self.bands.items():
            row, ends = found[self.name], (self.truth, low, high)
            row[f"coverage-{level:g}"] = metrics.coverage(*ends, axis=axis)
            row[f"width-{level:g}"] = metrics.width(*ends, axis=axis)
            row[f"scaled_width-{level:g}"] = metrics.scaled_width(*ends, self.units, axis=axis)
            row[f"pinball-{level:g}"] = metrics.pinball(*ends, level, axis=axis)
        return found

    def totals(self) -> dict[str, dict[str, float]]:
        """Method → metric → value over all windows and steps."""
        return {
            method: {metric: float(value) for metric, value in row.items()}
            for method, row in self.scores().items()
        }

    def error_by_step(self) -> dict[str, Array]:
        """Method → mean absolute error at each step, ``(horizon,)``."""
        return {
            method: np.asarray(metrics.mae(self.truth, forecast, axis=0))
            for method, forecast in self.forecasts.items()
        }

    def steps_from(self, first: int) -> Judged:
        """The same without the steps before ``first``, counted from 0."""
        if first == 0:
            return self
        return replace(
            self,
            truth=self.truth[:, first:],
            forecasts={method: values[:, first:] for method, values in self.forecasts.items()},
            quantiles=self.quantiles[:, first:],
            bands={
                level: (low[:, first:], high[:, first:])
                for level, (low, high) in self.bands.items()
            },
            reference=self.reference[:, first:],
        )

    def _point(self, forecast: Array, axis: Axis) -> dict[str, Score]:
        truth = self.truth
        return {
            "mae": metrics.mae(truth, forecast, axis=axis),
            "rmse": metrics.rmse(truth, forecast, axis=axis),
            "mape": metrics.mape(truth, forecast, axis=axis),
            "smape": metrics.smape(truth, forecast, axis=axis),
            "mase": metrics.mase(truth, forecast, self.units, axis=axis),
            "rmsse": metrics.rmsse(truth, forecast, self.squares, axis=axis),
        }


def owa_of(row: Mapping[str, Score], reference: Mapping[str, Score]) -> Score:
    """OWA of measures beside those of Naive 2; NaN where those are 0."""
    smape, mase = (
        np.where(np.asarray(reference[name]) == 0.0, np.nan, reference[name])
        for name in ("smape", "mase")
    )
    return metrics.owa(row["smape"], row["mase"], smape, mase)


def joined(parts: Sequence[Judged], order: Array) -> Judged:
    """The windows of all parts, as one, in this ``order (windows,)``."""
    first = parts[0]
    if len(parts) == 1 and (np.diff(order) == 1).all():
        return first

    def of(values: Sequence[Array]) -> Array:
        return np.concatenate(values)[order]

    return Judged(
        name=first.name,
        truth=of([part.truth for part in parts]),
        forecasts={
            method: of([part.forecasts[method] for part in parts]) for method in first.forecasts
        },
        quantiles=of([part.quantiles for part in parts]),
        levels=first.levels,
        bands={
            level: (
                of([part.bands[level][0] for part in parts]),
                of([part.bands[level][1] for part in parts]),
            )
            for level in first.bands
        },
        units=of([part.units for part in parts]),
        squares=of([part.squares for part in parts]),
        reference=of([part.reference for part in parts]),
    )
