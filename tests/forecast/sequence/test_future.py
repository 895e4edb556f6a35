"""Closed loops of models that read more than their targets: the other inputs of rows to come."""

import numpy as np
import polars as pl
import pytest

from rollcast import DataError, SequenceRegressor, Training, UsageError

EXACT = Training(steps=5, learning_rate=1e-2, dtype="float64")


def table(lengths=(30, 20), first=5):
    draw = np.random.default_rng(2)
    return pl.concat(
        pl.DataFrame(
            {
                "unique_id": [f"s{id}"] * length,
                "ds": np.arange(length) + first,
                "y": 10 * id + np.sin(0.3 * np.arange(length)),
                "z": draw.normal(size=length),
                "w": draw.normal(50, 9, length),
            }
        )
        for id, length in enumerate(lengths)
    )


def split(steps):
    """A table without its last rows, and those rows without what is forecast."""
    last = pl.col("ds") > pl.col("ds").max().over("unique_id") - steps
    return table().filter(~last), table().filter(last).drop("y")


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"scaling": "minmax", "cell": "gru", "stateful": True, "window": 7},
        {"hidden": (5, 4), "normalize": "batch", "scaling": "standard"},
        {"normalize": "recurrent_batch", "window": 8, "stride": 3},
    ],
)
def test_what_is_generated_is_what_predict_says_when_fed_outputs_and_the_known(setting):
    steps = 6
    model = SequenceRegressor(
        ("z", "y", "w"), "y", ahead=1, **({"hidden": (5,), "training": EXACT} | setting)
    ).fit(table())
    begun, known = split(steps)
    found = model.generate(begun, steps, future=known)
    fed = begun
    for _ in range(steps):
        said = model.predict(fed).group_by("unique_id", maintain_order=True).last()
        new = said.rename({"rollcast": "y"}).join(known, on=["unique_id", "ds"])
        fed = pl.concat([fed, new.select(fed.columns)])
    rolled = fed.group_by("unique_id", maintain_order=True).tail(steps).sort("unique_id", "ds")
    assert found["ds"].to_list() == [*range(29, 35), *range(19, 25)]
    np.testing.assert_allclose(found["rollcast"], rolled["y"], rtol=1e-10)


@pytest.fixture(scope="module")
def model():
    return SequenceRegressor(("y", "z", "w"), "y", ahead=1, hidden=(4,), training=EXACT).fit(
        table()
    )


def test_rows_that_are_not_needed_are_not_looked_at(model):
    begun, known = split(4)
    found = model.generate(begun, 4, future=known)
    last = pl.col("ds") == pl.col("ds").max().over("unique_id")
    holed = known.with_columns(w=pl.when(last).then(None).otherwise("w"))
    assert model.generate(begun, 4, future=holed).equals(found)
    assert model.generate(begun, 4, future=known.filter(~last)).equals(found)
    before = table().select(known.columns)
    for longer in (before, before.reverse(), before.to_pandas()):
        assert model.generate(begun, 4, future=longer).equals(found)
    assert model.generate(begun, 1).equals(found.filter(pl.col("ds").is_in([31, 21])))


def test_one_series_needs_no_id(tmp_path):
    begun, known = (part.filter(pl.col("unique_id") == "s0") for part in split(4))
    with_id = SequenceRegressor(("y", "z", "w"), "y", ahead=1, hidden=(4,), training=EXACT)
    without = SequenceRegressor(**with_id.get_params())
    expected = with_id.fit(begun).generate(begun, 4, future=known)["rollcast"]
    known.drop("unique_id").write_csv(tmp_path / "known.csv")
    begun = begun.drop("unique_id")
    found = without.fit(begun).generate(begun, 4, future=tmp_path / "known.csv")
    np.testing.assert_array_equal(found["rollcast"], expected)


def test_a_future_that_cannot_be_is_refused(model):
    begun, known = split(4)
    holed = known.with_columns(w=pl.when(pl.col("ds") == 22).then(None).otherwise("w"))
    later = known.with_columns(ds=pl.col("ds") + 1)
    cases = {
        "reads 'z', 'w' at rows to come.*its next 3 rows": (None, UsageError),
        "no row of series 's1'": (known.filter(pl.col("unique_id") == "s0"), DataError),
        "series 's0': has rows from 31 to 32; expected all from 31 to 33": (
            known.filter(pl.col("ds") < 33), DataError),
        "has rows from 32 to 35; expected all from 31 to 33": (later, DataError),
        "series 's1': input 'w' is missing at 22": (holed, DataError),
        "no column 'w'": (known.drop("w"), DataError),
    }  # fmt: skip
    for message, (future, kind) in cases.items():
        with pytest.raises(kind, match=message):
            model.generate(begun, 4, future=future)
    alone = SequenceRegressor("y", "y", ahead=1, hidden=(3,), training=EXACT).fit(table())
    with pytest.raises(UsageError, match="Leave it out"):
        alone.generate(begun, 4, future=known)
    for steps in (0, 2.5, True):
        with pytest.raises(UsageError, match="whole number from 1"):
            alone.generate(begun, steps)


def test_a_table_is_read_at_the_frequency_of_training(model):
    row = table().head(1)
    assert model.predict(row)["ds"].to_list() == [6]
    assert model.generate(row, 1)["ds"].to_list() == [6]
    daily = pl.DataFrame(
        {"ds": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 2, 9), eager=True)}
    )
    daily = daily.with_columns(y=pl.int_range(pl.len()) % 7)
    weekly = daily.gather_every(7)
    found = SequenceRegressor("y", "y", ahead=1, hidden=(3,), training=EXACT).fit(daily)
    with pytest.raises(DataError, match="missing"):  # the days between, not a week ahead
        found.predict(weekly)
