"""Finding the season."""

from __future__ import annotations

import numpy as np
import pytest

from rollcast.data import datasets
from rollcast.data.panel import Panel
from rollcast.data.season import candidates, default_season, find_season
from rollcast.data.synthetic import random_walk, seasons


@pytest.mark.parametrize("period", [4, 7, 12, 24, 30])
@pytest.mark.parametrize("seed", range(3))
def test_any_period_of_integer_time_is_found(period: int, seed: int) -> None:
    panel = seasons(12 * period, periods=[period], heights=[1], noise=0.2, series=2, seed=seed)
    assert find_season(panel) == period


@pytest.mark.parametrize("freq", [1, "h", "D", "W", "MS"])
@pytest.mark.parametrize("seed", range(5))
def test_noise_and_walks_have_no_season(freq: str | int, seed: int) -> None:
    noise = np.random.default_rng(seed).standard_normal(600)
    for values in (noise, np.cumsum(noise)):
        assert find_season(Panel.of(values, start="2020-01-31" if freq != 1 else 0, freq=freq)) == 1


@pytest.mark.parametrize(
    ("freq", "period"),
    [("h", 24), ("h", 168), ("30min", 48), ("D", 7), ("D", 365), ("B", 5), ("W", 52), ("MS", 12),
     ("QE", 4), ("5min", 288), ("2h", 12)],
)  # fmt: skip
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_the_usual_season_is_found_when_the_values_show_it(
    freq: str, period: int, missing: float
) -> None:
    generator = np.random.default_rng(1)
    time = np.arange(max(6 * period, 60))
    wave = np.where(time % period < period / 3, 1.0, 0.0) + np.sin(2 * np.pi * time / period)
    values = 0.05 * time + wave + 0.2 * generator.standard_normal(len(time))
    values[1:][generator.random(len(time) - 1) < missing] = np.nan
    assert find_season(Panel.of(values, start="2020-01-06", freq=freq)) == period


def test_trends_and_levels_do_not_hide_a_season() -> None:
    month = np.arange(96)
    values = 100 * 1.01**month * (1 + 0.2 * np.sin(month * np.pi / 6))
    assert find_season(Panel.of(values, start="2000-01-01", freq="MS")) == 12


def test_less_than_two_seasons_show_none() -> None:
    assert find_season(Panel.of(np.sin(np.arange(20) * np.pi / 6), start="2000", freq="MS")) == 1


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], [3.0] * 50, [0.0, 1.0, np.nan] * 3])
@pytest.mark.parametrize("freq", [1, "D"])
def test_short_and_constant_series_have_none(values: list[float], freq: str | int) -> None:
    start = 0 if freq == 1 else "2024-01-01"
    found = find_season(Panel.of(values, start=start, freq=freq))
    assert found == 1 or values[0] == 0.0


def test_the_shipped_series_show_what_is_known_of_them() -> None:
    found = {name: find_season(datasets.load(name)) for name in datasets.NAMES}
    assert found.pop("sunspots") in (10, 11)
    assert found == {"seattle-weather": 365, "co2": 52, "nile": 1}


def test_many_series_are_looked_at_together() -> None:
    panel = seasons(60, periods=[12], heights=[1], noise=1.0, series=300)
    assert find_season(panel) == 12
    assert find_season(random_walk(60, series=300)) == 1


@pytest.mark.parametrize("freq", ["s", "10s", "min", "7min", "h", "5h", "D", "2D", "3W", "2MS",
                                  "5MS", "2YS", "2B", 7, "ms"])  # fmt: skip
def test_every_frequency_has_a_default(freq: str | int) -> None:
    assert default_season(freq) >= 1
    assert all(season > 1 for season in candidates(freq))
