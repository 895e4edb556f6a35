"""What was found in a table, as text and as JSON."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import Any

from rollcast.data.facts import Facts
from rollcast.data.panel import Panel, stamp_text

MOST_OUTLIERS = 3
"""Outliers shown one by one."""


@dataclass(frozen=True)
class Fault:
    """Something about the table: ``what`` was found and the ``remedy``. ``stops`` says that `read`
    would raise for it; otherwise it is good to know."""

    what: str
    remedy: str
    stops: bool


@dataclass(frozen=True)
class Suggestion:
    """An option that suits the data, and why."""

    option: str
    value: str | bool
    why: str

    @property
    def flag(self) -> str:
        """As the command line takes it."""
        name = f"--{self.option}"
        return name if self.value is True else f"{name} {shlex.quote(str(self.value))}"


@dataclass(frozen=True, repr=False)
class Inspection:
    """A table inspected: what it holds, every fault with its remedy, options that suit it.

    ``rows`` are those of the table; ``columns`` maps id, time and target to the names read;
    ``duplicates`` rows share their stamp with another of their series; ``gaps`` are rows that
    were not there between others. ``panel`` is what can be read once faults are set right, None
    (and ``facts`` too) where too little can. ``options`` are those of reading that were given.
    """

    source: str
    rows: int
    columns: dict[str, str]
    duplicates: int
    gaps: int
    panel: Panel | None
    facts: Facts | None
    faults: tuple[Fault, ...]
    suggestions: tuple[Suggestion, ...]
    options: tuple[Suggestion, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether `read` would raise for this table with these options."""
        return any(fault.stops for fault in self.faults)

    def __repr__(self) -> str:
        found = "unreadable" if self.panel is None else f"{len(self.panel)} series"
        return (
            f"Inspection({self.source}: {found}, {self.rows} rows, {len(self.faults)} faults, "
            f"{len(self.suggestions)} suggestions)"
        )

    def properties(self) -> list[tuple[str, str]]:
        """What a person asks first, each with its answer."""
        lines = [
            ("columns", ", ".join(f"{role} {name!r}" for role, name in self.columns.items())),
            ("rows", f"{self.rows:,}"),
        ]
        if self.panel is None or self.facts is None:
            return lines
        panel, facts = self.panel, self.facts
        first, last = (
            stamp_text(panel.local(stamp[None])[0])
            for stamp in (panel.times.min(), panel.times.max())
        )
        zone = f" ({panel.columns.zone})" if panel.columns.zone else ""
        few, usual, many = facts.lengths
        lengths = f"{few:,} rows each" if few == many else f"{few:,} to {many:,} rows"
        middle = "" if few == many else f", {usual:,} in the middle"
        series = f"{len(panel):,} of {lengths}{middle}" if len(panel) > 1 else "1"
        lines += [
            ("series", series),
            ("frequency", str(panel.freq)),
            ("span", f"{first} to {last}{zone}"),
            ("gaps", self._gaps()),
            ("missing", _share(facts.missing - self.gaps, len(panel.values), "value")),
            ("duplicates", _share(self.duplicates, self.rows, "row")),
            ("season", self._season()),
            ("values", self._values()),
        ]
        if len(panel) > 1 or facts.constant:
            lines.append(("constant", _share(len(facts.constant), len(panel), "series")))
        lines.append(("outliers", self._outliers()))
        return lines

    def _gaps(self) -> str:
        assert self.panel is not None and self.facts is not None
        text = _share(self.gaps, len(self.panel.values), "row")
        series, first, length = self.facts.longest_gap
        if length > 1:
            begin = stamp_text(self.panel.local(self.panel.times[first : first + 1])[0])
            of = f" of series {self.panel.ids[series]!r}" if self.panel.columns.id else ""
            text += f"; longest without a value: {length:,} rows from {begin}{of}"
        return text

    def _season(self) -> str:
        assert self.panel is not None and self.facts is not None
        if not self.facts.seasons:
            return (
                f"{self.panel.season} rows (not shown)" if self.panel.season > 1 else "none shown"
            )
        return ", ".join(
            f"{lag} rows (autocorrelation {strength:.2f})"
            for lag, strength in self.facts.seasons.items()
        )

    def _values(self) -> str:
        assert self.facts is not None
        facts = self.facts
        words = [f"{facts.low:.6g} to {facts.high:.6g}"]
        words += ["whole numbers"] if facts.whole else []
        words += ["above 0"] if facts.low > 0 else []
        words += [f"{100 * facts.zeros:.0f} % zeros"] if facts.zeros >= 0.005 else []
        words += ["intermittent"] if facts.intermittent else []
        words += ["the spread grows with the level"] if facts.grows else []
        return ", ".join(words)

    def _outliers(self) -> str:
        assert self.panel is not None and self.facts is not None
        shown = []
        for outlier in self.facts.outliers[:MOST_OUTLIERS]:
            stamp = stamp_text(self.panel.local(self.panel.times[outlier.row][None])[0])
            of = f"{self.panel.ids[outlier.series]!r} " if self.panel.columns.id else ""
            shown.append(f"{of}{stamp}: {outlier.value:.6g}")
        count = len(self.facts.outliers)
        more = ", …" if count > len(shown) else ""
        return f"{count:,} ({', '.join(shown)}{more})" if count else "none"

    def command(self) -> str:
        """The command line that forecasts this table, faults of reading set right."""
        repairs = [one for one in self.suggestions if one.option in ("duplicates", "snap")]
        flags = [one.flag for one in (*self.options, *repairs)]
        named = [f"--{role} {shlex.quote(name)}" for role, name in self._unusual().items()]
        words = ["rollcast forecast", shlex.quote(self.source), *named, *flags]
        return " ".join([*words, "--horizon N"])

    def _unusual(self) -> dict[str, str]:
        usual = {"id": "unique_id", "time": "ds", "target": "y"}
        return {role: name for role, name in self.columns.items() if name != usual[role]}

    def summary(self) -> str:
        """All of it as text: properties, faults with remedies, suggestions."""
        lines = [self.source]
        lines += [f"  {name:<11} {text}" for name, text in self.properties()]
        for title, faults in self.by_weight().items():
            lines += ["", title]
            for fault in faults:
                lines += [f"  - {fault.what}", f"    {fault.remedy}"]
        if self.suggestions:
            lines += ["", "Options that suit it"]
            width = max(len(one.flag) for one in self.suggestions)
            lines += [f"  {one.flag:<{width}}  {one.why}" for one in self.suggestions]
        if self.panel is not None:
            lines += ["", f"  {self.command()}"]
        return "\n".join(lines)

    def by_weight(self) -> dict[str, list[Fault]]:
        """The faults under what they mean, without empty headings."""
        stop = [fault for fault in self.faults if fault.stops]
        rest = [fault for fault in self.faults if not fault.stops]
        titles = {"Faults: no forecast before these are set right": stop, "Good to know": rest}
        return {title: faults for title, faults in titles.items() if faults}

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values; stamps as text, NaN as None."""
        found: dict[str, Any] = {
            "source": self.source,
            "rows": self.rows,
            "columns": self.columns,
            "duplicates": self.duplicates,
            "gaps": self.gaps,
            "stops": self.stops,
            "faults": [asdict(fault) for fault in self.faults],
            "suggestions": [asdict(one) for one in self.suggestions],
            "command": self.command(),
        }
        if self.panel is None or self.facts is None:
            return found
        panel, facts = self.panel, self.facts
        values = asdict(facts)
        for name in ("outliers", "trailing", "ended", "constant", "longest_gap", "mark"):
            del values[name]
        plain = {name: None if value != value else value for name, value in values.items()}
        return found | {
            "series": len(panel),
            "freq": panel.freq,
            "season": panel.season,
            "first": stamp_text(panel.local(panel.times.min()[None])[0]),
            "last": stamp_text(panel.local(panel.times.max()[None])[0]),
            **plain,
            "intermittent": facts.intermittent,
            "constant": [panel.label(index) for index in facts.constant],
            "outliers": [
                {
                    "series": panel.label(each.series),
                    "time": stamp_text(panel.local(panel.times[each.row][None])[0]),
                    "value": each.value,
                }
                for each in facts.outliers[:100]
            ],
        }


def _share(count: int, total: int, what: str) -> str:
    """``none``, or how many and how large a part."""
    if count <= 0:
        return "none"
    many = what if count == 1 or what == "series" else f"{what}s"
    return f"{count:,} {many} ({100 * count / max(total, 1):.2g} %)"
