"""Row filters: ``split = train and year >= 2015 and store in (1, 2)``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rollcast.data.column import Column, numbers
from rollcast.data.stamps import one_column
from rollcast.errors import DataError, UsageError

# operator -> what it keeps, given an array and one value
OPERATORS: dict[str, Callable[[np.ndarray, Any], np.ndarray]] = {
    "=": lambda values, value: values == value,
    "!=": lambda values, value: values != value,
    "<": lambda values, value: values < value,
    "<=": lambda values, value: values <= value,
    ">": lambda values, value: values > value,
    ">=": lambda values, value: values >= value,
}

_QUOTED = r"'[^']*'|\"[^\"]*\""
_CLAUSE = re.compile(
    rf"""\s*(?P<column>{_QUOTED}|`[^`]*`|(?!and\s)[^=!<>()'"`]+?)\s*
    (?: (?P<operator>==|!=|<>|<=|>=|=|<|>)\s*(?P<value>{_QUOTED}|[^'"()=<>!]+?)
      | (?<=[\s'"`])(?P<no>not\s+)?in\s*\((?P<values>[^()]*)\) )\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
# split at "and" outside quotes
_AND = re.compile(rf"((?:{_QUOTED}|`[^`]*`|(?!\s+and\s).)+)(?:\s+and\s+|$)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/]\d{2}([-/]\d{2})?(?:[ T]\d{2}:\d{2}(:\d{2})?)?$")
_ITEM = re.compile(rf"\s*({_QUOTED}|[^,'\"]+?)\s*(?:,|$)")


@dataclass(frozen=True)
class Clause:
    """One condition: ``column operator values``; ``=`` and ``!=`` take any number of values."""

    column: str
    operator: str
    values: tuple[str, ...]


def parse_where(text: str) -> tuple[Clause, ...]:
    """The conditions of a filter, all of which must hold. Raises `UsageError` with an example.

    >>> parse_where("split = train and year >= 2015")[1]
    Clause(column='year', operator='>=', values=('2015',))
    """
    pieces = _AND.findall(text)
    found = [_CLAUSE.match(piece) for piece in pieces]
    if not text.strip() or None in found or _joined(text) != len(found):
        broken = next((p for p, m in zip(pieces, found, strict=True) if m is None), text)
        raise UsageError(
            f"where={text!r}: cannot understand {broken.strip()!r}. Expected conditions such as "
            '"split = train", "year >= 2015" or "store in (1, 2)", joined with and; operators '
            "are =, !=, <, <=, >, >=, in, not in."
        )
    return tuple(_clause(match) for match in found if match)


def _joined(text: str) -> int:
    """How many conditions the text claims to join."""
    bare = re.sub(rf"{_QUOTED}|`[^`]*`", "x", text)
    return len(re.split(r"(?:^|\s)and(?:\s|$)", bare, flags=re.IGNORECASE))


def _clause(match: re.Match[str]) -> Clause:
    column = _bare(match["column"])
    if match["values"] is not None:
        values = tuple(_bare(item) for item in _ITEM.findall(match["values"]))
        return Clause(column, "!=" if match["no"] else "=", values)
    operator = {"==": "=", "<>": "!="}.get(match["operator"], match["operator"])
    return Clause(column, operator, (_bare(match["value"]),))


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`" else text


def keep(clauses: tuple[Clause, ...], columns: dict[str, Column], source: str) -> np.ndarray:
    """Which rows every condition holds for, ``(rows,)`` boolean.

    Numbers compare as numbers and dates as dates where the whole column is so, text as text. A
    missing value meets only ``!=``.
    """
    kept: np.ndarray | None = None
    for clause in clauses:
        held = _holds(clause, columns[clause.column], source)
        kept = held if kept is None else kept & held
    assert kept is not None
    return kept


def _holds(clause: Clause, column: Column, source: str) -> np.ndarray:
    values, wanted = _comparable(clause, column, source)
    compare = OPERATORS[clause.operator]
    missing = column.missing
    # compare only what is there: None has no order
    answers = np.zeros(len(missing), bool)
    present = values[~missing]
    if clause.operator == "!=":
        answers[~missing] = np.logical_and.reduce([compare(present, w) for w in wanted])
        return answers | missing
    answers[~missing] = np.logical_or.reduce([compare(present, w) for w in wanted])
    return answers


def _comparable(clause: Clause, column: Column, source: str) -> tuple[np.ndarray, list[Any]]:
    """Column and wanted values in one kind of thing."""
    if column.kind == "stamp":
        try:
            return column.values, [
                np.datetime64(value.replace("/", "-")) for value in clause.values
            ]
        except ValueError:
            raise DataError(
                f"{source}: column {clause.column!r} holds dates; where compares it with "
                f"{', '.join(clause.values)}. Expected dates such as 2024-01-31."
            ) from None
    words = {"true": 1.0, "false": 0.0} if column.kind != "text" else {}
    try:
        wanted = [words[v.lower()] if v.lower() in words else float(v) for v in clause.values]
    except ValueError:
        if column.kind != "text":
            raise DataError(
                f"{source}: column {clause.column!r} holds numbers; where compares it with "
                f"{', '.join(map(repr, clause.values))}. Expected a number."
            ) from None
    else:
        found, wrong = numbers(column)
        if not wrong.any():
            return found, list(wanted)
    if clause.operator not in "!=" and all(_DATE.match(value) for value in clause.values):
        there = ~column.missing
        present = replace(column, values=column.values.drop_nulls(), missing=column.missing[there])
        stamps = one_column(present, source, np.flatnonzero(there), None).values
        if stamps.dtype.kind == "M":  # 2015/1/9 comes before 2015/01/10, but not as text
            dates = np.full(len(there), np.datetime64("NaT"), "M8[us]")
            dates[there] = stamps
            return dates, [np.datetime64(value.replace("/", "-")) for value in clause.values]
    return np.asarray(column.values.to_numpy(), object), list(clause.values)
