"""The first run never sees what is held out; the second, whose network forecasts, sees all rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from rollcast import Forecaster
from rollcast.data.scaling import series_statistics
from rollcast.data.windows import Windows
from rollcast.errors import UsageError
from rollcast.forecast.evaluate import raw_windows
from rollcast.forecast.problem import NetworkProblem
from rollcast.model.predict import predict
from rollcast.train.events import Event, FitFinished, FitStarted, StepDone, TableRead
from rollcast.train.loop import run
from rollcast.train.training import learning_rate_for

from .conftest import COLUMNS, QUICK, quick, wave_table


def runs_of(events: list[Event]) -> list[list[Event]]:
    """The events of each run."""
    starts = [place for place, event in enumerate(events) if isinstance(event, FitStarted)]
    return [events[a:b] for a, b in zip(starts, [*starts[1:], len(events)], strict=True)]


def steps_of(events: list[Event]) -> list[StepDone]:
    return [event for event in events if isinstance(event, StepDone)]


@pytest.fixture
def late_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that like weights far from the first ones. (The waves of these tests are linear, so
    that the first weights would be hard to beat.)"""
    real = NetworkProblem.validate

    def validate(problem: NetworkProblem, weights: np.ndarray) -> float | None:
        score = real(problem, weights)
        if score is None:
            return None
        return score - 100.0 * float(np.abs(weights - problem.initial(0)).sum())

    monkeypatch.setattr(NetworkProblem, "validate", validate)


def changed_at_the_end(table: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Other values in the last rows of every shop."""
    late = pl.int_range(pl.len()).over("shop") >= pl.len().over("shop") - rows
    other = pl.col("sold") + 0.2 * (pl.int_range(pl.len()) % 3)
    return table.with_columns(sold=pl.when(late).then(other).otherwise(pl.col("sold")))


def test_what_is_held_out_changes_the_delivered_weights_and_nothing_in_the_first_run(
    table: pl.DataFrame, tmp_path: Path, late_best: None
) -> None:
    options = {**COLUMNS, "season": 8}
    one = quick().fit(table, **options, checkpoint=tmp_path / "one")
    late = changed_at_the_end(table, one.fitted_.holdout.rows)
    two = quick().fit(late, **options, checkpoint=tmp_path / "two")
    for name in ("loss", "gradient_norm", "learning_rate"):
        first, second = (getattr(model.training_history_, name) for model in (one, two))
        np.testing.assert_array_equal(first, second)
    scores = [model.training_history_.validation_score for model in (one, two)]
    assert (scores[0] != scores[1]).all()
    last = [load_file(tmp_path / name)["weights"] for name in ("one", "two")]
    np.testing.assert_array_equal(*last)
    # The second run differs from its first step on, however many it has.
    assert one.best_step_ > 0 and two.best_step_ > 0
    finals = [load_file(tmp_path / f"{name}.final") for name in ("one", "two")]
    assert finals[0]["history/losses"][0] != finals[1]["history/losses"][0]
    assert not np.array_equal(one.fitted_.weights, two.fitted_.weights)


def test_the_scores_are_those_of_the_first_network_and_the_forecasts_those_of_the_second(
    table: pl.DataFrame, tmp_path: Path, late_best: None
) -> None:
    path = tmp_path / "run"
    model = quick().fit(table, **COLUMNS, checkpoint=path)
    fitted, panel = model.fitted_, model.history_
    first, second = load_file(path)["best_weights"], load_file(f"{path}.final")["weights"]
    np.testing.assert_array_equal(fitted.weights, second)
    assert not np.array_equal(first, second)
    _, held = Windows(panel, 16, 4).hold_out(fitted.holdout.origins, fitted.holdout.step)
    _, truth = raw_windows(panel, held.series, held.origin, 16, 4)

    def error(weights: np.ndarray) -> float:
        return float(np.abs(predict(fitted.network, weights, held).median - truth).mean())

    assert model.scores_["rollcast"]["mae"] == pytest.approx(error(first), rel=1e-6)
    assert abs(error(second) / error(first) - 1) > 1e-4


def test_the_second_run_is_the_first_on_all_windows_up_to_its_best_step(
    table: pl.DataFrame, late_best: None
) -> None:
    events: list[Event] = []
    model = quick().fit(table, **COLUMNS, season=8, listeners=[events.append])
    fitted, panel, best = model.fitted_, model.history_, model.best_step_
    first, second = runs_of(events)
    assert best > 20
    assert [event.step for event in steps_of(first)] == list(range(1, 41))
    assert [event.step for event in steps_of(second)] == list(range(1, best + 1))
    assert second[-1] == FitFinished("finished", best, best, None, second[-1].seconds)
    # Every whole window of 16 + 4 rows, of series of 160, 120 and 200 rows.
    assert second[0].windows == 160 + 120 + 200 - 3 * 19
    # Training targets of the first run end before the held-out rows.
    assert first[0].windows == second[0].windows - 3 * fitted.holdout.rows
    every = Windows(panel, 16, 4)
    begin = panel.offsets[every.series]
    whole = (every.origin - begin >= 16) & (every.origin + 4 <= panel.offsets[every.series + 1])
    every = every.at(every.series[whole], (every.origin - begin)[whole])
    seasonal = [np.abs(x[8:] - x[:-8]).mean() for x in np.split(panel.values, panel.offsets[1:-1])]
    problem = NetworkProblem(fitted.network, every, None, units=np.array(seasonal))
    outcome = run(problem, QUICK, seed=0, stop_after=best)
    np.testing.assert_allclose(fitted.weights, outcome.weights, rtol=1e-4, atol=1e-5)


def test_a_best_step_of_zero_delivers_the_start_from_all_rows(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter(range(100))
    real = NetworkProblem.validate
    monkeypatch.setattr(
        NetworkProblem,
        "validate",
        lambda self, weights: None if real(self, weights) is None else float(next(scores)),
    )
    events: list[Event] = []
    model = quick().fit(table, **COLUMNS, listeners=[events.append])
    assert model.best_step_ == 0
    assert model.training_history_.validation_score.tolist() == list(range(21))
    assert [type(event) for event in runs_of(events)[1]] == [FitStarted, FitFinished]
    assert np.isfinite(model.predict()["rollcast"].to_numpy()).all()
    assert "best at 0" in model.summary()


def test_both_runs_have_the_learning_rate_of_the_first(table: pl.DataFrame) -> None:
    events: list[Event] = []
    open_rate = replace(QUICK, learning_rate=None, schedule="constant")
    quick(training=open_rate).fit(table, **COLUMNS, listeners=[events.append])
    first, second = runs_of(events)
    rates = {event.learning_rate for event in steps_of(first) + steps_of(second)}
    assert rates == {learning_rate_for(first[0].windows)}


def flat_and_lower_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation scores that make a plateau lower the rate, and a best step after that."""
    script = iter([5.0] * 8 + [4.0] * 100)
    real = NetworkProblem.validate
    monkeypatch.setattr(
        NetworkProblem,
        "validate",
        lambda self, weights: None if real(self, weights) is None else next(script),
    )


def test_the_second_run_lowers_its_rate_where_the_first_saw_a_plateau(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat_and_lower_later(monkeypatch)
    events: list[Event] = []
    model = quick(training=replace(QUICK, schedule="plateau")).fit(
        table, **COLUMNS, listeners=[events.append]
    )
    first, second = runs_of(events)
    rates = [[event.learning_rate for event in steps_of(each)] for each in (first, second)]
    assert model.best_step_ == 16
    assert len(set(rates[1])) == 2
    assert rates[1] == rates[0][:16]


def test_series_are_scaled_by_all_their_rows_in_the_end(table: pl.DataFrame) -> None:
    model = quick(scaling="series").fit(table, **COLUMNS)
    location, scale = series_statistics(model.history_)
    np.testing.assert_array_equal(model.fitted_.location, location)
    np.testing.assert_array_equal(model.fitted_.scale, scale)


# killed and resumed


def stop_in(number: int, step: int):
    """A listener that breaks off in that run, counted from 1, at that step."""
    seen: list[Event] = []

    def listener(event: Event) -> None:
        seen.append(event)
        if isinstance(event, StepDone) and event.step == step and len(runs_of(seen)) == number:
            raise KeyboardInterrupt

    return listener


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_a_fit_killed_in_its_second_run_goes_on_to_the_same_bits(
    table: pl.DataFrame, tmp_path: Path, late_best: None, schedule: str
) -> None:
    training = replace(QUICK, schedule=schedule)
    whole = quick(training=training).fit(table, **COLUMNS)
    best, path = whole.best_step_, tmp_path / "run.ckpt"
    assert best > 7
    for step in (4, 7):
        with pytest.raises(KeyboardInterrupt):
            quick(training=training).fit(
                table, **COLUMNS, checkpoint=path, listeners=[stop_in(2, step)]
            )
    events: list[Event] = []
    resumed = quick(training=training).fit(
        table, **COLUMNS, checkpoint=path, listeners=[events.append]
    )
    first, second = runs_of(events)
    assert steps_of(first) == []
    assert [event.step for event in steps_of(second)] == list(range(8, best + 1))
    assert resumed.fitted_.weights.tobytes() == whole.fitted_.weights.tobytes()
    assert resumed.scores_ == whole.scores_
    assert resumed.predict().equals(whole.predict())
    again = quick(training=training).fit(table, **COLUMNS, checkpoint=path)
    assert again.fitted_.weights.tobytes() == whole.fitted_.weights.tobytes()


def test_a_second_half_of_a_checkpoint_without_its_first_is_refused_at_once(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "run.ckpt"
    quick().fit(table, **COLUMNS, checkpoint=path)
    path.unlink()
    events: list[Event] = []
    with pytest.raises(UsageError, match=r"run\.ckpt\.final: .* is gone\. Delete it"):
        quick().fit(table, **COLUMNS, checkpoint=path, listeners=[events.append])
    assert not [event for event in events if not isinstance(event, TableRead)]


# on the clock


class Clock:
    """A perf_counter that stands still but for a second a step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        learn = NetworkProblem.loss_and_gradient

        def slow(problem: NetworkProblem, *arguments: object):
            self.now += 1.0
            return learn(problem, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(NetworkProblem, "loss_and_gradient", slow)
        monkeypatch.setattr("rollcast.train.loop.perf_counter", lambda: self.now)


def timed(seconds: float, steps: int = 1000) -> Forecaster:
    return quick(training=replace(QUICK, steps=steps, max_seconds=seconds))


def test_the_first_run_has_half_the_time_and_the_second_no_more_steps(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, late_best: None
) -> None:
    Clock(monkeypatch)
    events: list[Event] = []
    model = timed(30.0).fit(table, **COLUMNS, listeners=[events.append])
    first, second = runs_of(events)
    assert (first[-1].reason, first[-1].step, first[-1].seconds) == ("max_seconds", 15, 15.0)
    assert (second[-1].reason, second[-1].step) == ("finished", model.best_step_)
    assert model.fitted_.seconds == 15.0 + model.best_step_ <= 30.0
    assert model.fitted_.reason == "max_seconds"


def test_a_fit_out_of_time_and_killed_in_its_second_run_goes_on_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, late_best: None
) -> None:
    table = wave_table({"a": 160, "b": 120})
    Clock(monkeypatch)
    whole = timed(31.0).fit(table, **COLUMNS)
    assert whole.best_step_ > 2
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        timed(31.0).fit(table, **COLUMNS, checkpoint=path, listeners=[stop_in(2, 2)])
    resumed = timed(31.0).fit(table, **COLUMNS, checkpoint=path)
    assert resumed.best_step_ == whole.best_step_
    assert resumed.fitted_.weights.tobytes() == whole.fitted_.weights.tobytes()


def test_a_fit_that_is_given_more_time_is_the_one_that_had_it_from_the_start(
    table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, late_best: None
) -> None:
    Clock(monkeypatch)
    path = tmp_path / "run"
    timed(30.0, steps=40).fit(table, **COLUMNS, checkpoint=path)
    longer = timed(200.0, steps=40).fit(table, **COLUMNS, checkpoint=path)
    straight = timed(200.0, steps=40).fit(table, **COLUMNS)
    assert longer.fitted_.reason == "finished"
    assert longer.fitted_.weights.tobytes() == straight.fitted_.weights.tobytes()
