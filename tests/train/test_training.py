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
        ("optimizer", "admm", "sgd, adam, adamw"),
        ("optimizer", None, "sgd, adam, adamw"),
        ("learning_rate", 0.0, "above 0 or None"),
        ("learning_rate", float("nan"), "above 0 or None"),
        ("learning_rate", "0.1", "above 0 or None"),
        ("schedule", "cosin", "constant, cosine, plateau"),
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
