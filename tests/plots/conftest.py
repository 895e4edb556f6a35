"""Pictures to draw, made up."""

import numpy as np
import pytest

from rollcast.plots import Report, RollingPicture, SeriesPicture, TrainingCurve

HORIZON = 7


def picture(name: str = "one", rows: int = 200, horizon: int = HORIZON, **changes) -> SeriesPicture:
    generator = np.random.default_rng(0)
    times = np.datetime64("2020-01-01", "us") + np.arange(rows + horizon) * np.timedelta64(1, "D")
    median = generator.normal(10, 1, horizon)
    fields = {
        "id": name,
        "times": times[:rows],
        "history": generator.normal(10, 2, rows),
        "forecast_times": times[rows:],
        "median": median,
        "bands": {80: (median - 1, median + 1), 95: (median - 2, median + 2)},
        "truth": generator.normal(10, 1, horizon),
        "unit": "°C",
    }
    return SeriesPicture(**(fields | changes))


@pytest.fixture
def report() -> Report:
    steps = np.arange(1, 301)
    at = steps[49::50]
    values = np.sin(np.arange(120) / 5)
    return Report(
        title="Forecast of waves.csv",
        headline="7 steps ahead",
        series=[picture("one"), picture("two")],
        scores={
            "rollcast": {"mase": 0.8, "smape": 10.0, "crps": 1.0, "coverage-80": 0.79},
            "seasonal naive": {"mase": 1.0, "smape": 9.0},
            "naive": {"mase": 2.0, "smape": np.nan},
        },
        error_by_step={"rollcast": np.ones(7), "naive": np.arange(7.0)},
        training=TrainingCurve(steps, 1.0 / steps, at, 2.0 / at, 300, np.full(300, 1e-3)),
        settings={"hidden": (64, 64), "seed": 0, "dropout": None},
        command="rollcast forecast waves.csv --horizon 7",
        code="import rollcast\n",
        data={"rows": 12345, "missing": 0},
        footer="rollcast, somewhere",
        rolling=RollingPicture("one", np.arange(120), values, [80, 100], np.zeros((2, 20))),
        unit="°C",
        scored_on="2 rolling origins",
    )
