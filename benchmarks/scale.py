"""Many series and many rows: wall time, memory and rows per second of the plain command.

Makes a table (weekly waves of random level, amplitude and phase with noise, daily stamps, ids as
text), writes it as Parquet or CSV, and runs `rollcast forecast TABLE --horizon 7 --strategy direct`
on it as a process of its own. The peak is that of its resident memory.

    python benchmarks/scale.py [--cases 100000x100 100000x500] [--format parquet]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from common import granted_processors, header, table

HORIZON, SEASON = 7, 7
AT_ONCE = 5_000_000
"""Rows of the table made at a time, so that making it takes no more memory than reading it."""


def parts(series: int, length: int, seed: int = 0) -> Iterator[pl.DataFrame]:
    """The table, some series at a time."""
    generator = np.random.default_rng(seed)
    steps = np.arange(length)
    days = np.datetime64("2024-01-01", "D") + steps
    for ids in np.array_split(np.arange(series), max(1, series * length // AT_ONCE)):
        level = generator.lognormal(3.0, 1.0, (len(ids), 1))
        amplitude = generator.uniform(0.0, 0.5, (len(ids), 1))
        phase = generator.uniform(0.0, 2 * np.pi, (len(ids), 1))
        wave = 1.0 + amplitude * np.sin(2 * np.pi * steps / SEASON + phase)
        values = level * (wave + 0.1 * generator.normal(size=(len(ids), length)))
        names = pl.Series("unique_id", ids).cast(pl.String).str.zfill(8)
        yield pl.DataFrame(
            {
                "unique_id": names.gather(np.repeat(np.arange(len(ids)), length)),
                "ds": np.tile(days, len(ids)),
                "y": values.ravel(),
            }
        )


def write(path: Path, series: int, length: int) -> None:
    """The table as a file of the kind that the name ends in."""
    if path.suffix == ".csv":
        with path.open("wb") as file:
            for index, part in enumerate(parts(series, length)):
                part.write_csv(file, include_header=index == 0)
        return
    folder = path.with_suffix(".parts")
    folder.mkdir()
    for index, part in enumerate(parts(series, length)):
        part.write_parquet(folder / f"{index:04d}.parquet")
    pl.scan_parquet(folder / "*.parquet").sink_parquet(path)


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak GiB of a process. Raises CalledProcessError where it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return time.perf_counter() - began, usage.ru_maxrss / unit


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=["100000x100", "100000x500"])
    parser.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    asked = parser.parse_args()
    rows = []
    for case in asked.cases:
        series, length = (int(number) for number in case.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / f"table.{asked.format}", Path(folder) / "forecast.parquet"
            write(source, series, length)
            words = ["forecast", str(source), "--horizon", str(HORIZON), "--strategy", "direct"]
            command = [sys.executable, "-m", "rollcast", *words, "--out", str(out), "--quiet"]
            seconds, peak = measured(command)
            forecast = pl.scan_parquet(out).select(pl.len()).collect().item()
        assert forecast == series * HORIZON
        many = series * length
        rate = f"{many / seconds / 1e3:.0f}"
        rows.append([f"{series} × {length}", f"{many:,}", f"{seconds:.0f}", f"{peak:.1f}", rate])
    print(header("rollcast", "numpy", "polars") + f"\n{granted_processors()} threads\n")
    columns = ["series × rows", "rows in all", "seconds", "peak, GiB", "1000 rows/s"]
    print(table(columns, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
