"""What the engine has to reach. Times by their minimum, within one run, with the same threads."""

from collections.abc import Sequence
from dataclasses import dataclass

from rounds import Measured
from who import INCUMBENTS
from workloads import WORKLOADS


@dataclass(frozen=True)
class Row:
    """What was measured of one case with one number of threads; peaks, in bursts and sustained, in
    GFLOP/s by instruction set, 0 where unknown."""

    workload: str
    mode: str
    threads: int
    measured: dict[str, Measured]
    peaks: dict[str, float]
    sustained: dict[str, float]

    def rate(self, name: str) -> float:
        """GFLOP/s at the minimum."""
        return WORKLOADS[self.workload].flops(self.mode) / self.measured[name].minimum / 1e9

    def of_peak(self, name: str, peaks: dict[str, float] | None = None) -> float:
        """The fraction of the peak (None: of bursts) that it reached, 0 where it is unknown."""
        peaks = self.peaks if peaks is None else peaks
        peak = peaks.get("avx2" if name == "ours avx2" else "", 0.0)
        return self.rate(name) / peak if peak else 0.0

    def has(self, name: str) -> bool:
        return name in self.measured and bool(self.measured[name].times)


@dataclass(frozen=True)
class Target:
    """``who`` against an incumbent, how many times as fast; ``best`` is the fastest incumbent that
    was there, ``peak`` the fraction of the peak. threads: None is every number of them."""

    workload: str
    mode: str
    against: str
    must: float | None
    stretch: float
    threads: int | None = None
    who: str = "ours"

    def figure(self, row: Row) -> float | None:
        """What was reached, None where this row does not tell."""
        same = (row.workload, row.mode) == (self.workload, self.mode)
        if not same or self.threads not in (None, row.threads) or not row.has(self.who):
            return None
        if self.against == "peak":
            return row.of_peak(self.who) or None
        others = INCUMBENTS if self.against == "best" else (self.against,)
        times = [row.measured[name].minimum for name in others if row.has(name)]
        return min(times) / row.measured[self.who].minimum if times else None

    def words(self, figure: float) -> list[str]:
        """Figure, must and stretch, and what became of them."""

        def shown(value: float | None) -> str:
            if value is None:
                return "–"
            return f"{value:.0%}" if self.against == "peak" else f"{value:.3g}"

        if figure >= self.stretch:
            verdict = "stretch reached"
        elif self.must is None:
            verdict = "stretch not reached"
        else:
            verdict = "reached" if figure >= self.must else "not reached"
        return [shown(figure), shown(self.must), shown(self.stretch), verdict]


TARGETS: Sequence[Target] = (
    Target("W1", "train", "torch.nn", 3.7, 4.4, threads=1),
    Target("W1", "train", "torch.nn", 5.0, 6.2, threads=2),
    Target("W1", "train", "peak", 0.68, 0.80),
    Target("W1", "train", "peak", 0.70, 0.80, who="ours avx2"),
    # The figure that the target was drawn from, 25.9 ms, is of the head called step by step.
    Target("W2", "step", "torch.nn, stepwise head", 130, 250),
    Target("W2", "step", "torch.nn", 130, 250),
    Target("W2", "step", "JAX", 3, 6),
    Target("W2", "step", "torch.nn", 40, 65, who="drop-in"),
    Target("W2", "step", "torch.nn", 40, 65, who="drop-in (one parameter)"),
    Target("W2", "step", "torch.nn, stepwise head", 40, 65, who="drop-in"),
    Target("W2", "step", "torch.nn, stepwise head", 40, 65, who="drop-in (one parameter)"),
    Target("W3", "step", "torch.nn", 50, 100),
    Target("W3", "step", "JAX", 2, 4),
    Target("W3", "step", "torch.nn", 4, 6, who="drop-in"),
    Target("W3", "step", "torch.nn", 4, 6, who="drop-in (one parameter)"),
    # The figures that these were drawn from, 4.8 and 4.4 ms, are of the cells.
    Target("W4", "step", "torch cells", 9, 15, threads=1),
    Target("W4", "step", "torch cells", 14, 20, threads=2),
    Target("W4", "step", "torch.nn", 9, 15, threads=1),
    Target("W4", "step", "torch.nn", 14, 20, threads=2),
    Target("W4", "step", "best", 3, 5),
    Target("W4", "step", "torch.nn", 8, 10, who="drop-in"),
    Target("W4", "step", "torch.nn", 8, 10, who="drop-in (one parameter)"),
    Target("W4", "step", "torch cells", 8, 10, who="drop-in"),
    Target("W4", "step", "torch cells", 8, 10, who="drop-in (one parameter)"),
    Target("W5", "step", "torch.nn", 4, 6, threads=2),
    Target("W6", "train", "torch.nn", 2.4, 2.6, threads=2),
    Target("W6", "train", "peak", 0.75, 0.83),
    Target("W7", "train", "best", 3.7, 4.2, threads=2),
    Target("W7", "train", "peak", 0.67, 0.67),
    Target("W8", "train", "torch.nn", 2.0, 2.2, threads=2),
    Target("W8", "train", "peak", 0.75, 0.83),
    Target("W11", "step", "torch.nn", 3, 3.6, threads=2),
    Target("W11", "step", "peak", 0.70, 0.80),
    Target("W6", "infer", "torch.nn", 1.1, 1.35),
    Target("W8", "infer", "torch.nn", 1.1, 1.35),
    Target("W6", "infer", "torch.nn", None, 2, who="ours bfloat16"),
    Target("W8", "infer", "torch.nn", None, 2, who="ours bfloat16"),
    Target("W9", "infer", "ONNX Runtime", 2, 2.4, threads=1),
    Target("W9", "infer", "ONNX Runtime", 3.2, 4, threads=2),
    Target("W10", "one", "ONNX Runtime", 7, 10),
)


def judged(rows: Sequence[Row]) -> list[list[str]]:
    """Every target that the rows tell about: what, threads, figure, must, stretch, verdict."""
    found = []
    for target in TARGETS:
        for row in rows:
            figure = target.figure(row)
            if figure is None:
                continue
            against = "of the peak" if target.against == "peak" else f"vs {target.against}"
            what = f"{target.workload} {target.mode}, {target.who} {against}"
            found.append([what, str(row.threads), *target.words(figure)])
    return found
