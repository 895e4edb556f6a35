"""Made-up series."""

from __future__ import annotations

import numpy as np
import pytest

from rollcast.data.synthetic import random_walk, seasons, sine


@pytest.mark.parametrize("make", [sine, seasons, random_walk])
def test_a_seed_gives_the_same_series_again(make) -> None:
    np.testing.assert_array_equal(make(50, seed=3).values, make(50, seed=3).values)
    assert (make(50, seed=3, series=2).values != make(50, seed=4, series=2).values).any()


@pytest.mark.parametrize("make", [sine, seasons, random_walk])
def test_every_series_has_its_rows(make) -> None:
    panel = make(30, series=12)
    panel.validate()
    assert (panel.lengths == 30).all() and len(panel) == 12
    assert panel.ids[10] == "series 10" and panel.ids[2] == "series 02"


def test_a_sine_repeats_itself() -> None:
    panel = sine(100, period=10, series=3)
    assert panel.season == 10
    for series in panel:
        np.testing.assert_allclose(series.values[:-10], series.values[10:], atol=1e-9)


def test_a_trend_is_a_rise_per_row() -> None:
    values = seasons(48, periods=(24,), heights=(1,), trend=0.5, noise=0).values
    np.testing.assert_allclose(values[24:] - values[:-24], 12)


def test_a_walk_takes_steps_of_the_size_asked_for() -> None:
    steps = np.diff(random_walk(20_000, drift=1.0, step=3.0).values)
    assert steps.mean() == pytest.approx(1.0, abs=0.1)
    assert steps.std() == pytest.approx(3.0, abs=0.1)
