"""One head, ready to use: loss and gradient, point forecast, quantiles, samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rollcast import engine
from rollcast.errors import UsageError
from rollcast.nn.heads.between import at_level

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Unit:
    """What scaled numbers count in: a value is ``location + scale · scaled``, each ``(n,)``."""

    location: Array
    scale: Array

    def value(self, scaled: Array) -> Array:
        """Values in the unit of the data."""
        return self.location + self.scale * scaled

    def take(self, chosen: Array) -> Unit:
        """That of some elements."""
        return Unit(self.location[chosen], self.scale[chosen])


@dataclass(frozen=True, eq=False)
class Family:
    """What makes a head, over n elements side by side; all float64.

    - ``loss(output (n, width), target (n,), unit)``: the loss of each element ``(n,)`` and its
      slope ``(n, width)``. Targets are scaled.
    - ``point(output, unit)``: the forecast ``(n,)`` in the unit of the data.
    - ``quantile(output, level (n,), unit)``: quantiles ``(n,)`` in the unit of the data; None where
      there are none.
    - ``begin(target, forecast, unit)``: what to add to the ``forecast (n,)``, scaled, of one step,
      and where the other numbers begin: ``(width,)``.
    """

    loss: Callable[[Array, Array, Unit], tuple[Array, Array]]
    point: Callable[[Array, Unit], Array]
    quantile: Callable[[Array, Array, Unit], Array] | None
    begin: Callable[[Array, Array, Unit], Array]


@dataclass(frozen=True, eq=False)
class Head:
    """One head. It reads ``width`` numbers a step.

    ``levels``: those of head quantile; for a distribution those at which it is scored; empty for a
    point head. ``family``: None where the engine has the loss (native/loss.h). ``support``: the
    values there may be: ``"any"``, ``"nonnegative"``, ``"positive"`` or ``"counts"``.

    Outputs are (horizon, batch, width), targets and ``observed`` (horizon, batch), ``location`` and
    ``scale`` (batch,), 0 and 1 if None. Where ``observed`` is False the target may hold anything,
    NaN too.
    """

    name: str
    width: int = 1
    levels: tuple[float, ...] = ()
    delta: float = 1.0  # huber only: where the loss turns from square to straight
    family: Family | None = None
    support: str = "any"

    @property
    def locations(self) -> int:
        """How many of the numbers are locations: all quantiles, else the first. The others say how
        values lie round them."""
        return self.width if self.family is None else 1

    @property
    def in_units(self) -> bool:
        """Whether the loss is an error in the unit of the target, so that a window's scale weighs
        it; likelihoods and percentages have no unit."""
        return self.family is None

    @property
    def first_is_point(self) -> bool:
        """Whether the first number, or that of level 0.5, is the point forecast as it stands."""
        if self.name == "quantile":
            return any(abs(level - 0.5) < 1e-9 for level in self.levels)
        return self.name in ("mse", "mae", "huber", "smape", "normal", "student_t")

    def loss_and_gradient(
        self,
        output: Array,
        target: Array,
        observed: Array,
        row_weight: Array | None = None,
        location: Array | None = None,
        scale: Array | None = None,
    ) -> tuple[float, Array]:
        """The mean loss, and its gradient shaped like ``output`` (zero where nothing was observed).

        ``row_weight`` (batch,) makes it a weighted mean. With nothing observed both are zero.
        """
        loss, slope = self._loss(output, target, observed, row_weight, location, scale, True)
        assert slope is not None
        return loss, slope

    def loss(
        self,
        output: Array,
        target: Array,
        observed: Array,
        row_weight: Array | None = None,
        location: Array | None = None,
        scale: Array | None = None,
    ) -> float:
        """The mean loss alone."""
        return self._loss(output, target, observed, row_weight, location, scale, False)[0]

    def _loss(
        self,
        output: Array,
        target: Array,
        observed: Array,
        row_weight: Array | None,
        location: Array | None,
        scale: Array | None,
        need_slope: bool,
    ) -> tuple[float, Array | None]:
        if self.family is None:
            return engine.loss(
                self.name, output, target, observed=observed, weight=row_weight,
                levels=self.levels, delta=self.delta, need_slope=need_slope,
            )  # fmt: skip
        slope = np.zeros(output.shape, output.dtype) if need_slope else None
        batch = output.shape[1]
        weight = np.ones(batch) if row_weight is None else np.asarray(row_weight, np.float64)
        weight = np.broadcast_to(weight, target.shape)[observed]
        total = float(weight.sum())
        if total == 0.0:
            return 0.0, slope
        unit = _unit(location, scale, target.shape).take(observed.reshape(-1))
        seen = np.asarray(output[observed], np.float64)
        losses, slopes = self.family.loss(seen, np.asarray(target[observed], np.float64), unit)
        if slope is not None:
            slope[observed] = slopes * (weight / total)[:, None]
        return float((losses * weight).sum() / total), slope

    def point(
        self, output: Array, location: Array | None = None, scale: Array | None = None
    ) -> Array:
        """The point forecast (horizon, batch) in the unit of the data, float64: the median; of
        heads mse and tweedie the mean."""
        if self.family is None and self.levels:
            return self.quantiles(output, (0.5,), location, scale)[..., 0]
        unit = _unit(location, scale, output.shape[:2])
        flat = np.asarray(output, np.float64).reshape(-1, self.width)
        found = unit.value(flat[:, 0]) if self.family is None else self.family.point(flat, unit)
        return found.reshape(output.shape[:2])

    def quantiles(
        self,
        output: Array,
        levels: Sequence[float],
        location: Array | None = None,
        scale: Array | None = None,
    ) -> Array:
        """Quantiles (horizon, batch, len(levels)) in the unit of the data, float64, never crossing.

        Those of head quantile are read off its sorted numbers, see between.py. Raises
        ``UsageError`` for a point head, for a level outside (0, 1), and for a level other than the
        only one that was trained.
        """
        self._has_quantiles()
        for level in levels:
            if not 0.0 < level < 1.0:
                raise UsageError(f"level {level:g}: a quantile level lies between 0 and 1.")
        unit = _unit(location, scale, output.shape[:2])
        flat = np.asarray(output, np.float64).reshape(-1, self.width)
        result = np.empty((len(flat), len(levels)))
        if self.family is None:
            ordered = np.sort(flat, axis=-1)
            for j, level in enumerate(levels):
                result[:, j] = unit.value(at_level(ordered, self.levels, float(level)))
        else:
            assert self.family.quantile is not None
            for j, level in enumerate(levels):
                result[:, j] = self.family.quantile(flat, np.full(len(flat), float(level)), unit)
        return result.reshape(*output.shape[:2], len(levels))

    def sample(
        self,
        output: Array,
        chance: Array,
        location: Array | None = None,
        scale: Array | None = None,
    ) -> Array:
        """Values (horizon, batch) of a distribution, drawn by inversion: its quantiles at the
        uniform numbers ``chance (horizon, batch)``, between 0 and 1. Raises ``UsageError`` for a
        head that is no distribution."""
        if self.family is None or self.family.quantile is None:
            raise UsageError(f"head {self.name!r} is no distribution: there is nothing to draw.")
        unit = _unit(location, scale, output.shape[:2])
        flat = np.asarray(output, np.float64).reshape(-1, self.width)
        drawn = self.family.quantile(flat, np.asarray(chance, np.float64).reshape(-1), unit)
        return drawn.reshape(output.shape[:2])

    def begin(
        self, target: Array, forecast: Array, observed: Array, location: Array, scale: Array
    ) -> Array:
        """Where the numbers begin round a linear ``forecast`` of training windows, both (horizon,
        windows) and scaled: (horizon, width), to be added to the forecast in the locations. Nothing
        observed at a step: 0."""
        result = np.zeros((len(target), self.width))
        for step, seen in enumerate(observed):
            if not seen.any():
                continue
            if self.family is not None:
                unit = Unit(location[seen], scale[seen])
                result[step] = self.family.begin(target[step, seen], forecast[step, seen], unit)
            elif self.levels:
                errors = target[step, seen] - forecast[step, seen]
                result[step] = np.quantile(errors, self.levels)
        return result

    def _has_quantiles(self) -> None:
        if not self.levels:
            raise UsageError(
                f"head {self.name!r} gives one number a step and no quantiles. "
                "Train with head='quantile', or use intervals calibrated on validation windows."
            )


def _unit(location: Array | None, scale: Array | None, shape: tuple[int, ...]) -> Unit:
    """The unit of each element of ``shape (horizon, batch)``, flat."""
    horizon, batch = shape
    location = np.zeros(batch) if location is None else np.asarray(location, np.float64)
    scale = np.ones(batch) if scale is None else np.asarray(scale, np.float64)
    return Unit(np.tile(location, horizon), np.tile(scale, horizon))
