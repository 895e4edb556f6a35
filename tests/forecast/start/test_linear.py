import numpy as np
import pytest

from rollcast.data.panel import Panel
from rollcast.data.windows import Windows
from rollcast.forecast.problem import NetworkProblem
from rollcast.forecast.start.linear import best_map, linear_start, other_maps, training_rows
from rollcast.model.network import build
from rollcast.model.predict import predict
from rollcast.model.skip import lag_map
from rollcast.model.spec import NetworkSpec
from rollcast.train.loop import run
from rollcast.train.training import Training


def problem_of(values: np.ndarray, season: int = 4, **changes: object) -> NetworkProblem:
    panel = Panel.of(values, season=season)
    trained, held = Windows(panel, 12, 3, dtype=np.float64).hold_out(20, 1)
    spec = NetworkSpec(
        context=12, horizon=3, season=season, hidden=(4,), decoder_gain=0.0, indicator=True,
        **changes,
    )  # fmt: skip
    return NetworkProblem(build(spec), trained, held, dtype="float64")


def series(noise: float = 0.3, length: int = 400) -> np.ndarray:
    """Autoregressive with a season: what a linear map can learn and no naive forecast knows."""
    generator = np.random.default_rng(0)
    values = np.zeros(length)
    for row in range(4, length):
        values[row] = 0.8 * values[row - 1] - 0.6 * values[row - 4] + generator.normal(0, noise)
    return values + 20


@pytest.mark.parametrize("gain", [1.0, 0.1])
@pytest.mark.parametrize("head", ["quantile", "mse"])
def test_training_starts_with_less_error_than_the_naive_forecasts(head: str, gain: float) -> None:
    problem = problem_of(series(), head=head, skip_gain=gain)
    network, held = problem.network, problem.validation
    batch = held.batch(np.arange(held.count))
    truth = (batch.target * batch.scale + batch.location).T

    def error(weights: np.ndarray) -> float:
        return float(np.abs(predict(network, weights, held).median - truth).mean())

    start = error(problem.initial(0))
    for skip in ("naive", "seasonal_naive", "seasonal_mean"):
        plain = problem_of(series(), head=head, skip=skip)
        silent = plain.network.initial(0, "float64")
        naive = float(np.abs(predict(plain.network, silent, held).median - truth).mean())
        assert start < 0.85 * naive


def test_the_quantiles_begin_where_the_training_windows_had_them() -> None:
    problem = problem_of(series(length=3000))
    trained = problem.training
    batch = trained.batch(np.arange(trained.count))
    output = problem.network.outputs(problem.initial(0), batch)
    for index, level in enumerate(problem.network.head.levels):
        below = (batch.target <= output[..., index]).mean()
        assert below == pytest.approx(level, abs=0.05)


def test_with_nothing_to_learn_the_start_is_no_worse_than_the_prior() -> None:
    problem = problem_of(np.random.default_rng(0).normal(size=60))
    plain = problem.network.initial(0, "float64")
    assert problem.validate(problem.initial(0)) <= problem.validate(plain)


def test_missing_values_do_not_stop_the_start() -> None:
    values = series()
    values[::7] = np.nan
    values[50:60] = np.nan
    weights = problem_of(values).initial(0)
    assert np.isfinite(weights).all()


def test_a_network_without_a_skip_path_starts_at_random() -> None:
    problem = problem_of(series(), skip="none")
    weights = linear_start(problem, 3)
    np.testing.assert_array_equal(weights, problem.network.initial(3, "float64"))


DAY, WEEK = 24, 168


def days_and_weeks(maps: int) -> NetworkProblem:
    """Half of the series drift from day to day, the other half have seven unlike days a week."""
    generator = np.random.default_rng(0)
    named = {}
    for index in range(4):
        days = generator.normal(size=(28, DAY))
        for day in range(1, 28):
            days[day] = 0.7 * days[day - 1] + 0.7 * days[day]
        named[f"day {index}"] = days.ravel()
        week = generator.normal(size=WEEK)
        named[f"week {index}"] = np.tile(week, 4) + 0.1 * generator.normal(size=4 * WEEK)
    panel = Panel.of(named, season=DAY)
    trained, held = Windows(panel, WEEK, DAY, dtype=np.float64).hold_out(4, DAY)
    whole = np.flatnonzero(trained.origin - panel.offsets[trained.series] >= WEEK)
    trained = trained.at(
        trained.series[whole], (trained.origin - panel.offsets[trained.series])[whole]
    )
    spec = NetworkSpec(
        context=WEEK, horizon=DAY, season=DAY, hidden=(16,), fold=DAY, decoder_gain=0.01,
        skip="ridge", skip_gain=0.3, maps=maps,
    )  # fmt: skip
    return NetworkProblem(build(spec), trained, held, dtype="float64")


def with_constant(weight: np.ndarray) -> np.ndarray:
    return np.vstack([weight.T, np.zeros(len(weight))])


def test_where_yesterday_is_known_the_other_map_is_last_week() -> None:
    problem = days_and_weeks(maps=2)
    spec, rows = problem.network.spec, training_rows(problem)
    (other,) = other_maps(problem, rows, with_constant(lag_map(spec, DAY)), 1)
    np.testing.assert_array_equal(other, lag_map(spec, WEEK))
    (other,) = other_maps(problem, rows, with_constant(lag_map(spec, WEEK)), 1)
    np.testing.assert_array_equal(other, lag_map(spec, DAY))


def test_beside_the_regression_stand_last_week_and_yesterday() -> None:
    problem = days_and_weeks(maps=3)
    spec, rows = problem.network.spec, training_rows(problem)
    found = other_maps(problem, rows, best_map(problem, rows), 2)
    lags = {lag: any((m == lag_map(spec, lag)).all() for m in found) for lag in (DAY, WEEK)}
    assert lags == {DAY: True, WEEK: True}
    views = problem.network.views(problem.initial(0))
    maps = spec.skip_gain * views["skip.weight"].reshape(3, DAY, WEEK)
    np.testing.assert_allclose(maps[1:], np.stack(found), rtol=1e-12)
    np.testing.assert_allclose(maps[0], best_map(problem, rows)[:-1].T, rtol=1e-12)


def test_two_maps_tell_days_from_weeks_better_than_one() -> None:
    training = Training(300, 64, learning_rate=5e-3, dtype="float64")
    one, two = (run(days_and_weeks(maps), training, seed=0) for maps in (1, 2))
    assert two.best_score < 0.8 * one.best_score
