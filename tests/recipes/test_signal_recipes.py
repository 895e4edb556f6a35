"""sin to cos with carried states, and a sine that runs free."""

import pytest

from rollcast.recipes import closed_loop_sine, sin_to_cos


@pytest.mark.parametrize(("points", "last"), [(30, 5e-5), (300, 1e-2)])
def test_cos_is_learnt_with_states_that_are_carried_and_guessed_without(points, last):
    result = sin_to_cos(points=points)
    assert result.metrics["rollcast_mse_last_100"] <= last
    assert result.metrics["rollcast_first_point"] < 1e-2
    # cos is 1 or −1 where a window begins, and sin is 0 in both: the best guess is 0
    assert result.metrics["states_reset_first_point"] == pytest.approx(1.0, abs=0.05)
    assert set(result.figures) == {"outputs", "losses", "window-starts"}


def test_the_published_schedule_stops_before_long_windows_are_learnt():
    result = sin_to_cos(points=300, windows=400, published=True)
    methods = {row["method"]: row for row in result.table}
    assert methods["as published"]["MSE, last 100"] > 0.4
    assert methods["as published"]["last rate"] < 1e-6


def test_the_closed_loop_stays_on_the_sine_from_many_points_and_from_one():
    result = closed_loop_sine()
    assert result.metrics["rollcast_rmse_from_31_points"] <= 0.05
    assert result.metrics["rollcast_rmse_from_one_value"] <= 0.15
    assert set(result.figures) == {"from-31-points", "from-one-value", "losses"}


def test_the_published_closed_loop_does_not_begin_well_from_one_value():
    result = closed_loop_sine(steps=500, published=True)
    for name in ("as_published", "as_published_reset"):
        assert result.metrics[f"{name}_rmse_from_one_value"] > 0.15
    assert len(result.table) == 3
