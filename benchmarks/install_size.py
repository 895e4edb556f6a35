"""What ``pip install .`` brings into an empty environment: packages and megabytes.

python benchmarks/install_size.py
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from common import ROOT, header, table

MEGABYTE = 1e6
SHOWN = 8


def size_of(folder: Path) -> int:
    """Bytes of all files below, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def installed(python: Path) -> dict[str, int]:
    """Bytes of every installed package, by its own list of files."""
    code = (
        "import importlib.metadata as m, json\n"
        "print(json.dumps({d.name: sum(f.locate().stat().st_size for f in d.files or []"
        " if f.locate().exists()) for d in m.distributions()}))"
    )
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def main() -> None:
    """Install, count, print, and remove it again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "environment"
        venv.create(folder, with_pip=True)
        python = folder / "bin" / "python"
        before = size_of(folder)
        empty = installed(python)
        command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        build = f"--config-settings=build-dir={Path(name) / 'build'}"
        subprocess.run([*command, build, str(ROOT)], check=True)
        packages = {name: size for name, size in installed(python).items() if name not in empty}
        total = size_of(folder) - before
    print(header("pip"), end="\n\n")
    largest = sorted(packages.items(), key=lambda item: -item[1])
    rows = [(name, f"{size / MEGABYTE:.1f}") for name, size in largest[:SHOWN]]
    if len(largest) > SHOWN:
        rest = sum(size for _, size in largest[SHOWN:])
        rows.append((f"{len(largest) - SHOWN} others", f"{rest / MEGABYTE:.1f}"))
    # The total is that of the folder: with the compiled Python files, which no list counts fully.
    rows.append((f"all {len(largest)} packages", f"{total / MEGABYTE:.1f}"))
    print(table(("package", "MB"), rows))


if __name__ == "__main__":
    sys.exit(main())
