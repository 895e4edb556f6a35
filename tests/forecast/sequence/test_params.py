"""The arguments of a SequenceRegressor: which are refused, and how they are written."""

import pytest

from rollcast import SequenceRegressor, Training, UsageError

from .test_tables import QUICK, waves


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": "y", "targets": "y"}, "ahead=0 is its own answer"),
        ({"ahead": 2}, "0 or 1"),
        ({"feeding": "free(warm_up=3)"}, "reads outputs as inputs"),
        ({"restore": "closed_loop"}, "reads outputs as inputs"),
        ({"readout": False}, "3 units"),
        ({"stateful": "sometimes"}, "choose one of False, True, always"),
        ({"scaling": "window"}, "choose one of series"),
        ({"loss_steps": "first"}, "choose one of all, last"),
        ({"window": 5, "burn_in": 5}, "less than the rows"),
        ({"stride": 2}, "Leave it out"),
        ({"normalize": "group"}, "one of None, layer, batch, rec"),
        ({"normalize": "layer"}, "stands between layers"),
        (
            {
                "normalize": "batch",
                "hidden": (3, 3),
                "inputs": "z",
                "ahead": 1,
                "feeding": "free(warm_up=3)",
            },
            "is trained with feeding='teacher'",
        ),
        ({"hidden": (3, 0)}, "units of"),
        ({"window": "all"}, "whole number from 1, or None"),
        ({"held_out": 0.5}, "whole number from 0"),
        ({"hidden": 3}, "units of each layer"),
        ({"inputs": ()}, "column name"),
        ({"training": None}, "expected a Training"),
        ({"stateful": "always", "training": Training(optimizer="lbfgs")}, "one that does not"),
        ({"cell": "elman"}, "elman"),
        ({"initial": "zero"}, "zero"),
        ({"bidirectional": True, "stateful": True}, "goes with stateful=False, not True"),
        ({"bidirectional": True, "ahead": 1}, "goes with ahead=0, not 1"),
        ({"bidirectional": True, "cell": "gru(dilation=2)"}, "has no options"),
        ({"skip": "naive"}, "none, ridge, zero"),
        ({"skip": "zero(rows=0)"}, "a whole number from 1"),
        ({"stateful": 1}, "stateful=1; choose one of False, True, always"),
        ({"difference": 1}, "difference=1; choose one of False, True, auto"),
        ({"readout": "no"}, "choose one of False, True"),
        ({"ahead": True}, "0 or 1"),
        ({"hidden": (3.5,)}, "units of each layer"),
        ({"inputs": (1,)}, "column name"),
        ({"dropout": 1.0}, "a probability below 1"),
        ({"seed": -1}, "a whole number from 0"),
        ({"name": None}, "the name of a column"),
    ],
)
def test_arguments_that_cannot_be_are_refused(change, message):
    model = SequenceRegressor("y", "z", hidden=(3,), training=QUICK).set_params(**change)
    with pytest.raises(UsageError, match=message):
        model.fit(waves([20]))


def test_it_is_written_as_by_hand_and_cloned_like_any_estimator():
    model = SequenceRegressor("y", ("y",), ahead=1, window=30, training=QUICK)
    assert repr(model) == (
        "SequenceRegressor('y', ('y',), ahead=1, window=30, "
        "training=Training(steps=20, learning_rate=0.01))"
    )
    assert SequenceRegressor(**model.get_params()).get_params() == model.get_params()
