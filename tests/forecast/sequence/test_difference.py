"""Differences in the place of values: the same sums by hand, and a trend that goes on."""

import numpy as np
import polars as pl
import pytest

from rollcast import SequenceRegressor, Training, UsageError

QUICK = Training(steps=20, learning_rate=1e-2, dtype="float64")


def frame(series: list[np.ndarray]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"unique_id": id, "ds": np.arange(len(y)), "y": y})
        for id, y in enumerate(series)
    )


def walks(lengths: tuple[int, ...] = (30, 20)) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [np.cumsum(generator.normal(0.5, 1, length)) for length in lengths]


@pytest.fixture(scope="module")
def pair() -> tuple[SequenceRegressor, SequenceRegressor]:
    """A model of differences, and one that was given the differences as values."""
    options = {"ahead": 1, "hidden": (6,), "scaling": "standard", "training": QUICK}
    ours = SequenceRegressor("y", "y", difference=True, **options).fit(frame(walks()))
    by_hand = SequenceRegressor("y", "y", **options).fit(frame([np.diff(y) for y in walks()]))
    return ours, by_hand


def test_it_trains_as_on_differences_taken_by_hand(pair) -> None:
    ours, by_hand = pair
    np.testing.assert_array_equal(ours.weights_, by_hand.weights_)


def test_forecasts_are_the_sums_of_differences_forecast(pair) -> None:
    ours, by_hand = pair
    changes = by_hand.generate(frame([np.diff(y) for y in walks()]), 5)["rollcast"].to_numpy()
    last = np.array([y[-1] for y in walks()])
    expected = last[:, None] + changes.reshape(2, 5).cumsum(axis=1)
    found = ours.generate(frame(walks()), 5)
    np.testing.assert_allclose(found["rollcast"].to_numpy(), expected.ravel(), rtol=1e-12)
    assert found["ds"].to_list() == [*range(30, 35), *range(20, 25)]


def test_the_open_loop_adds_to_each_true_value(pair) -> None:
    ours, by_hand = pair
    table = frame(walks())
    changes = by_hand.predict(frame([np.diff(y) for y in walks()]))["rollcast"].to_numpy()
    found = ours.predict(table)
    levels = np.concatenate([y[1:] for y in walks()])
    np.testing.assert_allclose(found["rollcast"].to_numpy(), levels + changes, rtol=1e-12)
    assert found["ds"].to_list() == [*range(2, 31), *range(2, 21)]


def test_a_stream_says_what_the_open_loop_says(pair) -> None:
    ours, _ = pair
    series = walks((30,))
    stream = ours.stream(frame([series[0][:25]]))
    found = [stream.update(value) for value in series[0][25:]]
    expected = ours.predict(frame(series))["rollcast"].to_numpy()[-5:]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_closed_loop_is_scored_on_sums() -> None:
    model = SequenceRegressor(
        "y", "y", ahead=1, hidden=(4,), scaling="none", difference=True,
        restore="closed_loop(steps=4)", training=QUICK,
    ).fit(frame(walks((20,))))  # fmt: skip
    y = walks((20,))[0]
    rolled = model.generate(frame([y[:16]]), 4)["rollcast"].to_numpy()
    best = min(score["closed_loop"] for score in model.scores_)
    assert best == pytest.approx(float(np.sqrt(np.mean((rolled - y[16:]) ** 2))), rel=1e-9)


def test_auto_takes_differences_of_lines_and_leaves_waves_as_they_are() -> None:
    generator = np.random.default_rng(1)
    time = np.arange(60)
    cases = {
        "line": (1.6 * time + generator.normal(0, 1, 60), True),
        "walk": (np.cumsum(generator.normal(0.3, 1, 60)), True),
        "wave": (np.sin(time / 3), False),
        "noise": (generator.normal(10, 1, 60), False),
    }
    for name, (y, expected) in cases.items():
        model = SequenceRegressor(
            "y", "y", ahead=1, hidden=(2,), difference="auto", training=Training(steps=1)
        )
        assert model.fit(frame([y])).fitted_.difference is expected, name


def test_differences_of_other_columns_are_refused() -> None:
    with pytest.raises(UsageError, match="difference=True sums up"):
        SequenceRegressor("t", "y", difference=True).fit(frame(walks()))
    with pytest.raises(UsageError, match="choose one of False, True, auto"):
        SequenceRegressor("y", "y", ahead=1, difference="maybe").fit(frame(walks()))
