"""The engine's workloads beside every other library that is installed, in one run, in turns.

    python benchmarks/engine.py [--quick] [--only W2,W3] [--threads 1,2] [--beside torch.nn,JAX]
                                [--prototype FOLDER] [--json FILE] [--readme]

Each implementation runs in a process of its own. Before anything is timed, its loss and gradients
(or outputs) are compared with ours on the same weights: what computes something else gets no time.
The peak of the processor is measured in every round.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import besides
from common import ROOT, granted_processors, header
from peak import Peak
from report import into_readme, lines_of, save, tables
from rounds import Effort, Team, measure
from targets import Row
from who import PACKAGES, WHO
from workloads import CASES, PROTOTYPE_CASES, Case

from rollcast import engine

# One turn of these takes seconds.
SLOW = {"W1": 3, "W8": 4, "W11": 3}
QUICK = Effort(rounds=2, seconds=0.05)
BESIDES = "besides"


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 short rounds and no W11")
    parser.add_argument("--only", type=words, help=f"workloads, such as W2,W3, or {BESIDES}")
    parser.add_argument("--modes", type=words, help="train, step, infer, one, stack")
    parser.add_argument("--threads", type=words, default=["1", "2"])
    parser.add_argument("--beside", type=words, help="whom to measure beside; 'none' for nobody")
    parser.add_argument("--prototype", type=Path, metavar="FOLDER", help="its built libraries")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "benchmarks" / "engine.json")
    parser.add_argument("--readme", action="store_true", help="put the tables into the README")
    return parser.parse_args(arguments)


def chosen(arguments: argparse.Namespace) -> list[Case]:
    """The cases that were asked for, each beside those who were and are here."""
    if arguments.prototype:
        os.environ["ROLLCAST_PROTOTYPE"] = str(arguments.prototype.resolve())
    cases = [*CASES, *(PROTOTYPE_CASES if arguments.prototype else ())]
    missing = {name: why for name, who in WHO.items() if (why := who.missing())}
    for name, why in missing.items():
        if name != "prototype":
            print(f"left out: {name} ({why})", file=sys.stderr)
    found = []
    for case in cases:
        if arguments.only and case.workload not in arguments.only:
            continue
        if arguments.modes and case.mode not in arguments.modes:
            continue
        if arguments.quick and case.workload == "W11" and not arguments.only:
            continue
        beside = [name for name in case.beside if name not in missing]
        if arguments.beside:
            beside = [name for name in beside if name in arguments.beside]
        found.append(Case(case.workload, case.mode, tuple(beside)))
    return found


def measured(cases: Sequence[Case], threads: int, quick: bool) -> Iterator[Row]:
    """Row after row, with this number of threads."""
    peaks = {"": Peak(engine.isa(), threads), "avx2": Peak("avx2", threads)}
    with Team(threads) as team:
        for case in cases:
            here = {isa: each for isa, each in peaks.items() if f"ours {isa}" in case.beside}
            here[""] = peaks[""]
            for each in here.values():
                each.forget()
            effort = QUICK if quick else Effort(rounds=SLOW.get(case.workload, Effort.rounds))
            names = ("ours", *case.beside)
            found = measure(
                team, case.workload, case.mode, names, effort,
                between=lambda here=here: [each.measure() for each in here.values()],
            )  # fmt: skip
            best = {isa: each.best for isa, each in here.items()}
            sustained = {isa: each.sustained for isa, each in here.items()}
            yield Row(case.workload, case.mode, threads, found, best, sustained)


def peak_words(rows: Sequence[Row]) -> str:
    """The most that was seen, for each number of threads; nothing without a compiler."""
    words = ""
    for count in dict.fromkeys(row.threads for row in rows):
        here = [row for row in rows if row.threads == count]
        burst, sustained = (
            max(peaks[""] for peaks in kind)
            for kind in ([row.peaks for row in here], [row.sustained for row in here])
        )
        if burst:
            words += f", peak {burst:.0f} GFLOP/s, {sustained:.0f} kept up ({count} threads)"
    return words


def busy_words() -> str:
    """A warning where others are at work: times are then worth nothing, ratios little."""
    load = os.getloadavg()[0]
    return f"; BUSY, load {load:.1f} before it began" if load > 0.5 else ""


def main() -> int:
    arguments = parsed()
    busy = busy_words()
    threads = [int(word) for word in arguments.threads]
    if max(threads) > granted_processors():
        print(f"only {granted_processors()} processors are granted", file=sys.stderr)
        return 2
    cases = chosen(arguments)
    rows: list[Row] = []
    others: list[list[str]] = []
    for count in threads:
        for row in measured(cases, count, arguments.quick):
            rows.append(row)
            print("\n".join("  ".join(line) for line in lines_of(row)), file=sys.stderr)
        if not arguments.only or BESIDES in arguments.only:
            others += besides.rows(count, arguments.quick)
    manner = "a quick run" if arguments.quick else "a whole run"
    head = f"{header(*PACKAGES)}\nengine {engine.isa()}{peak_words(rows)}; {manner}{busy}"
    text = tables(head, rows, others)
    print(text)
    settings = {"arguments": sys.argv[1:], "quick": arguments.quick}
    save(arguments.json, rows, others, settings)
    if arguments.readme:
        into_readme(text, "engine")
    wrong = [m for row in rows for m in row.measured.values() if m.failure]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
