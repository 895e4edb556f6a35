"""The setting is checked when it is made."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.errors import UsageError
from rollcast.train.training import (
    LEARNING_RATE,
    MANY_WINDOWS,
    Training,
    learning_rate_for,
)


def test_the_fields_are_the_public_names_in_order():
    names = [field.name for field in dataclasses.fields(Training)]
    assert names == [
        "steps",
        "batch_size",
        "optimizer",
        "learning_rate",
        "schedule",
        "clip_norm",
        "clip_value",
        "patience",
        "max_seconds",
        "dtype",
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", 0, "whole number from 1"),
        ("steps", 2.5, "whole number from 1"),
        ("steps", True, "whole number from 1"),
        ("steps", None, "whole number from 1"),
        ("steps", "many", "whole number from 1"),
        ("steps", float("inf"), "whole number from 1"),
        ("batch_size", -1, "whole number from 1"),
        ("optimizer", "admm", "sgd, rmsprop, adam, adamw, lbfgs"),
        ("optimizer", None, "sgd, rmsprop, adam, adamw, lbfgs"),
        ("learning_rate", 0.0, "above 0 or None"),
        ("learning_rate", float("nan"), "above 0 or None"),
        ("learning_rate", "0.1", "above 0 or None"),
        ("optimizer", "sgd(momentum)", "'momentum' is not an option; they are written"),
        ("optimizer", "sgd(nesterov=true)", "not one of its options; sgd has momentum=0.0"),
        ("optimizer", "adam(beta1=1.5)", "beta1=1.5; expected a number in"),
        ("schedule", "plateau(patience=0.5)", "patience='0.5'; expected a whole number"),
        ("schedule", "cosin", "constant, cosine, one_cycle, plateau"),
        ("clip_norm", -1.0, "above 0 or None"),
        ("clip_value", 0, "above 0 or None"),
        ("patience", 0, "from 1 or None"),
        ("max_seconds", float("inf"), "above 0 or None"),
        ("dtype", "float16", "float32, float64"),
        ("dtype", np.float32, "float32, float64"),
    ],
)
def test_a_value_that_cannot_be_is_answered_with_what_can(name, value, message):
    with pytest.raises(UsageError, match=f"{name}=.*{message}"):
        Training(**{name: value})


def test_none_turns_off_what_can_be_turned_off():
    training = Training(clip_norm=None, clip_value=None, patience=None, max_seconds=None)
    assert training.clip_norm is training.patience is None


def test_numpy_numbers_become_plain_ones_so_that_equal_settings_are_equal():
    training = Training(steps=np.int64(7), learning_rate=np.float64(0.5), patience=np.int32(2))
    assert training == Training(steps=7, learning_rate=0.5, patience=2)
    assert type(training.steps) is int
    assert type(training.learning_rate) is float


def test_a_setting_is_frozen_and_varied_by_replace():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Training().steps = 5  # type: ignore[misc]
    with pytest.raises(UsageError):
        dataclasses.replace(Training(), steps=0)


def test_the_learning_rate_is_left_open_unless_it_is_given():
    assert Training().learning_rate is None
    assert Training(learning_rate=None) == Training()


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_more_windows_never_lower_the_learning_rate_and_it_has_a_cap(one, other):
    fewer, more = sorted((one, other))
    assert 0.0 < learning_rate_for(fewer) <= learning_rate_for(more) <= LEARNING_RATE
    if fewer < more <= MANY_WINDOWS:
        assert learning_rate_for(fewer) < learning_rate_for(more)


def test_the_learning_rate_grows_by_the_root_of_the_windows_up_to_its_cap():
    assert learning_rate_for(MANY_WINDOWS) == learning_rate_for(10 * MANY_WINDOWS) == 2e-3
    assert learning_rate_for(MANY_WINDOWS // 4) == pytest.approx(1e-3)
    assert learning_rate_for(MANY_WINDOWS // 100) == pytest.approx(2e-4)


def test_a_choice_is_kept_as_it_is_written_shortest_so_that_equal_settings_are_equal():
    one = Training(optimizer=" sgd( momentum = .9,weight_decay=0 )", schedule="plateau()")
    assert one == Training(optimizer="sgd(momentum=0.9)", schedule="plateau")
    assert one.optimizer == "sgd(momentum=0.9)"
    assert str(one) == "Training(optimizer='sgd(momentum=0.9)', schedule='plateau')"
    assert str(Training()) == "Training()"


def test_what_is_left_open_is_as_the_optimizer_needs_it():
    assert Training(steps=9).make_schedule().rate(1.0, 8, 9, ()) < 0.1
    newton = Training(steps=9, optimizer="lbfgs")
    assert newton.make_schedule().rate(1.0, 8, 9, ()) == 1.0
    assert (newton.base_rate(50), Training().base_rate(50)) == (1.0, learning_rate_for(50))
    given = Training(optimizer="lbfgs", learning_rate=0.08, schedule="cosine")
    assert given.base_rate(50) == 0.08
    assert given.make_schedule().rate(1.0, 8, 9, ()) < 0.1
