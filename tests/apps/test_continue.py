"""Training that goes on from a saved model, on the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import rollcast as library

Run = Callable[..., Result]


@pytest.fixture
def early(rollcast: Run, table: str) -> None:
    """A model of the first eight of ten years."""
    lines = Path(table).read_text().splitlines()
    Path("early.csv").write_text("\n".join(lines[:97]))
    found = rollcast(
        "fit", "early.csv", "--horizon", "6", "--steps", "20", "--context", "24", "--strategy",
        "direct", "--save", "early.roll",
    )  # fmt: skip
    assert found.exit_code == 0, found.output


@pytest.mark.usefixtures("early")
def test_a_fit_goes_on_from_a_saved_model(rollcast: Run, table: str) -> None:
    result = rollcast(
        "fit", table, "--continue", "early.roll", "--steps", "5", "--learning-rate", "0.001",
        "--save", "late.roll",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    model = library.load("early.roll")
    assert isinstance(model, library.Forecaster)
    model.continue_training(table, steps=5, learning_rate=0.001)
    late = library.load("late.roll")
    assert late.fitted_.weights.tobytes() == model.fitted_.weights.tobytes()
    assert "continued: 5 steps from the weights there were" in late.summary()  # type: ignore[union-attr]
    again = rollcast("forecast", table, "--continue", "late.roll", "--steps", "1", "--out", "a.csv")
    assert again.exit_code == 0, again.output
    assert len(Path("a.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cell", "gru"), "--cell with --continue: columns, horizon and network are those of"),
        (("--horizon", "6"), "--horizon with --continue"),
        (("--time", "day"), "--time with --continue"),
        (("--steps", "0"), "--steps"),
    ],
)
@pytest.mark.usefixtures("early")
def test_what_the_model_says_is_not_asked_for(
    rollcast: Run, table: str, options: tuple[str, ...], message: str
) -> None:
    result = rollcast("fit", table, "--continue", "early.roll", "--save", "b.roll", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("b.roll").exists()


def test_without_a_model_the_horizon_is_asked_for(rollcast: Run, table: str) -> None:
    result = rollcast("fit", table, "--save", "b.roll")
    assert result.exit_code == 2 and "--horizon is missing" in result.stderr
    result = rollcast("fit", table, "--continue", table, "--save", "b.roll")
    assert result.exit_code == 4 and "no model file" in result.stderr
