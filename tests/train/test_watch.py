"""Gradients watched while training: what is remembered, what is warned of, what it costs."""

import doctest
import logging
import math

import numpy as np
import polars
import pytest

from rollcast import Forecaster, SequenceRegressor
from rollcast.data import synthetic
from rollcast.errors import TrainingError, UsageError
from rollcast.train import watch as module
from rollcast.train.events import FitStarted, GradientSeen, StepDone
from rollcast.train.loop import run
from rollcast.train.training import Training
from rollcast.train.watch import GradientWatch

STARTED = FitStarted(0, 100, 10, 10, 100, 10)


def seen(step, **norms):
    return GradientSeen(step, norms, norms)


def told(events, **options):
    """The warnings after these events, and what was said aloud."""
    said = []
    watch = GradientWatch(warn=said.append, **options)
    for event in (STARTED, *events):
        watch(event)
    assert said == [each.message for each in watch.warnings]
    return watch.warnings


def calm(step, **norms):
    return seen(step, **({"weight_hh_l0": 0.1, "weight_hh_l1": 0.2, "head.bias": 0.3} | norms))


def test_a_calm_run_is_not_warned_of():
    assert told([calm(step, weight_hh_l0=0.1 + step % 7) for step in range(1, 200)]) == []


def test_a_layer_that_vanishes_is_named_with_a_remedy():
    events = [calm(step, weight_hh_l0=1e-9, weight_ih_l0=2e-9) for step in range(1, 30)]
    (warning,) = told(events)
    assert (warning.step, warning.kind, warning.layer) == (10, "vanishes", "layer 0")
    assert "2.24e-09" in warning.message and "head has 0.3" in warning.message
    assert "lstm" in warning.message


def test_only_steps_in_a_row_are_vanishing_and_only_layers_of_the_stack_vanish():
    changing = [calm(step, weight_hh_l0=1e-9 if step % 9 else 0.1) for step in range(1, 60)]
    assert told(changing) == []
    assert told([calm(step, **{"head.bias": 0.0}) for step in range(1, 60)]) == []
    assert len(told([calm(step, weight_hh_l0=0.0) for step in range(1, 4)], patience=3)) == 1


def test_a_layer_that_explodes_is_named_with_the_weight_and_a_remedy():
    events = [calm(step) for step in range(1, 20)]
    event = GradientSeen(20, {"weight_ih_l1": 3.0, "weight_hh_l1": 400.0}, {"weight_hh_l1": 1.0})
    (warning,) = told([*events, event])
    assert (warning.step, warning.kind, warning.layer) == (20, "explodes", "layer 1")
    assert "most of it is weight_hh_l1's" in warning.message
    assert "the whole has 1 after it" in warning.message and "clip_norm" not in warning.message
    (warning,) = told([*events, calm(20, weight_hh_l1=400.0)])
    assert "clip_norm=1" in warning.message


def test_a_layer_without_any_gradient_is_called_dead():
    (warning,) = told([calm(step, weight_hh_l0=0.0) for step in range(1, 30)])
    assert warning.layer == "layer 0" and "No unit answers" in warning.message


def test_what_is_usual_for_a_layer_is_no_explosion():
    events = [calm(step, weight_hh_l0=2.0**step) for step in range(1, 7)]
    assert told([*events, *(calm(step, weight_hh_l0=90.0) for step in range(7, 30))]) == []


def test_of_layers_that_are_no_numbers_the_highest_is_named():
    (warning,) = told([calm(1), calm(2, weight_hh_l0=math.nan, weight_hh_l1=math.inf)])
    assert (warning.step, warning.kind, warning.layer) == (2, "is not finite", "layer 1")
    assert "layer 0, layer 1" in warning.message
    (warning,) = told([seen(1, weight_hh_l0=math.nan, decoder=math.nan)])
    assert "every layer" in warning.message


def test_warnings_go_to_the_logger_of_the_package_once(caplog):
    watch = GradientWatch()
    with caplog.at_level(logging.WARNING, logger="rollcast"):
        for _ in range(2):
            watch(STARTED)
            for step in range(1, 20):
                watch(calm(step, weight_hh_l0=0.0))
    assert [record.name for record in caplog.records] == ["rollcast"]
    assert len(watch.runs) == 2 and len(watch.warnings) == 1


@pytest.mark.parametrize("option", [{"explodes": 1.0}, {"vanishes": 1.0}, {"patience": 0}])
def test_bounds_that_cannot_be_are_refused(option):
    with pytest.raises(UsageError, match=next(iter(option))):
        GradientWatch(**option)


def test_the_loop_shows_every_gradient_before_its_update(line_problem):
    watch, events = GradientWatch(), []
    training = Training(20, 10, clip_norm=0.1, optimizer="sgd")
    outcome = run(line_problem(), training, 0, [watch, events.append])
    history = watch.runs[0]
    assert history.names == ("slope",) and history.steps == list(range(1, 21))
    assert history.norms[:, 0] == pytest.approx(outcome.history.gradient_norm)
    assert history.clipped[:, 0] == pytest.approx(np.minimum(history.norms[:, 0], 0.1), rel=1e-5)
    kinds = [type(event) for event in events if type(event) in (GradientSeen, StepDone)]
    assert kinds == [GradientSeen, StepDone] * 20


def test_lbfgs_shows_the_gradient_before_its_first_move(line_problem):
    watch = GradientWatch()
    outcome = run(line_problem(), Training(5, optimizer="lbfgs"), 0, [watch])
    assert watch.runs[0].norms[:, 0] == pytest.approx(outcome.history.gradient_norm)
    assert np.array_equal(watch.runs[0].norms, watch.runs[0].clipped)


def test_nobody_watching_costs_nothing_and_watching_changes_no_bit(line_problem, monkeypatch):
    watched = run(line_problem(), Training(20, 10), 0, [GradientWatch()])

    def never(*arguments):
        raise AssertionError("a norm was computed for nobody")

    monkeypatch.setattr("rollcast.train.loop.norms_of", never)
    events = []
    plain = run(line_problem(), Training(20, 10), 0, [events.append])
    assert np.array_equal(plain.weights, watched.weights)
    assert GradientSeen not in map(type, events)


class Broken:
    """A problem whose gradient breaks at one place in step 3."""

    def __init__(self, problem):
        self.problem = problem
        self.windows, self.initial = problem.windows, problem.initial
        self.validate, self.fingerprint = problem.validate, problem.fingerprint

    def places(self):
        return {"weight_hh_l0": slice(0, 2), "weight_hh_l1": slice(2, 5)}

    def loss_and_gradient(self, weights, indices, step):
        loss, gradient = self.problem.loss_and_gradient(weights, indices, step)
        if step == 2:
            gradient[3] = np.nan
        return loss, gradient


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_gradient_that_breaks_is_told_before_the_run_ends(line_problem, optimizer):
    watch = GradientWatch(warn=lambda message: None)
    with pytest.raises(TrainingError, match="step 3: the gradient norm"):
        run(Broken(line_problem()), Training(9, optimizer=optimizer), 0, [watch])
    (warning,) = watch.warnings
    assert (warning.step, warning.layer) == (3, "layer 1")


def test_the_error_of_a_broken_gradient_names_the_weights(line_problem):
    with pytest.raises(TrainingError, match="gradient norm of weight_hh_l1 is nan"):
        run(Broken(line_problem()), Training(9), 0)


def test_a_run_that_goes_on_overwrites_the_steps_that_it_makes_again():
    watch = GradientWatch()
    for step in (1, 2, 3, 2, 3, 4):
        watch.runs or watch(STARTED)
        watch(seen(step, a=float(step)))
    assert watch.runs[0].steps == [1, 2, 3, 4]
    assert watch.runs[0].norms[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_forecaster_is_watched_in_both_of_its_runs():
    said = []
    watch = GradientWatch(warn=said.append)
    training = Training(steps=12)
    model = Forecaster(4, hidden=(4,) * 9, training=training)
    model.fit(synthetic.sine(120, noise=0.1), listeners=[watch])
    assert len(watch.runs) == 2 and len(watch.runs[0].steps) == 12
    assert {"weight_hh_l8", "decoder.weight"} <= set(watch.runs[0].names)
    assert "layer 0" in said[0] and "vanishes" in said[0], "nine small LSTM layers"


def test_the_examples_show_what_happens():
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0


@pytest.mark.parametrize("normalize", [None, "layer", "batch", "recurrent_batch"])
@pytest.mark.parametrize("readout", [True, False])
def test_every_weight_of_a_sequence_network_has_one_place_and_a_gradient(normalize, readout):
    watch = GradientWatch(warn=lambda message: None)
    time = np.arange(60)
    table = polars.DataFrame(
        {"unique_id": time // 30, "ds": time % 30, "x": np.sin(time / 3), "y": np.cos(time / 3)}
    )
    model = SequenceRegressor(
        "x",
        "y",
        hidden=(3, 1),
        readout=readout,
        normalize=normalize,
        training=Training(steps=2),
    )
    model.fit(table, listeners=[watch])
    places = model.fitted_.network.places()
    covered = np.concatenate([np.arange(model.weights_.size)[place] for place in places.values()])
    assert np.array_equal(covered, np.arange(model.weights_.size))
    assert watch.runs[0].names == tuple(places)
    still = {f"{name}_l{layer}" for name in ("mean", "variance") for layer in (0, 1)}  # not learnt
    moved = watch.runs[0].norms.max(axis=0) > 0
    assert {name for name, has in zip(places, moved, strict=True) if not has} == still & {*places}
