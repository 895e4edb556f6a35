"""What a fit works on: a network, and the windows it is trained, judged and trained again on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rollcast.data.input_windows import input_scales
from rollcast.data.panel import Panel
from rollcast.data.scaling import make_scaling, series_statistics
from rollcast.data.transform import Transform, Transformed, make_transform
from rollcast.data.windows import Windows
from rollcast.forecast.evaluate import seasonal_units
from rollcast.forecast.holdout import Holdout, cut_rows
from rollcast.forecast.plan import context_of, plan_network
from rollcast.forecast.problem import NetworkProblem
from rollcast.forecast.support import check_support
from rollcast.model.network import Network, build
from rollcast.nn.heads import make_head
from rollcast.train.training import Training


@dataclass(frozen=True, eq=False)
class Setup:
    """``every`` window of the panel; those ``trained`` on by the first run, whose targets end
    before the row ``cut (series,)``; those ``held`` out of it. ``training`` has the learning rate
    of both runs; ``feeding`` says what a recursive network reads in them. ``start`` are the weights
    each member goes on from; none = it begins anew."""

    network: Network
    holdout: Holdout
    every: Windows
    trained: Windows
    held: Windows
    cut: np.ndarray
    training: Training
    transform: Transform | None
    feeding: str
    start: tuple[np.ndarray, ...] = ()

    @property
    def powers(self) -> np.ndarray:
        """The power of each series where the transform has found them, else empty."""
        seen = self.every.transformed
        found = self.transform is not None and self.transform.has_powers
        if not found or seen is None or seen.powers is None:
            return np.empty(0)
        return seen.powers

    def units(self) -> np.ndarray:
        """The unit of each series' errors ``(series,)``, from rows before the cut."""
        return loss_units(self.every.panel, self.cut)

    def first(self, seed: int, member: int = 0) -> NetworkProblem:
        """What the first run of a member trains."""
        units = loss_units(self.every.read, self.cut)
        return self._problem(self.trained, self.held, seed, units, member)

    def second(self, seed: int, member: int = 0) -> NetworkProblem:
        """The same on all rows, with nothing held out."""
        ends = self.every.panel.offsets[1:]
        units = loss_units(self.every.read, ends)
        return self._problem(whole_windows(self.every, ends), None, seed, units, member)

    def _problem(
        self, trained: Windows, held: Windows | None, seed: int, units: np.ndarray, member: int
    ) -> NetworkProblem:
        return NetworkProblem(
            self.network,
            trained,
            held,
            seed=seed,
            dtype=self.training.dtype,
            units=units,
            start=self.start[member] if self.start else None,
            feeding=self.feeding,
            steps=self.training.steps,
        )


def set_up(params: dict[str, Any], panel: Panel, holdout: Holdout) -> Setup:
    """The network that a table and the arguments call for, and its windows.

    Raises UsageError for arguments that cannot be, DataError for a table with too few rows or with
    values that the head cannot learn.
    """
    check_support(make_head(params["head"]), panel)
    training: Training = params["training"]
    cut = cut_rows(panel, holdout)
    transform = make_transform(params["transform"])
    seen = panel
    if transform is not None:
        before = np.arange(len(panel.values)) < np.repeat(cut, panel.lengths)
        known = replace(panel, values=np.where(before, panel.values, np.nan))
        seen = transform.of(panel, transform.powers(known))
    read = seen.as_panel if isinstance(seen, Transformed) else seen
    every = Windows(
        seen,
        context_of(params, panel, holdout),
        int(params["horizon"]),
        scaling=params["scaling"],
        input_scales=input_scales(panel, make_scaling(params["scaling"]).of, cut, read),
        dtype=training.dtype,
    )
    trained, held = every.hold_out(holdout.origins, holdout.step, holdout.rows)
    trained = whole_windows(trained, cut)
    network = build(plan_network(params, every, trained))
    training = replace(training, learning_rate=training.base_rate(trained.count))
    feeding = params["feeding"]
    return Setup(network, holdout, every, trained, held, cut, training, transform, feeding)


def whole_windows(trained: Windows, cut: np.ndarray) -> Windows:
    """The training windows without those that reach over an end of their series, of the series
    that have any whole ones. Padding teaches a network little about the windows it is asked for.
    """
    series, origin = trained.series, trained.origin.astype(np.int64)
    begin = trained.panel.offsets[series]
    whole = (origin - begin >= trained.context) & (origin + trained.horizon <= cut[series])
    has_whole = np.zeros(len(trained.panel), bool)
    has_whole[series[whole]] = True
    chosen = whole | ~has_whole[series]
    if chosen.all():
        return trained
    return trained.at(series[chosen], (origin - begin)[chosen])


def loss_units(panel: Panel, cut: np.ndarray) -> np.ndarray:
    """The unit in which a series' errors count, ``(series,)``: that of MASE, or its deviation where
    there is none, or 1."""
    units = seasonal_units(panel, cut)
    before = np.arange(len(panel.values)) < np.repeat(cut, panel.lengths)
    _, deviation = series_statistics(replace(panel, values=np.where(before, panel.values, np.nan)))
    return np.where(np.nan_to_num(units) > 1e-9 * deviation, units, deviation)
