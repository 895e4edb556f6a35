"""A window run again on the way back gives the gradient of one that was recorded whole."""

import numpy as np
import polars
import pytest

from rollcast import SequenceRegressor, Training
from rollcast.errors import UsageError
from rollcast.model.sequence import SequenceNetwork
from rollcast.model.steps import Steps
from rollcast.nn.cells import CELLS


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("readout", [False, True])
@pytest.mark.parametrize("ragged", [False, True])
def test_loss_gradient_and_states_are_the_same(cell, last, readout, ragged):
    draw = np.random.default_rng(0)
    time, batch = 300, 4
    given = {"readout": readout, "last": last, "dropout": 0.2}
    whole = SequenceNetwork(cell, 2, (6, 3), 3, **given)
    again = SequenceNetwork(cell, 2, (6, 3), 3, **given, recompute="chunks")
    weights = 0.5 * whole.initial(0, "float64", "torch")
    steps = Steps(
        draw.normal(size=(time, batch, 2)),
        draw.normal(size=(time, batch, 3)),
        draw.random((time, batch, 3)) < 0.8,
        np.array([300, 7, 130, 1], np.int32) if ragged else None,
    )
    states = {
        name: draw.normal(size=each.shape) for name, each in whole.states(4, "float64").items()
    }
    loss, gradient, final = whole.gradient(weights, steps, states, seed=3, step=5)
    other, found, after = again.gradient(weights, steps, states, seed=3, step=5)
    assert other == pytest.approx(loss, rel=1e-12)
    assert np.abs(found - gradient).max() <= 1e-12 * np.abs(gradient).max()
    for name, state in final.items():
        assert after[name] == pytest.approx(state, rel=1e-12)


def test_a_regressor_learns_the_same_with_recomputation():
    table = polars.DataFrame({"ds": range(400), "y": np.sin(np.arange(400) / 3)})
    fitted = [
        SequenceRegressor(
            "y", "y", ahead=1, hidden=(5,), recompute=recompute, training=Training(steps=5)
        ).fit(table)
        for recompute in (None, "chunks")
    ]
    assert fitted[1].weights_ == pytest.approx(fitted[0].weights_, rel=1e-4, abs=1e-6)


def test_a_closed_loop_and_normalised_layers_cannot_be_recomputed_and_other_ways_are_refused():
    given = {"ahead": 1, "training": Training(steps=1)}
    table = polars.DataFrame({"ds": range(60), "y": np.sin(np.arange(60) / 3)})
    with pytest.raises(UsageError, match="all is recorded"):
        model = SequenceRegressor("y", "y", recompute="chunks", feeding="free(warm_up=5)", **given)
        model.fit(table)
    with pytest.raises(UsageError, match="normalize='layer'"):
        model = SequenceRegressor(
            "y", "y", recompute="chunks", hidden=(3, 3), normalize="layer", **given
        )
        model.fit(table)
    with pytest.raises(UsageError, match="recompute='all'"):
        SequenceRegressor("y", "y", recompute="all", **given).fit(table)
