"""Load a saved model and forecast one series of 1000 points: the first call and those after it.

python benchmarks/latency.py
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import header, table

POINTS = 1000
HORIZON = 24
MILLISECONDS = 1e3

# In an interpreter of its own, so that the first call pays for everything that loads late.
CODE = """
import sys, time
start = time.perf_counter()
import rollcast
imported = time.perf_counter()
model = rollcast.load(sys.argv[1])
loaded = time.perf_counter()
import numpy
values = numpy.load(sys.argv[2])
series = rollcast.Panel.of(values, start="2024-01-01", freq="h", season=24)
times = [imported - start, loaded - imported]
start = time.perf_counter()
model.forecast(series)
times.append(time.perf_counter() - start)
for _ in range(int(sys.argv[3]) + 2):
    start = time.perf_counter()
    model.predict(series)
    times.append(time.perf_counter() - start)
for _ in range(int(sys.argv[3])):
    start = time.perf_counter()
    rollcast.load(sys.argv[1]).predict(series)
    times.append(time.perf_counter() - start)
print(*times)
"""


def main() -> None:
    """Train for a moment, save, and time what a service would do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=50)
    repeats = parser.parse_args().repeats

    import numpy as np

    import rollcast

    hours = np.arange(POINTS)
    noise = np.random.default_rng(0).normal(0, 0.3, POINTS)
    values = 10 + 3 * np.sin(2 * np.pi * hours / 24) + noise
    panel = rollcast.Panel.of(values, start="2024-01-01", freq="h", season=24)
    model = rollcast.Forecaster(HORIZON, training=rollcast.Training(steps=50)).fit(panel)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.roll"
        model.save(path)
        series = Path(folder) / "series.npy"
        np.save(series, values)
        command = [sys.executable, "-c", CODE, str(path), str(series), str(repeats)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    imported, loaded, arrays, cold, _, *times = (
        float(t) * MILLISECONDS for t in answer.stdout.split()
    )
    warm, with_load = times[:repeats], times[repeats:]
    rows = [
        ("import rollcast", f"{imported:.2f}"),
        ("load the model", f"{loaded:.2f}"),
        ("first forecast, as arrays", f"{arrays:.2f}"),
        ("first one as a table, which imports polars", f"{cold:.2f}"),
        (f"forecast, median of {repeats} after one more", f"{statistics.median(warm):.2f}"),
        ("forecast, fastest", f"{min(warm):.2f}"),
        (f"load and forecast, median of {repeats}", f"{statistics.median(with_load):.2f}"),
    ]
    print(header("rollcast", "numpy", "polars"), end="\n\n")
    print(f"one series of {POINTS} points, {HORIZON} steps ahead, cell lstm, hidden 64, 64")
    print(table(("step", "ms"), rows))


if __name__ == "__main__":
    main()
