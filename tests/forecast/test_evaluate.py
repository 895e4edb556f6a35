"""What a backtest reads of a panel, and what its fits leave out."""

import numpy as np
import pytest

from rollcast import Panel
from rollcast.forecast.evaluate import raw_windows

from .conftest import COLUMNS, quick, wave_table


@pytest.mark.parametrize("stopped", [False, True])
def test_windows_are_the_rows_of_their_series_and_nothing_else(stopped: bool) -> None:
    generator = np.random.default_rng(0)
    values = {name: generator.normal(size=size) for name, size in (("a", 9), ("b", 3), ("c", 30))}
    values["c"][4] = np.nan
    panel = Panel.of(values)
    series = np.repeat([0, 1, 2], panel.lengths)
    origin = np.arange(len(panel.values)) + 1
    stop = panel.offsets[1:][series] - (2 if stopped else 0)
    past, target = raw_windows(panel, series, origin, 5, 4, stop if stopped else None)
    assert past.shape == (42, 5) and target.shape == (42, 4)
    for window, row in enumerate(origin):
        rows = np.arange(row - 5, row + 4)
        inside = (rows >= panel.offsets[series[window]]) & (rows < stop[window])
        expected = [
            panel.values[at] if here else np.nan for at, here in zip(rows, inside, strict=True)
        ]
        np.testing.assert_array_equal([*past[window], *target[window]], expected)


def test_windows_longer_than_the_panel_are_padded() -> None:
    past, target = raw_windows(Panel.of([1.0, 2.0]), np.array([0]), np.array([1]), 4, 3)
    np.testing.assert_array_equal(past, [[np.nan, np.nan, np.nan, 1.0]])
    np.testing.assert_array_equal(target, [[2.0, np.nan, np.nan]])


def test_refits_of_a_backtest_are_the_fits_of_their_rows() -> None:
    panel = quick().fit(wave_table({"a": 120, "b": 120}), **COLUMNS).history_
    found = quick().backtest(panel, windows=2, refit=True, recalibrate=False)
    alone = quick().fit(panel.head(panel.lengths - 4)).forecast()
    np.testing.assert_array_equal(found.forecasts["rollcast"][1::2], alone.median)
    np.testing.assert_array_equal(found.bands[80][0][1::2], alone.bands[80][0])
