"""What the arguments of a `SequenceRegressor` come to, and what it is when it has been fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.choice import choose, is_whole, require
from rollcast.errors import UsageError
from rollcast.forecast import sequence_difference
from rollcast.forecast.feeding import FEEDING
from rollcast.forecast.sequence_problem import STATEFUL
from rollcast.forecast.sequence_scaling import SCALERS, Scaling
from rollcast.forecast.sequence_score import RESTORE
from rollcast.model.networks import NORMALIZED, Network
from rollcast.model.sequence import SequenceNetwork
from rollcast.nn.cells import find_cell
from rollcast.nn.initial import INITIAL
from rollcast.train.lbfgs import LBFGS
from rollcast.train.training import Training

LOSS_STEPS = ("all", "last")


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
    """The checked arguments. Raises `UsageError` for what cannot be."""
    inputs, targets = _names("inputs", params), _names("targets", params)
    require("ahead", params["ahead"], params["ahead"] in (0, 1), "0 or 1")
    if params["ahead"] == 0 and set(inputs) & set(targets):
        raise UsageError(
            f"inputs={params['inputs']!r} and targets={params['targets']!r} share a column, which "
            "with ahead=0 is its own answer. Forecast it with ahead=1."
        )
    feeds = params["ahead"] == 1 and set(targets) <= set(inputs)
    feeding = choose("feeding", params["feeding"], FEEDING)
    restore = choose("restore", params["restore"], RESTORE)
    if (feeding.closed or restore.by == "closed_loop") and not feeds:
        which = "feeding" if feeding.closed else "restore"
        raise UsageError(
            f"{which}={params[which]!r} reads outputs as inputs: it needs ahead=1 and targets that "
            f"are among the inputs, not ahead={params['ahead']}, inputs={params['inputs']!r} and "
            f"targets={params['targets']!r}."
        )
    find_cell(params["cell"])
    choose("initial", params["initial"], INITIAL)
    try:
        hidden = tuple(int(units) for units in params["hidden"])
    except (TypeError, ValueError):
        hidden = ()
    if not hidden or min(hidden) < 1:
        raise UsageError(
            f"hidden={params['hidden']!r}; expected the units of each layer, such as (64, 64)."
        )
    if not params["readout"] and hidden[-1] != len(targets):
        raise UsageError(
            f"readout=False: the last layer has {hidden[-1]} units, and there are {len(targets)} "
            "targets. Give it as many, or a readout."
        )
    for name, table in (("stateful", STATEFUL), ("loss_steps", LOSS_STEPS), ("scaling", SCALERS)):
        if params[name] not in table:
            raise UsageError(
                f"{name}={params[name]!r}; choose one of {', '.join(map(str, table))}."
            )
    if params["normalize"] is not None:
        kind = params["normalize"]
        require("normalize", kind, kind in NORMALIZED, f"one of {', '.join(map(str, NORMALIZED))}")
        recurrent = kind == "recurrent_batch"
        if feeding.closed or params["stateful"] if recurrent else feeding.closed or len(hidden) < 2:
            place = "goes with stateful=False" if recurrent else "stands between layers"
            raise UsageError(
                f"normalize={kind!r} {place}, and is trained with feeding='teacher'; found hidden="
                f"{hidden!r}, stateful={params['stateful']} and feeding={params['feeding']!r}."
            )
    sequence_difference.check(params["difference"], feeds, len(inputs), len(targets))
    recompute = params["recompute"]
    require("recompute", recompute, recompute in (None, "chunks"), "None or 'chunks'")
    for name, apart in (("feeding", feeding.closed), ("normalize", params["normalize"])):
        if recompute and apart:
            raise UsageError(
                f"recompute={recompute!r}: with {name}={params[name]!r} all is recorded. Leave "
                "recompute out."
            )
    for name in ("window", "stride", "check_every"):
        _whole(name, params[name], 1, optional=True)
    for name in ("burn_in", "held_out"):
        _whole(name, params[name], 0)
    window, stride, burn_in = params["window"], params["stride"], params["burn_in"]
    if stride is not None and (window is None or params["stateful"] is True):
        raise UsageError(
            f"stride={stride} with window={window} and stateful={params['stateful']}: it says how "
            "far apart windows begin, and those of stateful=True follow each other. Leave it out."
        )
    require("burn_in", burn_in, burn_in < (window or np.inf), "less than the rows of a window")
    if not isinstance(params["training"], Training):
        raise UsageError(f"training={params['training']!r}; expected a Training(…).")
    whole = isinstance(params["training"].make_optimizer(), LBFGS)
    if whole and params["stateful"] == "always":
        raise UsageError(
            'stateful="always" makes the loss depend on the steps before, and lbfgs needs one '
            "that does not. Take another optimizer, or stateful=True."
        )
    if feeds:
        inputs = (*targets, *(name for name in inputs if name not in targets))
    return Plan(inputs, targets, feeds)


def _whole(name: str, value: Any, least: int, optional: bool = False) -> None:
    fits = optional if value is None else is_whole(value) and bool(value >= least)
    expected = f"a whole number from {least}" + (", or None" if optional else "")
    require(name, value, fits, expected)


def _names(option: str, params: dict[str, Any]) -> tuple[str, ...]:
    given = params[option]
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or len(set(names)) < len(names):
        raise UsageError(f"{option}={given!r}; expected a column name, or several different ones.")
    return names


def build(params: dict[str, Any], plan: Plan, rows: int) -> Network:
    """The network of these arguments; ``rows`` of its longest window."""
    plain = SequenceNetwork(
        params["cell"], len(plan.inputs), params["hidden"], len(plan.targets),
        readout=params["readout"], dropout=params["dropout"], last=params["loss_steps"] == "last",
        recompute=params["recompute"],
    )  # fmt: skip
    return NORMALIZED[params["normalize"]](plain, rows)
