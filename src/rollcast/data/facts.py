"""What the values of a panel are like: constant, counted, intermittent, growing, far out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollcast.data.panel import Panel
from rollcast.data.season import MOST_ROWS, MOST_SERIES, strengths

MARKS = (-99999.0, -9999.0, -999.0, -99.0, 999.0, 9999.0, 99999.0, 999999.0)
"""Numbers that people write where a value is missing."""

FAR = 3.0
"""Quartile ranges beyond the quartiles from which a mark is no value like the others."""

SPIKE = 12.0
"""Deviations (1.4826 × the median absolute one) from the median of its neighbours from which a
value is an outlier."""

RARE = 3.0
"""And so many times farther than 99 of 100 values are: where spikes are common, they are none."""

NEIGHBOURS = 3
"""Rows on either side that an outlier is compared with."""

GROWS = 0.5
"""Slope of log deviation by log level, over seasons, from which the spread grows with the level:
half way from additive (0) to multiplicative (1)."""

SMOOTH = 1.32
"""Rows from demand to demand on average from which a series is intermittent (Syntetos, Boylan and
Croston 2005, J. Oper. Res. Soc. 56, On the categorization of demand patterns)."""


@dataclass(frozen=True)
class Outlier:
    """A value far from its neighbours."""

    series: int
    row: int  # of the panel
    value: float


@dataclass(frozen=True)
class Facts:
    """``seasons``: rows in a season → autocorrelation there, from 0 to 1. ``constant``: series
    with one value. ``trailing``: series whose newest row is missing. ``ended``: series that end
    before the newest stamp. ``longest_gap``: series, first row and length of the longest run of
    missing values. ``dispersion``: variance over mean, the median over series. ``demand``: rows
    from one value above 0 to the next. ``mark``: a number that seems to mean "missing", and how
    often it is there. ``grows``: whether the spread grows with the level."""

    lengths: tuple[int, int, int]  # shortest, median, longest
    missing: int
    longest_gap: tuple[int, int, int]
    trailing: tuple[int, ...]
    ended: tuple[int, ...]
    constant: tuple[int, ...]
    seasons: dict[int, float]
    low: float
    high: float
    whole: bool
    zeros: float
    dispersion: float
    demand: float
    grows: bool
    mark: tuple[float, int] | None
    outliers: tuple[Outlier, ...]

    @property
    def counts(self) -> bool:
        """Whole numbers from 0 on, with room for more than yes and no."""
        return self.whole and self.low >= 0 and self.high > 1

    @property
    def intermittent(self) -> bool:
        """Often 0, sometimes more."""
        return self.low >= 0 and self.zeros > 0 and self.demand >= SMOOTH


def facts_of(panel: Panel) -> Facts:
    """What there is to know of the values; series beyond the first 200, spread over the panel, are
    left out where each must be looked at."""
    values, offsets = panel.values, panel.offsets
    there = ~np.isnan(values)
    begins, ends = offsets[:-1], offsets[1:]
    low = np.minimum.reduceat(np.where(there, values, np.inf), begins)
    high = np.maximum.reduceat(np.where(there, values, -np.inf), begins)
    newest = panel.times[ends - 1]
    present = values[there]
    chosen = np.unique(np.linspace(0, len(panel) - 1, MOST_SERIES).astype(int)).tolist()
    mark = _mark(panel, chosen)
    return Facts(
        lengths=(
            int(panel.lengths.min()),
            int(np.median(panel.lengths)),
            int(panel.lengths.max()),
        ),
        missing=int((~there).sum()),
        longest_gap=_longest_gap(panel, there),
        trailing=tuple(np.flatnonzero(~there[ends - 1]).tolist()),
        ended=tuple(np.flatnonzero(newest < newest.max()).tolist()),
        constant=tuple(np.flatnonzero((low == high) & (panel.lengths > 1)).tolist()),
        seasons=strengths(panel),
        low=float(low.min()),
        high=float(high.max()),
        whole=bool((present == np.floor(present)).all()),
        zeros=float((present == 0).mean()),
        dispersion=_median([_dispersion(panel.series(index).values) for index in chosen]),
        demand=_median([_demand(panel.series(index).values) for index in chosen]),
        grows=_grows(panel, chosen),
        mark=mark,
        outliers=_outliers(panel, chosen, None if mark is None else mark[0]),
    )


def _median(values: list[float]) -> float:
    found = [value for value in values if not np.isnan(value)]
    return float(np.median(found)) if found else float("nan")


def _longest_gap(panel: Panel, there: np.ndarray) -> tuple[int, int, int]:
    """Series, first row and rows of the longest run of missing values; (0, 0, 0) without any."""
    series = np.repeat(np.arange(len(panel)), panel.lengths)
    missing = np.flatnonzero(~there)
    if not len(missing):
        return 0, 0, 0
    new = np.concatenate([[True], (np.diff(missing) > 1) | (np.diff(series[missing]) > 0)])
    begins = np.flatnonzero(new)
    lengths = np.diff(np.append(begins, len(missing)))
    longest = int(lengths.argmax())
    first = int(missing[begins[longest]])
    return int(series[first]), first, int(lengths[longest])


def _dispersion(row: np.ndarray) -> float:
    row = row[~np.isnan(row)]
    mean = row.mean()
    return float(row.var() / mean) if mean > 0 else float("nan")


def _demand(row: np.ndarray) -> float:
    """Rows from one value other than 0 to the next."""
    row = row[~np.isnan(row)]
    return len(row) / max(int((row != 0).sum()), 1)


def _mark(panel: Panel, chosen: list[int]) -> tuple[float, int] | None:
    """The commonest of `MARKS` that is the largest or smallest value, far from the others."""
    counts: dict[float, int] = {}
    for index in chosen:
        row = panel.series(index).values
        row = row[~np.isnan(row)]
        for mark in (float(row.min()), float(row.max())) if len(row) else ():
            rest = row[row != mark]
            if mark not in MARKS or not len(rest):
                continue
            first, third = np.quantile(rest, [0.25, 0.75])
            reach = FAR * (third - first)
            if not first - reach <= mark <= third + reach:
                counts[mark] = counts.get(mark, 0) + int((row == mark).sum())
    return max(counts.items(), key=lambda item: item[1]) if counts else None


def _outliers(panel: Panel, chosen: list[int], mark: float | None) -> tuple[Outlier, ...]:
    """Values far from the median of their neighbours, the farthest first; marks are not meant."""
    found: list[tuple[float, Outlier]] = []
    width = 2 * NEIGHBOURS + 1
    for index in chosen:
        whole = panel.series(index).values
        row = whole[-MOST_ROWS:]
        skipped = int(panel.offsets[index]) + len(whole) - len(row)
        there = np.flatnonzero(~np.isnan(row) & (row != mark))
        if len(there) < 4 * width:
            continue
        dense = row[there]
        padded = np.pad(dense, NEIGHBOURS, mode="reflect")
        middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
        apart = np.abs(dense - middle)
        apart[:NEIGHBOURS] = apart[-NEIGHBOURS:] = 0.0  # neighbours on one side alone
        first, last = np.quantile(dense, [0.25, 0.75])
        usual = (1.4826 * float(np.median(apart)), RARE * float(np.quantile(apart, 0.99)) / SPIKE)
        deviation = max(*usual, 0.01 * float(last - first))
        for place in np.flatnonzero(apart > SPIKE * deviation) if deviation > 0 else ():
            outlier = Outlier(index, skipped + int(there[place]), float(dense[place]))
            found.append((float(apart[place]) / deviation, outlier))
    return tuple(outlier for _, outlier in sorted(found, key=lambda item: -item[0]))


def _grows(panel: Panel, chosen: list[int]) -> bool:
    """Whether the deviation within a season grows with its level, in the median over series."""
    slopes = []
    size = max(panel.season, 8)
    for index in chosen:
        row = panel.series(index).values[-MOST_ROWS:]
        blocks = row[len(row) % size :].reshape(-1, size)
        blocks = blocks[~np.isnan(blocks).any(axis=1)]
        if len(blocks) < 4 or (blocks <= 0).any():
            continue
        level, spread = blocks.mean(axis=1), blocks.std(axis=1)
        if (spread == 0).any() or level.max() < 1.5 * level.min():
            continue
        slopes.append(float(np.polyfit(np.log(level), np.log(spread), 1)[0]))
    return bool(slopes) and float(np.median(slopes)) > GROWS
