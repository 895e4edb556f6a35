import shlex
from pathlib import Path

import numpy as np
import pytest

import rollcast
from rollcast import Forecaster, NotFittedError, Panel, Training, UsageError
from rollcast.plots.forecast_report import code, command, forecast_report, write_report


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sales")
    panel = Panel.of(
        {
            "north": 10 + np.sin(np.arange(120.0)),
            "south": np.r_[np.nan, 20 + np.cos(np.arange(99.0))],
        },
        start="2024-01-01",
        freq="D",
    )
    panel.to_frame().rename({"unique_id": "shop"}).write_csv(folder / "my sales.csv")
    return folder / "my sales.csv"


@pytest.fixture(scope="module")
def model(sales: Path) -> Forecaster:
    quick = Training(steps=10)
    return Forecaster(5, context=14, cell="gru", training=quick).fit(sales, id="shop", season=7)


def test_the_report_shows_every_series_its_scores_and_its_training(model: Forecaster) -> None:
    report = forecast_report(model, level=(50, 80))
    assert [picture.id for picture in report.series] == ["north", "south"]
    assert set(report.series[0].bands) == {50, 80}
    assert report.series[0].median.shape == (5,)
    np.testing.assert_array_equal(
        report.series[1].median, model.predict().filter(shop="south")["rollcast"]
    )
    assert report.scores == model.scores_
    assert report.error_by_step is model.error_by_step_
    assert report.training is not None
    assert len(report.training.loss) == 10
    assert report.headline.startswith("5 steps of 2 series: MASE")
    assert "chose the step" in report.scored_on
    assert report.data["from"] == "2024-01-01"


def test_the_command_gives_the_same_forecast(
    model: Forecaster, sales: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import polars as pl
    from typer.testing import CliRunner

    from rollcast.apps.commands import app

    words = shlex.split(command(model))
    assert words[:2] == ["rollcast", "forecast"]
    monkeypatch.chdir(sales.parent)
    out = tmp_path / "forecast.parquet"
    result = CliRunner().invoke(app, [*words[1:], "--out", str(out), "--quiet"])
    assert result.exit_code == 0, result.output
    assert pl.read_parquet(out).equals(model.predict())


def test_the_code_gives_the_same_forecast(
    model: Forecaster, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sales.parent)
    names: dict = {}
    exec(code(model), names)
    assert names["forecast"].equals(model.predict())


def test_a_setting_the_command_line_has_no_option_for_gives_no_command(sales: Path) -> None:
    quick = Training(steps=5, clip_value=1.0)
    model = Forecaster(5, context=14, training=quick).fit(sales, id="shop")
    assert command(model) == ""
    assert "clip_value=1.0" in code(model)


def test_the_report_of_a_search_shows_it_and_gives_what_it_chose(
    sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollcast.forecast.search.trials.SURE", -np.inf)  # any but the default
    quick = Training(steps=5)
    model = Forecaster(5, strategy="auto", trials=3, training=quick, hidden=(4,))
    model.fit(sales, id="shop")
    text = write_report(model, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The search for the network" in text and "default" in text
    for trial in model.search_:
        assert trial.name in text
    assert "chose the network and the step" in forecast_report(model).scored_on
    test_the_command_gives_the_same_forecast(model, sales, monkeypatch, tmp_path)
    test_the_code_gives_the_same_forecast(model, sales, monkeypatch)


def test_a_loaded_model_has_a_report_too(model: Forecaster, tmp_path: Path) -> None:
    model.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    path = write_report(loaded, tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert "north" in text and "seasonal naive" in text
    assert forecast_report(loaded).training is None
    assert command(loaded) == command(model)


def test_a_model_without_series_or_fit_has_no_report(model: Forecaster, tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        write_report(Forecaster(3), tmp_path / "report.html")
    model.save(tmp_path / "model.roll", history=False)
    with pytest.raises(UsageError, match="history=False"):
        write_report(rollcast.load(tmp_path / "model.roll"), tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
