"""``rollcast backtest``, ``fit`` and ``inspect``: the public classes, option by option."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import rollcast
from rollcast import Forecaster, Training, read
from rollcast.apps.commands import app

SMALL = (
    "--hidden",
    "8",
    "--context",
    "16",
    "--steps",
    "10",
    "--season",
    "8",
    "--strategy",
    "direct",
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    noises = np.random.default_rng(0).normal(0, 0.1, (2, 150))
    rows = np.arange(150)
    wave = np.sin(2 * np.pi * rows / 8)
    pl.concat(
        pl.DataFrame({"shop": name, "hour": rows, "sold": level + wave + noise})
        for name, level, noise in zip("ab", (5.0, 20.0), noises, strict=True)
    ).write_csv("sales.csv")

    def invoke(command: str, *words: str):
        columns = ("--id", "shop", "--time", "hour", "--target", "sold")
        return CliRunner().invoke(app, [command, "sales.csv", "--horizon", "4", *columns, *words])

    return invoke


def forecaster() -> Forecaster:
    return Forecaster(4, hidden=(8,), context=16, training=Training(steps=10))


def panel() -> rollcast.Panel:
    return read("sales.csv", id="shop", time="hour", target="sold", season=8)


def test_a_backtest_prints_scores_and_leaves_forecasts_and_a_report(run) -> None:
    result = run(
        "backtest", *SMALL, "--windows", "6", "--step", "2", "--gap", "1",
        "--out", "found.csv", "--report", "found.html",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for text in ("12 forecasts of 3 rows after a gap of 1, 2 series", "seasonal naive", "in 80 %",
                 "forecasts: found.csv", "report: found.html", "80 % intervals: "):  # fmt: skip
        assert text in result.stdout
    found = forecaster().backtest(panel(), windows=6, step=2, gap=1)
    frame = pl.read_csv("found.csv")
    np.testing.assert_allclose(frame["rollcast"], found.frame()["rollcast"])
    np.testing.assert_allclose(frame["rollcast-hi-80"], found.frame()["rollcast-hi-80"])
    assert Path("found.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("--refit",), {"refit": True}),
        (("--refit-every", "2"), {"refit": 2}),
        (("--no-recalibration", "--level", "60"), {"recalibrate": False, "level": 60}),
    ],
)
def test_every_option_of_a_backtest_arrives(run, words, arguments) -> None:
    result = run("backtest", *SMALL, "--windows", "3", "--out", "-", *words)
    assert result.exit_code == 0, result.output
    frame = pl.read_csv(result.stdout.encode())
    expected = forecaster().backtest(panel(), windows=3, **arguments).frame()
    assert frame.columns == expected.columns
    for name in expected.columns[4:]:
        np.testing.assert_allclose(frame[name], expected[name])


def test_fit_saves_the_model_that_forecast_makes(run) -> None:
    assert run("fit", *SMALL, "--save", "model.roll").exit_code == 0
    assert run("forecast", *SMALL, "--save", "other.roll", "--quiet").exit_code == 0
    first, second = rollcast.load("model.roll"), rollcast.load("other.roll")
    assert isinstance(first, Forecaster) and isinstance(second, Forecaster)
    assert first.predict().equals(second.predict())
    assert run("fit", *SMALL).exit_code == 2


def test_inspect_says_what_a_model_is(run) -> None:
    run("fit", *SMALL, "--save", "model.roll")
    result = CliRunner().invoke(app, ["inspect", "model.roll"])
    assert result.exit_code == 0, result.output
    size = Path("model.roll").stat().st_size
    for text in (f"Forecaster, {size:,} bytes", "sales.csv, 2 series", "network/weights", "mase"):
        assert text in result.stdout
    facts = json.loads(CliRunner().invoke(app, ["inspect", "model.roll", "--json"]).stdout)
    assert facts["trained_on"]["rows"] == 300
    assert facts["setting"]["forecaster"]["horizon"] == 4
    assert sum(each["bytes"] for each in facts["sections"]) < size
    assert facts["scores"].keys() == {"rollcast", "naive", "seasonal naive", "drift", "linear"}
    damaged = Path("model.roll").read_bytes()[:-9]
    Path("damaged.roll").write_bytes(damaged)
    assert CliRunner().invoke(app, ["inspect", "damaged.roll"]).exit_code == 4
