"""The result of a run: tables for people, JSON for machines, the README between its markers."""

import datetime
import json
import platform
from collections.abc import Sequence
from pathlib import Path

from common import ROOT, commit, granted_processors, processor, table, version
from targets import Row, judged
from who import PACKAGES

README = ROOT / "benchmarks" / "README.md"
COLUMNS = (
    "workload", "threads", "who", "minimum", "median", "times ours", "by median", "GFLOP/s",
    "of peak", "of kept up",
)  # fmt: skip


def duration(seconds: float) -> str:
    """With its unit, three digits or so."""
    if seconds < 1e-4:
        return f"{seconds * 1e6:.2f} µs"
    return f"{seconds * 1e3:.{3 if seconds < 1e-2 else 1}f} ms"


def lines_of(row: Row) -> list[list[str]]:
    """A row's implementations under each other, ours first."""
    lines = []
    ours = row.measured["ours"]
    for name, measured in row.measured.items():
        start = [f"{row.workload} {row.mode}", str(row.threads), name]
        if not measured.times:
            reason = measured.failure.strip().splitlines()[-1:] or ["not measured"]
            lines.append([*start, reason[0][:60], *[""] * 6])
            continue
        ratios = ["", ""]
        if ours.times:
            ratios = [f"{measured.minimum / ours.minimum:.2f}",
                      f"{measured.median / ours.median:.2f}"]  # fmt: skip
        fractions = (row.of_peak(name), row.of_peak(name, row.sustained))
        lines.append([
            *start, duration(measured.minimum), duration(measured.median), *ratios,
            f"{row.rate(name):.3g}", *(f"{each:.0%}" if each else "–" for each in fractions),
        ])  # fmt: skip
    return lines


def tables(head: str, rows: Sequence[Row], others: Sequence[Sequence[str]]) -> str:
    """Everything that a run says. others: figures beside the workloads, with their targets."""
    parts = [head]
    if rows:
        parts.append(table(COLUMNS, [line for row in rows for line in lines_of(row)]))
    verdicts = judged(rows)
    columns = ("target", "threads", "figure", "must", "stretch", "")
    if verdicts:
        parts.append(table(columns, verdicts))
    if others:
        parts.append(table(("besides", "threads", "figure", "must", "stretch", ""), others))
    return "\n\n".join(parts)


def save(path: Path, rows: Sequence[Row], others: Sequence[Sequence[str]], settings: dict) -> None:
    """The run as JSON, every time kept by its minimum, median and count."""
    measured = [
        {
            "workload": row.workload,
            "mode": row.mode,
            "threads": row.threads,
            "peak": row.peaks.get("", 0.0),
            "peak_sustained": row.sustained.get("", 0.0),
            "implementations": {
                name: {
                    "minimum": each.minimum,
                    "median": each.median,
                    "runs": len(each.times),
                    "gflops": row.rate(name),
                    "of_peak": row.of_peak(name),
                    "of_peak_sustained": row.of_peak(name, row.sustained),
                    "difference": each.difference,
                    "note": each.note,
                }
                if each.times
                else {"failure": each.failure}
                for name, each in row.measured.items()
            },
        }
        for row in rows
    ]
    whole = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": processor(),
        "processors": granted_processors(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := version(name))},
        "settings": settings,
        "rows": measured,
        "targets": judged(rows),
        "besides": [list(line) for line in others],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def into_readme(text: str, mark: str, path: Path = README) -> None:
    """Puts the text between the markers ``<!-- mark: start -->`` and ``<!-- mark: end -->``."""
    start, end = f"<!-- {mark}: start -->", f"<!-- {mark}: end -->"
    before, rest = path.read_text(encoding="utf-8").split(start)
    _, after = rest.split(end)
    path.write_text(f"{before}{start}\n```\n{text}\n```\n{end}{after}", encoding="utf-8")
