"""Many series in three flat arrays: values, times, and where each series begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rollcast.data.frequency import advance, parse_frequency, steps_between
from rollcast.data.inputs import Inputs, runs
from rollcast.errors import DataError


@dataclass(frozen=True)
class Columns:
    """The user's own names, and what is needed to write a table as the one that came in.

    ``id`` is None when the table had no such column; ``time`` has several names when the stamp was
    spread over columns, then ``parts`` says what each one holds (year, month, …). ``frame`` is the
    kind of table (files count as polars), ``stamp`` the kind of the time column. ``zone`` is the
    time zone of the stamps, None without one; ``utc`` says whether the panel counts them in UTC
    (steps shorter than a day) or by the clock on the wall of that zone. ``targets`` are the columns
    of several targets, else empty; then ``target`` names their values where they stand in one
    column, and with ``pairs`` an id is an (id, target) pair, written as two columns. ``duplicates``
    and ``snap`` are how the table was read.
    """

    id: str | None = "unique_id"
    time: tuple[str, ...] = ("ds",)
    target: str = "y"
    frame: str = "polars"
    stamp: str = "datetime"
    parts: tuple[str, ...] = ()
    zone: str | None = None
    utc: bool = False
    duplicates: str = "error"
    snap: bool = False
    targets: tuple[str, ...] = ()
    pairs: bool = False


@dataclass(frozen=True)
class Series:
    """One series of a panel: views, not copies."""

    id: Any
    times: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, repr=False, eq=False)
class Panel:
    """Many regular series, sorted by id, each sorted by time without gaps.

    ``values (rows,)`` float64, NaN = missing; ``offsets (series + 1,)`` int64: series i holds the
    rows ``offsets[i]:offsets[i + 1]``; ``times (rows,)`` datetime64[us] or int64; ``ids
    (series,)``; ``freq`` a pandas alias or an integer; ``season`` rows in a season, 1 = none;
    ``columns`` the user's names; ``source`` names the table in messages; ``inputs`` what is known
    beside the values, None = nothing.
    """

    values: np.ndarray
    offsets: np.ndarray
    times: np.ndarray
    ids: np.ndarray
    freq: str | int = 1
    season: int = 1
    columns: Columns = field(default_factory=Columns)
    source: str = "table"
    inputs: Inputs | None = None

    @classmethod
    def of(
        cls,
        values: Mapping[Any, Sequence[float]] | Sequence[float] | np.ndarray,
        *,
        start: Any = 0,
        freq: str | int = 1,
        season: int = 1,
    ) -> Panel:
        """A panel from arrays that all start at ``start`` (an integer or a date).

        >>> Panel.of({"a": [1, 2, 3], "b": [4, 5]}, start="2024-01-01", freq="D")
        Panel(2 series, 5 rows, freq='D', season=1, 2024-01-01 to 2024-01-03)
        """
        named = isinstance(values, Mapping)
        table = {id: values[id] for id in sorted(values)} if named else {0: values}
        arrays = [np.asarray(row, np.float64) for row in table.values()]
        lengths = np.array([len(row) for row in arrays], np.int64)
        integer = parse_frequency(freq).kind == "integer"
        first = np.asarray(start, np.int64) if integer else np.datetime64(start, "us")
        columns = Columns(
            id="unique_id" if named else None, stamp="integer" if integer else "datetime"
        )
        panel = cls(
            values=np.concatenate(arrays),
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
            times=advance(np.repeat(first, lengths.sum()), freq, count_within(lengths)),
            ids=object_array(list(table)),
            freq=freq,
            season=season,
            columns=columns,
        )
        panel.validate()
        return panel

    def __len__(self) -> int:
        """How many series."""
        return len(self.ids)

    def __repr__(self) -> str:
        span = ""
        if len(self.times):
            first, last = (stamp_text(t) for t in (self.times.min(), self.times.max()))
            span = f", {first} to {last}"
        name = "" if self.source == "table" else f"{self.source}: "
        return (
            f"Panel({name}{len(self)} series, {len(self.values)} rows, freq={self.freq!r}, "
            f"season={self.season}{span})"
        )

    def __iter__(self) -> Iterator[Series]:
        return (self.series(index) for index in range(len(self)))

    @property
    def lengths(self) -> np.ndarray:
        """Rows of each series, ``(series,)`` int64."""
        return np.diff(self.offsets)

    def series(self, index: int) -> Series:
        """Series number ``index``: its id, times and values."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"series {index} of {len(self)}")
        index %= len(self)
        rows = slice(self.offsets[index], self.offsets[index + 1])
        return Series(self.ids[index], self.times[rows], self.values[rows])

    def take(self, indices: Any) -> Panel:
        """The series named by ``indices`` (integers or a mask over series), in that order."""
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        chosen = chosen.reshape(-1)
        return self._rows(self.offsets[chosen], self.lengths[chosen], chosen)

    def tail(self, rows: int) -> Panel:
        """The last ``rows`` rows of every series (all of a shorter one)."""
        lengths = np.minimum(self.lengths, rows)
        return self._rows(self.offsets[1:] - lengths, lengths, np.arange(len(self)))

    def head(self, rows: np.ndarray) -> Panel:
        """The first rows of every series, so many of each: ``rows (series,)``, from 1."""
        return self._rows(self.offsets[:-1], np.asarray(rows, np.int64), np.arange(len(self)))

    def split(self, last: int) -> tuple[Panel, Panel]:
        """The panel without the last ``last`` rows of each series, and those rows.

        Raises `DataError` for a series that would have no row left.
        """
        short = np.flatnonzero(self.lengths <= last)
        if len(short):
            index = int(short[0])
            raise DataError(
                f"{self.place(index)} has {self.lengths[index]} rows ({len(short)} of {len(self)} "
                f"series are this short): {last} cannot be held out. Hold out fewer, or drop it."
            )
        lengths = self.lengths - last
        held_out, each = np.full(len(self), last, np.int64), np.arange(len(self))
        return (
            self._rows(self.offsets[:-1], lengths, each),
            self._rows(self.offsets[:-1] + lengths, held_out, each),
        )

    def future_times(self, horizon: int) -> np.ndarray:
        """The next ``horizon`` stamps of every series, ``(series, horizon)``, in panel time.

        Panel time is that of ``times``; `frame` writes it in the user's time zone.
        """
        last = self.times[self.offsets[1:] - 1]
        return advance(last[:, None], self.freq, np.arange(1, horizon + 1))

    def local(self, times: np.ndarray) -> np.ndarray:
        """``times`` as the clock on the wall of the user's time zone shows them."""
        if not (self.columns.zone and self.columns.utc):
            return times
        from rollcast.data.frame import to_wall_clock

        return to_wall_clock(times, self.columns.zone)

    def frame(self, index: Any, times: np.ndarray, columns: Mapping[str, np.ndarray]) -> Any:
        """A table of the kind that came in: the user's id and time columns, then ``columns``.

        ``index (rows,)`` says which series a row belongs to; ``times (rows,)`` is panel time.
        NaN becomes null in polars and Arrow tables.
        """
        from rollcast.data.frame import build_frame

        return build_frame(self.columns, self.ids, np.asarray(index), times, columns)

    def to_frame(self) -> Any:
        """The panel as a long table of the kind that came in, gaps filled, sorted."""
        index = np.repeat(np.arange(len(self)), self.lengths)
        return self.frame(index, self.times, {self.columns.target: self.values})

    def place(self, index: int) -> str:
        """Table and series, as messages begin: ``sales.csv, series 'store 7'``."""
        if self.columns.id is None:
            return self.source
        return f"{self.source}, series {self.ids[index]!r}"

    def label(self, index: int) -> str:
        """What a picture calls a series: its id, or the target of a table without ids."""
        if self.columns.id is None:
            return self.columns.target
        id = self.ids[index]
        return " ".join(map(str, id)) if self.columns.pairs else str(id)

    def validate(self) -> None:
        """Raise `DataError` where the arrays contradict each other or the frequency."""
        rows = len(self.values)
        offsets = self.offsets
        if len(self.times) != rows or offsets[0] != 0 or offsets[-1] != rows:
            raise DataError(
                f"{self.source}: {rows} values, {len(self.times)} stamps and offsets up to "
                f"{offsets[-1]} do not belong together."
            )
        if len(self.ids) != len(offsets) - 1 or (np.diff(offsets) < 1).any():
            raise DataError(f"{self.source}: every one of {len(self.ids)} series needs a row.")
        if np.isinf(self.values).any():
            raise DataError(f"{self.source}: values are infinite. Make them missing (NaN).")
        starts = np.repeat(self.times[offsets[:-1]], self.lengths)
        steps, exact = steps_between(starts, self.times, self.freq)
        if not exact.all() or (steps != count_within(self.lengths)).any():
            raise DataError(f"{self.source}: stamps do not follow freq={self.freq!r}.")

    def _rows(self, begin: np.ndarray, lengths: np.ndarray, series: np.ndarray) -> Panel:
        """Runs of ``lengths`` rows that start at ``begin``, each of one of ``series``."""
        rows = runs(begin, lengths)
        inputs = self.inputs
        return replace(
            self,
            values=self.values[rows],
            times=self.times[rows],
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
            ids=self.ids[series],
            inputs=inputs and inputs.rows(self.offsets, begin, lengths, series),
        )


def count_within(lengths: np.ndarray) -> np.ndarray:
    """0, 1, 2 … within each run of ``lengths`` rows."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - lengths, lengths)


def object_array(values: Sequence[Any]) -> np.ndarray:
    """A 1-d array of Python objects, whatever they are."""
    return np.fromiter(values, object, len(values))


def stamp_text(stamp: Any) -> str:
    """A stamp as a person writes it: no midnight, no needless fractions."""
    text = str(stamp).replace("T", " ")
    for end in (".000000", ":00", " 00:00"):
        text = text.removesuffix(end)
    return text
