"""Faults that forecasting tools are known for, each held off by a test.

That a backtest costs what its arithmetic costs is in ``tests/forecast/test_backtest.py``: a native
call a batch of windows, none a window.
"""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rollcast
from rollcast import Forecaster, Panel, Training
from rollcast.model.network import STRATEGIES
from rollcast.nn.cells import CELLS

SEASON = 8


def series(rows: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.2, rows)
    return 5 + np.sin(2 * np.pi * np.arange(rows) / SEASON) + noise


def small(strategy: str = "direct", cell: str = "lstm", steps: int = 2) -> Forecaster:
    return Forecaster(
        6, strategy=strategy, cell=cell, hidden=(5,), context=24, training=Training(steps=steps)
    )


@pytest.mark.parametrize(
    ("strategy", "cell"),
    [*((strategy, "lstm") for strategy in STRATEGIES), *(("direct", cell) for cell in CELLS)],
)
def test_every_step_of_a_forecast_depends_on_the_last_input(strategy: str, cell: str) -> None:
    values = series(90)
    model = small(strategy, cell).fit(Panel.of(values, season=SEASON))
    moved = np.r_[values[:-1], values[-1] + 1.0]
    forecasts = [
        model.forecast(Panel.of(each, season=SEASON), level=None).median for each in (values, moved)
    ]
    assert (np.abs(forecasts[1] - forecasts[0]) > 1e-7).all()


def test_a_forecast_is_one_pass_of_the_network_and_trains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = small().fit(Panel.of({"a": series(90), "b": series(80)}, season=SEASON))
    calls = []
    network = type(model.fitted_.network)
    outputs = network.outputs
    monkeypatch.setattr(
        network, "outputs", lambda *rest: calls.append(len(rest[2])) or outputs(*rest)
    )
    monkeypatch.setattr(network, "loss_and_gradient", None)
    model.predict()
    assert calls == [2]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_missing_values_never_come_out_as_missing_forecasts(strategy: str) -> None:
    values = series(120)
    values[[3, 40, 41, 42, 77]] = np.nan
    values[-4:] = np.nan
    model = small(strategy).fit(Panel.of({"a": values, "b": series(100)}, season=SEASON))
    forecast = model.predict(level=80)
    assert forecast.null_count().sum_horizontal().item() == 0
    assert np.isfinite(forecast.select("rollcast", "rollcast-lo-80", "rollcast-hi-80")).all()


@pytest.mark.parametrize("rows", [30, 8784])
def test_neither_a_month_of_days_nor_a_leap_year_of_hours_is_too_short(rows: int) -> None:
    season = SEASON if rows < 100 else 24
    panel = Panel.of(series(rows), start="2024-01-01", freq="h", season=season)
    model = Forecaster(
        7, context=96 if rows > 96 else None, hidden=(4,), training=Training(steps=1)
    ).fit(panel)
    assert len(model.predict()) == 7


def test_the_second_fit_in_one_process_is_the_first_bit_by_bit() -> None:
    panel = Panel.of({"a": series(90), "b": series(80, seed=1)}, season=SEASON)
    model = small(steps=20)
    first = model.fit(panel).fitted_
    second = model.fit(panel).fitted_
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.calibration.scores, second.calibration.scores)
    np.testing.assert_array_equal(small(steps=20).fit(panel).fitted_.weights, first.weights)


def test_nothing_is_printed_and_one_logger_says_all(
    capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        model = small().fit(Panel.of(series(40), season=SEASON))
        model.predict()
        model.backtest(windows=2)
    found = capfd.readouterr()
    assert found.out == "" and found.err == ""
    assert {record.name.partition(".")[0] for record in caplog.records} <= {"rollcast"}
    quiet = logging.getLogger("rollcast")
    caplog.clear()
    quiet.setLevel(logging.CRITICAL)
    try:
        model.predict()
    finally:
        quiet.setLevel(logging.NOTSET)
    assert caplog.records == []


def test_a_model_is_loaded_in_a_fresh_process_from_another_folder(tmp_path: Path) -> None:
    values = series(90)
    model = small().fit(Panel.of(values, season=SEASON))
    path, elsewhere = tmp_path / "model.roll", tmp_path / "elsewhere"
    elsewhere.mkdir()
    model.save(path)
    code = "import sys, rollcast\nprint(rollcast.load(sys.argv[1]).predict()['rollcast'].to_list())"
    found = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=elsewhere,
        env={"PYTHONPATH": str(Path(rollcast.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(model.predict()["rollcast"].to_list())
