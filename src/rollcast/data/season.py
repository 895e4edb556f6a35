"""The season of a panel: how many rows until the pattern repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollcast.data.frequency import DAY, HOUR, MINUTE, WEEK, parse_frequency

if TYPE_CHECKING:
    from rollcast.data.panel import Panel

MOST_SERIES = 200
"""Series looked at; more would not change the mean."""
MOST_ROWS = 20_000
"""Last rows of each series looked at."""
MOST_LAG = 400
"""Longest season looked for in integer time."""


def candidates(freq: str | int) -> tuple[int, ...]:
    """Seasons that people keep, in rows, the likeliest first; empty when any could be.

    >>> candidates("h"), candidates("15min"), candidates("MS"), candidates("YS")
    ((24, 168), (96, 672), (12,), ())
    """
    frequency = parse_frequency(freq)
    step = frequency.step
    if frequency.kind == "month":
        return (12 // step,) if 12 % step == 0 and step < 12 else ()
    if frequency.kind == "business":
        return (5, 261) if step == 1 else ()
    if frequency.kind == "integer":
        return ()
    if step % WEEK == 0:
        return (round(52 * WEEK / step),) if step < 26 * WEEK else ()
    if step == DAY:
        return (7, 365)
    lengths = (DAY, WEEK) if step >= MINUTE else (MINUTE, HOUR, DAY)
    return tuple(length // step for length in lengths if length % step == 0 and length > step)


def default_season(freq: str | int) -> int:
    """The likeliest season of a frequency, 1 where there is none.

    >>> [default_season(freq) for freq in ("h", "D", "W", "MS", "QE", "YS", 1)]
    [24, 7, 52, 12, 4, 1, 1]
    """
    return (*candidates(freq), 1)[0]


def find_season(panel: Panel) -> int:
    """The first usual season of the frequency that the values show, 1 when they show none.

    A season is shown when values correlate clearly with those one, two and three seasons before
    (and more than with those half a season before), in the mean over up to 200 series, after a
    moving mean over one season has been taken away: trends and walks leave nothing then. Integer
    time has no usual season: there every lag up to a third of the median length (at most 400) is
    tried.
    """
    usual = candidates(panel.freq)
    if parse_frequency(panel.freq).kind == "integer":
        return _any_period(_rows(panel, 20), int(np.median(panel.lengths)) // 3)
    rows = _rows(panel, MOST_SERIES)
    for lag in usual:
        if _shown(rows, lag):
            return lag
    return 1


def strengths(panel: Panel) -> dict[int, float]:
    """The seasons that the values show, those of the frequency and the panel's own, each with the
    autocorrelation at it (1 = the same again), the mean over up to 200 series."""
    own = (panel.season,) if panel.season > 1 else ()
    rows = _rows(panel, MOST_SERIES)
    found = {lag: _correlation(rows, lag) for lag in sorted({*candidates(panel.freq), *own})}
    return {
        lag: min(one[0], 1.0)
        for lag, one in found.items()
        if one is not None and one[0] > max(0.1, 2.6 * one[1])
    }


def _rows(panel: Panel, most: int) -> list[np.ndarray]:
    """Up to ``most`` series spread over the panel, without linear trend; constant ones left out."""
    chosen = np.unique(np.linspace(0, len(panel) - 1, most).astype(int))
    rows = []
    for index in chosen:
        row = panel.series(int(index)).values[-MOST_ROWS:]
        there = ~np.isnan(row)
        if there.sum() >= 4 and np.ptp(row[there]) > 0:
            time = np.arange(len(row))
            slope, level = np.polyfit(time[there], row[there], 1)
            rows.append(row - slope * time - level)
    return rows


def _shown(rows: list[np.ndarray], lag: int) -> bool:
    found = _correlation(rows, lag)
    return found is not None and found[0] > max(0.1, 2.6 * found[1])


def _correlation(rows: list[np.ndarray], lag: int) -> tuple[float, float] | None:
    """Autocorrelation at a season and its standard error, means over the series long enough.

    None where half a season before is at least as like. The error is Bartlett's, for a process
    that forgets within a quarter of a season.
    """
    at_lag, at_half, error, seen = [], [], 0.0, 0
    for row in rows:
        row = row[-max(2000, 12 * lag) :]
        if len(row) < 2 * lag:
            continue
        rest, there = _without_mean(row, lag)
        variance = rest @ rest / max(there.sum(), 1)
        if variance <= 0:
            continue
        multiples = [k * lag for k in (1, 2, 3) if k == 1 or 3 * k * lag <= 2 * len(row)]
        at_lag.append(_lagged(rest, there, multiples) / variance)
        at_half.append(_lagged(rest, there, [lag // 2]) / variance)
        # (the error of a correlation near 0 is not asked for)
        nearby = _quarter(lag) if at_lag[-1] > 0.1 else []
        near = [_lagged(rest, there, [k]) / variance for k in nearby]
        memory = 1 + 2 * np.square(near).mean() * (lag // 4) if near else 1.0
        error += memory * there.sum()
        seen += int(there.sum())
    if not at_lag or np.mean(at_lag) <= np.mean(at_half):
        return None
    return float(np.mean(at_lag)), float(np.sqrt(error) / seen)


def _quarter(lag: int) -> list[int]:
    """Up to eight lags spread over a quarter of a season."""
    return sorted({max(1, round(k * lag / 32)) for k in range(1, 9)}) if lag >= 4 else []


def _without_mean(row: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """The row less its centred moving mean over ``lag`` rows (0 where missing); what is there."""
    there = ~np.isnan(row)
    sums = np.concatenate([[0.0], np.cumsum(np.where(there, row, 0.0))])
    counts = np.concatenate([[0], np.cumsum(there)])
    begin = np.maximum(np.arange(len(row)) - lag // 2, 0)
    end = np.minimum(np.arange(len(row)) + lag // 2 + 1, len(row))
    mean = (sums[end] - sums[begin]) / np.maximum(counts[end] - counts[begin], 1)
    return np.where(there, np.nan_to_num(row) - mean, 0.0), there


def _lagged(rest: np.ndarray, there: np.ndarray, lags: list[int]) -> float:
    """Mean product of values that lie one of ``lags`` apart, over pairs that are both there."""
    products = sum(float(rest[lag:] @ rest[:-lag]) for lag in lags)
    pairs = sum(int((there[lag:] & there[:-lag]).sum()) for lag in lags)
    return products / max(pairs, 1)


def _any_period(rows: list[np.ndarray], most: int) -> int:
    """The smallest lag among those nearly as like as the best, a peak among its neighbours."""
    rows = [row[-2000:] for row in rows]
    found: dict[int, float] = {}
    for lag in range(2, min(most, MOST_LAG) + 1):
        correlation = _correlation(rows, lag)
        # many lags are tried: ask for more than at one
        if correlation is not None and correlation[0] > max(0.2, 4 * correlation[1]):
            found[lag] = correlation[0]
    if not found:
        return 1
    best = max(found.values())
    for lag, value in found.items():
        reach = max(1, lag // 8)
        near = [found.get(lag + k, 0.0) for k in range(-reach, reach + 1)]
        if value >= 0.8 * best and value == max(near):
            return lag
    return 1
