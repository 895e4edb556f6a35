"""Every head with every strategy, from a table to forecasts, model files and streams."""

from pathlib import Path

import numpy as np
import pytest

import rollcast
from rollcast import DataError, Forecaster, Panel, Training
from rollcast.nn.heads import HEADS, make_head

STRATEGIES = ("direct", "recursive", "segment")


def counts(season: int = 7, rows: int = 140, series: int = 2, seed: int = 0) -> Panel:
    """Weekly patterns of counts above 0."""
    generator = np.random.default_rng(seed)
    level = 6 + 4 * np.sin(2 * np.pi * np.arange(rows) / season)
    values = {f"shop {i}": 1.0 + generator.poisson(level * (i + 1)) for i in range(series)}
    return Panel.of(values, start="2024-01-01", freq="D", season=season)


def small(head: str, strategy: str = "direct", **arguments: object) -> Forecaster:
    chosen = {"hidden": (6,), "context": 14, "training": Training(steps=30)} | arguments
    return Forecaster(7, head=head, strategy=strategy, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("head", list(HEADS))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_head_forecasts_with_every_strategy(head: str, strategy: str) -> None:
    panel = counts()
    model = small(head, strategy).fit(panel)
    found = model.forecast(level=80)
    low, high = found.bands[80]
    assert (low <= found.median).all() and (found.median <= high).all()
    scores = model.scores_
    assert scores["rollcast"]["mase"] < 1.3 * scores["seasonal naive"]["mase"]
    assert ("crps" in scores["rollcast"]) == bool(make_head(head).levels)
    if make_head(head).support == "counts":
        np.testing.assert_array_equal(found.median, np.rint(found.median))


@pytest.mark.parametrize(
    "head", ["mixture(components=2)", "negative_binomial", "tweedie(power=1.3)"]
)
def test_a_head_with_its_options_is_in_the_model_file(head: str, tmp_path: Path) -> None:
    model = small(head).fit(counts())
    model.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    assert isinstance(loaded, Forecaster)
    assert loaded.head == head
    np.testing.assert_array_equal(loaded.forecast().median, model.forecast().median)


@pytest.mark.parametrize("head", ["normal", "mixture", "log_normal", "poisson", "crps(levels=10)"])
def test_a_stream_says_what_a_forecast_of_the_table_says(head: str) -> None:
    panel = counts(series=1)
    model = small(head, "recursive", scaling="series").fit(panel)
    values = {"shop 0": np.concatenate([panel.values, [9.0]])}
    later = Panel.of(values, start="2024-01-01", freq="D", season=7)
    expected = model.forecast(later, level=80)
    stream = model.stream("shop 0")
    assert stream.update(9.0) == pytest.approx(expected.median[0, 0], rel=1e-4)
    found = stream.forecast(level=80)
    np.testing.assert_allclose(found.median, expected.median, rtol=1e-4)


@pytest.mark.parametrize(
    ("head", "value", "message"),
    [
        ("poisson", 1.5, r"shop 1.*is 1\.5 at 2024-01-05.*whole numbers from 0 on"),
        ("negative_binomial", -1.0, r"is -1 at 2024-01-05.*whole numbers from 0 on"),
        ("tweedie", -0.5, "values from 0 on"),
        ("log_normal", 0.0, "values above 0"),
    ],
)
def test_values_that_a_head_gives_no_chance_are_refused(
    head: str, value: float, message: str
) -> None:
    panel = counts()
    panel.values[panel.offsets[1] + 4] = value
    with pytest.raises(DataError, match=message):
        small(head).fit(panel)


def test_missing_values_are_no_fault() -> None:
    panel = counts()
    panel.values[10:14] = np.nan
    model = small("poisson").fit(panel)
    assert np.isfinite(model.forecast().median).all()


def test_the_loss_of_a_likelihood_weighs_all_windows_alike() -> None:
    """An error has a unit, a likelihood has none."""
    from rollcast.forecast.problem import NetworkProblem

    panel = counts()
    for head in ("quantile", "normal"):
        model = small(head).fit(panel)
        windows = model.fitted_.windows(panel)
        units = np.array([2.0, 3.0])
        problem = NetworkProblem(model.fitted_.network, windows, None, units=units)
        batch = windows.batch([0, 1])
        assert (problem.row_weight(batch) is None) == (head == "normal")
        assert problem.unit_weight(batch) is not None
