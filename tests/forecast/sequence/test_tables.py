"""SequenceRegressor on tables: what goes in, what comes out, and what is refused."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from rollcast import DataError, NotFittedError, SequenceRegressor, Training, UsageError
from rollcast.forecast.sequence.scaling import SCALERS

QUICK = Training(steps=20, learning_rate=1e-2)


def waves(lengths, level=0.0, scale=1.0):
    return pl.concat(
        pl.DataFrame(
            {
                "unique_id": [id] * length,
                "ds": np.arange(length) + 5,
                "y": level + scale * np.sin(0.3 * np.arange(length) + id),
                "z": np.cos(0.3 * np.arange(length) + id),
            }
        )
        for id, length in enumerate(lengths)
    )


@pytest.fixture(scope="module")
def continuing():
    return SequenceRegressor(
        "y", "y", ahead=1, hidden=(6,), training=Training(steps=20, dtype="float64")
    ).fit(waves([30, 20]))


def test_what_is_generated_is_what_predict_says_when_fed_its_own_outputs(continuing):
    table, steps = waves([30, 20]), 5
    generated = continuing.generate(table, steps)
    for _ in range(steps):
        said = continuing.predict(table).group_by("unique_id", maintain_order=True).last()
        table = pl.concat([table.drop("z", strict=False), said.rename({"rollcast": "y"})])
    fed = table.group_by("unique_id", maintain_order=True).tail(steps).sort("unique_id", "ds")
    assert generated["ds"].to_list() == [35, 36, 37, 38, 39, 25, 26, 27, 28, 29]
    np.testing.assert_allclose(generated["rollcast"], fed["y"], rtol=1e-12)


def test_an_output_stands_at_the_stamp_that_it_is_for(continuing):
    table = waves([4])
    assert continuing.predict(table)["ds"].to_list() == [6, 7, 8, 9]
    same = SequenceRegressor("y", "z", hidden=(3,), training=QUICK).fit(table)
    assert same.predict(table)["ds"].to_list() == [5, 6, 7, 8]


def test_predict_reads_on_or_begins_anew_after_so_many_rows(continuing):
    table = waves([30])
    whole, cut = (continuing.predict(table, window=window)["rollcast"] for window in (None, 10))
    later = table.filter(pl.col("ds") >= 15).head(10)
    np.testing.assert_allclose(whole[:10], cut[:10], rtol=1e-12)
    np.testing.assert_allclose(cut[10:20], continuing.predict(later)["rollcast"], rtol=1e-12)
    assert abs(whole[10] - cut[10]) > 1e-6


def test_the_open_loop_is_scored_as_it_is_trained():
    model = SequenceRegressor(
        "y", "z", window=7, hidden=(4,), scaling="none", check_every=1, training=QUICK
    ).fit(waves([23, 9]))
    # one batch holds all windows: the loss of a step is that of the weights before it
    scores = [score["loss"] for score in model.scores_][:-1]
    np.testing.assert_allclose(scores, model.history_.loss, rtol=1e-5)
    truth, said = waves([23, 9])["z"], model.predict(waves([23, 9]), window=7)["rollcast"]
    assert model.scores_[model.best_step_]["loss"] == pytest.approx(((said - truth) ** 2).mean())


@pytest.mark.parametrize("scaling", SCALERS)
def test_outputs_are_in_the_unit_of_the_target(scaling):
    table = waves([60, 60], level=50.0, scale=3.0)
    model = SequenceRegressor(
        "z", "y", hidden=(16,), scaling=scaling, training=Training(steps=200, learning_rate=2e-2)
    ).fit(table)
    error = (model.predict(table)["rollcast"] - table["y"]).to_numpy()
    # unscaled, a level of 50 is far from what a new network says
    assert np.sqrt((error**2).mean()) < (30.0 if scaling == "none" else 0.6)


def test_a_series_not_seen_is_scaled_by_its_own_rows_and_one_seen_as_it_was():
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(4,), training=Training(steps=5, dtype="float64")
    ).fit(waves([30, 30]))
    table = waves([30])
    new = table.with_columns(unique_id=pl.lit(9), y=100 + 7 * pl.col("y"))
    as_new = (model.predict(new)["rollcast"] - 100) / 7
    np.testing.assert_allclose(as_new, model.predict(table)["rollcast"], rtol=1e-9)
    part = model.predict(table.head(12))["rollcast"]
    np.testing.assert_allclose(part, model.predict(table)["rollcast"][:12], rtol=1e-12)


def test_the_one_series_of_a_table_without_ids_is_the_same_in_another_file(tmp_path):
    table = waves([40]).drop("unique_id")
    table.write_csv(tmp_path / "june.csv")
    table.tail(12).write_csv(tmp_path / "july.csv")
    model = SequenceRegressor("y", "y", ahead=1, hidden=(4,), training=QUICK)
    model.fit(tmp_path / "june.csv")
    table.tail(12).write_csv(tmp_path / "june.csv")
    said = [model.predict(tmp_path / f"{name}.csv") for name in ("june", "july")]
    assert said[0].equals(said[1])


def test_tables_come_back_in_their_kind_with_a_column_for_each_target():
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=20, freq="h"),
            "y": np.arange(20.0),
            "z": np.arange(20.0) ** 2,
        }
    )
    model = SequenceRegressor(
        ["z", "y"], ["y", "z"], ahead=1, hidden=(3,), training=QUICK, name="said"
    ).fit(frame, time="when")
    later = model.generate(frame, 2)
    assert list(later.columns) == ["when", "said-y", "said-z"]
    assert later["when"].tolist() == list(pd.date_range("2024-01-01 20:00", periods=2, freq="h"))


@pytest.mark.parametrize(
    ("cell", "targets", "difference", "skip"),
    [
        ("gru", "y", False, "none"),
        ("lstm", "y", False, "ridge(rows=3)"),
        ("lstm", ("y", "z"), True, "none"),
        ("gru", ("y", "z"), True, "zero(rows=1)"),
    ],
)
def test_a_stream_says_what_predict_says_of_the_longer_table(cell, targets, difference, skip):
    table = waves([30, 20])
    model = SequenceRegressor(
        ("z", "y"), targets, ahead=1, cell=cell, hidden=(5, 3), difference=difference, skip=skip,
        training=Training(steps=5, dtype="float64"),
    ).fit(table)  # fmt: skip
    head = pl.concat([table.head(25), table.tail(20).head(15)])
    stream = model.stream(head)
    assert stream.ids == [0, 1]
    said = model.predict(table)
    said = [said.filter(pl.col("unique_id") == id)[:, 2:].to_numpy()[-5:] for id in (0, 1)]
    kept = stream.states
    for _ in range(2):
        for row in range(5):
            values = [table.select("z", "y").row(at) for at in (25 + row, 45 + row)]
            expected = [series[row] for series in said]
            np.testing.assert_allclose(stream.update(values), expected, rtol=1e-11)
        stream.states = kept
    for wrong in ([[1.0, np.nan], [1.0, 2.0]], [1.0, 2.0, 3.0, 4.0], "high", None):
        with pytest.raises(DataError, match="2 series and 2 inputs"):
            stream.update(wrong)
    for wrong in ({}, kept | {"h": kept["h"][:-1]}, kept | {"more": kept["h"]}):
        with pytest.raises(UsageError, match="found the shapes"):
            stream.states = wrong


@pytest.mark.parametrize("targets", ["y", ("y", "z")])
def test_a_linear_path_says_from_the_first_step_what_a_line_can_say(targets):
    """Waves are sums of their last two rows: Yule 1927, section II."""
    table = waves([60, 40])
    model = SequenceRegressor(
        targets, targets, ahead=1, hidden=(4,), skip="ridge(rows=2)", scaling="none", burn_in=1,
        restore="last", training=Training(steps=1, learning_rate=1e-9, dtype="float64"),
    ).fit(table)  # fmt: skip
    readout = model.fitted_.network.readout
    weights = model.weights_.copy()
    weights[readout.places()["head.weight"]] = weights[readout.places()["head.bias"]] = 0
    model.fitted_ = replace(model.fitted_, weights=weights)
    said = model.generate(table, 30)
    rows = np.concatenate([np.arange(60, 90), np.arange(40, 70)])
    truth = np.sin(0.3 * rows + np.repeat([0, 1], 30))
    column = "rollcast" if targets == "y" else "rollcast-y"
    np.testing.assert_allclose(said[column], truth, atol=0.02)


@pytest.mark.parametrize("kind", ["layer", "batch"])
@pytest.mark.parametrize("stateful", [False, True])
def test_normalized_layers_predict_generate_and_stream_alike(kind, stateful):
    table = waves([40, 30])
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(6, 5), normalize=kind, window=10, stateful=stateful,
        training=Training(steps=30, learning_rate=1e-2, dtype="float64"), dropout=0.1,
    ).fit(table)  # fmt: skip
    assert model.scores_[-1]["loss"] < model.scores_[0]["loss"]
    (following,) = model.generate(table.head(40), 1)["rollcast"]
    said = model.predict(table.head(40))["rollcast"]
    assert following == pytest.approx(said[-1], rel=1e-11)
    stream = model.stream(table.head(30))
    for row in range(30, 40):
        assert stream.update(table["y"][row]) == pytest.approx(said[row], rel=1e-10)


def test_layers_normalised_step_by_step_learn_in_closed_loop():
    table = waves([60])
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(8, 6), normalize="layer", feeding="free(warm_up=20)",
        window=40, stride=4, burn_in=5, restore="closed_loop(steps=20)",
        training=Training(steps=60, learning_rate=2e-2), dropout=0.1,
    ).fit(table)  # fmt: skip
    first, last = model.scores_[0]["closed_loop"], min(s["closed_loop"] for s in model.scores_)
    assert last < 0.3 * first


def test_a_recurrence_can_be_normalised():
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(8,), normalize="recurrent_batch", window=8, stride=2,
        restore="closed_loop", training=Training(steps=60, learning_rate=2e-2, dtype="float64"),
    )  # fmt: skip
    table = waves([40, 40, 40, 40])
    model.fit(table)
    assert model.scores_[-1]["loss"] < 0.5 * model.scores_[0]["loss"]
    (*_, following) = model.predict(table.head(40))["rollcast"]
    assert model.generate(table.head(40), 3)["rollcast"][0] == pytest.approx(following, rel=1e-11)
    with pytest.raises(UsageError, match="cannot stream"):
        model.stream(table)
    with pytest.raises(DataError, match="windows of one length"):
        model.set_params(stride=None).fit(table)
    with pytest.raises(UsageError, match="goes with stateful=False"):
        model.set_params(stateful=True).fit(table)


def test_the_documentation_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[3] / "docs" / "sequence.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(compile(block, "sequence.md", "exec"), names)
    assert names["outputs"].columns == ["ds", "rollcast"]
    assert names["future"]["ds"].to_list() == list(range(3000, 3100))
    assert isinstance(names["following"], float)
    assert names["same"].equals(names["future"])


def test_earlier_steps_can_be_gone_back_to():
    table = waves([40, 40, 40])
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(4,), held_out=1, restore="closed_loop(steps=8)", check_every=5,
        training=QUICK,
    ).fit(table)  # fmt: skip
    assert [score["step"] for score in model.scores_] == [0, 5, 10, 15, 20]
    best = min(model.scores_, key=lambda score: score["closed_loop"])
    assert model.best_step_ == best["step"]
    earlier = model.at_step(best["step"])
    assert earlier.predict(table).equals(model.predict(table))
    assert not model.at_step(0).predict(table).equals(model.predict(table))
    held = table.filter(pl.col("unique_id") == 2)
    rolled = model.generate(held.head(32), 8)["rollcast"]
    spread = held["y"].std(ddof=0)
    error = float(np.sqrt(((rolled - held["y"][32:]) ** 2).mean())) / spread
    # the score knows the scale of all rows, generate that of the 32 that it is given
    assert error == pytest.approx(best["closed_loop"], rel=0.2)
    with pytest.raises(UsageError, match=r"at_step\(7\).*0, 5, 10, 15, 20"):
        model.at_step(7)


def test_the_last_weights_are_kept_on_request():
    model = SequenceRegressor("y", "z", hidden=(3,), restore="last", training=QUICK)
    model.fit(waves([20]))
    assert model.best_step_ == 20
    assert [score["step"] for score in model.scores_] == list(range(21))


def test_tables_that_cannot_be_are_refused(continuing):
    table = waves([20, 20])
    holed = table.with_columns(y=pl.when(pl.col("ds") == 9).then(None).otherwise("y"))
    model = SequenceRegressor("y", "z", hidden=(3,), training=QUICK)
    with pytest.raises(DataError, match=r"series 0: input 'y' is missing at 9 \(2 such rows\)"):
        model.fit(holed)
    with pytest.raises(DataError, match="no column 'x'"):
        model.set_params(inputs="x").fit(table)
    with pytest.raises(DataError, match="2 series, and one at least"):
        SequenceRegressor("y", "z", held_out=2).fit(table)
    with pytest.raises(UsageError, match="targets are among its inputs"):
        SequenceRegressor("y", "z", hidden=(3,), training=QUICK).fit(table).generate(table, 3)
    with pytest.raises(NotFittedError, match="Call fit"):
        SequenceRegressor("y", "z").predict(table)
    with pytest.raises(UsageError, match="no argument 'rate'"):
        model.set_params(rate=3)
