"""A forecast to a file: by suffix, and whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rollcast.atomic import whole_file
from rollcast.errors import UsageError

if TYPE_CHECKING:
    import polars

STDOUT = "-"


def in_polars(frame: Any) -> "polars.DataFrame":
    """The forecast as a polars frame, whatever kind of table it came in."""
    import narwhals
    import polars

    if isinstance(frame, polars.DataFrame):
        return frame
    columns = narwhals.from_native(frame, eager_only=True)
    return polars.DataFrame({name: columns[name].to_list() for name in columns.columns})


def with_short_times(frame: "polars.DataFrame") -> "polars.DataFrame":
    """Times as text: the day alone where no stamp has a time of day, else down to the second."""
    import polars

    for name, kind in frame.schema.items():
        if isinstance(kind, polars.Datetime):
            stamps = frame[name]
            daily = (stamps.dt.truncate("1d") == stamps).all()
            text = stamps.dt.strftime("%Y-%m-%d" if daily else "%Y-%m-%d %H:%M:%S")
            frame = frame.with_columns(text.alias(name))
    return frame


def write_csv(frame: "polars.DataFrame", file: IO[bytes]) -> None:
    """Comma-separated, with a header; stamps as ISO dates or times."""
    with_short_times(frame).write_csv(file)


def write_json(frame: "polars.DataFrame", file: IO[bytes]) -> None:
    """A list of one object a row; stamps as ISO dates or times."""
    file.write(with_short_times(frame).write_json().encode() + b"\n")


def write_parquet(frame: "polars.DataFrame", file: IO[bytes]) -> None:
    """Typed columns."""
    frame.write_parquet(file)


FORMATS: dict[str, Callable[["polars.DataFrame", IO[bytes]], None]] = {
    ".csv": write_csv,
    ".json": write_json,
    ".parquet": write_parquet,
}


def check_target(option: str, target: str, *, source: str | None = None) -> None:
    """Raise UsageError for a place that cannot be written, before hours of work are spent."""
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"{option} {target}: this is a folder. Name a file in it.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{option} {target}: no folder {path.parent}. Make it first.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise UsageError(f"{option} {target}: folder {path.parent} cannot be written.")
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise UsageError(f"{option} {target}: this is the table itself. Name another file.")


def check_table_target(target: str, *, source: str | None = None) -> None:
    """As `check_target`, for a forecast: the suffix must be one of `FORMATS`."""
    if target == STDOUT:
        return
    if Path(target).suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError(f"--out {target}: the name must end in one of {known}.")
    check_target("--out", target, source=source)


def write_table(frame: Any, target: str) -> None:
    """Write the forecast to a file, atomically: a reader sees the old file or the new one."""
    with whole_file(target) as file:
        FORMATS[Path(target).suffix.lower()](in_polars(frame), file)
