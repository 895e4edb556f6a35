from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from rollcast import Forecaster, Training

QUICK = Training(steps=40, batch_size=32, learning_rate=5e-3)


def wave_table(
    lengths: dict[str, int],
    season: int = 8,
    seed: int = 0,
    start: datetime | int = datetime(2024, 1, 1),
    step: timedelta | int = timedelta(hours=1),
) -> pl.DataFrame:
    """Noisy waves of one season, of different levels, lengths and phases, in a long table."""
    generator = np.random.default_rng(seed)
    frames = []
    for index, (name, length) in enumerate(lengths.items()):
        rows = np.arange(length)
        wave = np.sin(2 * np.pi * (rows + index) / season) + 0.1 * generator.normal(size=length)
        times = [start + step * int(row) for row in rows]  # type: ignore[operator]
        values = 10 * (index + 1) + (index + 1) * wave
        frames.append(pl.DataFrame({"shop": [name] * length, "when": times, "sold": values}))
    return pl.concat(frames)


COLUMNS = {"id": "shop", "time": "when", "target": "sold"}


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    return wave_table({"a": 160, "b": 120, "c": 200})


def quick(horizon: int = 4, **arguments: object) -> Forecaster:
    chosen = {"hidden": (8,), "training": QUICK, "context": 16} | arguments
    return Forecaster(horizon, **chosen)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def fitted(table: pl.DataFrame) -> Forecaster:
    return quick().fit(table, **COLUMNS)
