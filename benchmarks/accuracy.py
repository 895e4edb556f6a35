"""Accuracy by five protocols, beside the published figures and others run on the same machine.

    python benchmarks/accuracy.py --check
    python benchmarks/accuracy.py ltsf [--sets ETTh1 …] [--horizons 96 …] [--methods rollcast …]
    python benchmarks/accuracy.py competitions | tables | chaos …

Protocols: `ltsf` (long horizons: ETTh1, ETTm1, Weather, Exchange), `competitions` (M4 Hourly and
M3), `tables` (small real tables), `chaos` (closed loops: sine waves, Mackey-Glass, Lorenz). Every
result goes to benchmarks/results/PROTOCOL.jsonl as it ends, with its setting, and is not measured
again: what was ended goes on. `--check` asserts that the harness gives the figures of naive
forecasts as they were published, to the last digit. `--show` measures nothing.

All choices (networks, training, how many members) were made on validation parts or by backtests
inside training parts; the test parts were looked at by this script alone.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from common import ROOT, header, table
from protocols import chaos, competitions, ltsf, tables
from protocols.protocol import Case, Method, Protocol
from protocols.record import Records

PROTOCOLS: dict[str, Protocol] = {
    "ltsf": ltsf.PROTOCOL,
    "competitions": competitions.PROTOCOL,
    "tables": tables.PROTOCOL,
    "chaos": chaos.PROTOCOL,
}


def key_of(case: Case, name: str, method: Method, seed: int) -> dict[str, Any]:
    """All that a result depends on."""
    setting = method.setting(case) if callable(method.setting) else method.setting
    key = {"set": case.set, "horizon": case.horizon, "method": name, **setting}
    return key | ({"seed": seed} if method.seeds else {})


def measure(protocol: Protocol, records: Records, asked: argparse.Namespace) -> list[list[str]]:
    """The rows of the table: what is kept, and what is measured now."""
    rows: list[list[str]] = []
    found: dict[str, dict[Case, Mapping[str, float]]] = {}
    for case in protocol.cases:
        if asked.sets and case.set not in asked.sets:
            continue
        if asked.horizons and case.horizon and case.horizon not in asked.horizons:
            continue
        data = None
        for name, method in protocol.methods.items():
            if asked.methods and name not in asked.methods:
                continue
            for seed in asked.seeds if method.seeds else asked.seeds[:1]:
                key = key_of(case, name, method, seed)
                record = records.get(key)
                if record is None:
                    if asked.show or (method.needs and find_spec(method.needs) is None):
                        continue
                    data = protocol.load(asked.data, case) if data is None else data
                    if data is None:
                        print(f"skipped: {case} is not in {asked.data}")
                        break
                    began = time.perf_counter()
                    figures = dict(method.run(data, case, seed))
                    figures.setdefault("seconds", time.perf_counter() - began)
                    record = records.add(key, figures)
                    print(f"{case}, {name}: {_cells(protocol, figures)}", file=sys.stderr)
                label = f"{name}, seed {seed}" if method.seeds else name
                rows.append([str(case), label, *_cells(protocol, record["found"])])
                found.setdefault(label, {})[case] = record["found"]
        for name, figures in protocol.published.get(case, {}).items():
            rows.append([str(case), f"{name} (published)", *_cells(protocol, figures)])
    sums = protocol.sums(found)
    return rows + [[what, label, *_cells(protocol, figures)] for what, label, figures in sums]


def _cells(protocol: Protocol, figures: Mapping[str, float]) -> list[str]:
    columns = {**protocol.columns, "seconds": ".0f"}
    return [format(figures[name], how) if name in figures else "" for name, how in columns.items()]


def check(folder: Path) -> int:
    """How many figures of naive forecasts differ from those published; prints all of them."""
    rows, wrong = [], 0  # what is not there counts as wrong: nothing was checked
    for name, protocol in PROTOCOLS.items():
        for case, method, figure, printed in protocol.check:
            data = protocol.load(folder, case)
            if data is None:
                wrong += 1
                rows.append([name, str(case), method, figure, printed, "not there"])
                continue
            value = protocol.methods[method].run(data, case, 0)[figure]
            ours = format(value, f".{len(printed.split('.')[1])}f")
            wrong += ours != printed
            rows.append([name, str(case), method, figure, printed, ours])
    print(table(["protocol", "case", "method", "figure", "published", "ours"], rows))
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("protocols", nargs="*", choices=[[], *PROTOCOLS], default=[])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--horizons", nargs="+", type=int)
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    if asked.check:
        return 1 if check(asked.data) else 0
    packages = ("rollcast", "numpy", "statsforecast", "neuralforecast")
    print(header(*packages))
    for name in asked.protocols or PROTOCOLS:
        protocol = PROTOCOLS[name]
        records = Records(asked.results / f"{name}.jsonl")
        rows = measure(protocol, records, asked)
        print(f"\n{name}: {protocol.about}\n")
        print(table(["case", "method", *protocol.columns, "seconds"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
