"""Sampled paths: margins of the intervals, and steps that go together as they do."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import Forecaster, Panel, Training, UsageError
from rollcast.forecast.intervals import calibrate
from rollcast.forecast.sample import error_paths, radii, shuffled, signed_scores
from rollcast.model.file import read_model, write_model

HORIZON, SIGMA = 8, 2.0


def walks(count: int = 40, rows: int = 150) -> Panel:
    generator = np.random.default_rng(5)
    steps = generator.normal(0, SIGMA, (count, rows))
    return Panel.of({f"{i:02d}": 50 + steps[i].cumsum() for i in range(count)})


def fitted(**arguments: object) -> Forecaster:
    chosen = {"context": 24, "hidden": (6,), "training": Training(steps=60)} | arguments
    return Forecaster(HORIZON, **chosen).fit(walks())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def direct() -> Forecaster:
    return fitted(skip="naive")


WAYS = [
    {"skip": "naive"},
    {"transform": "difference", "head": "normal"},
    {"strategy": "recursive", "head": "normal"},
    {"strategy": "recursive", "head": "normal", "scaling": "series"},
    {"strategy": "recursive", "head": "student_t", "transform": "difference"},
]


@pytest.mark.parametrize("arguments", WAYS, ids=str)
def test_sums_over_the_horizon_of_a_random_walk_are_as_wide_as_they_are(
    arguments: dict[str, object],
) -> None:
    """The sum of n steps of a walk has the variance σ² Σ k²; with steps that do not go together it
    would be σ² Σ k, less than half as wide."""
    model = fitted(**arguments)
    values = model.sample_paths(paths=400).values
    assert values.shape == (40, 400, HORIZON)
    steps = np.arange(1, HORIZON + 1)
    true = SIGMA * np.sqrt((steps**2).sum())
    apart = SIGMA * np.sqrt(steps.sum())
    found = values.sum(axis=2).std(axis=1).mean()
    assert apart < 0.5 * true
    assert found == pytest.approx(true, rel=0.2)
    np.testing.assert_allclose(values.std(axis=1).mean(axis=0), SIGMA * np.sqrt(steps), rtol=0.25)


def test_the_margins_are_the_intervals(direct: Forecaster) -> None:
    values = direct.sample_paths(paths=1000).values
    bands = direct.forecast(level=(50, 80)).bands
    for level in (50, 80):
        ends = np.quantile(values, [0.5 - level / 200, 0.5 + level / 200], axis=1)
        width = (bands[level][1] - bands[level][0]).mean()
        np.testing.assert_allclose(ends[0], bands[level][0], atol=0.05 * width)
        np.testing.assert_allclose(ends[1], bands[level][1], atol=0.05 * width)


def test_ranks_are_those_of_the_errors() -> None:
    generator = np.random.default_rng(0)
    errors = generator.normal(size=(300, 5)).cumsum(axis=1)
    median, ones = np.zeros((300, 5)), np.ones((300, 5))
    assert error_paths(signed_scores(median, ones, 2 * ones, errors))[0] == pytest.approx(
        np.where(errors[0] > 0, errors[0] / 2, errors[0])
    )
    calibration = calibrate(median, ones, ones, errors)
    found = shuffled(calibration, errors, median[:2], ones[:2], ones[:2], 300, 0)
    expected = np.corrcoef(errors.argsort(0).argsort(0).T)
    for each in found:
        np.testing.assert_allclose(np.corrcoef(each.argsort(0).argsort(0).T), expected, atol=1e-9)
        np.testing.assert_allclose(np.sort(each, 0), np.sort(found[0], 0))


def test_the_reach_of_a_share_lies_on_the_line_through_the_ranks() -> None:
    truth = np.arange(1.0, 10.0)[:, None]
    zeros = np.zeros_like(truth)
    calibration = calibrate(zeros, zeros + 1, zeros + 1, truth)
    found = radii(calibration, np.array([0.0, 0.05, 0.5, 0.8, 1.0]))[:, 0]
    np.testing.assert_allclose(found, [0.0, 0.5, 5.0, 8.0, 9.0])
    assert calibration.radius(80)[0] == found[3]


@pytest.mark.parametrize("arguments", [WAYS[0], WAYS[2]], ids=str)
def test_the_same_seed_gives_the_same_paths_also_from_a_file(
    arguments: dict[str, object], tmp_path: Path
) -> None:
    model = fitted(**arguments)
    first = model.sample_paths(paths=20, seed=3).values
    np.testing.assert_array_equal(first, model.sample_paths(paths=20, seed=3).values)
    assert (first != model.sample_paths(paths=20, seed=4).values).any()
    model.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    assert isinstance(loaded, Forecaster)
    np.testing.assert_array_equal(loaded.sample_paths(paths=20, seed=3).values, first)


def test_paths_are_a_table(direct: Forecaster) -> None:
    table = direct.sample(paths=5)
    assert table.columns == ["unique_id", "ds", "sample", "rollcast"]
    assert len(table) == 40 * 5 * HORIZON
    values = direct.sample_paths(paths=5).values
    one = table.filter((pl.col("unique_id") == "03") & (pl.col("sample") == 2))
    np.testing.assert_array_equal(one["rollcast"], values[3, 2])
    assert one["ds"].to_list() == list(range(150, 150 + HORIZON))
    with pytest.raises(UsageError, match="paths=0: expected a whole number from 1"):
        direct.sample(paths=0)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_paths_of_counts_are_counts(strategy: str) -> None:
    generator = np.random.default_rng(0)
    panel = Panel.of({f"{i}": generator.poisson(1.5, 120) for i in range(6)}, season=7)
    model = Forecaster(
        7, context=14, strategy=strategy, head="negative_binomial", hidden=(4,),
        training=Training(steps=40),
    ).fit(panel)  # fmt: skip
    values = model.sample_paths(paths=200).values
    np.testing.assert_array_equal(values, np.rint(values))
    assert values.min() == 0
    assert values.mean() == pytest.approx(1.5, rel=0.25)
    assert values.sum(axis=2).std(axis=1).mean() == pytest.approx(np.sqrt(7 * 1.5), rel=0.35)


def test_a_file_of_before_there_were_paths_says_so(direct: Forecaster, tmp_path: Path) -> None:
    direct.save(tmp_path / "model.roll")
    spec, sections = read_model(tmp_path / "model.roll")
    del sections["calibration/paths"]
    write_model(tmp_path / "old.roll", spec, sections)
    old = rollcast.load(tmp_path / "old.roll")
    assert isinstance(old, Forecaster)
    np.testing.assert_array_equal(old.forecast().median, direct.forecast().median)
    with pytest.raises(UsageError, match="saved before it kept their errors"):
        old.sample()
