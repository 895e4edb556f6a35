"""The linear maps of the window, against the obvious loop, and the gates, against SciPy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from rollcast.model.network import build
from rollcast.model.skip import lag_map, naive_map, skip_forward, skip_shapes
from rollcast.model.spec import SKIPS, NetworkSpec

SPEC = NetworkSpec(context=6, horizon=4, season=2, hidden=(5,), skip_gain=0.3)


def continued(window: np.ndarray, lag: int, period: int, horizon: int) -> list[float]:
    """Step by step: the row ``lag`` before; after ``period`` steps the same rows again."""
    found = []
    for step in range(horizon):
        again = step
        while again >= period:
            again -= period
        found.append(window[len(window) + again - lag])
    return found


@given(st.data(), st.integers(1, 40), st.integers(1, 40))
def test_a_lag_repeats_the_window(data: st.DataObject, context: int, horizon: int) -> None:
    lag = data.draw(st.integers(1, context))
    period = data.draw(st.none() | st.integers(1, lag))
    spec = replace(SPEC, context=context, horizon=horizon)
    window = np.arange(1.0, context + 1)
    found = lag_map(spec, lag, period) @ window
    assert found.tolist() == continued(window, lag, period or lag, horizon)


@given(st.sampled_from(SKIPS[1:]), st.integers(1, 40), st.integers(1, 30), st.integers(1, 45))
def test_the_naive_maps_are_the_naive_forecasts(
    kind: str, context: int, horizon: int, season: int
) -> None:
    spec = replace(SPEC, context=context, horizon=horizon, season=season)
    window = np.random.default_rng(0).normal(size=context)
    period = 1 if kind == "naive" or season > context else season
    expected = []
    for step in range(horizon):
        phase = step % period
        same = window[::-1][period - 1 - phase :: period][: context // period]
        mean = kind in ("seasonal_mean", "ridge") and period > 1
        expected.append(same.mean() if mean else same[0])
    np.testing.assert_allclose(naive_map(spec, kind) @ window, expected, rtol=1e-12)


def test_a_single_map_is_a_plain_product() -> None:
    generator = np.random.default_rng(0)
    rows, weight = generator.normal(size=(7, 6)), generator.normal(size=(4, 6))
    skip = skip_forward(SPEC, {"skip.weight": weight}, np.empty((7, 5)), rows)
    np.testing.assert_allclose(skip.mixed, 0.3 * rows @ weight.T, rtol=1e-12)
    assert skip.gates is None
    assert skip_shapes(SPEC) == {"skip.weight": (4, 6)}


@pytest.mark.parametrize("size", [1.0, 1e3])
def test_several_maps_are_mixed_by_gates_that_sum_to_one(size: float) -> None:
    spec = replace(SPEC, maps=3)
    generator = np.random.default_rng(0)
    views = {
        name: generator.normal(size=shape) * (size if name.startswith("gate") else 1.0)
        for name, shape in skip_shapes(spec).items()
    }
    rows, state = generator.normal(size=(7, 6)), generator.normal(size=(7, 5))
    skip = skip_forward(spec, views, state, rows)
    gates = softmax((state @ views["gate.weight"].T + views["gate.bias"]).reshape(7, 3, 4), axis=1)
    maps = views["skip.weight"].reshape(3, 4, 6)
    expected = 0.3 * np.einsum("bkh,khc,bc->bh", gates, maps, rows)
    np.testing.assert_allclose(skip.mixed, expected, rtol=1e-9, atol=1e-12)
    assert skip.gates is not None
    np.testing.assert_allclose(skip.gates.sum(axis=1), 1.0, rtol=1e-12)


def test_maps_that_are_all_alike_are_the_one_map_whatever_the_gates() -> None:
    one, three = build(SPEC), build(replace(SPEC, maps=3))
    single = one.views(one.initial(0, "float64"))["skip.weight"]
    views = three.views(three.initial(0, "float64"))
    rows, state = (np.random.default_rng(0).normal(size=shape) for shape in ((7, 6), (7, 5)))
    skip = skip_forward(three.spec, views, state, rows)
    np.testing.assert_allclose(skip.mixed, 0.3 * rows @ single.T, rtol=1e-12)


def test_a_network_without_a_skip_path_has_no_weights_for_it() -> None:
    assert skip_shapes(replace(SPEC, skip="none", maps=3)) == {}
