"""A forecast to a file: every kind of table, whole or not at all."""

import datetime
from pathlib import Path

import pandas
import polars
import pyarrow
import pytest

from rollcast.apps import files

DAYS = [datetime.datetime(2020, 1, day) for day in (1, 2, 3)]
COLUMNS = {"store": ["a", "a", "b"], "ds": DAYS, "rollcast": [1.5, 2.5, 3.5]}
FRAMES = {"polars": polars.DataFrame, "pandas": pandas.DataFrame, "pyarrow": pyarrow.table}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_table_is_written_alike(tmp_path: Path, kind: str) -> None:
    files.write_table(FRAMES[kind](COLUMNS), str(tmp_path / "a.csv"))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines == [
        "store,ds,rollcast",
        "a,2020-01-01,1.5",
        "a,2020-01-02,2.5",
        "b,2020-01-03,3.5",
    ]


def test_a_time_of_day_is_kept_where_there_is_one(tmp_path: Path) -> None:
    hours = [datetime.datetime(2020, 1, 1, hour) for hour in (0, 1, 2)]
    files.write_table(polars.DataFrame({"ds": hours}), str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text().splitlines()[2] == "2020-01-01 01:00:00"


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    files.write_table(polars.DataFrame({"ds": [1, 2]}), str(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_text() == '[{"ds":1},{"ds":2}]\n'


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(frame: object, file: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(files.FORMATS, ".csv", fail)
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(OSError, match="No space"):
        files.write_table(polars.DataFrame(COLUMNS), str(tmp_path / "a.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"
