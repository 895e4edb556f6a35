"""A run that was stopped, in whatever way, goes on to the same bits."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import rollcast
from rollcast.errors import ModelFileError, UsageError
from rollcast.train.checkpoint import NUMBERS, SERIES, Checkpoint
from rollcast.train.events import FitStarted, StepDone, ValidationDone
from rollcast.train.loop import run
from rollcast.train.optimizers import OPTIMIZERS
from rollcast.train.schedule import SCHEDULES
from rollcast.train.state import State
from rollcast.train.training import Training, learning_rate_for


def stop_at(step, kind=StepDone, error=KeyboardInterrupt):
    def listener(event):
        if type(event) is kind and event.step == step:
            raise error

    return listener


def assert_same(one, two):
    np.testing.assert_array_equal(one.weights, two.weights)
    assert (one.best_step, one.best_score, one.reason) == (
        two.best_step,
        two.best_score,
        two.reason,
    )
    for field in dataclasses.fields(one.history):
        np.testing.assert_array_equal(
            getattr(one.history, field.name), getattr(two.history, field.name)
        )


WITH_OPTIONS = (
    "sgd(momentum=0.9)",
    "rmsprop(momentum=0.5, centered=true)",
    "lbfgs(line_search=wolfe, iterations=3)",
    "lbfgs(history=2, iterations=2)",
)


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, *WITH_OPTIONS])
@pytest.mark.parametrize("schedule", [*SCHEDULES, "plateau(watch=loss, patience=2)"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stopped_run_goes_on_to_the_same_bits(line_problem, tmp_path, optimizer, schedule, dtype):
    # Fast enough to overshoot, so that plateaus, patience and the best score all come into play.
    training = Training(60, 8, optimizer, 0.3, schedule, dtype=dtype)
    problem = line_problem(dtype=dtype)
    straight = run(problem, training, seed=2)
    path = tmp_path / "run.checkpoint"
    for step in (25, 41):
        with pytest.raises(KeyboardInterrupt):
            run(problem, training, seed=2, listeners=[stop_at(step)], checkpoint=path)
    events = []
    resumed = run(problem, training, seed=2, listeners=[events.append], checkpoint=path)
    assert events[0].step == 41
    assert [e.step for e in events if type(e) is StepDone] == list(range(42, 61))
    assert_same(resumed, straight)


@pytest.mark.parametrize("kind", [FitStarted, StepDone, ValidationDone])
def test_whatever_moment_it_was_stopped_at(line_problem, tmp_path, kind):
    training = Training(30, 8, learning_rate=0.3, schedule="plateau", patience=4)
    straight = run(line_problem(), training, seed=2, validation_every=3)
    for step in (0,) if kind is FitStarted else (3, 12):
        path = tmp_path / f"{step}"
        with pytest.raises(KeyboardInterrupt):
            listeners = [stop_at(step, kind)]
            run(line_problem(), training, 2, listeners, checkpoint=path, validation_every=3)
        assert_same(run(line_problem(), training, 2, checkpoint=path, validation_every=3), straight)


@pytest.mark.parametrize("method", ["loss_and_gradient", "validate"])
def test_stopped_inside_the_problem(line_problem, tmp_path, method):
    training = Training(30, 8, learning_rate=0.3, schedule="plateau")
    straight = run(line_problem(), training, seed=2, validation_every=3)
    problem = line_problem()
    through, calls = getattr(problem, method), []

    def stopping(*arguments):
        calls.append(arguments)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return through(*arguments)

    setattr(problem, method, stopping)
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(problem, training, 2, checkpoint=path, validation_every=3)
    assert_same(run(line_problem(), training, 2, checkpoint=path, validation_every=3), straight)


def through(monkeypatch, name, inside):
    """Let ``inside(count)`` happen in the middle of every update."""
    optimizer = OPTIMIZERS[name]()

    def update(weights, gradient, arrays, count, rate, *bounds):
        norm = optimizer.update(weights, gradient, arrays, count, rate, *bounds)
        inside(count)
        return norm

    changed = dataclasses.replace(optimizer, update=update)
    monkeypatch.setitem(OPTIMIZERS, name, lambda: changed)


def test_ctrl_c_in_the_middle_of_an_update_waits_for_its_end(line_problem, tmp_path, monkeypatch):
    training, path = Training(30, 8), tmp_path / "run"
    straight = run(line_problem(), training, seed=2)
    through(monkeypatch, "adam", lambda count: count == 11 and signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run(line_problem(), training, seed=2, checkpoint=path)
    events = []
    resumed = run(line_problem(), training, seed=2, listeners=[events.append], checkpoint=path)
    assert events[0].step == 11
    assert_same(resumed, straight)


def test_ctrl_c_in_the_middle_of_a_step_of_lbfgs_leaves_the_state_before_it(line_problem, tmp_path):
    training, path = Training(6, 50, "lbfgs(iterations=4)", 0.1), tmp_path / "run"
    straight = run(line_problem(), training, seed=2)
    problem = line_problem()
    through, calls = problem.loss_and_gradient, []

    def pressed(*arguments):
        calls.append(arguments)
        if len(calls) == 10:
            signal.raise_signal(signal.SIGINT)
        return through(*arguments)

    problem.loss_and_gradient = pressed
    with pytest.raises(KeyboardInterrupt):
        run(problem, training, seed=2, checkpoint=path)
    events = []
    resumed = run(line_problem(), training, seed=2, listeners=[events.append], checkpoint=path)
    assert events[0].step == 2
    assert_same(resumed, straight)


def test_a_state_torn_by_an_error_is_not_written(line_problem, tmp_path, monkeypatch):
    training, path = Training(30, 8), tmp_path / "run"
    straight = run(line_problem(), training, seed=2, validation_every=4)
    with monkeypatch.context() as patched:
        through(patched, "adam", lambda count: 1 / (11 - count))
        with pytest.raises(ZeroDivisionError):
            run(line_problem(), training, 2, checkpoint=path, validation_every=4)
    events = []
    resumed = run(line_problem(), training, 2, [events.append], path, validation_every=4)
    assert events[0].step == 8
    assert_same(resumed, straight)


def test_a_finished_run_is_not_trained_again(line_problem, tmp_path):
    training, path = Training(20, 8), tmp_path / "run"
    first = run(line_problem(), training, seed=1, checkpoint=path)
    problem = line_problem()
    again = run(problem, training, seed=1, checkpoint=path)
    assert_same(first, again)
    assert problem.seen == []


def slow_problem(line_problem, clock):
    problem = line_problem()
    problem.loss_and_gradient = clock.slow(problem.loss_and_gradient, 1.0)
    problem.validate = clock.slow(problem.validate, 2.0)
    return problem


def test_a_run_out_of_time_goes_on_when_given_more(line_problem, tmp_path, clock):
    path = tmp_path / "run"
    short = Training(40, 8, max_seconds=11.0)
    outcome = run(slow_problem(line_problem, clock), short, 1, (), path, validation_every=40)
    assert outcome.reason == "max_seconds"
    assert outcome.history.validation_step.tolist() == [0, 7]
    longer = Training(40, 8)
    # The validation of step 7 was for want of time: in the longer run it does not happen.
    assert_same(
        run(line_problem(), longer, 1, (), path, validation_every=40),
        run(line_problem(), longer, 1, validation_every=40),
    )


def test_a_run_out_of_time_that_is_given_no_more_gives_the_same_again(
    line_problem, tmp_path, clock
):
    training, path = Training(40, 8, max_seconds=11.5), tmp_path / "run"
    first = run(slow_problem(line_problem, clock), training, 1, (), path, validation_every=40)
    problem = slow_problem(line_problem, clock)
    again = run(problem, training, 1, (), path, validation_every=40)
    assert_same(again, first)
    assert first.history.validation_step[-1] == 8
    assert problem.seen == []


def test_what_a_listener_raises_leaves_a_checkpoint_too(line_problem, tmp_path):
    training, path = Training(40, 8), tmp_path / "run"
    with pytest.raises(RuntimeError):
        run(line_problem(), training, 1, [stop_at(13, error=RuntimeError)], path)
    events = []
    resumed = run(line_problem(), training, 1, [events.append], path)
    assert events[0].step == 13
    assert_same(resumed, run(line_problem(), training, 1))


CHILD = """
import sys
sys.path.insert(0, {folder!r})
from conftest import LineProblem
from rollcast.train.loop import run
from rollcast.train.training import Training
def tell(event):
    if type(event).__name__ == "ValidationDone":
        print(event.step, flush=True)
problem = LineProblem(dtype="float64", pause=0.005)
training = Training(100, 8, {optimizer!r}, 0.1, "plateau", dtype="float64")
run(problem, training, 2, [tell], {path!r}, validation_every=5)
"""


@pytest.mark.parametrize(("number", "name"), [(signal.SIGKILL, "adam"), (signal.SIGINT, "sgd")])
def test_a_process_that_was_killed_goes_on_to_the_same_bits(line_problem, tmp_path, number, name):
    path = tmp_path / "run.checkpoint"
    folder = str(Path(__file__).parent)
    code = CHILD.format(folder=folder, optimizer=name, path=str(path))
    source = str(Path(rollcast.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": source}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as child:
        assert child.stdout is not None
        while int(child.stdout.readline()) < 40:
            pass
        child.send_signal(number)
        child.communicate()
    assert child.returncode == -number
    training = Training(100, 8, name, 0.1, "plateau", dtype="float64")
    events = []
    problem = line_problem(dtype="float64")
    resumed = run(problem, training, 2, [events.append], path, validation_every=5)
    assert 35 <= events[0].step < 100
    assert_same(resumed, run(line_problem(dtype="float64"), training, 2, validation_every=5))


def test_no_field_of_the_state_is_forgotten():
    own = {"weights", "arrays", "schedule", "best_weights", "carried"}
    assert own | set(NUMBERS) | set(SERIES) == {field.name for field in dataclasses.fields(State)}


def test_the_state_comes_back_as_it_was(tmp_path):
    rng = np.random.default_rng(0)
    state = State(
        rng.standard_normal(4).astype(np.float32),
        {"mean": rng.standard_normal(4), "square": rng.standard_normal(4)},
        (np.inf, 2.0, 1 / 3),
        7, 6, 1, rng.standard_normal(4), 3, 1 / 7, 12.34, 5.6,
        [0.1, 1e-300], [1 / 3], [1e-3], [3, 6], [0.5, np.pi],
        {"h": rng.standard_normal(3)},
    )  # fmt: skip
    file = Checkpoint(tmp_path / "state", {"a": 1})
    file.write(state)
    found = file.read()
    for field in dataclasses.fields(State):
        one, two = getattr(state, field.name), getattr(found, field.name)
        np.testing.assert_equal(two, one)
        assert type(one) is type(two)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.fixture
def written(line_problem, tmp_path):
    path = tmp_path / "run"
    run(line_problem(), Training(10, 8), seed=1, checkpoint=path)
    return path


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_file_is_refused(line_problem, written, keep):
    written.write_bytes(written.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match=r"run: this file is damaged.*Delete it"):
        run(line_problem(), Training(10, 8), seed=1, checkpoint=written)


def test_a_file_of_something_else_is_refused_and_left_alone(line_problem, written):
    training = Training(10, 8)
    written.write_text("ds,y\n2020-01-01,1\n")
    with pytest.raises(ModelFileError, match="not a checkpoint"):
        run(line_problem(), training, seed=1, checkpoint=written)
    assert written.read_text() == "ds,y\n2020-01-01,1\n"
    save_file({"x": np.zeros(3)}, written, {"format": "pt"})
    with pytest.raises(ModelFileError, match="not a checkpoint of rollcast"):
        run(line_problem(), training, seed=1, checkpoint=written)
    with pytest.raises(ModelFileError, match="damaged"):
        run(line_problem(), training, seed=1, checkpoint=written.parent)


def rewrite(path, change):
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        metadata = dict(file.metadata())
    sections = load_file(path)
    change(sections, metadata)
    save_file(sections, path, metadata)


def test_a_newer_format_is_refused(line_problem, written):
    rewrite(written, lambda sections, metadata: metadata.update(version="2"))
    with pytest.raises(ModelFileError, match=r"format '2'.*reads format 1"):
        run(line_problem(), Training(10, 8), seed=1, checkpoint=written)


def test_a_file_with_a_part_missing_is_refused(line_problem, written):
    rewrite(written, lambda sections, metadata: sections.pop("weights"))
    with pytest.raises(ModelFileError, match="damaged"):
        run(line_problem(), Training(10, 8), seed=1, checkpoint=written)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"training": Training(10, 8, learning_rate=0.5)},
            f"learning_rate={learning_rate_for(50)!r} there and 0.5 here",
        ),
        ({"training": Training(10, 8, "sgd")}, "optimizer='adam' there and 'sgd' here"),
        ({"training": Training(11, 8)}, "steps=10 there and 11 here"),
        ({"seed": 2}, "seed=1 there and 2 here"),
        ({"validation_every": 3}, "validation_every=1 there and 3 here"),
        ({"problem": 30}, "windows=50 there and 30 here"),
    ],
)
def test_the_checkpoint_of_another_setting_is_refused_and_says_which(
    line_problem, written, change, message
):
    arguments = {"training": Training(10, 8), "seed": 1, "checkpoint": written} | change
    problem = line_problem(windows=arguments.pop("problem", 50))
    before = written.read_bytes()
    with pytest.raises(UsageError, match=f"another setting: .*{message}"):
        run(problem, **arguments)
    assert written.read_bytes() == before


def test_a_learning_rate_left_open_is_the_same_setting_as_what_it_came_to(line_problem, written):
    given = Training(10, 8, learning_rate=learning_rate_for(50))
    again = run(line_problem(windows=50), given, seed=1, checkpoint=written)
    assert_same(again, run(line_problem(windows=50), Training(10, 8), seed=1))


def test_the_setting_in_the_file_can_be_read_by_anybody(written):
    from safetensors import safe_open

    with safe_open(written, "numpy") as file:
        setting = json.loads(file.metadata()["setting"])
    assert setting["optimizer"] == "adam"
    assert setting["learning_rate"] == learning_rate_for(50)
    assert "max_seconds" not in setting


def test_a_failed_write_leaves_the_old_file_and_is_noted(line_problem, tmp_path, monkeypatch):
    training, path = Training(40, 8), tmp_path / "run"

    def stop(event):
        if type(event) is StepDone and event.step == 13:
            monkeypatch.setattr("os.fsync", full)
            raise KeyboardInterrupt

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with pytest.raises(KeyboardInterrupt) as caught:
        run(line_problem(), training, 1, [stop], path)
    assert "No space left" in caught.value.__notes__[0]
    assert [file.name for file in tmp_path.iterdir()] == ["run"]
    monkeypatch.undo()
    assert_same(run(line_problem(), training, 1, checkpoint=path), run(line_problem(), training, 1))
