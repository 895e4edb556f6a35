"""A SequenceRegressor in a file, and back."""

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import ModelFileError, SequenceRegressor, Training, UsageError
from rollcast.model.file import read_model, write_model

QUICK = Training(steps=3, learning_rate=1e-2)
SETTINGS = {
    "plain": {"hidden": np.array([5, 4]), "training": Training(steps=3, dtype="float64")},
    "no readout": {"hidden": (4, 1), "readout": False, "scaling": "minmax", "cell": "gru"},
    "layer": {"hidden": (5, 4), "normalize": "layer", "scaling": "none"},
    "batch": {"hidden": (5, 4), "normalize": "batch", "window": 10, "stateful": True},
    "recurrent": {"normalize": "recurrent_batch", "window": 10, "stride": 5, "hidden": (4,)},
    "difference": {"difference": True, "feeding": "free(warm_up=3)", "held_out": 1},
}


def table():
    rows = np.arange(60)
    return pl.DataFrame(
        {"id": np.repeat(["a", "b"], 30), "t": np.tile(rows[:30], 2), "y": np.sin(rows) + 3 * rows}
    )


def fitted(**setting):
    given = {"hidden": (4,), "training": QUICK} | setting
    return SequenceRegressor("y", "y", ahead=1, **given).fit(table(), id="id", time="t")


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_saved_says_the_same(name, tmp_path):
    model = fitted(**SETTINGS[name])
    model.save(tmp_path / "model")
    loaded = rollcast.load(tmp_path / "model")
    assert isinstance(loaded, SequenceRegressor)
    np.testing.assert_array_equal(loaded.weights_, model.weights_)
    assert loaded.predict(table()).equals(model.predict(table()))
    assert loaded.generate(table(), 4).equals(model.generate(table(), 4))
    given = {name: value for name, value in model.get_params().items() if name != "hidden"}
    assert {name: loaded.get_params()[name] for name in given} == given
    with pytest.raises(UsageError, match="none"):
        loaded.at_step(0)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


CHANGES = {
    "a cell": lambda spec: spec["sequence"].update(cell="elman"),
    "units": lambda spec: spec["sequence"].update(hidden=[5]),
    "units beyond memory": lambda spec: spec["sequence"].update(hidden=[10**9]),
    "no units": lambda spec: spec["sequence"].update(hidden=["x"]),
    "training": lambda spec: spec["sequence"]["training"].update(steps=0),
    "columns": lambda spec: spec["sequence"].update(inputs=[]),
    "columns in columns": lambda spec: spec["sequence"].update(inputs=[["y"]]),
    "another type": lambda spec: spec["sequence"].update(ahead="1"),
    "frequency": lambda spec: spec.update(freq="fortnight"),
    "options": lambda spec: spec.update(options={"password": 1}),
    "rows": lambda spec: spec.update(rows=-1),
    "nothing": lambda spec: spec.pop("differences"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_cannot_be_is_refused(name, tmp_path):
    fitted().save(tmp_path / "model")
    spec, sections = read_model(tmp_path / "model")
    CHANGES[name](spec)
    write_model(tmp_path / "model", spec, sections)
    with pytest.raises(ModelFileError):
        rollcast.load(tmp_path / "model")


def test_a_file_without_scales_is_refused(tmp_path):
    fitted().save(tmp_path / "model")
    spec, sections = read_model(tmp_path / "model")
    for change in ({"scaling/scales": 0 * sections["scaling/scales"]},
                   {"scaling/location": sections["scaling/location"][:1]}):  # fmt: skip
        write_model(tmp_path / "other", spec, sections | change)
        with pytest.raises(ModelFileError):
            rollcast.load(tmp_path / "other")
