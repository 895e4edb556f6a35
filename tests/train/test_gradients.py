"""Norms of a gradient, weight by weight, beside what the optimizer really takes."""

import numpy as np
import pytest
import torch

from rollcast import engine
from rollcast.train.gradients import norm_called, norms_of

PLACES = {"one": slice(0, 7), "two": slice(7, 8), "three": slice(8, 40)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip_value", [None, 0.7])
@pytest.mark.parametrize("clip_norm", [None, 0.3, 1e3])
def test_clipped_norms_are_those_that_pytorch_leaves(dtype, clip_value, clip_norm):
    gradient = np.random.default_rng(0).normal(size=40).astype(dtype)
    norms, clipped = norms_of(gradient, PLACES, clip_norm, clip_value)
    weights = [torch.zeros(place.stop - place.start) for place in PLACES.values()]
    for weight, place in zip(weights, PLACES.values(), strict=True):
        weight.grad = torch.tensor(gradient[place].astype("float32"))
    assert list(norms) == list(clipped) == list(PLACES)
    assert list(norms.values()) == pytest.approx([float(w.grad.norm()) for w in weights], rel=1e-5)
    if clip_value is not None:
        torch.nn.utils.clip_grad_value_(weights, clip_value)
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(weights, clip_norm)
    expected = [float(weight.grad.norm()) for weight in weights]
    assert list(clipped.values()) == pytest.approx(expected, rel=1e-5)


def test_clipped_norms_are_those_of_the_step_that_the_engine_makes():
    """Plain gradient descent with rate 1 moves by what is left of the gradient."""
    gradient = np.random.default_rng(1).normal(size=40)
    weights = np.zeros(40)
    engine.sgd(weights, gradient, None, rate=1.0, clip_norm=0.5, clip_value=0.6)
    _, clipped = norms_of(gradient, PLACES, 0.5, 0.6)
    for name, place in PLACES.items():
        assert clipped[name] == pytest.approx(np.linalg.norm(weights[place]), rel=1e-12)


def test_a_norm_that_is_no_number_stays_so_and_names_its_weights():
    gradient = np.ones(40)
    gradient[7], gradient[9] = np.inf, np.nan
    norms, clipped = norms_of(gradient, PLACES, 1.0, 1.0)
    assert norms["one"] == pytest.approx(np.sqrt(7)) and norms["two"] == np.inf
    assert np.isnan(clipped["three"])
    assert norm_called(gradient, PLACES) == "gradient norm of two, three"
    many = {str(index): slice(index, index + 1) for index in range(40)}
    assert norm_called(np.full(40, np.nan), many) == "gradient norm"
