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


# ------------------------------------------------------------------------- static, and categories


def kinds(series: int = 12, rows: int = 80, seed: int = 1) -> pl.DataFrame:
    """Series of two kinds: a step up is followed by another one, or by a step down."""
    generator = np.random.default_rng(seed)
    frames = []
    for index in range(series):
        sign, step, values = (1, -1)[index % 2], 0.0, []
        for _ in range(rows):
            step = 0.9 * sign * step + generator.normal()
            values.append(step)
        kind = {1: "goes on", -1: "turns"}[sign]
        shop = [f"s{index:02}"] * rows
        sold = np.cumsum(values)
        frames.append(pl.DataFrame({"shop": shop, "day": range(rows), "sold": sold, "kind": kind}))
    return pl.concat(frames)


@pytest.mark.parametrize(
    ("strategy", "static"), [("direct", "kind"), ("direct", "shop"), ("recursive", "kind"),
                             ("segment", "kind")]
)  # fmt: skip
def test_static_categories_tell_series_apart(strategy: str, static: str) -> None:
    table = kinds()
    columns = {"id": "shop", "time": "day", "target": "sold", "season": 1}
    training = Training(steps=200, batch_size=64, learning_rate=1e-2)
    arguments = {"context": 2, "training": training, "strategy": strategy, "hidden": (16,)}
    arguments |= {"segment": 1} if strategy == "segment" else {}
    plain = Forecaster(1, **arguments).fit(table, **columns)
    told = Forecaster(1, **arguments).fit(table, **columns, static=static)
    assert told.scores_["rollcast"]["mae"] < 0.75 * plain.scores_["rollcast"]["mae"]


def test_a_category_known_ahead_moves_the_forecast_and_one_never_seen_does_not_fail() -> None:
    table = shops().with_columns(
        weather=pl.when(pl.col("promo") > 0).then(pl.lit("sunny")).otherwise(pl.lit("rain"))
    )
    fitted = model().fit(table, **COLUMNS, future="weather")
    past = table.filter(pl.col("sold").is_not_null())
    future = table.filter(pl.col("sold").is_null()).select("shop", "day")
    rain, sunny, snow = (
        fitted.predict(past, future=future.with_columns(weather=pl.lit(weather)))["rollcast"]
        for weather in ("rain", "sunny", "snow")
    )
    lift = (sunny - rain).to_numpy().reshape(2, AHEAD)
    for found, size in zip(lift, SHOPS.values(), strict=True):
        np.testing.assert_allclose(found, 6 * size, rtol=0.25)
    assert snow.is_finite().all()


def test_a_stream_takes_static_inputs_and_no_others() -> None:
    table = shops(ahead=0).with_columns(kind=pl.col("shop") + "-street")
    recursive = {"strategy": "recursive", "scaling": "series"}
    fitted = model(**recursive).fit(table, **COLUMNS, static=("kind", "shop"))
    stream = fitted.stream("b")
    found, whole = stream.forecast(), fitted.forecast()
    np.testing.assert_allclose(found.median[0], whole.median[1], rtol=1e-4)
    again = fitted.stream(state=stream.state())
    assert again.update(300.0) == stream.update(300.0)
    with_past = model(**recursive).fit(table, **COLUMNS, past="lead")
    with pytest.raises(UsageError, match="reads inputs of every row"):
        with_past.stream("b")


# --------------------------------------------------------------------------------------- holidays


def test_holidays_are_inputs_that_need_no_table() -> None:
    hours = pl.datetime_range(
        datetime(2022, 1, 1), datetime(2024, 5, 9), "1d", eager=True, time_zone="Europe/Berlin"
    )
    days = hours.dt.date()
    closed = days.is_in([day for day in _holidays("DE") if day is not None])
    generator = np.random.default_rng(0)
    sold = 100 - 60 * closed.cast(pl.Float64).to_numpy() + generator.normal(size=len(days))
    table = pl.DataFrame({"ds": hours, "y": sold})
    chosen = {"hidden": (8,), "training": QUICK, "context": 14}
    told = Forecaster(14, **chosen).fit(table.head(-9), season=7, holidays="DE")  # type: ignore[arg-type]
    found = told.predict(level=80)
    lower = found["rollcast"].to_numpy() < 70
    assert found["ds"].dt.date().to_list()[np.flatnonzero(lower)[0]].isoformat() == "2024-05-01"
    assert [day.isoformat() for day in found["ds"].dt.date().filter(lower)] == [
        "2024-05-01",
        "2024-05-09",
    ]


def _holidays(country: str) -> list:
    import holidays

    return sorted(holidays.country_holidays(country, years=range(2022, 2025)))


def test_holidays_of_longer_steps_and_of_nowhere_are_refused() -> None:
    weeks = pl.DataFrame({"ds": [datetime(2024, 1, 1) + timedelta(weeks=w) for w in range(60)],
                          "y": range(60)})  # fmt: skip
    with pytest.raises(UsageError, match="a holiday is a day"):
        Forecaster(4).fit(weeks, holidays="DE")
    with pytest.raises(UsageError, match="holidays='XX'"):
        Forecaster(4).fit(shops(ahead=0), **COLUMNS, holidays="XX")
