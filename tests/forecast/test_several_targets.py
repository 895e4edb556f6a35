"""Several targets from fit to file: each a series of its own, through everything after fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from rollcast import Forecaster, Training, load
from rollcast.errors import ModelFileError
from rollcast.forecast.saved.model import pack, unpack

TIMES = pd.date_range("2024-01-01", periods=80, freq="D")
TARGETS = {"time": "day", "target": "load,heat"}


def table(sites: str, begin: int = 0, end: int = 80) -> pd.DataFrame:
    rows = np.arange(80)
    return pd.concat(
        pd.DataFrame(
            {
                "site": site,
                "day": TIMES,
                "load": 10 * n + np.sin(rows / 3),
                "heat": 100 + np.cos(rows / (2 + n)),
            }
        )[begin:end]
        for n, site in enumerate(sites)
    ).reset_index(drop=True)


def fitted(rows: pd.DataFrame, **options: str) -> Forecaster:
    model = Forecaster(
        4, context=12, strategy="recursive", scaling="series", hidden=(4,),
        training=Training(steps=3),
    )  # fmt: skip
    return model.fit(rows, **TARGETS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("sites", ["a", "ab"])
def test_a_model_of_several_targets_comes_back_from_its_file(tmp_path: Path, sites: str) -> None:
    options = {"id": "site"} if len(sites) > 1 else {}
    model = fitted(table(sites), **options)
    model.save(tmp_path / "a.roll")
    again = load(tmp_path / "a.roll")
    assert isinstance(again, Forecaster)
    first = model.predict()
    heads = ["site", "target", "day"] if options else ["unique_id", "day"]
    assert list(first.columns[: len(heads)]) == heads
    assert len(first) == 4 * 2 * len(sites)
    pd.testing.assert_frame_equal(again.predict(), first)
    pd.testing.assert_frame_equal(again.predict(table(sites)), first)
    assert again.history_ is not None
    assert again.history_.ids.tolist() == model.history_.ids.tolist()  # type: ignore[union-attr]


def test_a_forecast_of_each_target_is_that_of_the_long_table() -> None:
    long = table("a").melt("day", ["load", "heat"], var_name="unique_id", value_name="y")
    wide = fitted(table("a")).predict()
    made = fitted(table("a"))
    same = Forecaster(**made.get_params()).fit(long, time="day").predict()
    pd.testing.assert_frame_equal(wide, same)


def test_update_and_streams_know_pairs() -> None:
    model = fitted(table("ab", end=70), id="site")
    behind = model.predict()
    model.update(table("ab", begin=70))
    assert model.history_ is not None
    assert model.history_.lengths.tolist() == [80] * 4
    assert model.predict()["day"].min() == behind["day"].min() + pd.Timedelta("10D")
    one = model.stream(("b", "heat"))
    assert one.ids == [("b", "heat")]
    several = model.stream([("a", "load"), ("b", "heat")])
    assert several.ids == [("a", "load"), ("b", "heat")]
    restored = model.stream(state=several.state())
    assert restored.ids == several.ids
    whole = model.predict()
    rows = whole[(whole["site"] == "b") & (whole["target"] == "heat")]
    np.testing.assert_allclose(
        model.stream(("b", "heat")).predict()["rollcast"], rows["rollcast"], rtol=1e-5
    )


def test_a_pair_never_seen_is_forecast() -> None:
    model = fitted(table("ab"), id="site")
    found = model.predict(table("abc"))
    assert set(zip(found["site"], found["target"], strict=True)) == {
        (site, name) for site in "abc" for name in ("load", "heat")
    }


def test_a_backtest_of_several_targets_holds_the_truth_in_y() -> None:
    model = fitted(table("ab"), id="site")
    frame = model.backtest(windows=2).frame()
    assert {"site", "target", "day", "y"} <= set(frame.columns)


def test_a_file_whose_pairs_cannot_be_is_refused() -> None:
    model = fitted(table("ab"), id="site")
    spec, sections = pack(model.fitted_, model.history_)
    spec = json.loads(json.dumps(spec))
    for ids in (["a", "b", "c", "d"], [["a", "b", "c"]] * 4, [["a", "b"]] * 4):
        broken = sections | {"history/ids": np.frombuffer(json.dumps(ids).encode(), np.uint8)}
        with pytest.raises(ModelFileError):
            unpack(spec, broken)
    for change in ({"targets": []}, {"pairs": 1}, {"id": None}, {"targets": "ab"}):
        with pytest.raises(ModelFileError):
            unpack(spec | {"columns": spec["columns"] | change}, sections)


def test_a_file_of_before_there_were_several_targets_is_read() -> None:
    model = fitted(table("a"))
    spec, sections = pack(model.fitted_, None)
    for name in ("snap", "targets", "pairs"):
        del spec["columns"][name]
    assert unpack(json.loads(json.dumps(spec)), sections)[1].columns.targets == ()


def test_a_snapped_table_is_snapped_again(tmp_path: Path) -> None:
    moves = pd.to_timedelta(np.random.default_rng(0).integers(-600, 600, 80), unit="s")
    rows = table("a").assign(day=TIMES + moves)
    model = Forecaster(4, context=12, hidden=(4,), training=Training(steps=3))
    model.fit(pl.from_pandas(rows), snap=True, **TARGETS)  # type: ignore[arg-type]
    model.save(tmp_path / "a.roll")
    again = load(tmp_path / "a.roll")
    assert again.predict(pl.from_pandas(rows)).equals(model.predict())
