"""Columns of a table checked: numbers that are numbers, inputs as numbers or as categories."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.column import Column, column_of, numbers, text_of
from rollcast.data.inputs import Input, categories_of, codes_of
from rollcast.data.table import Table, row_number
from rollcast.errors import DataError

LARGEST = 1e100
"""Values beyond this overflow when they are squared and summed."""


def values_of(column: Column, option: str, table: Table, rows: np.ndarray | None) -> np.ndarray:
    """A column of numbers as float64, NaN where missing; ``option`` is what named it."""
    values, wrong = numbers(column, table.decimal_comma)
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        more = f" ({wrong.sum()} such rows)" if wrong.sum() > 1 else ""
        raise DataError(
            f"{table.source}, row {row_number(rows, index)}: {text_of(column, index)} in {option} "
            f"column {column.name!r} is not a number{more}. Expected numbers; a missing one is "
            f"empty or NA.{_comma(text_of(column, index))}"
        )
    if np.isinf(values).any():
        index = int(np.flatnonzero(np.isinf(values))[0])
        raise DataError(
            f"{table.source}, row {row_number(rows, index)}: {values[index]} in {option} column "
            f"{column.name!r}. Infinite values cannot be forecast: make them missing or correct "
            "them."
        )
    if (np.abs(values) > LARGEST).any():
        index = int(np.flatnonzero(np.abs(values) > LARGEST)[0])
        raise DataError(
            f"{table.source}, row {row_number(rows, index)}: {values[index]} in {option} column "
            f"{column.name!r} is too large to be squared. Write it in another unit, or correct it."
        )
    if np.isnan(values).all():
        raise DataError(
            f"{table.source}: all {len(values)} values of {option} column {column.name!r} are "
            "missing. Check that it is the right column."
        )
    return values


def _comma(text: str) -> str:
    """A hint for what may be a decimal comma or part thousands."""
    doubtful = re.fullmatch(r"'[+-]?\d+,\d+'", text)
    return " A comma may mean decimals or thousands: write a point, or none." if doubtful else ""


def input_column(
    frame: Any, wanted: Input, table: Table, rows: np.ndarray | None
) -> tuple[Input, np.ndarray]:
    """An input with its values ``(rows,)``: numbers, or codes of its categories.

    Text, booleans and what is ``forced`` are categories; an input that has some keeps them.
    """
    import narwhals as nw

    column = column_of(frame, wanted.name, table.source)
    if column.kind == "stamp":
        raise DataError(
            f"{table.source}: {wanted.role} input {wanted.name!r} holds dates. Expected numbers or "
            "categories; make it one of them, for example days since."
        )
    boolean = isinstance(frame[wanted.name].dtype, nw.Boolean)
    chosen = wanted.forced or wanted.categories is not None
    if not chosen and not boolean:
        text = column.kind == "text"
        if not text or (not table.typed and not numbers(column, table.decimal_comma)[1].any()):
            return wanted, values_of(column, wanted.role, table, rows)
    words = as_text(column, boolean)
    if wanted.categories is None:
        wanted = replace(wanted, categories=categories_of(words))
        if not wanted.categories:
            raise DataError(
                f"{table.source}: all values of {wanted.role} input {wanted.name!r} are missing. "
                "Leave it out, or check that it is the right column."
            )
    assert wanted.categories is not None
    return wanted, codes_of(words, wanted.categories)


def as_text(column: Column, boolean: bool = False) -> Any:
    """The column as a polars text series in which 1, 1.0 and "1" are the same, true and True too;
    null where missing."""
    import polars as pl

    if column.kind == "text":
        text = column.values
        logical = text.str.to_lowercase()
        both = logical.is_in(["true", "false"])
        return text.to_frame().select(pl.when(both).then(logical).otherwise(pl.col(text.name)))[
            text.name
        ]
    values = column.values
    if boolean:
        words = np.where(values != 0, "true", "false").astype(object)
    else:
        whole = np.isnan(values) | (values == np.floor(values))
        if whole.all():
            values = np.where(column.missing, 0, values).astype(np.int64)
        words = values.astype(str).astype(object)
    words[column.missing] = None
    return pl.Series(column.name, words.tolist(), dtype=pl.String)
