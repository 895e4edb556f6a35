"""Distributions: likelihoods and their slopes against torch, quantiles against scipy.stats."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import distributions as of

from rollcast.errors import UsageError
from rollcast.nn.heads import HEADS, Unit, make_head
from rollcast.nn.heads.link import LEAST, SHARPNESS, mean, number_of, positive
from rollcast.nn.heads.tweedie import scaled_mean

from .heads_examples import LOCATION, SCALE, example, single, unit

FAMILIES = [name for name in HEADS if make_head(name).family and make_head(name).levels]
LEVELS = (0.001, 0.03, 0.1, 0.5, 0.77, 0.9, 0.999)


def in_torch(name: str, output: torch.Tensor) -> of.Distribution:
    """The distribution of the values in the unit of the data that an output means."""
    location, scale = torch.from_numpy(LOCATION), torch.from_numpy(SCALE)

    def above(number: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.softplus(number) + 1e-3

    def expected() -> torch.Tensor:
        bent = output[..., 0] + location / scale
        return scale * torch.nn.functional.softplus(bent, beta=SHARPNESS, threshold=1e9)

    if name == "normal":
        return of.Normal(location + scale * output[..., 0], scale * above(output[..., 1]))
    if name == "student_t":
        place, spread = location + scale * output[..., 0], scale * above(output[..., 1])
        return of.StudentT(2 + above(output[..., 2]), place, spread)
    if name == "log_normal":
        return of.LogNormal(torch.log(expected()), above(output[..., 1]))
    if name == "poisson":
        return of.Poisson(expected())
    if name == "negative_binomial":
        size = 1 / above(output[..., 1])
        return of.NegativeBinomial(size, logits=torch.log(expected() / size))
    offsets, spreads, logits = torch.split(output[..., 1:], 3, dim=-1)
    weights = torch.softmax(logits, -1)
    places = output[..., :1] + offsets - (weights * offsets).sum(-1, keepdim=True)
    parts = of.Normal(location[:, None] + scale[:, None] * places, scale[:, None] * above(spreads))
    return of.MixtureSameFamily(of.Categorical(logits=logits), parts)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "tweedie"])
def test_the_loss_is_the_likelihood_of_torch(name: str) -> None:
    head = make_head(name)
    output, target, observed = example(head)
    guess = torch.from_numpy(output).requires_grad_()
    values = torch.from_numpy(LOCATION + SCALE * target)
    if head.support == "counts":
        values = torch.round(values)
    likelihood = in_torch(name, guess).log_prob(values)
    if head.support != "counts":  # the density of values in scales of the window
        likelihood = likelihood + torch.log(torch.from_numpy(SCALE))
    expected = -likelihood[torch.from_numpy(observed)].mean()
    expected.backward()
    loss, slope = head.loss_and_gradient(output, target, observed, None, *unit())
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert guess.grad is not None
    np.testing.assert_allclose(slope, guess.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["normal", "student_t", "log_normal", "poisson"])
def test_quantiles_are_those_of_scipy(name: str) -> None:
    head = make_head(name)
    output, _, _ = example(head)
    found = head.quantiles(output, LEVELS, *unit())
    place, spread = LOCATION + SCALE * output[..., 0], None
    median = mean(output[..., 0], Unit(LOCATION, SCALE))[0]
    if head.width > 1:
        spread = positive(output[..., 1])
    for column, level in enumerate(LEVELS):
        expected = {
            "normal": lambda level=level: stats.norm.ppf(level, place, SCALE * spread),
            "student_t": lambda level=level: stats.t.ppf(
                level, 2 + positive(output[..., 2]), place, SCALE * spread
            ),
            "log_normal": lambda level=level: stats.lognorm.ppf(level, spread, scale=median),
            "poisson": lambda level=level: stats.poisson.ppf(level, median),
        }[name]()
        np.testing.assert_allclose(found[..., column], expected, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(head.point(output, *unit()), found[..., 3], rtol=1e-9)


def test_quantiles_of_wide_and_narrow_negative_binomials_are_those_of_scipy() -> None:
    generator = np.random.default_rng(1)
    head = make_head("negative_binomial")
    output = np.stack([generator.normal(0, 4, (60, 4)), generator.normal(-2, 4, (60, 4))], axis=-1)
    found = head.quantiles(output, LEVELS, *unit())
    size = 1 / positive(output[..., 1])
    expected = mean(output[..., 0], Unit(LOCATION, SCALE))[0]
    for column, level in enumerate(LEVELS):
        exact = stats.nbinom.ppf(level, size, size / (size + expected))
        np.testing.assert_array_equal(found[..., column], exact)


def test_a_mixture_has_its_mean_in_the_first_number_and_its_quantiles_where_they_are() -> None:
    head = make_head("mixture(components=2)")
    output, _, _ = example(head)
    location, scale = unit()
    offsets, spreads, logits = np.split(output[..., 1:], 3, axis=-1)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    places = output[..., :1] + offsets - (weights * offsets).sum(-1, keepdims=True)
    np.testing.assert_allclose((weights * places).sum(-1), output[..., 0], rtol=1e-12)
    for column, level in enumerate(LEVELS):
        found = (head.quantiles(output, LEVELS, location, scale)[..., column] - location) / scale
        below = (weights * stats.norm.cdf(found[..., None], places, positive(spreads))).sum(-1)
        np.testing.assert_allclose(below, level, rtol=1e-7)


def test_quantiles_of_two_far_peaks_are_found_too() -> None:
    head, output = single("mixture(components=2)", [0, -50, 50, -9, -9, 0, 0])
    found = head.quantiles(output, (0.25, 0.4999, 0.75))[0, 0]
    np.testing.assert_allclose(found[[0, 2]], [-50, 50], atol=0.01)
    assert -50.01 < found[1] < 50


@pytest.mark.parametrize("power", [1.1, 1.5, 1.9])
def test_tweedie_is_least_at_the_mean_and_variance_of_what_happens(power: float) -> None:
    head = make_head(f"tweedie(power={power})")
    expected, spread = 1.4, 0.9
    values = compound(expected, spread, power, 400_000)
    observed = np.ones((1, len(values)), bool)

    def slope(*numbers: float) -> np.ndarray:
        output = np.empty((1, len(values), 2))
        output[...] = numbers
        return head.loss_and_gradient(output, values[None], observed)[1].sum(axis=(0, 1))

    at = mean_number(expected), number_of(spread)
    np.testing.assert_allclose(slope(*at), 0.0, atol=0.02)
    assert slope(at[0] + 0.1, at[1])[0] > 0.05 and slope(at[0], at[1] + 0.3)[1] > 0.01


def test_the_tweedie_deviance_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import mean_tweedie_deviance

    head = make_head("tweedie(power=1.3)")
    output, target, _ = example(head)
    everything = np.ones(target.shape, bool)
    location, scale = np.zeros(4), np.ones(4)
    target = np.abs(target)
    expected, spread = (
        scaled_mean(output[..., 0], Unit(location, scale))[0],
        positive(output[..., 1]),
    )
    score = np.log(spread * expected**1.3) + (target - expected) ** 2 / (spread * expected**1.3)
    deviance = mean_tweedie_deviance(target.ravel(), expected.ravel(), power=1.3)
    loss = head.loss(output, target, everything, None, location, scale)
    assert loss == pytest.approx(0.5 * (deviance + score.mean()), rel=1e-12)


@pytest.mark.parametrize(("expected", "spread"), [(0.05, 1.0), (0.8, 1.0), (6.0, 0.7)])
def test_quantiles_of_tweedie_are_near_those_of_the_compound_distribution(
    expected: float, spread: float
) -> None:
    head, output = single("tweedie", [mean_number(expected), number_of(spread)])
    values = compound(expected, spread, 1.5, 400_000)
    levels = (0.1, 0.5, 0.8, 0.95, 0.99)
    found = head.quantiles(output, levels)[0, 0]
    exact = np.quantile(values, levels)
    np.testing.assert_allclose(found, exact, rtol=0.04, atol=0.06 * float(values.std()))
    np.testing.assert_array_equal(found[exact == 0], 0)
    assert head.point(output)[0, 0] == pytest.approx(expected)


def mean_number(expected: float) -> float:
    """What tweedie makes this mean of, in a window of location 0 and scale 1."""
    return float(np.log(np.expm1(SHARPNESS * (expected - LEAST))) / SHARPNESS)


def compound(expected: float, spread: float, power: float, count: int) -> np.ndarray:
    """Draws of Tweedie's distribution: a Poisson number of gamma amounts."""
    generator = np.random.default_rng(0)
    events = expected ** (2 - power) / (spread * (2 - power))
    amount = spread * (power - 1) * expected ** (power - 1)
    shape = generator.poisson(events, count) * (2 - power) / (power - 1)
    return np.where(shape > 0, generator.gamma(np.maximum(shape, 1e-9), amount), 0.0)


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_are_quantiles_at_uniform_numbers(name: str) -> None:
    head = make_head(name)
    output, _, _ = example(head)
    chance = np.random.default_rng(0).random(output.shape[:2])
    drawn = head.sample(output, chance, *unit())
    for place in np.ndindex(chance.shape):
        exact = head.quantiles(output, (chance[place],), *unit())[place]
        assert drawn[place] == pytest.approx(exact[0], rel=1e-12)
    if head.support != "any":
        assert (drawn >= 0).all()
    if head.support == "counts":
        np.testing.assert_array_equal(drawn, np.rint(drawn))


@pytest.mark.parametrize("name", FAMILIES)
def test_what_begins_is_the_distribution_of_the_errors(name: str) -> None:
    head = make_head(name)
    generator = np.random.default_rng(0)
    location, scale = np.full(4000, 20.0), np.full(4000, 6.0)
    forecast = generator.normal(0, 0.5, (2, 4000))
    values = generator.poisson(np.maximum(location + scale * forecast, 0.1)) + 1.0
    target = (values - location) / scale
    observed = np.ones(target.shape, bool)
    observed[1] = False
    begin = head.begin(target, forecast, observed, location, scale)
    assert not begin[1].any()
    output = np.zeros((1, 4000, head.width)) + begin[0]
    output[..., 0] += forecast[:1]
    low, high = np.moveaxis(head.quantiles(output, (0.1, 0.9), location, scale), -1, 0)
    assert 0.73 < ((values[:1] >= low) & (values[:1] <= high)).mean() < 0.9


@pytest.mark.parametrize("name", FAMILIES)
def test_extreme_outputs_and_targets_give_finite_losses(name: str) -> None:
    head = make_head(name)
    for far in (-1e3, -30.0, 30.0, 1e3):
        output = np.full((1, 3, head.width), far)
        target = np.array([[0.0, 3.0, 1e4]])
        loss, slope = head.loss_and_gradient(output, target, np.ones((1, 3), bool))
        assert np.isfinite(loss) and np.isfinite(slope).all(), far
        assert np.isfinite(head.quantiles(output, (0.1, 0.5, 0.9))).all(), far


def test_nothing_is_drawn_from_quantiles() -> None:
    with pytest.raises(UsageError, match="is no distribution"):
        make_head("quantile").sample(np.zeros((1, 1, 7)), np.full((1, 1), 0.5))


def test_smape_is_that_of_the_metric() -> None:
    from rollcast.score.metrics import smape

    head = make_head("smape")
    output, target, _ = example(head)
    location, scale = unit()
    truth, found = location + scale * target, location + scale * output[..., 0]
    loss = head.loss(output, target, np.ones(target.shape, bool), None, location, scale)
    assert 100 * loss == pytest.approx(smape(truth, found), rel=1e-12)
    nothing = np.zeros((1, 1, 1))
    loss, slope = head.loss_and_gradient(nothing, nothing[..., 0], np.ones((1, 1), bool))
    assert loss == 0.0 and not slope.any()
