"""Heads: what the last numbers of a network mean, and how far they are from the truth.

A head reads ``width`` numbers a step. Each of ``HEADS`` is one family: the loss of a single error
and its slope, which the engine computes (native/loss.h). Everything round it is the same for all:
missing targets leave the mean, rows may weigh more or less, the gradient is that of the mean.

The loss is the mean over the observed elements of the target of

    mse        e²                                            e = output − target
    mae        |e|
    huber      e²/2 where |e| ≤ δ, else δ(|e| − δ/2)         Huber 1964
    quantile   2/K Σₖ max(τₖ(−eₖ), (1 − τₖ)eₖ)              Koenker and Bassett 1978

The quantile loss is twice the pinball loss, averaged over the K levels: the single level 0.5 gives
mae exactly, and many even levels give the continuous ranked probability score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.errors import UsageError

HEADS = engine.FAMILIES
"""The names of the heads."""

DEFAULT_LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


@dataclass(frozen=True)
class Head:
    """One head, ready to use. ``width`` numbers a step; ``levels`` is empty for a point head.

    Outputs are (horizon, batch, width), targets and ``observed`` (horizon, batch). Where
    ``observed`` is False the target may hold anything, NaN too.
    """

    name: str
    levels: tuple[float, ...] = ()
    delta: float = 1.0  # huber only: where the loss turns from square to straight

    @property
    def width(self) -> int:
        return max(1, len(self.levels))

    def loss_and_gradient(
        self,
        output: np.ndarray,
        target: np.ndarray,
        observed: np.ndarray,
        row_weight: np.ndarray | None = None,
    ) -> tuple[float, np.ndarray]:
        """The mean loss, and its gradient shaped like ``output`` (zero where nothing was observed).

        ``row_weight`` (batch,) makes it a weighted mean. With nothing observed both are zero.
        """
        loss, slope = self._loss(output, target, observed, row_weight, need_slope=True)
        assert slope is not None
        return loss, slope

    def loss(
        self,
        output: np.ndarray,
        target: np.ndarray,
        observed: np.ndarray,
        row_weight: np.ndarray | None = None,
    ) -> float:
        """The mean loss alone."""
        return self._loss(output, target, observed, row_weight, need_slope=False)[0]

    def _loss(
        self,
        output: np.ndarray,
        target: np.ndarray,
        observed: np.ndarray,
        row_weight: np.ndarray | None,
        need_slope: bool,
    ) -> tuple[float, np.ndarray | None]:
        return engine.loss(
            self.name,
            output,
            target,
            observed=observed,
            weight=row_weight,
            levels=self.levels,
            delta=self.delta,
            need_slope=need_slope,
        )

    def median(self, output: np.ndarray) -> np.ndarray:
        """The point forecast (horizon, batch): the median, of head mse the mean."""
        if not self.levels:
            return output[..., 0]
        return self.quantiles(output, (0.5,))[..., 0]

    def quantiles(self, output: np.ndarray, levels: Sequence[float]) -> np.ndarray:
        """Quantiles (horizon, batch, len(levels)), never crossing.

        The outputs of a step are sorted first (Chernozhukov et al. 2010 show that this only brings
        them nearer to the truth). A level between two trained ones is read off the straight line
        between them. A level beyond the outermost one continues with a normal tail, whose spread
        is that between the outermost level and the one nearest to the median.

        Raises ``UsageError`` for a point head, for a level outside (0, 1), and for a level other
        than the only one that was trained.
        """
        if not self.levels:
            raise UsageError(
                f"head {self.name!r} gives one number a step and no quantiles. "
                "Train with head='quantile', or use intervals calibrated on validation windows."
            )
        ordered = np.sort(output, axis=-1)
        result = np.empty((*output.shape[:-1], len(levels)), output.dtype)
        for j, level in enumerate(levels):
            result[..., j] = self._at(ordered, float(level))
        return result

    def _at(self, ordered: np.ndarray, level: float) -> np.ndarray:
        """One quantile of sorted outputs."""
        if not 0.0 < level < 1.0:
            raise UsageError(f"level {level:g}: a quantile level lies between 0 and 1.")
        grid = np.asarray(self.levels)
        nearest = int(np.argmin(np.abs(grid - level)))
        if abs(grid[nearest] - level) < 1e-9:
            return ordered[..., nearest]
        if len(grid) == 1:
            raise UsageError(
                f"level {level:g}: only level {grid[0]:g} was trained, which says nothing about "
                "others. Train with more levels."
            )
        above = int(np.searchsorted(grid, level))
        if 0 < above < len(grid):
            part = (level - grid[above - 1]) / (grid[above] - grid[above - 1])
            low, high = ordered[..., above - 1], ordered[..., above]
            return low + ordered.dtype.type(part) * (high - low)

        from statistics import NormalDist  # 10 ms to import, and seldom needed

        z = NormalDist().inv_cdf
        end = 0 if above == 0 else len(grid) - 1
        inner = int(np.argmin(np.abs(grid - 0.5)))
        if inner == end:
            inner = len(grid) - 1 - end
        reach = (z(level) - z(grid[end])) / (z(grid[end]) - z(grid[inner]))
        outermost = ordered[..., end]
        return outermost + ordered.dtype.type(reach) * (outermost - ordered[..., inner])


def make_head(name: str, levels: Sequence[float] | None = None, delta: float = 1.0) -> Head:
    """The head called ``name``, checked.

    ``levels`` are for head quantile, rising, between 0 and 1; ``delta`` for head huber, in units
    of the scaled target. Raises ``UsageError``.

    >>> make_head("quantile", (0.1, 0.5, 0.9)).width
    3
    """
    if name not in HEADS:
        raise UsageError(f"head={name!r}: there is no such head. Choose one of {', '.join(HEADS)}.")
    if not (np.isfinite(delta) and delta > 0.0):
        raise UsageError(f"delta={delta!r}: the turning point of head huber must be above 0.")
    if name != "quantile":
        if levels is not None:
            raise UsageError(f"levels={levels!r}: only head quantile has levels, not {name!r}.")
        return Head(name, (), float(delta))
    chosen = DEFAULT_LEVELS if levels is None else tuple(float(level) for level in levels)
    rising = all(low < high for low, high in zip((0.0, *chosen), (*chosen, 1.0), strict=True))
    if not chosen or not rising:
        raise UsageError(
            f"levels={levels!r}: give at least one level, each above the one before, "
            "between 0 and 1, such as (0.1, 0.5, 0.9)."
        )
    return Head(name, chosen, float(delta))
