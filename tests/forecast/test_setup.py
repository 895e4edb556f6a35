import numpy as np
import pytest

from rollcast.data.panel import Panel
from rollcast.data.windows import Windows
from rollcast.forecast.evaluate import crossed_bands, fold_of, raw_windows, seasonal_units
from rollcast.forecast.holdout import Holdout, cut_rows
from rollcast.forecast.problem import LARGEST_WEIGHT, NetworkProblem
from rollcast.forecast.setup import loss_units, whole_windows
from rollcast.model.network import build
from rollcast.model.spec import NetworkSpec

HOLDOUT = Holdout(origins=4, step=2, rows=9)


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(1)
    return Panel.of({name: generator.normal(size=n) for name, n in (("a", 60), ("b", 16))})


def split(panel: Panel) -> tuple[Windows, Windows, np.ndarray]:
    every = Windows(panel, 8, 3, dtype=np.float64)
    trained, held = every.hold_out(HOLDOUT.origins, HOLDOUT.step)
    cut = cut_rows(panel, HOLDOUT)
    return whole_windows(trained, cut), held, cut


def test_training_takes_whole_windows_and_padded_ones_only_of_series_without(
    panel: Panel,
) -> None:
    trained, _, cut = split(panel)
    assert cut.tolist() == [51, 67]
    origins = {name: trained.origin[trained.series == index] for index, name in enumerate("ab")}
    # Of a: eight rows before, three after, all before row 51. Of b, seven rows long: any.
    assert origins["a"].tolist() == list(range(8, 49))
    assert origins["b"].tolist() == list(range(61, 67))
    batch = trained.batch(np.flatnonzero(trained.series == 0))
    assert batch.observed.all()
    assert batch.target_observed.all()


def test_no_training_window_reaches_a_held_out_target(panel: Panel) -> None:
    trained, held, cut = split(panel)
    batch = trained.batch(np.arange(trained.count))
    last = batch.origin + batch.target_observed.sum(axis=0) - 1
    assert (last < cut[batch.series]).all()
    assert (held.origin >= cut[held.series]).all()


def test_raw_windows_are_what_the_panel_holds(panel: Panel) -> None:
    _, held, _ = split(panel)
    past, target = raw_windows(panel, held.series, held.origin, 8, 3)
    batch = held.batch(np.arange(held.count))
    unscaled = (batch.past * batch.scale + batch.location).T
    np.testing.assert_allclose(np.where(batch.observed.T, unscaled, np.nan), past, rtol=1e-12)
    np.testing.assert_allclose((batch.target * batch.scale + batch.location).T, target, rtol=1e-12)


def test_raw_windows_stop_where_they_are_told(panel: Panel) -> None:
    past, target = raw_windows(panel, np.array([0]), np.array([2]), 4, 3, np.array([4]))
    assert np.isnan(past).tolist() == [[True, True, False, False]]
    assert np.isnan(target).tolist() == [[False, False, True]]


def test_the_units_know_nothing_of_the_held_out_rows(panel: Panel) -> None:
    cut = cut_rows(panel, HOLDOUT)
    values = panel.values.copy()
    values[cut[0] : 60] *= 100
    changed = Panel(values, panel.offsets, panel.times, panel.ids)
    np.testing.assert_array_equal(seasonal_units(panel, cut), seasonal_units(changed, cut))
    np.testing.assert_array_equal(loss_units(panel, cut), loss_units(changed, cut))


def test_a_series_that_never_changes_has_a_unit_too() -> None:
    panel = Panel.of({"flat": np.full(40, 5.0), "zero": np.zeros(40)})
    assert loss_units(panel, panel.offsets[1:]).tolist() == [5.0, 1.0]


def test_windows_weigh_by_their_scale_in_the_unit_of_their_series(panel: Panel) -> None:
    trained, held, cut = split(panel)
    network = build(NetworkSpec(context=8, horizon=3, hidden=(4,), indicator=True))
    units = loss_units(panel, cut)
    problem = NetworkProblem(network, trained, held, dtype="float64", units=units)
    batch = trained.batch([0, 1, trained.count - 1])
    weight = problem.row_weight(batch)
    assert weight is not None
    np.testing.assert_allclose(weight, batch.scale / units[batch.series])
    tiny = NetworkProblem(network, trained, held, dtype="float64", units=units * 1e-9)
    assert (tiny.row_weight(batch) == LARGEST_WEIGHT).all()
    assert NetworkProblem(network, trained, held).row_weight(batch) is None


def test_the_loss_that_is_validated_is_the_loss_that_is_trained(panel: Panel) -> None:
    trained, held, cut = split(panel)
    network = build(NetworkSpec(context=8, horizon=3, hidden=(4,), indicator=True))
    units = loss_units(panel, cut)
    problem = NetworkProblem(network, trained, held, dtype="float64", units=units)
    weights = problem.initial(0)
    swapped = NetworkProblem(network, held, trained, dtype="float64", units=units)
    expected, _ = swapped.loss_and_gradient(weights, np.arange(held.count), 0)
    assert problem.validate(weights) == pytest.approx(expected, rel=1e-12)


def test_a_problem_is_known_by_its_data_and_its_network(panel: Panel) -> None:
    trained, held, _ = split(panel)
    spec = NetworkSpec(context=8, horizon=3, hidden=(4,))
    first = NetworkProblem(build(spec), trained, held).fingerprint()
    assert NetworkProblem(build(spec), trained, held).fingerprint() == first
    other = NetworkSpec(context=8, horizon=3, hidden=(5,))
    assert NetworkProblem(build(other), trained, held).fingerprint() != first
    assert NetworkProblem(build(spec), held, held).fingerprint() != first


def test_the_folds_are_the_early_and_the_late_half(panel: Panel) -> None:
    _, held, _ = split(panel)
    assert fold_of(held, HOLDOUT).tolist() == [False, False, True, True] * 2
    _, held = Windows(panel, 8, 3).hold_out(1)
    assert fold_of(held, Holdout(1, 3, 3)).tolist() == [False, True]


def test_each_half_is_calibrated_on_the_other() -> None:
    generator = np.random.default_rng(0)
    median = np.zeros((80, 2))
    truth = generator.normal(size=(80, 2))
    truth[40:] *= 10
    one = np.ones_like(median)
    fold = np.arange(80) >= 40
    low, high = crossed_bands(fold, median, one, one, truth)[80]
    assert (high[:40] > 5).all() and (high[40:] < 5).all()
    np.testing.assert_array_equal(low, -high)
    few = slice(None, None, 8)
    assert 95 not in crossed_bands(fold[few], median[few], one[few], one[few], truth[few])
