"""Lines of eleven points: ours carries them on, the published network bends them."""

import numpy as np

from rollcast.recipes import minutes_played


def test_the_trend_goes_on_where_the_published_network_bends_it() -> None:
    found = minutes_played(hidden=(16,), steps=8, published=True, seed=1)
    metrics = found.metrics
    assert metrics["one_offset_rollcast_training_loss"] <= 0.062
    assert metrics["one_offset_rollcast_rmse_ahead"] <= 0.3
    assert metrics["noise_rollcast_rmse_ahead"] <= 2.0
    assert metrics["one_offset_as_published_rmse_ahead"] > 3.0
    assert metrics["noise_network_of_time_rmse_ahead"] > 5.0
    assert metrics["one_offset_straight_line_rmse_ahead"] < 1e-9
    assert [row["method"] for row in found.table] == 2 * [
        "rollcast", "as published", "network of time", "straight line"
    ]  # fmt: skip
    assert set(found.figures) == {"forecasts-one-offset", "forecasts-noise", "losses"}
    assert found.settings["hidden"] == (16,)
    assert all(np.isfinite(value) for value in metrics.values())
