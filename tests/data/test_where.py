"""Row filters."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.data.column import column_of
from rollcast.data.where import Clause, keep, parse_where
from rollcast.errors import DataError, UsageError

TABLE = pl.DataFrame(
    {
        "split": ["train", "test", "train", None],
        "year": [2014, 2015, 2016, 2017],
        "half price": ["0.5", "1", "1.50", ""],
        "when": pl.Series(["2024-01-01", "2024-02-01", "2024-03-01", None]).str.to_datetime(),
        "open": [True, False, True, None],
        "day": ["2015/1/9", "2015/01/10", "2015/2/1", None],
        "sand": ["x", "a and b", "in", "="],
    }
)


def kept(where: str, table: pl.DataFrame = TABLE) -> list[int]:
    import narwhals as nw

    clauses = parse_where(where)
    frame = nw.from_native(table)
    columns = {c.column: column_of(frame, c.column, "t") for c in clauses}
    return keep(clauses, columns, "t").nonzero()[0].tolist()


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("split = train", [0, 2]),
        ("split == 'train'", [0, 2]),
        ("split=train", [0, 2]),
        ("split != train", [1, 3]),
        ("split <> train", [1, 3]),
        ("split in (train, test)", [0, 1, 2]),
        ("split not in (train)", [1, 3]),
        ("year >= 2015", [1, 2, 3]),
        ("year > 2015 and year < 2017", [2]),
        ("year <= 2014.5", [0]),
        ("year in (2014, 2017)", [0, 3]),
        ("split = train AND year > 2014", [2]),
        ("half price = 1.5", [2]),
        ('"half price" > 0.9', [1, 2]),
        ("`half price` in (1, 0.5)", [0, 1]),
        ("when >= 2024-02-01", [1, 2]),
        ("when = 2024/03/01".replace("/", "-"), [2]),
        ("day < 2015-01-10", [0]),
        ("day >= 2015/01/10", [1, 2]),
        ("day = 2015/1/9", [0]),
        ("open = true", [0, 2]),
        ("sand = 'a and b'", [1]),
        ("sand = 'a and b' and year = 2015", [1]),
        ("sand = in", [2]),
        ("sand = '='", [3]),
    ],
)
def test_a_filter_keeps_the_rows_it_names(where: str, rows: list[int]) -> None:
    assert kept(where) == rows


@pytest.mark.parametrize(
    "where",
    [
        *("", "split", "split =", "= train", "split = train and", "and split = train"),
        *("split in train", "split in (a", "a = b or c = d'", "split ~ x", "in (a, b)"),
        *("year = 2014 year = 2015", "split = train and and year = 1"),
    ],
)
def test_a_filter_that_cannot_be_understood_shows_examples(where: str) -> None:
    with pytest.raises(UsageError, match=r"where=.*split = train"):
        parse_where(where)


@pytest.mark.parametrize("where", ["year = abc", "when > soon", "open = perhaps"])
def test_a_filter_of_the_wrong_kind_says_what_the_column_holds(where: str) -> None:
    with pytest.raises(DataError, match=r"column .* holds (numbers|dates)"):
        kept(where)


@settings(deadline=None)
@given(
    st.integers(2010, 2020),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    st.lists(st.integers(2010, 2020), min_size=1),
)
def test_operators_are_those_of_polars(value: int, operator: str, years: list[int]) -> None:
    table = pl.DataFrame({"year": years})
    expected = table.with_row_index().filter(
        pl.sql_expr(f"year {operator.replace('!=', '<>')} {value}")
    )
    assert kept(f"year {operator} {value}", table) == expected["index"].to_list()


def test_quotes_are_taken_off() -> None:
    assert parse_where("'a b' in ('x, y', z)") == (Clause("a b", "=", ("x, y", "z")),)
