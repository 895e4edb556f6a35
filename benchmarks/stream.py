"""Updates a second of a stream: an LSTM of 2 × 64 reads one value at a time on one core.

    python benchmarks/stream.py [--updates 1000000] [--rounds 10] [--json FILE] [--readme]

An update is a call from Python: one new value in, the states carried on, the last layer's output
out. Beside it, in turns within the run, ONNX Runtime with a one-step graph whose states go in and
out, and two of PyTorch's cells; these make fewer updates. Outputs are compared first.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from common import ROOT, commit, header, processor, table, version
from report import into_readme
from rounds import Team, difference
from who import PACKAGES, WHO

BESIDE = ("ONNX Runtime", "torch cells", "torch.nn")
# They need ten times as long or more for an update.
FEWER = 20


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "benchmarks" / "stream.json")
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    arguments = parser.parse_args()
    names = ["ours", *(name for name in BESIDE if not WHO[name].missing())]
    rates: dict[str, list[float]] = {name: [] for name in names}
    counts: dict[str, int] = {}
    with Team(1) as team:
        reference, _ = team["ours"].build("stream", "one")
        for name in names[1:]:
            results, _ = team[name].build("stream", "one")
            apart = difference(reference, results)
            if not apart <= WHO[name].tolerance:
                print(f"{name} computes something else: {apart:.1e} from ours", file=sys.stderr)
                return 1
        for _ in range(arguments.rounds):
            for name in names:
                count = max(1, arguments.updates // arguments.rounds)
                count = count if name == "ours" else max(1, count // FEWER)
                counts[name] = counts.get(name, 0) + count
                seconds = team[name].ask(do="repeat", count=count)["seconds"]
                rates[name].append(count / seconds)
    ours = rates["ours"]
    rows = [
        [name, f"{counts[name]}", f"{max(each):.0f}", f"{statistics.median(each):.0f}",
         f"{1e6 / max(each):.2f}", f"{max(ours) / max(each):.1f}",
         f"{statistics.median(ours) / statistics.median(each):.1f}"]
        for name, each in rates.items()
    ]  # fmt: skip
    columns = (
        "updates a second", "updates", "best round", "median", "µs each", "ours, times as fast",
        "by median",
    )  # fmt: skip
    text = header(*PACKAGES) + "\nLSTM 2 × 64, one input, batch 1, one core\n\n"
    text += table(columns, rows)
    print(text)
    found = {
        "machine": processor(),
        "commit": commit(),
        "versions": {name: found for name in PACKAGES if (found := version(name))},
        "updates a second, each round": rates,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if arguments.readme:
        into_readme(text, "stream")
    return 0


if __name__ == "__main__":
    sys.exit(main())
