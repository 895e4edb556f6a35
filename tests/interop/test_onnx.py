"""A file that onnxruntime runs says what the model says."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
from typer.testing import CliRunner

from rollcast import Forecaster, Training, load
from rollcast.apps.commands import app
from rollcast.errors import RollcastError, UsageError
from rollcast.interop import onnx

ROWS = 120


def waves(series: int = 3, rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Hours of noisy days of unlike levels, with gaps and a constant stretch at the end of one."""
    generator, hours = np.random.default_rng(seed), np.arange(rows)
    frames = []
    for index in range(series):
        values = (index + 1) * (10 + np.sin(hours * np.pi / 12) + 0.3 * generator.random(rows))
        values[5 + index :: 37] = np.nan
        if index == 2:
            values[-40:] = values[-41]
        stamps = (np.datetime64("2024-03-01", "h") + hours).astype("M8[us]")
        frames.append(pl.DataFrame({"unique_id": f"s{index}", "ds": stamps, "y": values}))
    return pl.concat(frames)


def fitted(**arguments: object) -> Forecaster:
    """A Forecaster with weights that nobody trained, so that every path counts."""
    chosen: dict[str, object] = {
        "context": 48, "hidden": (6, 6), "training": Training(steps=2, batch_size=16),
    } | arguments  # fmt: skip
    model = Forecaster(7, **chosen).fit(waves())  # type: ignore[arg-type]
    weights = model.fitted_.weights
    noise = 0.2 * np.random.default_rng(1).normal(size=weights.shape)
    model.fitted_ = replace(model.fitted_, weights=(weights + noise).astype(weights.dtype))
    return model


MODELS: dict[str, dict[str, object]] = {
    "direct": {},
    "row by row, of unequal layers": {"context": 20, "hidden": (6, 4)},
    "gru, last": {"cell": "gru", "scaling": "window(last)"},
    "tanh, logarithms, mean": {
        "cell": "rnn_tanh", "transform": "log1p", "scaling": "window(mean)",
    },
    "relu, median, normal": {
        "cell": "rnn_relu", "scaling": "window(median)", "head": "normal",
    },
    "residual, two members, whole numbers": {
        "cell": "gru(residual=true)", "ensemble": 2, "integer": True, "nonnegative": True,
    },
    "unscaled, mse": {"scaling": "none", "head": "mse"},
    "segment": {"strategy": "segment", "segment": 12},
    "segment, lstm, by series": {
        "strategy": "segment", "segment": 5, "cell": "lstm", "scaling": "series",
    },
    "recursive": {"strategy": "recursive"},
    "recursive, from the beginning": {
        "strategy": "recursive", "scaling": "series", "cell": "gru", "head": "crps(levels=5)",
    },
    "recursive, normal": {
        "strategy": "recursive", "scaling": "series(median)", "head": "normal",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_the_file_forecasts_as_the_model(name: str, tmp_path: Path) -> None:
    model, path = fitted(**MODELS[name]), tmp_path / "model.onnx"
    made = onnx.export(model, path, level=(80, 90))
    assert made.outputs == ("median", "lo-80", "hi-80", "lo-90", "hi-90")
    assert made.series == 3 and made.difference < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    # series that were never seen, of one of which little is known
    other = waves(2, 60, seed=5).filter(
        (pl.col("unique_id") == "s1") | (pl.int_range(pl.len()) >= 37)
    )
    other = other.with_columns("new " + pl.col("unique_id"))
    expected = model.forecast(other, level=(80, 90))
    ends = [end for level in (80, 90) for end in expected.bands[level]]
    seen = 0
    for ids, inputs in onnx.feeds(model, other):
        rows = [expected.panel.ids.tolist().index(id) for id in ids.tolist()]
        seen += len(rows)
        found = session.run(None, inputs)
        for one, wanted in zip(found, [expected.median, *ends], strict=True):
            if model.fitted_.limits.integer:
                assert np.all(np.abs(one - wanted[rows]) <= 1.0) and np.all(one == np.rint(one))
            else:
                np.testing.assert_allclose(one, wanted[rows], rtol=2e-4, atol=2e-4)
    assert seen == 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"cell": "min_gru"}, "the cell min_gru"),
        ({"cell": "lstm(dilation=2)"}, "dilation"),
        ({"cell": "gru(zoneout=0.1)"}, "zoneout"),
        ({"head": "student_t"}, "student_t"),
        ({"transform": "difference"}, "difference"),
        ({"normalize": "layer"}, "normalisation"),
    ],
)
def test_what_has_no_form_in_onnx_is_refused(
    arguments: dict[str, object], what: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=what):
        onnx.export(fitted(**arguments), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_blend_and_inputs_are_refused(tmp_path: Path) -> None:
    model = fitted()
    model.fitted_ = replace(model.fitted_, blend=replace(model.fitted_.blend, share=0.5))
    with pytest.raises(UsageError, match="blend"):
        onnx.export(model, tmp_path / "model.onnx")
    table = waves().with_columns(pl.col("ds").dt.hour().cast(float).alias("open"))
    other = Forecaster(3, context=12, hidden=(4,), training=Training(steps=1))
    other.fit(table, past=["open"])
    with pytest.raises(UsageError, match="inputs"):
        onnx.export(other, tmp_path / "model.onnx")


def test_a_file_that_would_say_something_else_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted()
    monkeypatch.setattr("rollcast.interop.onnx.window.CONSTANT", 1.0)
    with pytest.raises(RollcastError, match="differ"):
        onnx.export(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_same_file(tmp_path: Path) -> None:
    model, first, second = fitted(), tmp_path / "a.onnx", tmp_path / "b.onnx"
    model.save(tmp_path / "m.roll")
    found = CliRunner().invoke(app, ["export", str(tmp_path / "m.roll"), str(first)])
    assert found.exit_code == 0, found.output
    assert "values, past_features, future_features" in found.output
    onnx.export(load(tmp_path / "m.roll"), second, level=(80, 95))
    assert first.read_bytes() == second.read_bytes()
    words = ["export", str(tmp_path / "m.roll"), str(tmp_path / "m.roll")]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2 and ".onnx" in refused.output


def test_without_onnx_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from rollcast.errors import MissingExtraError\n"
        "try:\n    import rollcast.interop.onnx\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "rollcast[onnx]" in said.stdout
