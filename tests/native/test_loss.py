"""The loss kernel on every row against the formulas in NumPy, in float64."""

import numpy as np
import pytest

from rollcast import engine
from rollcast.errors import UsageError

BOUND = {"float32": 1e-5, "float64": 1e-12}
LEVELS = {"one": (0.3,), "seven": (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)}


def specification(family, error, levels, delta):
    """Loss and slope of each error ``(…, width)``."""
    if family == "mse":
        return error**2, 2 * error
    if family == "mae":
        return np.abs(error), np.sign(error)
    if family == "huber":
        straight = np.abs(error) > delta
        loss = np.where(straight, delta * (np.abs(error) - delta / 2), error**2 / 2)
        return loss, np.where(straight, delta * np.sign(error), error)
    tau = np.array(levels)
    slope = 2 / len(levels) * np.where(error > 0, 1 - tau, -tau)
    return slope * error, slope


def mean(family, output, target, observed, weight, levels, delta):
    """The weighted mean loss over what was observed, and its gradient."""
    error = output - np.where(observed, target, 0.0)[..., None]
    loss, slope = specification(family, error, levels, delta)
    counts = (observed * weight)[..., None]
    total = counts.sum()
    return (loss * counts).sum() / total, slope * counts / total


CASES = [*((family, ()) for family in ("mse", "mae", "huber")), *(
    ("quantile", levels) for levels in (*LEVELS.values(), tuple(np.linspace(0.001, 0.999, 600)))
)]  # fmt: skip


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize(("family", "levels"), CASES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (17, 51), (2, 3, 97)])
def test_loss_and_slope_equal_the_formulas(row, family, levels, shape, dtype):
    draw = np.random.default_rng(0)
    output = draw.normal(size=(*shape, max(1, len(levels)))).astype(dtype)
    target = draw.normal(size=shape).astype(dtype)
    some = draw.random(shape) > 0.3
    some.flat[0] = True
    strange = np.where(some, target, np.nan).astype(dtype)
    rows, everything = draw.random(shape[-1]) + 0.1, draw.random(shape) + 0.1
    everyone = np.ones(shape, bool)
    for weight in (None, rows, everything):
        for observed, given in ((None, target), (some, strange)):
            value, slope = engine.loss(
                family, output, given, observed=observed, weight=weight, levels=levels, delta=0.7
            )
            truth, gradient = mean(
                family, output.astype("float64"), given.astype("float64"),
                everyone if observed is None else observed,
                np.ones(shape) if weight is None else weight, levels, 0.7,
            )  # fmt: skip
            assert value == pytest.approx(truth, rel=BOUND[dtype])
            assert slope is not None and slope.dtype == dtype
            assert np.abs(slope - gradient).max() <= BOUND[dtype] * np.abs(gradient).max()


@pytest.mark.parametrize(("family", "levels"), CASES[:5])
def test_nan_and_infinity_in_an_output_reach_the_loss(row, family, levels):
    for strange in (np.nan, np.inf):
        output = np.zeros((40, max(1, len(levels))))
        output[33] = strange
        value, slope = engine.loss(family, output, np.ones(40), levels=levels)
        assert not np.isfinite(value)
        assert slope is not None
        if family == "mse":
            assert not np.isfinite(slope[33]).any()
        if np.isinf(strange) and family != "mse":
            assert np.isfinite(slope).all()


@pytest.mark.parametrize("weight", [None, np.zeros(5)])
def test_nothing_observed_is_no_loss_and_no_slope(row, weight):
    target = np.full((3, 5), np.nan)
    observed = np.zeros((3, 5), bool)
    value, slope = engine.loss("mse", np.ones((3, 5, 1)), target, observed=observed, weight=weight)
    assert value == 0.0
    assert slope is not None and not slope.any()


def test_sums_of_a_million_float32_errors_stay_exact(row):
    output = np.full((1_000_003, 1), 0.1, "float32")
    value, _ = engine.loss("mae", output, np.zeros(1_000_003, "float32"), need_slope=False)
    assert value == pytest.approx(float(np.float32(0.1)), rel=1e-7)


def test_what_does_not_fit_is_refused_with_both_shapes():
    with pytest.raises(UsageError, match="3 numbers"):
        engine.loss("quantile", np.zeros((4, 1)), np.zeros(4), levels=(0.1, 0.5, 0.9))
    with pytest.raises(UsageError, match="mse, mae, huber, quantile"):
        engine.loss("median", np.zeros((4, 1)), np.zeros(4))
    with pytest.raises(UsageError, match="last axes"):
        engine.loss("mse", np.zeros((2, 4, 1)), np.zeros((2, 4)), weight=np.zeros(2))
