"""A fitted model judged on rolling origins, without training it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.choice import is_whole
from rollcast.data.panel import Panel
from rollcast.errors import UsageError
from rollcast.forecast.evaluate import evaluate
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.holdout import Holdout, cut_rows
from rollcast.forecast.intervals import forecast_spread, intervals


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts from rolling origins, ``windows`` of them over all series, and their scores.

    - ``panel``; ``series (windows,)`` and ``origin (windows,)``: which of its series, and its row
      where the forecast begins; ``times (windows, horizon)`` the stamps forecast.
    - ``truth (windows, horizon)``, NaN where not observed; ``forecasts``: method → ``(windows,
      horizon)``, the network first; ``bands``: level → ``(low, high)``, shaped alike.
    - ``scores``: method → metric → value; ``error_by_step``: method → ``(horizon,)``.
    - ``seen``: how many of the windows begin at or before the newest stamp that ``fit`` was given,
      of whichever series: the network may have been trained on what happened in them.
    """

    panel: Panel
    name: str
    series: np.ndarray
    origin: np.ndarray
    times: np.ndarray
    truth: np.ndarray
    forecasts: dict[str, np.ndarray]
    bands: dict[float, tuple[np.ndarray, np.ndarray]]
    scores: dict[str, dict[str, float]]
    error_by_step: dict[str, np.ndarray]
    seen: int

    def __len__(self) -> int:
        """How many windows."""
        return len(self.origin)

    def __repr__(self) -> str:
        mase = self.scores[self.name]["mase"]
        return f"Backtest({len(self)} windows of {len(self.panel)} series, mase={mase:.4g})"

    def frame(self) -> Any:
        """A table of every window and step: id, time, ``cutoff`` (the last stamp that was known),
        the truth under the user's name, every method's forecast, the ends of the intervals."""
        horizon = self.truth.shape[1]
        cutoffs = self.panel.times[self.origin - 1]
        columns: dict[str, np.ndarray] = {
            "cutoff": np.repeat(self.panel.local(cutoffs), horizon),
            self.panel.columns.target: self.truth.ravel(),
        }
        columns |= {method: values.ravel() for method, values in self.forecasts.items()}
        for level, (low, high) in self.bands.items():
            columns[f"{self.name}-lo-{level:g}"] = low.ravel()
            columns[f"{self.name}-hi-{level:g}"] = high.ravel()
        return self.panel.frame(np.repeat(self.series, horizon), self.times.ravel(), columns)


def run_backtest(
    name: str,
    fitted: Fitted,
    panel: Panel,
    windows: int,
    step: int | None,
    levels: Sequence[float],
) -> Backtest:
    """Forecasts from the last ``windows`` origins of each series, ``step`` rows apart."""
    horizon = fitted.network.spec.horizon
    for option, value in (("windows", windows), ("step", step)):
        fits = is_whole(value) and value >= 1
        if not fits and (value is not None or option == "windows"):
            raise UsageError(f"{option}={value!r}: expected a whole number from 1.")
    step = horizon if step is None else step
    training, held = fitted.windows(panel).hold_out(windows, step)
    cut = cut_rows(panel, Holdout(windows, step, horizon + (windows - 1) * step))
    prediction, below, above = forecast_spread(
        fitted.network, fitted.weights, held, fitted.network.head.levels
    )
    bands = intervals(fitted.calibration, levels, prediction.median, below, above)
    prediction, bands = fitted.limits.prediction(prediction), fitted.limits.bands(bands)
    found = evaluate(name, held, training, cut, prediction, bands)
    origin = held.origin.astype(np.int64)
    times = panel.times[origin[:, None] + np.arange(horizon)]
    return Backtest(
        panel=panel,
        name=name,
        series=held.series,
        origin=origin,
        times=times,
        truth=found.truth,
        forecasts=found.forecasts,
        bands=bands,
        scores=found.scores,
        error_by_step=found.error_by_step,
        seen=int((times[:, 0].astype(np.int64) <= fitted.trained_until).sum()),
    )
