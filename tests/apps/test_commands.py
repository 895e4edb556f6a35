"""The commands that work: what they leave, what they print, what --help teaches."""

import csv
import html
import inspect
import json
import re
import sqlite3
import typing
from pathlib import Path

import polars
import pytest
from typer.models import OptionInfo

import rollcast as library
from rollcast.apps import commands
from rollcast.nn.initial import INITIAL
from rollcast.train.optimizers import OPTIMIZERS
from rollcast.train.schedule import SCHEDULES


def test_a_forecast_leaves_the_three_files_and_says_so(forecast, tmp_path) -> None:
    result = forecast(
        *("--out", "forecast.csv"), *("--report", "report.html"), *("--save", "wave.roll")
    )
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    for name in ("forecast: forecast.csv", "report: report.html", "model: wave.roll"):
        assert name in result.stdout
    for word in ("MAE", "RMSE", "sMAPE", "MASE", "seasonal naive", "naive"):
        assert word in result.stdout
    rows = list(csv.DictReader(Path("forecast.csv").read_text().splitlines()))
    assert [row["ds"] for row in rows] == [f"2020-{month:02}-01" for month in range(1, 7)]
    columns = [
        "rollcast",
        *(f"rollcast-{end}-{level}" for level in (80, 95) for end in ("lo", "hi")),
    ]
    assert set(rows[0]) == {"ds", *columns}
    assert "<html" in Path("report.html").read_text().lower()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "forecast.csv", "report.html", "wave.csv", "wave.roll",
    ]  # fmt: skip


def test_a_saved_model_forecasts_the_same_from_its_history_and_from_the_table(
    forecast, rollcast, table
) -> None:
    forecast("--out", "first.csv", "--save", "wave.roll")
    assert rollcast("predict", "wave.roll", "--out", "second.csv").exit_code == 0
    assert rollcast("predict", "wave.roll", table, "--out", "third.csv").exit_code == 0
    first = Path("first.csv").read_text()
    assert Path("second.csv").read_text() == first
    assert Path("third.csv").read_text() == first


def test_the_strategy_is_an_option(forecast) -> None:
    result = forecast("--strategy", "recursive", "--save", "wave.roll", "--quiet")
    assert result.exit_code == 0, result.output
    assert library.load("wave.roll").strategy == "recursive"
    result = forecast("--strategy", "segments", "--out", "forecast.csv")
    assert result.exit_code == 2
    assert "direct, recursive, segment" in result.stderr


def test_the_suffix_chooses_the_format_and_the_rows_are_the_same(forecast, rollcast) -> None:
    forecast("--save", "wave.roll")
    for name in ("a.csv", "a.json", "a.parquet"):
        assert rollcast("predict", "wave.roll", "--out", name).exit_code == 0
    whole = polars.read_parquet("a.parquet")
    assert len(whole) == 6
    from_csv = polars.read_csv("a.csv")
    from_json = json.loads(Path("a.json").read_text())
    for row, other in zip(from_csv.iter_rows(named=True), from_json, strict=True):
        assert row["ds"] == other["ds"]
        assert row["rollcast"] == pytest.approx(other["rollcast"])
    assert from_csv["rollcast"].to_list() == pytest.approx(whole["rollcast"].to_list())


def test_quiet_prints_nothing(forecast) -> None:
    result = forecast("--out", "forecast.csv", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert Path("forecast.csv").exists()


def test_without_out_the_first_rows_are_shown_with_how_to_keep_them(forecast) -> None:
    result = forecast()
    assert result.exit_code == 0, result.output
    assert "2020-01-01" in result.stdout
    assert "6 rows; --out forecast.csv keeps them" in result.stdout


def test_a_dash_puts_the_forecast_alone_on_stdout(forecast) -> None:
    result = forecast("--out", "-")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("ds,rollcast")
    assert len(lines) == 7
    assert "MAE" in result.stderr


def test_levels_may_be_repeated_or_joined_by_commas(forecast, rollcast) -> None:
    forecast("--save", "wave.roll")
    joined = rollcast("predict", "wave.roll", "--out", "-", "--level", "50,90")
    repeated = rollcast("predict", "wave.roll", "--out", "-", "--level", "50", "--level", "90")
    assert joined.stdout == repeated.stdout
    assert "rollcast-lo-50" in joined.stdout
    assert "rollcast-hi-90" in joined.stdout
    assert "rollcast-lo-80" not in joined.stdout


def test_the_same_seed_gives_the_same_forecast_and_another_seed_another(forecast) -> None:
    first, same, other = (forecast("--seed", seed, "--out", "-").stdout for seed in ("1", "1", "2"))
    assert first == same
    assert first != other


@pytest.mark.parametrize("command", [commands.forecast, commands.predict])
def test_help_mentions_every_option_and_shows_examples(rollcast, command) -> None:
    text = rollcast(command.__name__, "--help").stdout
    for name, parameter in inspect.signature(command).parameters.items():
        option = typing.get_args(parameter.annotation)[1]
        # (a name of its own stands where Typer has the default)
        given = option.default if str(option.default).startswith("--") else None
        word = given or f"--{name.replace('_', '-')}"
        assert (word if isinstance(option, OptionInfo) else option.metavar) in text
        assert option.help.split(":")[0] in text
    assert f"rollcast {command.__name__} sales" in text


def test_the_defaults_that_help_tells_are_those_of_the_library(rollcast) -> None:
    text = " ".join(rollcast("forecast", "--help").stdout.split())
    defaults = inspect.signature(library.Forecaster).parameters
    for name in ("cell", "head", "scaling", "initial", "seed", "dropout"):
        assert f"(default: {defaults[name].default})" in text
    usual = library.Training()
    for default in (usual.optimizer, usual.batch_size, usual.clip_norm, "64,64"):
        assert f"(default: {default})" in text


@pytest.mark.parametrize("table", [OPTIMIZERS, SCHEDULES, INITIAL])
def test_help_names_every_row_of_the_tables(rollcast, table) -> None:
    words = set(re.findall(r"\w+", rollcast("forecast", "--help").stdout))
    assert set(table) <= words


def test_optimizer_schedule_and_first_weights_reach_the_model(forecast) -> None:
    result = forecast(
        *("--optimizer", "sgd(momentum=0.9)", "--learning-rate", "0.01", "--batch-size", "16"),
        *("--schedule", "one_cycle(climb=0.2)", "--initial", "orthogonal(forget_bias=1)"),
        *("--save", "wave.roll"),
    )
    assert result.exit_code == 0, result.output
    model = library.load("wave.roll")
    assert model.training.optimizer == "sgd(momentum=0.9)"
    assert (model.training.learning_rate, model.training.batch_size) == (0.01, 16)
    assert model.training.schedule == "one_cycle(climb=0.2)"
    assert model.initial == "orthogonal(forget_bias=1)"
    assert model.fitted_.network.spec.initial == "orthogonal(forget_bias=1.0)"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--optimizer", "admm", "choose one of sgd, rmsprop, adam, adamw, lbfgs"),
        ("--optimizer", "sgd(moment=1)", "momentum=0.0"),
        ("--schedule", "plateau(factor=2)", "factor=2.0; expected a number between 0 and 1"),
        ("--initial", "xavier", "choose one of torch, orthogonal, normal"),
    ],
)
def test_a_choice_that_cannot_be_is_a_fault_of_usage(forecast, option, value, message) -> None:
    result = forecast(option, value)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_the_version_names_the_engine(rollcast) -> None:
    result = rollcast("--version")
    assert result.stdout.startswith(f"rollcast {library.__version__} (")
    assert result.exit_code == 0


def test_a_short_table_gets_the_intervals_it_can_have_and_is_told_of_the_others(
    rollcast, tmp_path
) -> None:
    rows = [f"{1960 + year},{year % 7}" for year in range(30)]
    (tmp_path / "short.csv").write_text("\n".join(["ds,y", *rows]) + "\n")
    result = rollcast(
        "forecast",
        "short.csv",
        "--horizon",
        "6",
        "--strategy",
        "direct",
        "--steps",
        "5",
        "--out",
        "a.csv",
    )
    assert result.exit_code == 0, result.output
    assert "no 95 % interval" in result.stdout
    assert "rollcast-lo-95" not in Path("a.csv").read_text()


def test_a_level_that_cannot_be_calibrated_does_not_cost_the_trained_model(rollcast, table) -> None:
    lines = Path(table).read_text().splitlines()
    for row in range(-12, -2):  # windows that are held out, but without all of their truths
        lines[row] = lines[row].partition(",")[0] + ","
    Path(table).write_text("\n".join(lines))
    arguments = ("forecast", table, "--horizon", "6", "--strategy", "direct", "--steps", "5",
                 "--save", "wave.roll", "--level")  # fmt: skip
    result = rollcast(*arguments, "92")
    assert result.exit_code == 2
    assert "level=92" in result.stderr
    assert rollcast("predict", "wave.roll").exit_code == 0


def test_a_wide_table_in_a_database_is_forecast_and_forecast_again(rollcast, tmp_path) -> None:
    base = sqlite3.connect("sales.db")
    base.execute("CREATE TABLE sales (month TEXT, north REAL, south REAL)")
    rows = [(f"{2000 + n // 12}-{n % 12 + 1:02}", n % 12, (n * 5) % 12) for n in range(120)]
    base.executemany("INSERT INTO sales VALUES (?, ?, ?)", rows)
    base.commit()
    base.close()
    result = rollcast(
        *("forecast", "sqlite:///sales.db", "--query", "select * from sales", "--time", "month"),
        *("--target", "*", "--horizon", "3", "--steps", "5", "--context", "24", "--snap"),
        *("--out", "a.csv", "--save", "a.roll", "--report", "a.html", "--quiet"),
    )
    assert result.exit_code == 0, result.output
    found = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [row["unique_id"] for row in found] == ["north"] * 3 + ["south"] * 3
    asked = ("predict", "a.roll", "sqlite:///sales.db")
    assert rollcast(*asked, "--out", "b.csv", "--quiet").exit_code == 0
    assert Path("b.csv").read_text() == Path("a.csv").read_text()
    earlier = "select * from sales where month < '2009'"
    assert rollcast(*asked, "--query", earlier, "--out", "b.csv", "--quiet").exit_code == 0
    assert "2009-01-01" in Path("b.csv").read_text()
    page = html.unescape(Path("a.html").read_text())
    assert "target='*', snap=True, query='select * from sales'" in page


def test_stamps_that_were_moved_are_said_unless_quiet(rollcast, caplog) -> None:
    hours = [f"2024-01-{1 + n // 24:02} {n % 24:02}:{n % 3:02}" for n in range(200)]
    rows = [f"{hour},{n % 24}" for n, hour in enumerate(hours)]
    Path("jitter.csv").write_text("\n".join(["ds,y", *rows]))
    asked = (
        "forecast",
        "jitter.csv",
        "--horizon",
        "2",
        "--steps",
        "2",
        "--context",
        "24",
        "--snap",
    )
    assert rollcast(*asked, "--out", "a.csv", "--quiet").exit_code == 0
    assert not caplog.messages
    assert rollcast(*asked, "--out", "a.csv").exit_code == 0
    assert any("stamps were moved to the nearest step of 'h'" in each for each in caplog.messages)
