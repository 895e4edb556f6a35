"""A SequenceRegressor in a file, and back."""

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import ModelFileError, SequenceRegressor, Training, UsageError
from rollcast.model.file import read_model, write_model

QUICK = Training(steps=3, learning_rate=1e-2)
OWN = {"ahead": 1, "hidden": (4,), "training": QUICK}
SETTINGS = {
    "plain": {"hidden": np.array([5, 4]), "training": Training(steps=3, dtype="float64")},
    "numbers of numpy": {"window": np.int64(9), "seed": np.int32(4), "dropout": np.float32(0.5),
                         "hidden": (4, 3), "stateful": np.True_, "held_out": np.int8(1)},
    "no readout": {"hidden": (4, 1), "readout": False, "scaling": "minmax", "cell": "gru"},
    "layer": {"hidden": (5, 4), "normalize": "layer", "scaling": "none", "dropout": 0.3},
    "batch": {"hidden": (5, 4), "normalize": "batch", "window": 10, "stateful": True},
    "recurrent": {"normalize": "recurrent_batch", "window": 10, "stride": 5, "scaling": "standard"},
    "difference": {"difference": True, "feeding": "free(warm_up=3)", "held_out": 1},
    "differences": {"inputs": ("z", "y"), "targets": ["y", "z"], "difference": True,
                    "normalize": "layer", "hidden": (4, 3), "scaling": "minmax"},
    "differences, stateful": {"difference": "auto", "stateful": True, "window": 8, "cell": "gru"},
    "always": {"stateful": "always", "window": 8, "stride": 3, "initial": "normal(std=0.1)"},
    "scheduled": {"feeding": "scheduled(end=0.5)", "restore": "last", "recompute": None},
    "burn-in": {"burn_in": 3, "record_burn_in": False, "recompute": "chunks", "loss_steps": "last"},
    "closed loop": {"restore": "closed_loop(steps=4)", "check_every": 2, "cell": "rnn_relu"},
    "known inputs": {"inputs": ["z", "y"], "cell": "rnn_tanh", "name": "said"},
    "linear path": {"skip": "ridge(rows=5)", "feeding": "free(warm_up=3)"},
    "linear path of two": {"inputs": ("y", "z"), "targets": ("y", "z"), "skip": "zero",
                           "normalize": "layer", "hidden": (4, 3), "stateful": True, "window": 9},
    "both ends": {"ahead": 0, "inputs": "z", "bidirectional": True, "skip": "ridge(rows=2)",
                  "hidden": (4, 3), "dropout": 0.2, "burn_in": 1},
    "another signal": {"ahead": 0, "inputs": "z", "training": Training(steps=3, optimizer="lbfgs")},
}  # fmt: skip


def table():
    rows = np.arange(60)
    return pl.DataFrame(
        {
            "id": np.repeat(["a", "b"], 30),
            "t": np.tile(rows[:30], 2),
            "y": np.sin(rows) + 3 * rows,
            "z": np.cos(rows) + rows % 5,
        }
    )


def fitted(**setting):
    given = {"inputs": "y", "targets": "y"} | OWN | setting
    return SequenceRegressor(**given).fit(table(), id="id", time="t")


def said(model):
    """All that a model says: of rows seen and new, in closed loop, and row by row."""
    seen, new = table(), table().with_columns(pl.col("id") + "?", pl.col("y") * 2 + 1)
    later = seen.select("id", pl.col("t") + 30, "z")
    found = [model.predict(each, window=window) for each in (seen, new) for window in (None, 7)]
    if model.ahead and set(model.fitted_.plan.targets) <= set(model.fitted_.plan.inputs):
        known = {} if len(model.fitted_.plan.inputs) == len(model.fitted_.plan.targets) else {
            "future": later
        }  # fmt: skip
        found.append(model.generate(seen, 4, **known))
    if model.normalize != "recurrent_batch" and not model.bidirectional:
        stream = model.stream(seen)
        inputs = model.fitted_.params["inputs"]
        for row in range(3):
            rows = [[float(row + id + len(name)) for name in inputs] for id in range(2)]
            found.append(pl.DataFrame(np.asarray(stream.update(rows))))
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_saved_says_the_same(name, tmp_path):
    model = fitted(**SETTINGS[name])
    model.save(tmp_path / "model")
    loaded = rollcast.load(tmp_path / "model")
    assert isinstance(loaded, SequenceRegressor)
    np.testing.assert_array_equal(loaded.weights_, model.weights_)
    for ours, theirs in zip(said(loaded), said(model), strict=True):
        assert ours.equals(theirs)
    for argument, value in model.get_params().items():
        assert np.array_equal(loaded.get_params()[argument], value), argument
    with pytest.raises(UsageError, match="none"):
        loaded.at_step(0)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    again = loaded.fit(table(), id="id", time="t")
    np.testing.assert_array_equal(again.weights_, model.weights_)


def test_every_argument_was_saved_with_another_value_than_the_usual():
    usual = SequenceRegressor("y", "y").get_params() | OWN
    for argument, value in usual.items():
        tried = [setting[argument] for setting in SETTINGS.values() if argument in setting]
        assert any(not np.array_equal(each, value) for each in tried), argument


def test_arguments_changed_after_fit_change_neither_outputs_nor_the_file(tmp_path):
    model = fitted()
    expected = model.predict(table())
    model.set_params(ahead=0, name="new", hidden=(9,), inputs="z", normalize="layer")
    assert model.predict(table()).equals(expected)
    model.save(tmp_path / "model")
    assert rollcast.load(tmp_path / "model").predict(table()).equals(expected)


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
    "no name": lambda spec: spec["options"].update(id=3),
    "no names": lambda spec: spec["options"].update(time=["t", None]),
    "a word for a truth": lambda spec: spec["sequence"].update(readout="no"),
    "dropout": lambda spec: spec["sequence"].update(dropout=2),
    "rows": lambda spec: spec.update(rows=-1),
    "a path": lambda spec: spec["sequence"].update(skip="zero(rows=4000)"),
    "another path": lambda spec: spec["sequence"].update(skip="zero(rows=1)"),
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


def test_a_file_from_before_there_were_linear_paths_is_read(tmp_path):
    model = fitted()
    model.save(tmp_path / "model")
    spec, sections = read_model(tmp_path / "model")
    del spec["sequence"]["skip"]
    write_model(tmp_path / "model", spec, sections)
    loaded = rollcast.load(tmp_path / "model")
    assert loaded.predict(table()).equals(model.predict(table()))
