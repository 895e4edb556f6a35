import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import rollcast
from rollcast import DataError, Forecaster, ModelFileError, NotFittedError, Panel, UsageError
from rollcast.model.file import read_model, write_model

from ..conftest import COLUMNS, quick, wave_table


@pytest.fixture
def saved(fitted: Forecaster, tmp_path: Path) -> Path:
    fitted.save(tmp_path / "model.roll")
    return tmp_path / "model.roll"


@pytest.mark.parametrize("scaling", ["window", "series"])
def test_a_loaded_model_gives_the_same_bits_without_the_table(
    table: pl.DataFrame, tmp_path: Path, scaling: str
) -> None:
    model = quick(scaling=scaling).fit(table, **COLUMNS)
    model.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    for level in ((80, 95), ()):
        assert loaded.predict(level=level).equals(model.predict(level=level))
    assert loaded.predict(table).equals(model.predict(table))
    assert loaded.get_params() == model.get_params()
    assert loaded.scores_ == model.scores_
    assert loaded.summary() == model.summary()
    assert repr(loaded) == repr(model)


def test_a_model_whose_held_out_rows_have_gaps_loads_again(tmp_path: Path) -> None:
    values = 5 + np.sin(np.arange(200) / 3)
    values[[180, 181, 190]] = np.nan  # truths of windows that are held out
    model = quick().fit(pl.DataFrame({"ds": range(200), "y": values}))
    assert np.isnan(model.fitted_.calibration.scores).any()
    model.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    assert loaded.predict().equals(model.predict())
    assert np.array_equal(
        loaded.fitted_.calibration.scores, model.fitted_.calibration.scores, equal_nan=True
    )


def test_a_loaded_model_can_be_saved_again_to_the_same_bytes(saved: Path) -> None:
    rollcast.load(saved).save(saved.with_name("again.roll"))
    assert saved.with_name("again.roll").read_bytes() == saved.read_bytes()


def test_another_process_loads_the_model_and_predicts_the_same(
    saved: Path, fitted: Forecaster
) -> None:
    code = "import sys, rollcast; rollcast.load(sys.argv[1]).predict().write_parquet(sys.argv[2])"
    out = saved.with_name("forecast.parquet")
    subprocess.run([sys.executable, "-c", code, saved, out], check=True)
    assert pl.read_parquet(out).equals(fitted.predict())


@pytest.mark.parametrize("ids", [["a", "b"], [7, 12], ["ü – 1", "北"], ["1", "01"]])
def test_ids_keep_their_type_and_spelling(ids: list, tmp_path: Path) -> None:
    table = wave_table({"a": 90, "b": 80}).with_columns(
        shop=pl.col("shop").replace_strict({"a": ids[0], "b": ids[1]})
    )
    model = quick().fit(table, **COLUMNS)
    model.save(tmp_path / "model.roll")
    forecast = rollcast.load(tmp_path / "model.roll").predict()
    assert forecast.equals(model.predict())
    assert sorted(forecast["shop"].unique().to_list()) == sorted(ids)


def test_pandas_is_remembered(tmp_path: Path, table: pl.DataFrame) -> None:
    frame = pd.DataFrame({name: table[name].to_list() for name in table.columns})
    model = quick().fit(frame, **COLUMNS)
    model.save(tmp_path / "model.roll")
    pd.testing.assert_frame_equal(rollcast.load(tmp_path / "model.roll").predict(), model.predict())


def test_without_history_a_model_asks_for_a_table(
    fitted: Forecaster, table: pl.DataFrame, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "small.roll", history=False)
    loaded = rollcast.load(tmp_path / "small.roll")
    assert loaded.predict(table).equals(fitted.predict())
    for call in (loaded.predict, loaded.backtest):
        with pytest.raises(UsageError, match=r"history=False.*Give a table"):
            call()
    with pytest.raises(UsageError, match="history=False"):
        loaded.update(table)


def test_saving_before_fit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="save"):
        Forecaster(3).save(tmp_path / "model.roll")
    assert not list(tmp_path.iterdir())


def places(value: object, path: tuple = ()) -> list[tuple]:
    """Every place in a JSON value."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inside = enumerate(value[:1])
    for key, inner in inside:
        found += places(inner, (*path, key))
    return found


@pytest.mark.parametrize("wrong", [None, "x", -1, 10**30, 1.5, True, [], {}, [[]], {"a": 1}])
def test_a_spec_that_was_tampered_with_loads_or_is_refused(saved: Path, wrong: object) -> None:
    spec, sections = read_model(saved)
    bad = saved.with_name("bad.roll")
    refused = 0
    for path in places(spec):
        changed = json.loads(json.dumps(spec))
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = wrong
        write_model(bad, changed, sections)
        try:
            model = rollcast.load(bad)
        except ModelFileError as error:
            assert len(str(error)) > 20
            refused += 1
            continue
        repr(model), model.summary()
    assert refused > 30


@pytest.mark.parametrize("name", list("abcdefghi"))
def test_sections_that_are_absent_or_of_another_shape_are_refused(saved: Path, name: str) -> None:
    spec, sections = read_model(saved)
    index = ord(name) - ord("a")
    names = sorted(sections)
    if index >= len(names):
        pytest.skip("no more sections")
    name = names[index]
    bad = saved.with_name("bad.roll")
    changes = [np.zeros((2, 3, 4)), np.zeros(0)]
    if name not in ("calibration/paths", "calibration/scores"):  # any number may be kept
        changes.append(sections[name][:-1])
    if name not in ("calibration/paths", "calibration/overlap", "history/values"):  # may lack
        write_model(bad, spec, {key: sections[key] for key in names if key != name})
        with pytest.raises(ModelFileError):
            rollcast.load(bad)
    for change in changes:
        write_model(bad, spec, {**sections, name: change})
        with pytest.raises(ModelFileError):
            rollcast.load(bad)


def test_a_history_of_impossible_lengths_or_stamps_is_refused(saved: Path) -> None:
    spec, sections = read_model(saved)
    bad = saved.with_name("bad.roll")
    huge = np.array([2**62, 2**62, 2**63 - 1], np.int64)
    rows = len(sections["history/values"])
    changes = [
        {"history/lengths": huge},
        {"history/lengths": np.array([rows, 0, 0])},
        {"history/lengths": np.array([rows + 5, -5, 0])},
        {"history/starts": np.full(3, 2**63 - 1)},
        {"history/starts": np.full(3, -(2**63))},
        {"history/values": np.full(rows, np.inf)},
    ]
    for change in changes:
        write_model(bad, spec, sections | change)
        with pytest.raises(ModelFileError):
            rollcast.load(bad)


# update


def test_update_continues_the_history_without_training(
    fitted: Forecaster, table: pl.DataFrame, saved: Path
) -> None:
    newer = table.with_columns(
        when=pl.col("when") + (pl.col("when").max() - pl.col("when").min()).over("shop")
        + pl.duration(hours=1)
    )  # fmt: skip
    model = rollcast.load(saved)
    first = newer.filter(pl.int_range(pl.len()).over("shop") < 20)
    model.update(first.filter(pl.col("shop") != "b"), recalibrate=False)
    together = pl.concat([table, first.filter(pl.col("shop") != "b")])
    assert model.predict().equals(fitted.predict(together))
    fresh = first.filter(pl.col("shop") == "a").with_columns(shop=pl.lit("new"))
    model.update(fresh)
    assert model.predict().equals(fitted.predict(pl.concat([together, fresh])))


def test_rows_left_out_before_an_update_count_as_missing(
    fitted: Forecaster, table: pl.DataFrame, saved: Path
) -> None:
    one = table.filter(pl.col("shop") == "a")
    late = one.tail(2).with_columns(when=pl.col("when") + pl.duration(hours=5))
    model = rollcast.load(saved).update(late)
    found = model.predict().filter(pl.col("shop") == "a")
    expected = fitted.predict(pl.concat([one, late]))
    for name in expected.columns[2:]:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)


def test_an_update_that_overlaps_says_where(saved: Path, table: pl.DataFrame) -> None:
    with pytest.raises(DataError, match=r"series 'a'.*already has rows up to.*later rows"):
        rollcast.load(saved).update(table.filter(pl.col("shop") == "a").tail(1))


def test_an_update_off_the_grid_or_without_a_table_is_refused(
    saved: Path, table: pl.DataFrame
) -> None:
    model = rollcast.load(saved)
    late = table.tail(3).with_columns(when=pl.col("when") + pl.duration(days=3, minutes=20))
    with pytest.raises(DataError, match="same grid"):
        model.update(late)
    with pytest.raises(UsageError, match="no table"):
        model.update(None)


# resume


def test_a_killed_fit_goes_on_to_the_same_bits(table: pl.DataFrame, tmp_path: Path) -> None:
    from rollcast.train.events import StepDone

    whole = quick().fit(table, **COLUMNS)

    def stop(event: object) -> None:
        if isinstance(event, StepDone) and event.step == 23:
            raise KeyboardInterrupt

    path = tmp_path / "run.ckpt"
    with pytest.raises(KeyboardInterrupt):
        quick().fit(table, **COLUMNS, checkpoint=path, listeners=[stop])
    steps: list[int] = []

    def count(event: object) -> None:
        if isinstance(event, StepDone):
            steps.append(event.step)

    resumed = quick().fit(table, **COLUMNS, checkpoint=path, listeners=[count])
    assert steps == list(range(24, 41))
    assert resumed.predict().equals(whole.predict())
    assert resumed.fitted_.weights.tobytes() == whole.fitted_.weights.tobytes()


def test_a_checkpoint_of_another_table_or_network_is_refused(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "run.ckpt"
    quick().fit(table, **COLUMNS, checkpoint=path)
    for model, other in (
        (quick(), table.with_columns(sold=pl.col("sold") * 1.01)),
        (quick(cell="gru"), table),
        (quick(seed=3), table),
    ):
        with pytest.raises(UsageError, match="checkpoint"):
            model.fit(other, **COLUMNS, checkpoint=path)


def test_a_model_file_is_no_checkpoint_and_the_reverse(table: pl.DataFrame, saved: Path) -> None:
    with pytest.raises((ModelFileError, UsageError)):
        quick().fit(table, **COLUMNS, checkpoint=saved)
    path = saved.with_name("run.ckpt")
    quick().fit(table, **COLUMNS, checkpoint=path)
    with pytest.raises(ModelFileError):
        rollcast.load(path)


def test_arguments_changed_after_fit_do_not_change_the_file(fitted, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    model = rollcast.load(tmp_path / "model")
    model.set_params(horizon=9, name="other", cell="gru", scaling="series")
    model.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    assert rollcast.load(tmp_path / "again").predict().equals(fitted.predict())


@pytest.mark.parametrize("scaling", ["window", "series"])
def test_a_file_of_another_name_goes_on_with_the_one_series_without_ids(tmp_path, scaling) -> None:
    table = wave_table({"a": 120}).drop("shop")
    table.head(100).write_csv(tmp_path / "june.csv")
    table.tail(20).write_csv(tmp_path / "july.csv")
    columns = {"time": "when", "target": "sold"}
    model = quick(scaling=scaling).fit(tmp_path / "june.csv", **columns)
    july = model.predict(tmp_path / "july.csv", level=())
    model.save(tmp_path / "model")
    model = rollcast.load(tmp_path / "model").update(tmp_path / "july.csv")
    assert len(model.history_) == 1
    found = model.predict(level=())
    np.testing.assert_allclose(found["rollcast"], july["rollcast"], rtol=1e-5)
    assert found.columns == ["when", "rollcast"] and len(found) == 4


def test_a_panel_without_ids_goes_on_as_well() -> None:
    values = wave_table({"a": 120})["sold"].to_numpy()
    model = quick(scaling="series").fit(Panel.of(values[:100]))
    later = Panel.of(values[100:], start=100)
    model.update(later)
    assert len(model.history_) == 1
