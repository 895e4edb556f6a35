"""Every cell in every place that takes one: forecasts, streams, files, sequences."""

import numpy as np
import polars
import pytest

from rollcast import Forecaster, SequenceRegressor, Training, load
from rollcast.nn.cells import CELLS

NEW = [name for name in CELLS if name not in ("rnn_tanh", "rnn_relu", "lstm", "gru")]
NEW += ["lstm(dilation=2, residual=true, zoneout=0.1)", "slstm(dilation=3-1)"]
TRAINING = Training(steps=4, batch_size=8)


def table(rows=60):
    t = np.arange(rows)
    return polars.DataFrame({"ds": t, "x": np.cos(t / 5), "y": 10 + np.sin(t / 3) + t / 50})


@pytest.mark.parametrize("strategy", ["direct", "recursive", "segment"])
@pytest.mark.parametrize("cell", NEW)
def test_a_forecast_is_finite_and_the_same_from_its_file(cell, strategy, tmp_path):
    scaling = "series" if strategy == "recursive" else "window"  # from the series' beginning
    forecaster = Forecaster(
        4, context=16, cell=cell, hidden=(6, 6), strategy=strategy, scaling=scaling,
        training=TRAINING,
    ).fit(table())  # fmt: skip
    expected = forecaster.predict()
    assert np.isfinite(expected["rollcast"].to_numpy()).all()
    forecaster.save(tmp_path / "model")
    again = load(tmp_path / "model").predict()
    assert expected.equals(again)


@pytest.mark.parametrize("cell", NEW)
def test_a_stream_says_what_a_forecast_says_and_goes_on_from_its_bytes(cell):
    whole = table()
    model = Forecaster(
        3, context=16, cell=cell, hidden=(6, 5), strategy="recursive", scaling="series",
        training=TRAINING,
    ).fit(whole[:50])  # fmt: skip
    stream = model.stream()
    for value in whole["y"][50:55]:
        stream.update(value)
    following = model.forecast(whole[:56]).median
    again = model.stream(state=stream.state())
    told = [each.update(whole["y"][55]) for each in (stream, again)]
    assert told[0] == told[1]
    for each in (stream, again):
        assert each.forecast(level=80).median == pytest.approx(following, rel=1e-5)


@pytest.mark.parametrize("cell", NEW)
@pytest.mark.parametrize("stateful", [False, True])
def test_a_sequence_is_learnt_and_streamed(cell, stateful, tmp_path):
    data = table()
    regressor = SequenceRegressor(
        "x", "y", cell=cell, hidden=(6, 5), window=20, stateful=stateful,
        training=Training(steps=6, batch_size=4),
    ).fit(data)  # fmt: skip
    regressor.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.predict(data).equals(regressor.predict(data))
    stream, other = regressor.stream(data[:30]), again.stream(data[:5])
    other.states = stream.states
    assert [stream.update(x) for x in (0.5, 0.1)] == [other.update(x) for x in (0.5, 0.1)]
