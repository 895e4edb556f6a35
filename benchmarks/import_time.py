"""How long ``import rollcast`` takes in a new interpreter, beside NumPy and what others import.

python benchmarks/import_time.py --repeats 20
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys

from common import header, table

# The public names of rollcast are loaded when first asked for, so what it costs to use them counts.
IMPORTS = {
    "numpy": "import numpy",
    "rollcast": "import rollcast",
    "rollcast, and Forecaster": "import rollcast; rollcast.Forecaster",
    "rollcast, and its engine": "import rollcast.engine",
    "torch": "import torch",
    "neuralforecast": "import neuralforecast",
    "darts": "import darts",
}
BASE = "rollcast, and Forecaster"

# Only the import: the interpreter has started when the clock does.
CODE = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def seconds(name: str) -> float:
    """Seconds of one import in a new interpreter."""
    command = [sys.executable, "-c", CODE.format(statement=IMPORTS[name])]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(answer.stdout.split()[-1])


def main() -> None:
    """Import each in turn, so that a slow moment of the machine falls on all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    names = [name for name in IMPORTS if importlib.util.find_spec(name.split(",")[0])]
    for name in names:
        seconds(name)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            taken[name].append(seconds(name))
    base = statistics.median(taken[BASE])
    rows = []
    for name, times in taken.items():
        median = statistics.median(times)
        rows.append((name, f"{median:.3f}", f"{min(times):.3f}", f"{median / base:.2f}"))
    print(header(*(name for name in names if "," not in name)), end="\n\n")
    print(table((f"import, s ({repeats} times)", "median", "minimum", "ratio"), rows))


if __name__ == "__main__":
    main()
