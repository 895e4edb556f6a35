"""Every recipe: the published figure, plain PyTorch as in the tutorials, and ours.

    python benchmarks/recipes.py [--only minutes-played,...] [--seeds 5] [--plain-seeds 2]
                                 [--results FILE]

Mean and worst over the seeds. The column of PyTorch, same run and same machine, is left out where
it is not installed. Seconds are those of one run at its defaults; of a recipe they cover all that
its table needs, baselines included. Every single run goes to FILE as it ends, and what lies there
of the same commit is not run again: a run that was stopped goes on, and prints the whole table.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
from common import ROOT, commit, header, table, version
from recipe_figures import ENTRIES, Entry, Figure

from rollcast.recipes import RECIPES

Metrics = Mapping[str, float]


def main() -> None:
    """Run what was asked for and print the table, recipe by recipe."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(entry.recipe for entry in ENTRIES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--plain-seeds", type=int, help="of PyTorch's scripts, default: as ours")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "recipes.jsonl")
    asked = parser.parse_args()
    only = set(asked.only.split(","))
    unknown = only - {entry.recipe for entry in ENTRIES}
    scripted = asked.seeds if asked.plain_seeds is None else asked.plain_seeds
    if unknown or min(asked.seeds, scripted) < 1:
        parser.error(f"there are {', '.join(entry.recipe for entry in ENTRIES)}; seeds from 1")
    tutorials = plain_scripts()
    runs = Runs(asked.results)
    seeds = f"{asked.seeds} seeds, PyTorch's scripts {scripted}: mean (worst)"
    print(header("numpy", "torch"), seeds, sep="\n", flush=True)
    for entry in ENTRIES:
        if entry.recipe not in only:
            continue
        ours, plain = [], []
        for seed in range(asked.seeds):
            if tutorials is not None and entry.plain is not None and seed < scripted:
                script = getattr(tutorials, entry.plain)
                plain.append(runs.of(f"{entry.name}, torch", seed, script))
            ours.append(runs.of(entry.name, seed, lambda seed, one=entry: of_recipe(one, seed)))
        print("", *lines(entry, ours, plain), sep="\n", flush=True)


def of_recipe(entry: Entry, seed: int) -> Metrics:
    """The metrics of one run of ours."""
    return RECIPES[entry.recipe](seed=seed, **entry.options).metrics


class Runs:
    """Metrics of single runs, kept in a file of one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self.path, self.commit = path, commit()
        self.known: dict[tuple[str, int], Metrics] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            found = json.loads(line)
            if found["commit"] == self.commit:
                self.known[found["run"], found["seed"]] = found["metrics"]

    def of(self, run: str, seed: int, make: Callable[[int], Metrics]) -> Metrics:
        """What this run gives and its ``seconds``; it is made when it is not there yet."""
        if (run, seed) not in self.known:
            started = time.perf_counter()
            metrics = {name: float(value) for name, value in make(seed).items()}
            metrics["seconds"] = time.perf_counter() - started
            print(f"{run}, seed {seed}: {metrics['seconds']:.1f} s", file=sys.stderr, flush=True)
            found = {"commit": self.commit, "run": run, "seed": seed, "metrics": metrics}
            with self.path.open("a") as file:
                file.write(json.dumps(found) + "\n")
            self.known[run, seed] = metrics
        return self.known[run, seed]


def lines(entry: Entry, ours: list[Metrics], plain: list[Metrics]) -> list[str]:
    """The lines of an entry: its figures, seconds, and how many times as fast."""
    columns = (entry.name, "published", "plain PyTorch", "rollcast", "to reach")
    rows = []
    for figure in (*entry.figures, Figure("seconds", "seconds", "seconds"), *entry.same):
        reach = "" if figure in entry.same else number(figure.reach)
        texts = spread(plain, figure.plain), spread(ours, figure.ours)
        rows.append((figure.what, number(figure.published), *texts, reach))
    found = [table(columns, rows)]
    for figure in entry.same if plain else ():
        theirs = np.array([each[figure.plain or ""] for each in plain])
        ratio = theirs / np.array([each[figure.ours] for each in ours])
        mean, least = number(float(ratio.mean()), 3), number(float(ratio.min()), 3)
        found.append(f"{figure.what}: {mean} times as fast ({least}), to reach {figure.reach:g}")
    return found


def plain_scripts() -> ModuleType | None:
    """The tutorials, None without PyTorch."""
    if version("torch") is None:
        print("torch is not installed: no column of plain PyTorch", file=sys.stderr)
        return None
    import tutorials

    return tutorials


def spread(runs: list[Metrics], name: str | None) -> str:
    """Mean and worst; all these figures are better when they are smaller."""
    if not runs or name is None:
        return "–"
    values = [each[name] for each in runs]
    return f"{number(float(np.mean(values)), 3)} ({number(max(values), 3)})"


def number(value: float | None, digits: int = 4) -> str:
    """So many significant digits; a dash for none."""
    return "–" if value is None or np.isnan(value) else f"{value:.{digits}g}"


if __name__ == "__main__":
    main()
