"""``rollcast forecast --watch-gradients``: warnings on stderr, norms in the report."""

from pathlib import Path

import pytest

# Two layers of a ReLU that make everything larger.
EXPLODING = ("--cell", "rnn_relu", "--initial", "orthogonal(gain=4)")


def test_a_warning_names_the_layer_and_the_report_shows_the_gradients(forecast) -> None:
    result = forecast(*EXPLODING, "--watch-gradients", "--report", "report.html")
    assert result.exit_code == 0, result.output
    assert "warning: step 1: the gradient of layer 1 explodes" in result.stderr
    assert "clip" in result.stderr.lower() and "warning" not in result.stdout
    page = Path("report.html").read_text(encoding="utf-8")
    assert "weight_hh_l1" in page and "Norm of the gradient, weight by weight" in page


@pytest.mark.parametrize("options", [(), ("--watch-gradients", "--quiet")])
def test_nothing_is_said_unasked_or_when_quiet(forecast, options) -> None:
    result = forecast(*EXPLODING, *options, "--out", "forecast.csv")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""


def test_watching_changes_no_forecast(forecast) -> None:
    forecast("--out", "one.csv")
    forecast("--watch-gradients", "--out", "other.csv")
    assert Path("one.csv").read_text() == Path("other.csv").read_text()
