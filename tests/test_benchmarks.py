"""The benchmark of the engine: its arithmetic, and that a run works without other libraries."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="a source archive has none")


@pytest.fixture
def workloads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import workloads

    yield workloads
    del sys.modules["workloads"]


def test_operations_are_counted_over_layers_gates_and_the_way_back(workloads) -> None:
    w1 = workloads.WORKLOADS["W1"]
    forward = 2 * 97 * 999 * 4 * 64 * ((1 + 64) + (64 + 64))
    assert w1.flops("infer") == forward
    assert w1.flops("train") == w1.flops("step") == w1.flops("stack") == 3 * forward
    # 287 GFLOP a step: 8.8 TFLOP in an epoch of about 31.
    assert workloads.WORKLOADS["W11"].flops("step") == pytest.approx(287.4e9, rel=1e-3)
    assert workloads.WORKLOADS["stream"].flops("one") == 2 * 4 * 64 * ((1 + 64) + (64 + 64))


def test_every_case_names_a_workload_a_mode_and_others_that_there_are(
    workloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    from who import WHO

    for case in (*workloads.CASES, *workloads.PROTOTYPE_CASES):
        assert case.workload in workloads.WORKLOADS
        assert case.mode in workloads.MODES
        assert set(case.beside) <= set(WHO) - {"ours"}
    del sys.modules["who"]


def test_the_weights_are_as_many_as_the_engine_takes(workloads) -> None:
    from rollcast import engine

    for work in workloads.WORKLOADS.values():
        head = 0 if work.last else work.sizes[-1] + 1
        sizes = [int(np.prod(shape)) for shape in work.shapes()]
        assert sum(sizes) == engine.weight_count(work.cell, work.sizes) + head


def test_a_quick_run_of_the_engine_alone_says_what_it_took(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    command = [sys.executable, str(BENCHMARKS / "engine.py"), "--quick", "--only", "W3"]
    command += ["--threads", "1", "--beside", "none", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "W3 train" in done.stdout and "W3 step" in done.stdout
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [row["mode"] for row in rows] == ["train", "step"]
    for row in rows:
        ours = row["implementations"]["ours"]
        assert 0.0 < ours["minimum"] <= ours["median"]
        assert ours["difference"] == 0.0


def test_what_computes_something_else_is_far_from_ours(
    workloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rounds import difference

    ours = {"loss": np.array(1.0), "gradient": np.array([1.0, -2.0])}
    assert difference(ours, ours) == 0.0
    assert difference(ours, {"gradient": np.array([1.0, 2.0])}) == 2.0
    assert difference(ours, {"gradient": np.array([1.0, np.nan])}) == float("inf")
    for name in ("rounds", "who"):
        del sys.modules[name]
