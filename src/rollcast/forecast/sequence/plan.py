"""What the arguments of a `SequenceRegressor` come to, and what it is when it has been fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.choice import choose, require
from rollcast.errors import UsageError
from rollcast.forecast.feeding import FEEDING
from rollcast.forecast.sequence import difference as sequence_difference
from rollcast.forecast.sequence.scaling import Scaling
from rollcast.forecast.sequence.score import RESTORE
from rollcast.model.bidirectional import BidirectionalNetwork
from rollcast.model.linear_path import SKIPS
from rollcast.model.networks import NORMALIZED, Network
from rollcast.model.sequence import SequenceNetwork
from rollcast.train.lbfgs import LBFGS


@dataclass(frozen=True)
class Plan:
    """What the arguments come to: columns in the order of the network's inputs and outputs.

    Where outputs can be fed back (``feeds``), the targets are the first inputs.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    feeds: bool

    @property
    def columns(self) -> dict[str, tuple[str, str]]:
        """Every column that is read, with what it is for."""
        found: dict[str, tuple[str, str]] = dict.fromkeys(
            self.inputs, ("inputs", "read at every row")
        )
        for name in self.targets:
            found.setdefault(name, ("targets", "learnt at every row"))
        return found


@dataclass(frozen=True)
class FittedSequence:
    """A trained network, and all that it needs to read a table."""

    params: dict[str, Any]  # of the regressor when it was fitted, as `checked`
    network: Network
    weights: np.ndarray
    plan: Plan
    scaling: Scaling
    options: dict[str, Any]  # of reading, as given to fit
    freq: str | int
    rows: int  # of the longest window
    difference: bool = False

    @property
    def reading(self) -> dict[str, Any]:
        """The options of reading a table, at the frequency that fit found."""
        return self.options | {"freq": self.freq}


def plan_of(params: dict[str, Any]) -> Plan:
    """What arguments that are `checked` come to together. Raises `UsageError` for what cannot
    be."""
    inputs, targets = params["inputs"], params["targets"]
    if params["ahead"] == 0 and set(inputs) & set(targets):
        raise UsageError(
            f"inputs={inputs!r} and targets={targets!r} share a column, which with ahead=0 is its "
            "own answer. Forecast it with ahead=1."
        )
    feeds = params["ahead"] == 1 and set(targets) <= set(inputs)
    feeding = choose("feeding", params["feeding"], FEEDING)
    restore = choose("restore", params["restore"], RESTORE)
    if (feeding.closed or restore.by == "closed_loop") and not feeds:
        which = "feeding" if feeding.closed else "restore"
        raise UsageError(
            f"{which}={params[which]!r} reads outputs as inputs: it needs ahead=1 and targets that "
            f"are among the inputs, not ahead={params['ahead']}, inputs={inputs!r} and "
            f"targets={targets!r}."
        )
    hidden, stateful = params["hidden"], params["stateful"]
    if not params["readout"] and hidden[-1] != len(targets):
        raise UsageError(
            f"readout=False: the last layer has {hidden[-1]} units, and there are {len(targets)} "
            "targets. Give it as many, or a readout."
        )
    if params["bidirectional"]:
        _check_bidirectional(params)
    kind = params["normalize"]
    if kind is not None:
        recurrent, closed = kind == "recurrent_batch", feeding.closed and kind != "layer"
        if closed or (stateful if recurrent else len(hidden) < 2):
            place = "goes with stateful=False" if recurrent else "stands between layers"
            fed = "" if kind == "layer" else ", and is trained with feeding='teacher'"
            raise UsageError(
                f"normalize={kind!r} {place}{fed}; found hidden={hidden!r}, stateful={stateful} "
                f"and feeding={params['feeding']!r}."
            )
    sequence_difference.check(params["difference"], feeds, len(inputs), len(targets))
    for name, apart in (("feeding", feeding.closed), ("normalize", kind)):
        if params["recompute"] and apart:
            raise UsageError(
                f"recompute={params['recompute']!r}: with {name}={params[name]!r} all is recorded. "
                "Leave recompute out."
            )
    window, stride, burn_in = params["window"], params["stride"], params["burn_in"]
    if stride is not None and (window is None or stateful is True):
        raise UsageError(
            f"stride={stride} with window={window} and stateful={stateful}: it says how far apart "
            "windows begin, and those of stateful=True follow each other. Leave it out."
        )
    require("burn_in", burn_in, burn_in < (window or np.inf), "less than the rows of a window")
    whole = isinstance(params["training"].make_optimizer(), LBFGS)
    if whole and stateful == "always":
        raise UsageError(
            'stateful="always" makes the loss depend on the steps before, and lbfgs needs one '
            "that does not. Take another optimizer, or stateful=True."
        )
    if feeds:
        inputs = (*targets, *(name for name in inputs if name not in targets))
    return Plan(inputs, targets, feeds)


ONE_WAY: dict[str, Any] = {
    "ahead": 0, "stateful": False, "readout": True, "normalize": None, "recompute": None,
    "record_burn_in": True,
}  # fmt: skip
"""What a bidirectional network needs: rows that are all there, from zero states."""


def _check_bidirectional(params: dict[str, Any]) -> None:
    for name, value in ONE_WAY.items():
        if params[name] != value:
            raise UsageError(
                f"bidirectional=True reads every window from both ends and goes with {name}="
                f"{value!r}, not {params[name]!r}. Leave either out."
            )


def build(params: dict[str, Any], plan: Plan, rows: int) -> Network:
    """The network of these arguments; ``rows`` of its longest window."""
    skip = choose("skip", params["skip"], SKIPS)
    if params["bidirectional"]:
        return BidirectionalNetwork(
            params["cell"], len(plan.inputs), params["hidden"], len(plan.targets),
            dropout=params["dropout"], last=params["loss_steps"] == "last",
            skip=skip.rows if skip else 0,
        )  # fmt: skip
    plain = SequenceNetwork(
        params["cell"], len(plan.inputs), params["hidden"], len(plan.targets),
        readout=params["readout"], dropout=params["dropout"], last=params["loss_steps"] == "last",
        recompute=params["recompute"], skip=skip.rows if skip else 0,
    )  # fmt: skip
    return NORMALIZED[params["normalize"]](plain, rows)
