from dataclasses import replace

import numpy as np
import pytest

from rollcast.data.panel import Panel
from rollcast.data.windows import Windows
from rollcast.model import predict as predict_module
from rollcast.model import walk
from rollcast.model.network import build
from rollcast.model.predict import predict
from rollcast.model.spec import NetworkSpec

from .test_network import random_weights


def ragged_panel() -> Panel:
    generator = np.random.default_rng(0)
    values = {
        name: generator.normal(size=rows).cumsum()
        for name, rows in zip("abc", (31, 12, 44), strict=True)
    }
    values["a"][[0, 1, 7, 30]] = np.nan
    values["c"][20:26] = np.nan
    return Panel.of(values, start="2024-01-01", freq="D")


def spec_for(windows: Windows, cell: str) -> NetworkSpec:
    return NetworkSpec(
        context=windows.context, horizon=windows.horizon, cell=cell, hidden=(4, 3),
        strategy="recursive", indicator=True, features=len(windows.feature_names), skip="none",
        lags=5, head="mse",
    )  # fmt: skip


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_forecast_follows_from_all_rows_before_it(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = ragged_panel()
    windows = Windows(panel, 6, 3, scaling="series", dtype=np.float64)
    spec = spec_for(windows, cell)
    network = build(spec)
    weights = random_weights(network)
    found = predict(network, weights, windows).median
    assert windows.statistics is not None
    for index in range(0, windows.count, 3):
        series = int(windows.series[index])
        alone = panel.take([series])
        rows = int(windows.origin[index] - panel.offsets[series])
        context = max(rows, 5)
        statistics = (windows.statistics[0][[series]], windows.statistics[1][[series]])
        one = Windows(
            alone, context, 3, scaling="series", statistics=statistics, dtype=np.float64
        ).at(0, rows)
        if rows < context:
            continue  # a window that long would begin with padding, which a walk never reads
        batch = one.batch([0])
        output = build(replace(spec, context=context)).outputs(weights, batch)
        expected = batch.location + batch.scale * output[:, 0, 0]
        np.testing.assert_allclose(found[index], expected, rtol=1e-9, atol=1e-9)
    # Neither order nor batches show.
    for name, bound in (("ROWS_AT_ONCE", 4), ("SERIES_AT_ONCE", 2)):
        monkeypatch.setattr(walk, name, bound)
    for name, bound in (("WINDOWS_AT_ONCE", 7), ("MEMORIES_AT_ONCE", 10)):
        monkeypatch.setattr(predict_module, name, bound)
    np.testing.assert_allclose(predict(network, weights, windows).median, found, rtol=1e-10)
    order = np.random.default_rng(1).permutation(windows.count)
    mixed = windows.at(
        windows.series[order], (windows.origin - panel.offsets[windows.series])[order]
    )
    np.testing.assert_allclose(predict(network, weights, mixed).median, found[order], rtol=1e-10)


def test_the_past_does_not_see_the_future() -> None:
    panel = ragged_panel()
    windows = Windows(panel, 6, 3, scaling="series", dtype=np.float64)
    network = build(spec_for(windows, "lstm"))
    weights = random_weights(network)
    changed = panel.values.copy()
    changed[panel.offsets[2] + 30 :] += 5.0
    other = Windows(
        replace(panel, values=changed), 6, 3, scaling="series", statistics=windows.statistics,
        dtype=np.float64,
    )  # fmt: skip
    before = windows.origin <= panel.offsets[2] + 30
    one, two = (predict(network, weights, each).median for each in (windows, other))
    np.testing.assert_array_equal(one[before], two[before])
    assert (one[~before] != two[~before]).any(axis=1).all()


def test_scaled_by_window_nothing_is_walked() -> None:
    windows = Windows(ragged_panel(), 6, 3, dtype=np.float64)
    spec = spec_for(windows, "lstm")
    assert not walk.walks(build(spec), windows)
    series = Windows(ragged_panel(), 6, 3, scaling="series", dtype=np.float64)
    assert walk.walks(build(spec), series)
    assert not walk.walks(build(NetworkSpec(context=6, horizon=3)), series)
