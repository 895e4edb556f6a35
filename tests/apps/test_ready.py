"""What a forecast will lack is said before anything is trained."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

import rollcast.forecast.forecaster as forecaster

Run = Callable[..., Result]
OPTIONS = ("--horizon", "5", "--strategy", "direct")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of a shop, three of promotions to come, and no training that could begin."""
    days = [date(2024, 1, 1) + timedelta(day) for day in range(130)]
    sold = 10 + np.sin(np.arange(130))
    rows = [f"{day},{y:.3f},{i % 5}" for i, (day, y) in enumerate(zip(days, sold, strict=True))]
    (tmp_path / "shop.csv").write_text("\n".join(["ds,y,promo", *rows]) + "\n")
    ahead = [f"{days[-1] + timedelta(step)},1" for step in (1, 2, 3)]
    (tmp_path / "ahead.csv").write_text("\n".join(["ds,promo", *ahead]) + "\n")

    def never(*arguments: object) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(forecaster, "fit_panel", never)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--future", "promo"), 3, "input 'promo' is not known at 2024-05-10"),
        (("--future", "promo", "--future-table", "ahead.csv"), 3, "not known at 2024-05-13"),
        (("--future", "promo", "--future-table", "none.csv"), 3, "none.csv: no such file"),
        (("--future-table", "ahead.csv"), 2, "has no inputs known ahead"),
        (("--level", "80,99.9"), 2, "level=99.9: the calibration has"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_what_a_forecast_cannot_be_without_is_asked_for_before_training(
    rollcast: Run, options: tuple[str, ...], code: int, message: str
) -> None:
    result = rollcast("forecast", "shop.csv", *OPTIONS, *options)
    assert result.exit_code == code, result.output
    assert message in result.stderr


@pytest.mark.usefixtures("shop")
def test_a_fit_needs_no_rows_to_come(rollcast: Run) -> None:
    found = rollcast("fit", "shop.csv", *OPTIONS, "--future", "promo", "--save", "shop.roll")
    assert isinstance(found.exception, AssertionError | SystemExit)
    assert "trained" in found.output  # it got as far as that
