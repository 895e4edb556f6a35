"""From a table to a trained sequence network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcast.choice import choose, require
from rollcast.data.panel import Panel
from rollcast.data.read import read_signals
from rollcast.errors import DataError, UsageError
from rollcast.forecast import sequence_difference
from rollcast.forecast.feeding import FEEDING
from rollcast.forecast.sequence_problem import STATEFUL, SequenceProblem
from rollcast.forecast.sequence_scaling import SCALERS, Scaling
from rollcast.forecast.sequence_score import RESTORE, Scores
from rollcast.forecast.sequence_windows import SequenceWindows, Signals
from rollcast.model.networks import NORMALIZED, Network
from rollcast.model.sequence import SequenceNetwork
from rollcast.nn.cells import find_cell
from rollcast.nn.initial import INITIAL
from rollcast.train.events import Listener
from rollcast.train.lbfgs import LBFGS
from rollcast.train.loop import Outcome, run
from rollcast.train.order import InOrder
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
    difference: bool = False


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
    hidden = params["hidden"]
    if isinstance(hidden, int) or not hidden or any(int(units) < 1 for units in hidden):
        raise UsageError(f"hidden={hidden!r}; expected the units of each layer, such as (64, 64).")
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
    window, burn_in = params["window"], params["burn_in"]
    require("window", window, window is None or window >= 1, "a whole number from 1, or None")
    stride = params["stride"]
    require("stride", stride, stride is None or stride >= 1, "a whole number from 1, or None")
    if stride is not None and (window is None or params["stateful"] is True):
        raise UsageError(
            f"stride={stride} with window={window} and stateful={params['stateful']}: it says how "
            "far apart windows begin, and those of stateful=True follow each other. Leave it out."
        )
    most = "a whole number from 0, less than the rows of a window"
    require("burn_in", burn_in, 0 <= burn_in < (window or np.inf), most)
    require("held_out", params["held_out"], params["held_out"] >= 0, "a whole number from 0")
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


def _names(option: str, params: dict[str, Any]) -> tuple[str, ...]:
    given = params[option]
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or len(set(names)) < len(names):
        raise UsageError(f"{option}={given!r}; expected a column name, or several different ones.")
    return names


def read_table(
    plan: Plan, options: dict[str, Any], table: Any, where: str | None, targets: bool
) -> Signals:
    """The series of a table; without ``targets`` only what goes in is read."""
    wanted = plan.columns
    if not targets:
        wanted = {name: wanted[name] for name in plan.inputs}
    panel, values = read_signals(table, wanted, where=where, **options)
    inputs = values[:, : len(plan.inputs)]
    named = list(wanted)
    outputs = values[:, [named.index(name) for name in plan.targets if name in named]]
    return Signals(panel, inputs, outputs if targets else outputs[:, :0])


def fit_sequence(
    params: dict[str, Any],
    table: Any,
    options: dict[str, Any],
    where: str | None,
    listeners: Sequence[Listener],
    checkpoint: str | os.PathLike[str] | None,
) -> tuple[FittedSequence, Outcome, Scores]:
    """Read, scale, cut and train."""
    plan, training = plan_of(params), params["training"]
    signals = read_table(plan, options, table, where, targets=True)
    signals.check(plan.inputs, 1 + params["ahead"])
    difference = sequence_difference.chosen(params["difference"], signals, plan.feeds)
    if difference:
        signals = sequence_difference.differenced(signals)
        signals.check(plan.inputs, 1 + params["ahead"])
    trained, held = _held_out(signals, params["held_out"])
    columns = np.concatenate([trained.inputs, trained.targets], axis=1)
    both = plan.inputs + plan.targets
    scaling = Scaling.of(params["scaling"], both, trained.panel, columns)
    windows = _windows(params, plan, scaling, trained)
    if params["normalize"] == "recurrent_batch" and len(set(windows.lengths.tolist())) > 1:
        raise DataError(
            f"{signals.panel.source}: normalize='recurrent_batch' needs windows of one length, and "
            f"the shortest here has {windows.lengths.min()} rows. Give window= and stride=."
        )
    plain = SequenceNetwork(
        params["cell"], len(plan.inputs), params["hidden"], len(plan.targets),
        readout=params["readout"], dropout=params["dropout"], last=params["loss_steps"] == "last",
    )  # fmt: skip
    network = NORMALIZED[params["normalize"]](plain, int(windows.lengths.max()))
    # scores need every row once, not windows from every place
    judged = _windows(params | {"stride": None}, plan, scaling, trained if held is None else held)
    restore = choose("restore", params["restore"], RESTORE)

    def settle(weights: np.ndarray) -> np.ndarray:
        return network.settled(weights, *windows.sample())

    scores = Scores(network, judged, restore, plan.feeds, settle, difference)
    setting = {name: value for name, value in params.items() if name != "training"}
    problem = SequenceProblem(
        network,
        windows,
        stateful=params["stateful"],
        feeding=choose("feeding", params["feeding"], FEEDING),
        recorded=params["record_burn_in"],
        initial=params["initial"],
        dtype=training.dtype,
        seed=params["seed"],
        steps=training.steps,
        score=scores,
        setting=repr(setting),
    )
    outcome = run(
        problem,
        training,
        params["seed"],
        [scores.note, *listeners],
        checkpoint,
        params["check_every"],
        order=InOrder(windows.groups(training.batch_size)) if windows.stateful else None,
    )
    fitted = FittedSequence(
        network, settle(outcome.weights), plan, scaling, options, trained.panel.freq, difference
    )
    return fitted, outcome, scores


def _held_out(signals: Signals, count: int) -> tuple[Signals, Signals | None]:
    """The series to train on and the last ``count``, which are scored; None = none."""
    if not count:
        return signals, None
    series = len(signals.panel)
    if count >= series:
        raise DataError(
            f"held_out={count}: {signals.panel.source} has {series} series, and one at least must "
            "be trained on. Hold out fewer."
        )
    cut = int(signals.panel.offsets[series - count])
    return (
        Signals(
            signals.panel.take(np.arange(series - count)),
            signals.inputs[:cut],
            signals.targets[:cut],
        ),
        Signals(
            signals.panel.take(np.arange(series - count, series)),
            signals.inputs[cut:],
            signals.targets[cut:],
        ),
    )


def _windows(
    params: dict[str, Any], plan: Plan, scaling: Scaling, signals: Signals
) -> SequenceWindows:
    dtype = params["training"].dtype
    names = plan.inputs + plan.targets
    values = np.concatenate([signals.inputs, signals.targets], axis=1)
    scaled = scale(scaling, signals.panel, names, values, names, values).astype(dtype)
    split = len(plan.inputs)
    return SequenceWindows(
        signals,
        np.ascontiguousarray(scaled[:, :split]),
        np.ascontiguousarray(scaled[:, split:]),
        ahead=params["ahead"],
        rows=params["window"],
        stride=params["stride"],
        burn_in=params["burn_in"],
        stateful=params["stateful"] is True,
    )


def scale(
    scaling: Scaling,
    panel: Panel,
    names: tuple[str, ...],
    values: np.ndarray,
    wanted: tuple[str, ...],
    what: np.ndarray,
) -> np.ndarray:
    """``what (rows, wanted)`` scaled; statistics of series not seen are those of ``values``."""
    location, scale = scaling.statistics(panel, names, values, wanted)
    rows = np.repeat(np.arange(len(panel)), panel.lengths)
    return (what - location[rows]) / scale[rows]
