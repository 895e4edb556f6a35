"""Every recipe: the published figure, plain PyTorch as in the tutorials, and ours.

    python benchmarks/recipes.py [--only minutes-played,...] [--seeds 5]

Mean and worst over the seeds. The column of PyTorch, same run and same machine, is left out where
it is not installed. Seconds are those of one run at its defaults; of a recipe they cover all that
its table needs, baselines included.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from common import header, table, version

from rollcast.recipes import RECIPES
from rollcast.recipes.trig_stack import PUBLISHED, SEEN


@dataclass(frozen=True)
class Figure:
    """One number of a recipe: its metric, how ours and the tutorial call it, what the source says
    and what is to be reached; None where there is none."""

    what: str
    ours: str
    plain: str | None = None
    published: float | None = None
    reach: float | None = None


@dataclass(frozen=True)
class Entry:
    """A recipe, its function in tutorials.py (None: nothing to compare), and its figures."""

    recipe: str
    plain: str | None
    figures: tuple[Figure, ...]


ENTRIES = (
    Entry(
        "sine-forecast",
        "sine_forecast",
        (
            Figure("closed loop, RMSE", "ours_closed_loop_rmse", "closed_loop_rmse", None, 0.05),
            Figure("one step, MSE", "ours_one_step_mse", "one_step_mse", 9.4e-5),
        ),
    ),
    Entry("any-shape", None, (Figure("closed loop, RMSE", "ours_closed_loop_rmse"),)),
    Entry(
        "minutes-played",
        "minutes_played",
        (
            Figure("loss, one offset", "rollcast_loss_one_offset", "loss_one_offset", 0.062, 0.062),
            Figure("RMSE, one offset", "rollcast_rmse_one_offset", "rmse_one_offset", None, 2),
            Figure("RMSE, noise", "rollcast_rmse_noise", "rmse_noise", None, 2),
        ),
    ),
    Entry(
        "trig-stack",
        "trig_stack",
        (
            *(
                Figure(f"{kind}, batch {at}", f"{kind}_batch_{at}", f"{kind}_{at}", loss, loss)
                for kind, losses in PUBLISHED.items()
                for at, loss in zip(SEEN[1:], losses[1:], strict=True)
            ),
            *(
                Figure(f"{kind}, batch {at}", f"{kind}_batch_{at}")
                for kind in ("rmsprop", "lbfgs(line_search=wolfe)")
                for at in SEEN[1:]
            ),
            Figure("after 1 row, loss on last", "prefix_1_last"),
            Figure("after 1 row, loss on all", "prefix_1_all"),
        ),
    ),
    Entry(
        "next-day-temperature",
        "next_day_temperature",
        (
            Figure("RMSE, °C", "rmse_rollcast", "rmse"),
            Figure("naive", "rmse_naive"),
            Figure("mean of the day", "rmse_mean_of_the_day"),
        ),
    ),
)

Runs = tuple[dict[str, list[float]], float]


def main() -> None:
    """Run what was asked for and print the table, recipe by recipe."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default=",".join(entry.recipe for entry in ENTRIES))
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    only = asked.only.split(",")
    unknown = set(only) - {entry.recipe for entry in ENTRIES}
    if unknown or asked.seeds < 1:
        parser.error(f"there are {', '.join(entry.recipe for entry in ENTRIES)}; seeds from 1")
    tutorials = plain_scripts()
    print(header("numpy", "torch"), f"{asked.seeds} seeds: mean (worst)", sep="\n", flush=True)
    for entry in ENTRIES:
        if entry.recipe not in only:
            continue
        ours = runs(lambda seed, name=entry.recipe: RECIPES[name](seed=seed).metrics, asked.seeds)
        plain: Runs = ({}, float("nan"))
        if tutorials is not None and entry.plain is not None:
            plain = runs(getattr(tutorials, entry.plain), asked.seeds)
        columns = (entry.recipe, "published", "plain PyTorch", "rollcast", "to reach")
        rows: list[tuple[str, ...]] = [
            (
                figure.what,
                number(figure.published),
                spread(plain[0].get(figure.plain or "")),
                spread(ours[0][figure.ours]),
                number(figure.reach),
            )
            for figure in entry.figures
        ]
        rows.append(("seconds", "", number(plain[1], 3), number(ours[1], 3), ""))
        print("", table(columns, rows), sep="\n", flush=True)


def plain_scripts() -> ModuleType | None:
    """The tutorials, None without PyTorch."""
    if version("torch") is None:
        print("torch is not installed: no column of plain PyTorch", file=sys.stderr)
        return None
    import tutorials

    return tutorials


def runs(run: Callable[[int], dict[str, float]], seeds: int) -> Runs:
    """Each metric over the seeds, and the seconds of one run in the mean."""
    found: dict[str, list[float]] = {}
    started = time.perf_counter()
    for seed in range(seeds):
        for name, value in run(seed).items():
            found.setdefault(name, []).append(value)
    return found, (time.perf_counter() - started) / seeds


def spread(values: list[float] | None) -> str:
    """Mean and worst; all these figures are better when they are smaller."""
    if not values:
        return "–"
    return f"{number(float(np.mean(values)), 3)} ({number(max(values), 3)})"


def number(value: float | None, digits: int = 4) -> str:
    """So many significant digits; a dash for none."""
    return "–" if value is None or np.isnan(value) else f"{value:.{digits}g}"


if __name__ == "__main__":
    main()
