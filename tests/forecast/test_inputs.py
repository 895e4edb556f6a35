"""Inputs beside the target: what they are worth on made-up data, and what goes wrong."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rollcast
from rollcast import Forecaster, Training
from rollcast.errors import DataError, UsageError

STRATEGIES = ("direct", "recursive", "segment")
AHEAD = 6
SHOPS = {"a": 10.0, "b": 30.0}


def shops(rows: int = 220, ahead: int = AHEAD, seed: int = 0) -> pl.DataFrame:
    """Two shops whose sales a promotion lifts by six times their size, today; a leading number
    moves them two days later."""
    generator = np.random.default_rng(seed)
    frames = []
    for name, size in SHOPS.items():
        count = rows + ahead
        promo = (generator.random(count) < 0.2).astype(float)
        lead = generator.normal(size=count)
        moved = np.concatenate([[0.0, 0.0], lead[:-2]])
        wave = np.sin(2 * np.pi * np.arange(count) / 7)
        noise = 0.1 * generator.normal(size=count)
        sold = size * (10 + wave + 6 * promo + moved + noise)
        frames.append(
            pl.DataFrame(
                {
                    "shop": [name] * count,
                    "day": [datetime(2024, 1, 1) + timedelta(days=day) for day in range(count)],
                    "sold": [*sold[:rows].tolist(), *[None] * ahead],
                    "promo": promo,
                    "lead": [*lead[:rows].tolist(), *[None] * ahead],
                }
            )
        )
    return pl.concat(frames)


COLUMNS = {"id": "shop", "time": "day", "target": "sold", "season": 7}
QUICK = Training(steps=10, batch_size=32)


def model(strategy: str = "direct", **arguments: object) -> Forecaster:
    chosen = {"hidden": (8,), "training": QUICK, "context": 28, "strategy": strategy} | arguments
    return Forecaster(AHEAD, **chosen)  # type: ignore[arg-type]


def future_of(table: pl.DataFrame, promo: float) -> pl.DataFrame:
    return table.filter(pl.col("sold").is_null()).select("shop", "day", promo=pl.lit(promo))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_promotion_known_ahead_moves_the_forecast_by_the_right_size(strategy: str) -> None:
    table = shops()
    with_promo = model(strategy).fit(table, **COLUMNS, future="promo")
    without = model(strategy).fit(table.filter(pl.col("sold").is_not_null()), **COLUMNS)
    assert with_promo.scores_["rollcast"]["mae"] < 0.7 * without.scores_["rollcast"]["mae"]
    past = table.filter(pl.col("sold").is_not_null())
    never, always = (
        with_promo.predict(past, future=future_of(table, promo)) for promo in (0.0, 1.0)
    )
    lift = (always["rollcast"] - never["rollcast"]).to_numpy().reshape(2, AHEAD)
    for found, size in zip(lift, SHOPS.values(), strict=True):
        np.testing.assert_allclose(found, 6 * size, rtol=0.25)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_leading_number_of_the_past_is_used(strategy: str) -> None:
    table = shops().filter(pl.col("sold").is_not_null())
    lead = model(strategy).fit(table, **COLUMNS, future="promo", past="lead")
    without = model(strategy).fit(table, **COLUMNS, future="promo")
    # it says two days of six
    ours, theirs = (each.error_by_step_["rollcast"] for each in (lead, without))
    assert ours[:2].mean() < 0.6 * theirs[:2].mean()
    assert ours[2:].mean() < 1.3 * theirs[2:].mean()


def test_rows_after_the_last_value_and_a_table_of_the_future_are_the_same() -> None:
    table = shops()
    fitted = model().fit(table, **COLUMNS, future="promo", past="lead")
    past = table.filter(pl.col("sold").is_not_null())
    ahead = table.filter(pl.col("sold").is_null())
    expected = fitted.predict()
    assert len(expected) == 2 * AHEAD
    assert fitted.predict(table).equals(expected)
    assert fitted.predict(past, future=ahead).equals(expected)
    assert fitted.predict(past, future=ahead.select("shop", "day", "promo").reverse()).equals(
        expected
    )


def test_a_model_file_keeps_inputs_and_history(tmp_path: Path) -> None:
    table = shops().with_columns(kind=pl.col("shop") + "-street")
    fitted = model(scaling="series", strategy="recursive").fit(
        table, **COLUMNS, future="promo", past="lead", static=("kind", "shop")
    )
    fitted.save(tmp_path / "model.roll")
    loaded = rollcast.load(tmp_path / "model.roll")
    assert isinstance(loaded, Forecaster)
    assert loaded.predict().equals(fitted.predict())
    assert loaded.predict(table).equals(fitted.predict(table))
    assert loaded.summary() == fitted.summary()
    loaded.save(tmp_path / "again.roll")
    assert (tmp_path / "again.roll").read_bytes() == (tmp_path / "model.roll").read_bytes()


def test_an_update_takes_the_inputs_in() -> None:
    table = shops()
    days = table["day"].unique().sort()
    early = table.filter(pl.col("day") < days[150])
    later = table.filter(pl.col("day") >= days[150])
    fitted = model().fit(early, **COLUMNS, future="promo", past="lead")
    expected = fitted.predict(table)["rollcast"]
    assert fitted.update(later).predict()["rollcast"].equals(expected)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_rows_after_an_origin_change_nothing_before_it(strategy: str) -> None:
    table = shops(ahead=0)
    fitted = model(strategy).fit(table, **COLUMNS, future="promo", past="lead")
    days = table["day"].unique().sort()
    changed = table.with_columns(
        pl.when(pl.col("day") >= days[-AHEAD])
        .then(pl.col(name) + 7)
        .otherwise(pl.col(name))
        .alias(name)
        for name in ("sold", "lead", "promo")
    )
    before, after = (fitted.backtest(each, windows=3) for each in (table, changed))
    for method in ("rollcast",):
        first, second = before.forecasts[method], after.forecasts[method]
        newest = before.origin == before.origin.reshape(2, 3).max(axis=1).repeat(3)
        np.testing.assert_array_equal(first[~newest], second[~newest])
        assert (first[newest] != second[newest]).all()  # the promotions themselves were changed
    lead_alone = table.with_columns(
        pl.when(pl.col("day") >= days[-AHEAD]).then(99.0).otherwise(pl.col("lead")).alias("lead")
    )
    again = fitted.backtest(lead_alone, windows=3)
    np.testing.assert_array_equal(again.forecasts["rollcast"], before.forecasts["rollcast"])


def test_the_first_run_does_not_see_inputs_of_the_rows_held_out() -> None:
    table = shops(ahead=0)
    days = table["day"].unique().sort()
    changed = table.with_columns(
        pl.when(pl.col("day") >= days[-AHEAD])
        .then(pl.col(name) * 3 + 5)
        .otherwise(pl.col(name))
        .alias(name)
        for name in ("lead", "promo")
    )
    options = {"refit": False, "validation": AHEAD}
    one, two = (
        model(**options).fit(each, **COLUMNS, future="promo", past="lead")
        for each in (table, changed)
    )
    assert one.fitted_.input_scales is not None and two.fitted_.input_scales is not None
    np.testing.assert_array_equal(one.fitted_.input_scales.future, two.fitted_.input_scales.future)
    starts = [
        each.fitted_.network.views(each.fitted_.weights)["skip.weight"] for each in (one, two)
    ]
    if one.best_step_ == two.best_step_:
        np.testing.assert_array_equal(*starts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda future: None, r"series 'a': input 'promo' is not known at 2024-08-08"),
        (lambda future: future.filter(pl.col("shop") == "a"), "series 'b': input 'promo'"),
        (
            lambda future: future.slice(0, 5),
            r"series 'a': input 'promo' is not known at 2024-08-13",
        ),
        (
            lambda future: future.with_columns(
                promo=pl.when(pl.col("day") == datetime(2024, 8, 10)).then(None).otherwise(1.0)
            ),
            r"series 'a': input 'promo' is not known at 2024-08-10",
        ),
        (lambda future: future.drop("promo"), "no column 'promo'"),
        (lambda future: pl.concat([future, future]), "2024-08-08 appears twice"),
        (
            lambda future: future.with_columns(pl.col("day") + timedelta(hours=5)),
            "no whole number of steps",
        ),
    ],
)
def test_a_future_that_lacks_something_is_refused(
    known_ahead: Forecaster, change, message: str
) -> None:
    table = shops()
    future = change(future_of(table, 1.0))
    with pytest.raises(DataError, match=message):
        known_ahead.predict(table.filter(pl.col("sold").is_not_null()), future=future)


@pytest.fixture(scope="module")
def known_ahead() -> Forecaster:
    return model().fit(shops(), **COLUMNS, future="promo")


def test_a_future_without_inputs_known_ahead_is_refused() -> None:
    table = shops(ahead=0)
    fitted = model().fit(table, **COLUMNS)
    with pytest.raises(UsageError, match="no inputs known ahead"):
        fitted.predict(future=table)
