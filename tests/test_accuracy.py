"""The harness of accuracy: it gives the published figures of naive forecasts, and goes on."""

import importlib
import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="a source archive has none")


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield importlib.import_module("accuracy")
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("accuracy", "common", "protocols"):
            del sys.modules[name]


def test_the_harness_gives_the_published_figures_of_naive_forecasts(accuracy, capsys) -> None:
    if not (DATA / "m4").exists():
        pytest.skip("no ../shared/data beside the repository: nothing to compare with")
    assert accuracy.check(DATA) == 0
    assert "18.383" in capsys.readouterr().out  # of Naive 2


def test_data_that_are_not_there_are_no_reproduction(accuracy, tmp_path: Path) -> None:
    assert accuracy.check(tmp_path) == 10


def test_what_was_measured_is_not_measured_again(accuracy, tmp_path: Path) -> None:
    from protocols.protocol import Case, Method, Protocol
    from protocols.record import Records

    calls = []

    def run(data, case, seed):
        calls.append(seed)
        return {"mse": 0.25 + seed}

    case = Case("made up", 4)
    protocol = Protocol(
        about="", cases=[case], load=lambda folder, case: 1, columns={"mse": ".2f"},
        methods={"ours": Method(run, {"units": [8]}, seeds=True)}, published={},
    )  # fmt: skip
    asked = Namespace(sets=None, horizons=None, methods=None, seeds=[0], show=False, data=tmp_path)
    path = tmp_path / "results" / "made.jsonl"
    first = accuracy.measure(protocol, Records(path), asked)
    assert accuracy.measure(protocol, Records(path), asked) == first
    assert calls == [0] and first[0][:3] == ["made up 4", "ours, seed 0", "0.25"]
    key = json.loads(path.read_text(encoding="utf-8"))["key"]
    assert key == {"set": "made up", "horizon": 4, "method": "ours", "units": [8], "seed": 0}
    asked.seeds = [1]
    accuracy.measure(protocol, Records(path), asked)
    assert calls == [0, 1]


def test_the_valid_time_ends_where_the_error_passes_half_a_deviation(accuracy) -> None:
    from protocols.chaos import valid_steps

    truth = np.zeros((6, 2, 1))
    forecast = truth.copy()
    forecast[4:, 0] = 1.0
    np.testing.assert_array_equal(valid_steps(truth, forecast, np.array([1.0])), [4, 6])
    np.testing.assert_array_equal(valid_steps(truth, forecast, np.array([3.0])), [6, 6])


def test_the_systems_follow_their_equations(accuracy) -> None:
    from protocols.chaos import lorenz, mackey_glass
    from scipy.integrate import solve_ivp

    def slope(time, state):
        x, y, z = state
        return [10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]

    found = lorenz(2, 60, 0)
    exact = solve_ivp(slope, (0, 1), found[0, 1], rtol=1e-10, atol=1e-10).y[:, -1]
    np.testing.assert_allclose(found[50, 1], exact, rtol=1e-4)
    values = mackey_glass(1, 60, 0)[:, 0, 0]
    # over two units a value changes by the integral of the right-hand side (Simpson)
    right = 0.2 * values[:-17] / (1 + values[:-17] ** 10) - 0.1 * values[17:]
    integral = (right[:-2] + 4 * right[1:-1] + right[2:]) / 3
    np.testing.assert_allclose(values[19:] - values[17:-2], integral, atol=2e-3)
