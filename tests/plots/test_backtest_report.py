import json
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from rollcast import Forecaster, Panel, Training, UsageError, write_backtest_report
from rollcast.forecast.backtest import Backtest
from rollcast.plots.backtest_report import backtest_html, rolling_picture
from rollcast.plots.coverage import coverage_by_step


@pytest.fixture(scope="module")
def found() -> Backtest:
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 150))
    wave = np.sin(2 * np.pi * np.arange(150) / 8)
    panel = Panel.of(
        {"<quiet>": 5 + wave + noise[0], "loud": 9 + wave + noise[1] * np.r_[[1] * 120, [20] * 30]},
        start="2024-01-01",
        freq="h",
        season=8,
    )
    model = Forecaster(4, context=16, hidden=(8,), training=Training(steps=10))
    return model.backtest(panel, windows=9, step=2, gap=1)


def drawings(page: str) -> dict:
    text = re.search(r'id="drawings">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    return json.loads(text[1])["figures"]


def test_the_report_has_a_table_and_a_figure_for_everything(
    found: Backtest, tmp_path: Path
) -> None:
    page = write_backtest_report(found, tmp_path / "page.html").read_text()
    assert set(drawings(page)) == {
        "relative", "steps", "coverage", "residuals", "origins-0", "origins-1", "origins-2"
    }  # fmt: skip
    for text in ("18 forecasts of 3 steps of 2 series", "The worst: loud", "truths inside, %"):
        assert text in page
    assert "<quiet>" not in page and "&lt;quiet&gt;" in page
    worst = page[page.index("The worst series") :]
    assert worst.index("loud") < worst.index("&lt;quiet&gt;")
    with pytest.raises(UsageError, match="folder"):
        write_backtest_report(found, tmp_path / "nowhere" / "page.html")


def test_steps_are_counted_from_the_gap(found: Backtest) -> None:
    figures = drawings(backtest_html(found))
    for name in ("steps", "coverage"):
        steps = np.frombuffer(b64decode(figures[name]["data"][0]["x"]["bdata"]), np.int8)
        assert steps.tolist() == [2, 3, 4]


def test_forecasts_drawn_do_not_overlap_and_lie_at_their_times(found: Backtest) -> None:
    picture = rolling_picture(found, 1)
    origins = np.asarray(picture.origins)
    assert (np.diff(origins) >= 3).all()
    assert picture.forecasts.shape == (len(origins), 3)
    newest = np.flatnonzero(found.series == 1)[-1]
    np.testing.assert_array_equal(picture.times[origins[-1] :][:3], found.times[newest])
    np.testing.assert_array_equal(picture.forecasts[-1], found.forecasts["rollcast"][newest])
    assert picture.band is not None and picture.level == 80
    np.testing.assert_array_equal(picture.band[0][-1], found.bands[80][0][newest])


def test_coverage_is_drawn_beside_its_level() -> None:
    figure = coverage_by_step({95: np.array([0.9, 1.0]), 80: np.array([0.7, 0.8])}, first=3)
    lines = [list(trace.y) for trace in figure.data]  # type: ignore[attr-defined]
    assert lines == [pytest.approx([70, 80]), [80, 80], pytest.approx([90, 100]), [95, 95]]
