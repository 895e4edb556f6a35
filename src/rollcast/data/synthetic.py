"""Made-up series whose future is known: for tests, examples and recipes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rollcast.data.panel import Panel

TWO_PI = 2 * np.pi


def sine(
    rows: int, *, period: float = 24.0, noise: float = 0.0, series: int = 1, seed: int = 0
) -> Panel:
    """A `Panel` of sine waves of height 1, each from its own phase, plus normal noise.

    >>> sine(100, series=3)
    Panel(3 series, 300 rows, freq=1, season=24, 0 to 99)
    """
    return seasons(rows, periods=(period,), heights=(1.0,), noise=noise, series=series, seed=seed)


def seasons(
    rows: int,
    *,
    periods: Sequence[float] = (24.0, 168.0),
    heights: Sequence[float] = (1.0, 0.5),
    trend: float = 0.0,
    noise: float = 0.1,
    series: int = 1,
    seed: int = 0,
) -> Panel:
    """A `Panel` of sums of sines of these periods and heights, a trend per row, and noise.

    Phases are drawn for each series. The season of the panel is the first period when it is whole,
    else 1.
    """
    generator = np.random.default_rng(seed)
    time = np.arange(rows)
    values = trend * time + noise * generator.standard_normal((series, rows))
    for period, height in zip(periods, heights, strict=True):
        phase = generator.uniform(0, TWO_PI, (series, 1))
        values += height * np.sin(TWO_PI * time / period + phase)
    whole = len(periods) > 0 and float(periods[0]).is_integer()
    return _panel(values, int(periods[0]) if whole else 1)


def random_walk(
    rows: int, *, drift: float = 0.0, step: float = 1.0, series: int = 1, seed: int = 0
) -> Panel:
    """A `Panel` of sums of normal steps: no forecast beats the last value (and the drift)."""
    generator = np.random.default_rng(seed)
    steps = drift + step * generator.standard_normal((series, rows))
    return _panel(np.cumsum(steps, axis=1), 1)


def _panel(values: np.ndarray, season: int) -> Panel:
    width = len(str(len(values) - 1))  # so that sorted names are in order
    named = {f"series {index:0{width}}": row for index, row in enumerate(values)}
    return Panel.of(named, season=season)
