"""A search finds what is best on the rows held out, and what it finds is a fit like any other."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import Forecaster, UsageError
from rollcast.errors import ModelFileError
from rollcast.forecast.holdout import choose_holdout
from rollcast.forecast.problem import NetworkProblem
from rollcast.forecast.search import search as searching
from rollcast.forecast.search.blends import TRIED
from rollcast.forecast.search.candidates import CANDIDATES, candidates, setting_text
from rollcast.forecast.search.trials import Judge, Trial
from rollcast.model.file import read_model, write_model
from rollcast.train.events import Event, FitStarted, TrialDone

from ..conftest import COLUMNS, quick, wave_table


def auto(**arguments: object) -> Forecaster:
    """A search over what is quick; the units of a layer are given and not searched."""
    chosen = {"strategy": "auto", "trials": 4, "context": None} | arguments
    return quick(**chosen)


def networks(model: Forecaster) -> list[Trial]:
    """What a search trained; blends of it come after."""
    return [trial for trial in model.search_ if "blend" not in trial.setting]


@pytest.fixture(scope="module")
def short() -> pl.DataFrame:
    """A trend and a wave: there a recursive network is better."""
    table = wave_table({"a": 90, "b": 70})
    rise = 0.3 * pl.int_range(pl.len()).over("shop")
    return table.with_columns(sold=pl.col("sold") + rise)


@pytest.fixture(scope="module")
def found(short: pl.DataFrame) -> Forecaster:
    return auto().fit(short, **COLUMNS)


def test_the_same_seed_and_number_of_trials_give_the_same_bits(
    short: pl.DataFrame, found: Forecaster
) -> None:
    again = auto().fit(short, **COLUMNS)
    assert again.fitted_.weights.tobytes() == found.fitted_.weights.tobytes()
    assert [(each.setting, each.score) for each in again.search_] == [
        (each.setting, each.score) for each in found.search_
    ]


@pytest.mark.parametrize("sure", [1.0, -np.inf])
def test_what_is_found_is_the_fit_of_its_setting_to_the_bit(
    short: pl.DataFrame, sure: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollcast.forecast.search.trials.SURE", sure)
    model = auto().fit(short, **COLUMNS)
    (chosen,) = (trial for trial in model.search_ if trial.chosen)
    if sure < 0:  # then another than the default is chosen, whichever
        assert chosen.setting
    alone = Forecaster(**model.fitted_.chosen).fit(short, **COLUMNS)
    assert alone.fitted_.weights.tobytes() == model.fitted_.weights.tobytes()
    assert alone.scores_ == model.scores_
    assert alone.predict().equals(model.predict())
    assert model.get_params()["strategy"] == "auto"


def test_the_default_is_tried_first_and_to_the_end_and_none_is_chosen_that_is_worse(
    found: Forecaster,
) -> None:
    first = found.search_[0]
    assert first.setting == {} and first.steps == found.training.steps
    (chosen,) = (trial for trial in found.search_ if trial.chosen)
    assert chosen.score <= first.score
    assert chosen.steps == found.training.steps
    trained = networks(found)
    assert len(trained) == 4
    # Half of the others are left after each part of the steps.
    assert sorted(trial.steps for trial in trained[1:]) == [6, 10, 40]
    blends = found.search_[4:]
    assert [trial.setting["blend"] for trial in blends] == list(TRIED)


@pytest.fixture(scope="module")
def growing() -> Forecaster:
    """A search where logarithms and a blend were taken."""
    season = 1.0 + 0.3 * np.sin(np.arange(120) / 12 * 2 * np.pi)
    noise = np.exp(np.random.default_rng(1).normal(0, 0.1, 120))
    table = pl.DataFrame({"ds": range(120), "y": np.exp(np.arange(120) / 40) * season * noise})
    patch = pytest.MonkeyPatch()
    patch.setattr("rollcast.forecast.search.trials.SURE", -np.inf)  # whatever is tried last
    patch.setattr(Judge, "ratio", lambda *arguments: 0.9)
    model = auto(trials=2).fit(table, season=12)
    patch.undo()
    return model


def test_a_transform_and_a_blend_that_were_chosen_are_in_every_forecast(
    growing: Forecaster, tmp_path: Path
) -> None:
    (chosen,) = (trial for trial in growing.search_ if trial.chosen)
    assert chosen.setting == {"transform": "log1p", "blend": "theta"}
    fitted = growing.fitted_
    alone = Forecaster(**fitted.chosen).fit(growing.history_)
    assert alone.blend == "theta" and alone.fitted_.blend == fitted.blend
    assert alone.predict().equals(growing.predict())
    judged = (growing.backtest(windows=3), alone.backtest(windows=3))
    assert judged[0].scores["rollcast"] == judged[1].scores["rollcast"]
    growing.save(tmp_path / "auto.roll")
    loaded = rollcast.load(tmp_path / "auto.roll")
    assert loaded.predict().equals(growing.predict())
    assert "2 networks and 3 blends" in loaded.summary()
    again = rollcast.load(tmp_path / "auto.roll").continue_training(growing.history_, steps=2)
    assert again.fitted_.blend.method == "theta"


def test_a_blend_is_taken_only_where_it_is_better(found: Forecaster) -> None:
    fitted = found.fitted_
    best = min(trial.score for trial in found.search_ if trial.score is not None)
    (chosen,) = (trial for trial in found.search_ if trial.chosen)
    taken = "blend" in chosen.setting
    assert (fitted.blend.method is not None) == taken
    if taken:
        assert chosen.score == best
    given = auto(blend="linear").fit(found.history_)
    assert all("blend" not in trial.setting for trial in given.search_)
    assert given.fitted_.blend.method == "linear"


def test_no_trial_is_an_event_of_training_and_each_part_is_one_of_the_search(
    short: pl.DataFrame,
) -> None:
    events: list[Event] = []
    auto().fit(short, **COLUMNS, listeners=[events.append])
    assert sum(isinstance(event, FitStarted) for event in events) == 2
    trials = [event for event in events if isinstance(event, TrialDone)]
    assert [event.trial for event in trials][:4] == [0, 1, 2, 3]
    assert len(trials) == 4 + 3 + 2 + 2


def test_windows_of_other_contexts_are_judged_on_the_same_origins(short: pl.DataFrame) -> None:
    holes = pl.int_range(pl.len()).is_between(60, 84)
    panel = rollcast.read(
        short.with_columns(sold=pl.when(holes).then(None).otherwise("sold")), **COLUMNS, season=8
    )
    holdout = choose_holdout(panel, 4)
    params = quick(strategy="direct").get_params()
    setups = [searching.set_up(params | {"context": rows}, panel, holdout) for rows in (32, 8, 2)]
    judge = searching.judge_of(setups[0])
    errors = [judge.errors(each, each.first(0).initial(0)) for each in setups]
    assert not np.isnan(errors[0]).any()
    # Where the newest rows are all missing a short window sees nothing.
    assert np.isnan(errors[2]).sum() > 0
    seen = np.isin(judge.origin, setups[2].held.origin)
    np.testing.assert_array_equal(~np.isnan(errors[2]), seen)
    assert judge.ratio(errors[0], errors[0]) == 1.0
    both = errors[2][seen].mean() / errors[0][seen].mean()
    assert judge.ratio(errors[2], errors[0]) == pytest.approx(both, rel=1e-12)


def test_chance_does_not_choose(short: pl.DataFrame) -> None:
    panel = rollcast.read(short, **COLUMNS)
    params = quick(strategy="direct").get_params()
    judge = searching.judge_of(searching.set_up(params, panel, choose_holdout(panel, 4)))
    generator = np.random.default_rng(0)
    shape = (400, len(judge.origin))
    default = 1.0 + 0.3 * generator.normal(size=shape)
    for gain, least, most in ((0.0, 0.0, 0.2), (0.5, 0.99, 1.0)):
        other = default - gain + 0.3 * generator.normal(size=shape)
        chosen = np.mean([judge.is_better(*pair) for pair in zip(other, default, strict=True)])
        assert least <= chosen <= most


def test_what_is_given_is_not_searched(short: pl.DataFrame) -> None:
    panel = rollcast.read(short, **COLUMNS)
    holdout = choose_holdout(panel, 4)
    named = {name for setting in CANDIDATES for name in setting}
    for changes, fixed in (
        ({}, set()),
        ({"cell": "gru"}, {"cell"}),
        ({"context": 12}, {"context"}),
        ({"hidden": (8,)}, {"hidden"}),
        ({"scaling": "series"}, {"scaling"}),
        ({"transform": "difference"}, {"transform"}),
        ({"normalize": "layer"}, {"strategy", "hidden"}),
        ({"training": rollcast.Training(learning_rate=0.1)}, {"learning_rate"}),
    ):
        params = Forecaster(4, **changes).get_params()
        settings = candidates(params, panel, holdout, 16, 1e-3)
        assert {name for setting in settings for name in setting} == named - fixed
        assert all(settings.count(setting) == 1 for setting in settings)
    assert max(setting.get("context", 0) for setting in settings) <= 32


def test_logarithms_are_tried_where_values_are_above_0_and_grow() -> None:
    rows = np.arange(1.0, 81.0)
    for values, tried in (
        (np.exp(rows / 40), True),
        (100.0 + rows / 10, False),
        (np.exp(rows / 40) - 2.0, False),
        (np.where(rows == 7, np.nan, np.exp(rows / 40)), True),
    ):
        panel = rollcast.Panel.of(values)
        params = Forecaster(4).get_params()
        found = candidates(params, panel, choose_holdout(panel, 4), 16, 1e-3)
        assert ({"transform": "log1p"} in found) == tried


def test_a_candidate_that_cannot_be_is_said_and_left(
    short: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = searching.set_up

    def set_up(params, panel, holdout):
        if params["strategy"] == "segment":
            raise rollcast.DataError("sales.csv: too short. Give more.")
        return real(params, panel, holdout)

    monkeypatch.setattr(searching, "set_up", set_up)
    model = auto().fit(short, **COLUMNS)
    notes = [(trial.steps, trial.score, trial.note) for trial in networks(model) if trial.note]
    assert notes and set(notes) == {(0, None, "sales.csv: too short")}


def test_a_model_keeps_its_search(found: Forecaster, tmp_path: Path) -> None:
    found.save(tmp_path / "a.roll")
    loaded = rollcast.load(tmp_path / "a.roll")
    assert loaded.search_ == found.search_
    assert loaded.summary() == found.summary()
    assert "searched: 4 networks and 3 blends in" in found.summary()
    assert loaded.predict().equals(found.predict())
    spec, sections = read_model(tmp_path / "a.roll")
    for change, message in (
        ({"chosen": False}, "no winner"),
        ({"setting": {"evil": 1}}, "'evil', which is no option"),
        ({"setting": {"context": "wide"}}, "'context' = 'wide'"),
        ({"score": "low"}, "'score' = 'low'"),
        ({"default": None}, "scores without those of the default"),
    ):
        trials = [trial | change for trial in spec["trials"]]
        write_model(tmp_path / "b.roll", spec | {"trials": trials}, sections)
        with pytest.raises(ModelFileError, match=message):
            rollcast.load(tmp_path / "b.roll")


def test_a_setting_in_words() -> None:
    assert setting_text({}) == "default"
    setting = {"strategy": "segment", "context": 84, "hidden": (128, 64), "learning_rate": 2e-3}
    assert setting_text(setting) == "segment, context 84, hidden 128 × 64, learning rate 0.002"


def test_trials_are_those_of_a_search(short: pl.DataFrame) -> None:
    for wrong, message in (
        ({"strategy": "direct"}, "only strategy='auto' makes trials"),
        ({"trials": 0}, "trials=0"),
        ({"budget": -1.0, "trials": None}, "budget=-1.0: expected seconds"),
    ):
        with pytest.raises(UsageError, match=message):
            auto(**wrong).fit(short, **COLUMNS)
    with pytest.raises(UsageError, match="max_seconds=0: expected seconds"):
        quick().fit(short, **COLUMNS, max_seconds=0)


# killed and resumed


@pytest.mark.parametrize("after", [1, 6, 12])
def test_a_search_that_was_killed_goes_on_and_runs_no_trial_twice(
    short: pl.DataFrame, found: Forecaster, tmp_path: Path, after: int
) -> None:
    seen: list[TrialDone] = []

    def listener(event: Event) -> None:
        if isinstance(event, TrialDone):
            seen.append(event)
            if len(seen) == after:
                raise KeyboardInterrupt

    path = tmp_path / "run"
    if after < 12:  # later it is the fit that goes on, and finds the search done
        with pytest.raises(KeyboardInterrupt):
            auto().fit(short, **COLUMNS, checkpoint=path, listeners=[listener])
    else:
        auto().fit(short, **COLUMNS, checkpoint=path, listeners=[seen.append])
        seen = [event for event in seen if isinstance(event, TrialDone)]
    model = auto().fit(short, **COLUMNS, checkpoint=path, listeners=[listener])
    assert model.fitted_.weights.tobytes() == found.fitted_.weights.tobytes()
    assert len({(event.trial, event.step) for event in seen}) == len(seen) == 11
    assert {file.name for file in tmp_path.iterdir()} == {"run", "run.final", "run.search"}
    with pytest.raises(UsageError, match="another table or setting"):
        auto(seed=1).fit(short, **COLUMNS, checkpoint=path)
    (tmp_path / "run.search").write_text("{}")
    with pytest.raises(ModelFileError, match="damaged"):
        auto().fit(short, **COLUMNS, checkpoint=path)


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
        for module in ("rollcast.train.loop", "rollcast.forecast.deadline"):
            monkeypatch.setattr(f"{module}.perf_counter", lambda: self.now)


@pytest.mark.parametrize(("budget", "tried"), [(3.0, 1), (13.0, 2), (60.0, 6), (500.0, None)])
def test_a_budget_says_how_many_are_tried(
    short: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, budget: float, tried: int | None
) -> None:
    clock = Clock(monkeypatch)
    before: list[float] = []

    def listener(event: Event) -> None:
        if isinstance(event, FitStarted):
            before.append(clock.now)

    model = auto(budget=budget, trials=None).fit(short, **COLUMNS, listeners=[listener])
    assert before[0] <= budget
    assert len(networks(model)) == (tried or len(networks(model)))
    if tried is None:
        assert len(networks(model)) > 6


@pytest.mark.parametrize("chosen", [{}, {"ensemble": 2}, {"refit": False}, {"strategy": "auto"}])
def test_a_fit_ends_in_time(
    short: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, chosen: dict
) -> None:
    clock = Clock(monkeypatch)
    training = rollcast.Training(steps=1000, batch_size=8)
    model = quick(**chosen, training=training).fit(short, **COLUMNS, max_seconds=100.0)
    assert 40.0 <= clock.now <= 100.0
    assert np.isfinite(model.predict()["rollcast"].to_numpy()).all()
    clock.now = 0.0
    quick(**chosen).fit(short, **COLUMNS, max_seconds=1e9)
    assert clock.now >= 40.0
