import numpy as np
import pytest

from rollcast.data.panel import Panel
from rollcast.data.windows import Windows
from rollcast.model import predict as module
from rollcast.model.network import Network, build
from rollcast.model.predict import loss, predict
from rollcast.model.spec import NetworkSpec


def made(head: str = "quantile") -> tuple[Network, np.ndarray, Windows]:
    generator = np.random.default_rng(0)
    values = {name: 5 + generator.normal(size=40).cumsum() for name in "abc"}
    values["a"][[3, 20, 33]] = np.nan
    panel = Panel.of(values, start="2024-01-01", freq="D")
    windows = Windows(panel, 6, 3, dtype=np.float64)
    spec = NetworkSpec(
        context=6, horizon=3, hidden=(5,), indicator=True, features=len(windows.feature_names),
        head=head,
    )  # fmt: skip
    network = build(spec)
    return network, network.initial(0, "float64"), windows


def test_forecasts_are_the_heads_quantiles_in_the_unit_of_the_target() -> None:
    network, weights, windows = made()
    found = predict(network, weights, windows, levels=(0.1, 0.9))
    assert found.median.shape == (windows.count, 3)
    assert found.quantiles.shape == (windows.count, 3, 2)
    for index in (0, 50, windows.count - 1):
        batch = windows.batch([index])
        scaled = network.head.quantiles(network.outputs(weights, batch), (0.5, 0.1, 0.9))
        expected = batch.location + batch.scale * scaled[:, 0]
        np.testing.assert_allclose(found.median[index], expected[:, 0], rtol=1e-12)
        np.testing.assert_allclose(found.quantiles[index], expected[:, 1:], rtol=1e-12)
        np.testing.assert_array_equal(found.scale[index], batch.scale[0])


@pytest.mark.parametrize("head", ["mse", "mae", "huber"])
def test_a_point_head_has_no_quantiles(head: str) -> None:
    network, weights, windows = made(head)
    found = predict(network, weights, windows, levels=(0.1, 0.9))
    assert found.levels == ()
    assert found.quantiles.shape == (windows.count, 3, 0)
    assert np.isfinite(found.median).all()


def test_the_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    network, weights, windows = made()
    whole = predict(network, weights, windows, levels=(0.25,))
    whole_loss = loss(network, weights, windows)
    monkeypatch.setattr(module, "WINDOWS_AT_ONCE", 7)
    parts = predict(network, weights, windows, levels=(0.25,))
    np.testing.assert_allclose(parts.median, whole.median, rtol=1e-12)
    np.testing.assert_allclose(parts.quantiles, whole.quantiles, rtol=1e-12)
    assert loss(network, weights, windows) == pytest.approx(whole_loss, rel=1e-12)


def test_the_loss_is_that_of_training_on_the_same_windows() -> None:
    network, weights, windows = made()
    indices = np.arange(5, 60)
    batch = windows.batch(indices)
    expected, _ = network.loss_and_gradient(weights, batch)
    assert loss(network, weights, windows, indices) == pytest.approx(expected, rel=1e-12)
    rows = np.linspace(0.1, 3, len(indices))
    expected, _ = network.loss_and_gradient(weights, batch, row_weight=rows)
    found = loss(network, weights, windows, indices, lambda _: rows)
    assert found == pytest.approx(expected, rel=1e-12)
