"""A backtest run: origins in blocks of one fit each, all windows of a block in one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rollcast.choice import is_whole
from rollcast.data.panel import Panel
from rollcast.data.windows import Windows
from rollcast.errors import DataError, UsageError
from rollcast.forecast import intervals
from rollcast.forecast.backtest import Backtest
from rollcast.forecast.evaluate import judge
from rollcast.forecast.fitted import Fitted
from rollcast.forecast.holdout import Holdout, cut_rows
from rollcast.forecast.judged import Judged, joined
from rollcast.forecast.online import online_radii
from rollcast.forecast.result import checked_levels, levels_for

Array = np.ndarray


@dataclass(frozen=True)
class Rolling:
    """``windows`` origins a series, ``step`` rows apart (None = a horizon); of every forecast the
    first ``gap`` rows do not count; trained again every ``refit`` origins, 0 = never. Intervals of
    ``level``, recalibrated at each origin or not."""

    windows: int
    step: int | None
    gap: int
    level: float | Sequence[float]
    refit: int
    recalibrate: bool

    def holdout(self, horizon: int) -> Holdout:
        """The origins of each series."""
        step = horizon if self.step is None else self.step
        return Holdout(self.windows, step, horizon + (self.windows - 1) * step)


def checked_rolling(
    horizon: int,
    windows: Any,
    step: Any,
    gap: Any,
    level: float | Sequence[float],
    refit: Any,
    recalibrate: Any,
) -> Rolling:
    """The setting of a backtest; raises UsageError for what cannot be."""
    for option, value in (("windows", windows), ("step", step)):
        fits = is_whole(value) and value >= 1
        if not fits and (value is not None or option == "windows"):
            raise UsageError(f"{option}={value!r}: expected a whole number from 1.")
    if not is_whole(gap) or not 0 <= gap < horizon:
        raise UsageError(
            f"gap={gap!r}: expected a whole number from 0 to {horizon - 1}; of the {horizon} rows "
            "that are forecast so many do not count. Fit a longer horizon for a longer gap."
        )
    if not isinstance(refit, bool) and not (is_whole(refit) and refit >= 1):
        raise UsageError(
            f"refit={refit!r}: expected False, True (before each origin) or a whole number from 1 "
            "(before each so many origins)."
        )
    if not isinstance(recalibrate, bool):
        raise UsageError(f"recalibrate={recalibrate!r}: expected True or False.")
    checked_levels(level)
    return Rolling(windows, step, gap, level, int(refit), recalibrate)


def run_backtest(
    name: str,
    panel: Panel,
    horizon: int,
    rolling: Rolling,
    fitted: Fitted | None,
    fit: Callable[[Panel], Fitted],
) -> Backtest:
    """Forecasts from the last origins of each series, by ``fitted`` or by what ``fit`` makes of the
    rows before each block of origins."""
    whole = rolling.holdout(horizon)
    taken = panel.lengths >= whole.rows + 2
    if not taken.any():
        raise DataError(
            f"{panel.source}: the longest series has {panel.lengths.max()} rows; {whole.origins} "
            f"windows of horizon {horizon}, {whole.step} rows apart, need at least "
            f"{whole.rows + 2}. Ask for fewer windows or a smaller step."
        )
    parts: list[Block] = []
    levels: tuple[float, ...] | None = None
    every = rolling.refit or whole.origins
    for begin, end in pairwise([*range(0, whole.origins, every), whole.origins]):
        left = whole.origins - begin
        holdout = Holdout(left, whole.step, horizon + (left - 1) * whole.step)
        cut = np.where(taken, cut_rows(panel, holdout), panel.offsets[1:])
        trained = fitted
        if trained is None or rolling.refit:
            trained = fit(panel.head(cut - panel.offsets[:-1]))
        if levels is None:
            levels = levels_for(rolling.level, trained.calibration)
        training, held = trained.windows(panel).hold_out(left, whole.step)
        ordinal = (held.origin - cut[held.series]) // whole.step
        chosen = taken[held.series] & (ordinal < end - begin)
        held = held.at(held.series[chosen], (held.origin - panel.offsets[held.series])[chosen])
        parts.append(_forecast(name, levels, rolling, trained, training, held, cut, parts))
    return _backtest(name, panel, rolling, parts)


@dataclass(frozen=True, eq=False)
class Block:
    """The windows of one fit: ``times (windows, horizon)`` their stamps, ``scores`` how many
    spreads their truths lay off, NaN where the fit had seen them."""

    held: Windows
    judged: Judged
    times: Array
    scores: Array
    seen: int


def _forecast(
    name: str,
    levels: Sequence[float],
    rolling: Rolling,
    fitted: Fitted,
    training: Windows,
    held: Windows,
    cut: Array,
    before: Sequence[Block],
) -> Block:
    """The windows ``held`` forecast by one fit, with intervals and baselines."""
    panel, origin = held.panel, held.origin.astype(np.int64)
    times = panel.times[origin[:, None] + np.arange(held.horizon)]
    known = times.astype(np.int64)
    prediction, below, above = intervals.forecast_spread(
        fitted.network, fitted.weights, held, fitted.network.head.levels, fitted.blend
    )
    limits = fitted.limits
    judged = judge(name, held, training, cut, limits.prediction(prediction), {})
    median, calibration = prediction.median, fitted.calibration
    scores = intervals.scores_of(median, below, above, judged.truth)
    unseen = known[:, 0] > fitted.trained_until
    scores[~unseen] = np.nan
    if rolling.recalibrate and levels:
        for level in levels:
            calibration.check(level)
        radii = online_radii(
            calibration,
            np.concatenate([*(block.scores for block in before), scores]),
            np.concatenate([*(block.times.astype(np.int64) for block in before), known]),
            known[:, 0],
            levels,
        )
    else:
        radii = [calibration.radius(level) for level in levels]
    for level, radius in zip(levels, radii, strict=True):
        found = {level: (median - radius * below, median + radius * above)}
        judged.bands.update(limits.bands(found))
    return Block(held, judged, times, scores, int((~unseen).sum()))


def _backtest(name: str, panel: Panel, rolling: Rolling, parts: Sequence[Block]) -> Backtest:
    """The blocks as one, in order of series and origin."""
    origin = np.concatenate([part.held.origin for part in parts]).astype(np.int64)
    order = np.argsort(origin)  # rows of the panel: by series, then by time
    judged = joined([part.judged for part in parts], order).steps_from(rolling.gap)
    times = np.concatenate([part.times for part in parts])[order]
    return Backtest(
        panel=panel,
        name=name,
        series=np.concatenate([part.held.series for part in parts])[order],
        origin=origin[order],
        times=times[:, rolling.gap :],
        gap=rolling.gap,
        judged=judged,
        seen=sum(part.seen for part in parts),
    )
