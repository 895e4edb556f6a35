"""Inputs: what is known beside the target, for each row or once a series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast.data.frequency import advance, steps_between
from rollcast.errors import DataError, UsageError

if TYPE_CHECKING:
    from rollcast.data.panel import Panel

Array = np.ndarray

ROLES = {
    "past": "known up to the newest row",
    "future": "known of rows to come",
    "static": "one value a series",
}


@dataclass(frozen=True)
class Input:
    """A column beside the target. ``role`` is one of `ROLES`; ``categories`` are its values as
    text, sorted, None for numbers. Of categories a panel holds codes: 1 is the first, 0 stands for
    missing and never seen. ``forced``: categories whatever the table holds."""

    name: str
    role: str
    categories: tuple[str, ...] | None = None
    forced: bool = False


@dataclass(frozen=True, eq=False)
class Inputs:
    """The inputs of a panel, float64, NaN = missing; categories as codes.

    ``past (rows of the panel, past columns)``; ``future (known rows, future columns)``: of series i
    the rows ``offsets[i]:offsets[i + 1]``, which begin where the series does and may go on beyond
    its end; ``static (series, static columns)``; ``holidays`` the country, None without.
    """

    columns: tuple[Input, ...]
    past: Array
    future: Array
    offsets: Array
    static: Array
    holidays: str | None = None

    def of_role(self, role: str) -> tuple[Input, ...]:
        """The columns of a role, in the order in which they lie side by side."""
        return tuple(each for each in self.columns if each.role == role)

    @property
    def lengths(self) -> Array:
        """Known rows of each series, ``(series,)``."""
        return np.diff(self.offsets)

    def rows(self, offsets: Array, begin: Array, lengths: Array, series: Array) -> Inputs:
        """Those of runs of ``lengths`` rows of a panel with these ``offsets``, each of one of the
        ``series``, from the row ``begin``. What is known beyond a run stays known."""
        taken = runs(begin, lengths)
        first = self.offsets[series] + begin - offsets[series]
        known = self.offsets[series + 1] - first
        return replace(
            self,
            past=self.past[taken],
            future=self.future[runs(first, known)],
            offsets=np.concatenate([[0], np.cumsum(known)]),
            static=self.static[series],
        )


def runs(begin: Array, lengths: Array) -> Array:
    """The numbers of runs of rows one after another: ``begin``, ``begin + 1`` …"""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(begin - (ends - lengths), lengths)


def asked_inputs(
    past: Any, future: Any, static: Any, categorical: Any, named: dict[str, str]
) -> tuple[Input, ...]:
    """The inputs that the options of `read` ask for; raises UsageError.

    ``named`` says which columns have another part already.
    """
    forced = names_of(categorical, "categorical")
    found: list[Input] = []
    for role, given in (("past", past), ("future", future), ("static", static)):
        for each in names_of(given, role):
            column = each if isinstance(each, Input) else Input(str(each), role)
            if column.name in named:
                raise UsageError(
                    f"{role}={column.name!r}: that column is the {named[column.name]}. "
                    "Leave it out."
                )
            if any(other.name == column.name for other in found):
                raise UsageError(f"{role}={column.name!r}: that column is named twice.")
            found.append(replace(column, forced=column.forced or column.name in forced))
    for name in forced:
        if all(each.name != name for each in found):
            raise UsageError(
                f"categorical={name!r} is no input. Name it in past, future or static as well."
            )
    return tuple(found)


def names_of(given: Any, option: str) -> tuple[Any, ...]:
    """One name, or several."""
    if isinstance(given, str | Input):
        return (given,)
    if not isinstance(given, Sequence) or not all(isinstance(n, str | Input) and n for n in given):
        raise UsageError(f"{option}={given!r}: expected the name of a column, or several.")
    return tuple(given)


def with_inputs(
    panel: Panel,
    codes: Array,
    times: Array,
    columns: Sequence[tuple[Input, Array]],
    holidays: str | None,
) -> Panel:
    """The panel of a table with inputs: ``codes (rows,)`` say which of its series a row of the
    table belongs to, ``times`` when, each column's values lie beside them.

    The panel itself without any. With inputs known of the future, rows after the last value of a
    series are the future.
    """
    if not columns and holidays is None:
        return panel
    ahead = any(each.role == "future" for each, _ in columns)
    if ahead:
        panel = without_end(panel)
    starts = panel.times[panel.offsets[:-1]]
    slots, exact = steps_between(starts[codes], times, panel.freq)
    if not exact.all():  # snapped to the nearest step
        low, high = (advance(starts[codes], panel.freq, slots + one) for one in (0, 1))
        slots += (high - times) < (times - low)
    lengths = panel.lengths
    known = lengths.copy()
    if ahead:
        np.maximum.at(known, codes, slots + 1)
    offsets = np.concatenate([[0], np.cumsum(known)])
    rule = panel.columns.duplicates
    inside = (slots >= 0) & (slots < lengths[codes])
    places = {
        "past": (panel.offsets[codes] + slots, inside, len(panel.values)),
        "future": (offsets[codes] + slots, slots >= 0, int(offsets[-1])),
    }
    found: dict[str, list[Array]] = {"past": [], "future": [], "static": []}
    for column, values in columns:
        if column.role == "static":
            found["static"].append(_of_series(panel, codes, column, values))
            continue
        at, there, rows = places[column.role]
        whole = values if column.categories is None else np.where(values > 0, values, np.nan)
        laid = _laid(at[there], whole[there], rows, rule, column)
        found[column.role].append(laid if column.categories is None else np.nan_to_num(laid))
    sizes = {"past": len(panel.values), "future": int(offsets[-1]), "static": len(panel)}
    arrays = {
        role: np.stack(each, axis=1) if each else np.zeros((sizes[role], 0))
        for role, each in found.items()
    }
    order = sorted((each for each, _ in columns), key=lambda each: list(ROLES).index(each.role))
    inputs = Inputs(tuple(order), offsets=offsets, holidays=holidays, **arrays)
    return replace(panel, inputs=inputs)


def without_end(panel: Panel) -> Panel:
    """The panel without the rows after the last value of each series."""
    there = ~np.isnan(panel.values)
    numbered = np.where(there, np.arange(len(there)), -1)
    last = np.maximum.reduceat(numbered, panel.offsets[:-1])
    lengths = last + 1 - panel.offsets[:-1]
    if (lengths == panel.lengths).all():
        return panel
    kept = runs(panel.offsets[:-1], lengths)
    return replace(
        panel,
        values=panel.values[kept],
        times=panel.times[kept],
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
    )


def _laid(at: Array, values: Array, rows: int, rule: str, column: Input) -> Array:
    """Values put at their rows; where several share one, by the rule for duplicates."""
    laid = np.full(rows, np.nan)
    there = ~np.isnan(values)
    at, values = at[there], values[there]
    if rule == "mean" and column.categories is None:
        counts = np.bincount(at, minlength=rows)
        sums = np.bincount(at, values, minlength=rows)
        return np.divide(sums, counts, out=laid, where=counts > 0)
    if rule in ("first", "mean"):
        at, values = at[::-1], values[::-1]
    laid[at] = values
    return laid


def _of_series(panel: Panel, codes: Array, column: Input, values: Array) -> Array:
    """The one value of each series; raises DataError where it has two."""
    missing = np.isnan(values) if column.categories is None else values == 0
    lowest, highest = np.full(len(panel), np.inf), np.full(len(panel), -np.inf)
    np.minimum.at(lowest, codes[~missing], values[~missing])
    np.maximum.at(highest, codes[~missing], values[~missing])
    moved = np.flatnonzero(lowest < highest)
    if len(moved):
        index = int(moved[0])
        two: list[object] = [float(lowest[index]), float(highest[index])]
        if column.categories is not None:
            two = [column.categories[int(each[index]) - 1] for each in (lowest, highest)]
        raise DataError(
            f"{panel.place(index)}: static input {column.name!r} is {two[0]!r} and {two[1]!r}; "
            "expected one value a series. Name it in past or future, or correct it."
        )
    nothing = np.nan if column.categories is None else 0.0
    return np.where(np.isfinite(lowest), lowest, nothing)


def categories_of(values: Any) -> tuple[str, ...]:
    """The different values of a polars text series, sorted; nulls left out."""
    return tuple(values.drop_nulls().unique().sort().to_list())


def codes_of(values: Any, categories: tuple[str, ...]) -> Array:
    """Which category each value of a polars text series is, float64 from 1; 0 = none of them."""
    import polars as pl

    if not categories:
        return np.zeros(len(values))
    found = values.cast(pl.Enum(list(categories)), strict=False).to_physical()
    return found.cast(pl.Float64).fill_null(-1.0).to_numpy() + 1.0


def missing_future(
    panel: Panel, horizon: int, text: Callable[[Any], str]
) -> tuple[int, str, str] | None:
    """Of the next ``horizon`` rows the first that lacks an input known of the future: its series,
    its stamp and the column; None where nothing lacks. Categories may be missing: code 0."""
    inputs = panel.inputs
    columns = () if inputs is None else inputs.of_role("future")
    if inputs is None or not columns:
        return None
    steps = np.arange(horizon)
    beyond = inputs.lengths - panel.lengths
    gone = steps >= beyond[:, None]
    at = (inputs.offsets[:-1] + panel.lengths)[:, None] + steps
    for index, column in enumerate(columns):
        found = inputs.future[np.where(gone, 0, at), index]
        lacking = gone | np.isnan(found)
        if lacking.any():
            series, step = (int(each[0]) for each in np.nonzero(lacking))
            stamp = panel.take([series]).future_times(step + 1)[0, step]
            return series, text(panel.local(np.array([stamp]))[0]), column.name
    return None
