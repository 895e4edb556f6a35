"""Every optimizer against torch in float64, over many steps. L-BFGS has a file of its own."""

import numpy as np
import pytest
import torch

from rollcast.errors import UsageError
from rollcast.train.lbfgs import LBFGS
from rollcast.train.optimizers import OPTIMIZERS, adam, adamw, rmsprop, sgd

BY_GRADIENT = [name for name, row in OPTIMIZERS.items() if row is not LBFGS]

PAIRS = {
    "sgd, as it comes": (sgd(), lambda p: torch.optim.SGD(p, 0.01)),
    "sgd with momentum": (sgd(0.9), lambda p: torch.optim.SGD(p, 0.01, momentum=0.9)),
    "sgd with decay": (
        sgd(0.5, 0.1),
        lambda p: torch.optim.SGD(p, 0.01, momentum=0.5, weight_decay=0.1),
    ),
    "rmsprop, as it comes": (rmsprop(), lambda p: torch.optim.RMSprop(p, 0.01)),
    "rmsprop with momentum": (
        rmsprop(momentum=0.9),
        lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.9),
    ),
    "rmsprop with everything": (
        rmsprop(0.9, 1e-3, 0.5, 0.1, centered=True),
        lambda p: torch.optim.RMSprop(
            p, 0.01, alpha=0.9, eps=1e-3, momentum=0.5, weight_decay=0.1, centered=True
        ),
    ),
    "adam, as it comes": (adam(), lambda p: torch.optim.Adam(p, 0.01)),
    "adam with everything": (
        adam(0.8, 0.95, 1e-3, 0.1),
        lambda p: torch.optim.Adam(p, 0.01, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    ),
    "adamw, as it comes": (adamw(), lambda p: torch.optim.AdamW(p, 0.01)),
    "adamw with more decay": (
        adamw(weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.3),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("bounds", [(None, None), (3.0, None), (None, 0.5), (3.0, 0.5)])
def test_every_optimizer_walks_the_way_of_torch(pair, bounds):
    optimizer, make = PAIRS[pair]
    rng = np.random.default_rng(1)
    weights = rng.standard_normal(37)
    guest = torch.nn.Parameter(torch.from_numpy(weights.copy()))
    theirs = make([guest])
    arrays = optimizer.start(weights)
    for step in range(1, 201):
        gradient = rng.standard_normal(37) + weights
        guest.grad = torch.from_numpy(gradient.copy())
        if bounds[1]:
            torch.nn.utils.clip_grad_value_([guest], bounds[1])
        if bounds[0]:
            torch.nn.utils.clip_grad_norm_([guest], bounds[0])
        rate = 0.01 if step < 150 else 0.003  # a schedule at work
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
        norm = optimizer.update(weights, gradient, arrays, step, rate, *bounds)
        assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-13)
        np.testing.assert_allclose(weights, guest.detach().numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", BY_GRADIENT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_arrays_start_at_zero_and_look_like_the_weights(name, dtype):
    optimizer = OPTIMIZERS[name]()
    arrays = optimizer.start(np.ones(6, dtype))
    assert set(arrays) == set(optimizer.arrays)
    for array in arrays.values():
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, np.zeros(6))


def test_an_optimizer_keeps_only_what_its_options_need():
    assert sgd().arrays == ()
    assert sgd(momentum=0.5).arrays == ("velocity",)
    assert rmsprop().arrays == ("square",)
    assert rmsprop(momentum=0.5, centered=True).arrays == ("square", "mean", "velocity")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sgd(momentum=1.0), "momentum=1.0; expected a number in"),
        (lambda: sgd(weight_decay=-1.0), "weight_decay=-1.0; expected a number from 0"),
        (lambda: rmsprop(epsilon=0.0), "epsilon=0.0; expected a number above 0"),
        (lambda: adam(beta1=float("nan")), "beta1=nan; expected a number in"),
        (lambda: LBFGS(history=0), "history=0; expected a whole number from 1"),
        (lambda: LBFGS(line_search="armijo"), "line_search='armijo'; expected none or wolfe"),
    ],
)
def test_an_option_out_of_range_is_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()
