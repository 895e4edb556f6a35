"""What is timed beside the workloads: importing, a step of a whole fit, forecasting many series."""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

SERIES, HORIZON, CONTEXT, HIDDEN, BATCH = 414, 48, 96, (64, 64), 128
# Of a fit: with fewer, every one of them is followed by a validation.
STEPS = 60
# Seconds: must and stretch.
IMPORT, FORECAST = (0.150, 0.110), (0.020, 0.012)


def verdict(seconds: float, must: float, stretch: float) -> list[str]:
    """Figure, must, stretch and what became of them; less is better."""
    word = "stretch reached" if seconds <= stretch else "reached"
    if seconds > must:
        word = "not reached"
    return [f"{seconds * 1e3:.1f} ms", f"{must * 1e3:.0f} ms", f"{stretch * 1e3:.0f} ms", word]


def panel_of_waves(points: int = 480):
    """Hourly waves with noise, one panel of all series."""
    import numpy as np

    import rollcast

    generator = np.random.default_rng(0)
    hours = np.arange(points)
    waves = [
        10 + generator.uniform(1, 3) * np.sin(2 * np.pi * (hours / 24 + generator.uniform()))
        + generator.normal(0, 0.3, points)
        for _ in range(SERIES)
    ]  # fmt: skip
    names = [f"series {number}" for number in range(SERIES)]
    tables = {
        "unique_id": np.repeat(names, points),
        "ds": np.tile(hours, SERIES),
        "y": np.concatenate(waves),
    }
    import polars

    return rollcast.read(polars.DataFrame(tables), freq=1, season=1)


def times_here(repeats: int) -> dict[str, list[float]]:
    """Seconds of forecasts of all series, and of steps of a fit (drawing and scaling the windows,
    forward, loss, backward, clipping, update), in this process."""
    import rollcast
    from rollcast.train.events import StepDone

    stamps: list[float] = []

    def listen(event) -> None:
        if isinstance(event, StepDone):
            stamps.append(time.perf_counter())

    panel = panel_of_waves()
    training = rollcast.Training(steps=STEPS, batch_size=BATCH)
    model = rollcast.Forecaster(
        HORIZON, context=CONTEXT, hidden=HIDDEN, head="mae", training=training
    )
    model.fit(panel, listeners=[listen])
    forecasts = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.predict(panel)
        forecasts.append(time.perf_counter() - start)
    steps = [b - a for a, b in itertools.pairwise(stamps[4:])]
    return {"fit": steps, "forecast": forecasts[1:]}


def rows(threads: int, quick: bool) -> list[list[str]]:
    """Figures with their targets, for one number of threads."""
    from import_time import seconds

    repeats = 5 if quick else 20
    found = []
    if threads == 1:
        name = "rollcast, and Forecaster"
        imported = min(seconds(name) for _ in range(repeats))
        found.append(["import of rollcast and its Forecaster", "–", *verdict(imported, *IMPORT)])
    command = [sys.executable, __file__, "--threads", str(threads), "--repeats", str(repeats)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    times = json.loads(answer.stdout.splitlines()[-1])
    forecast = min(times["forecast"])
    what = f"forecast of {SERIES} series × {HORIZON} steps, 2 × 64, context {CONTEXT}"
    found.append([what, str(threads), *verdict(forecast, *FORECAST)])
    step = f"{min(times['fit']) * 1e3:.1f} ms"
    what = f"a step of a whole fit, 2 × 64, {CONTEXT} steps, batch {BATCH}"
    found.append([what, str(threads), step, "–", "–", "others: fit_step.py"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    from worker import limit_processors

    limit_processors(arguments.threads)
    os.environ["ROLLCAST_THREADS"] = str(arguments.threads)
    print(json.dumps(times_here(arguments.repeats)))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
