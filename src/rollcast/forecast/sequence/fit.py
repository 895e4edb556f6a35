"""From a table to a trained sequence network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from rollcast.choice import choose
from rollcast.data.panel import Panel
from rollcast.data.read import read_signals
from rollcast.errors import DataError, UsageError
from rollcast.forecast.feeding import FEEDING, Feeding
from rollcast.forecast.sequence import difference as sequence_difference
from rollcast.forecast.sequence.params import checked
from rollcast.forecast.sequence.plan import FittedSequence, Plan, build, plan_of
from rollcast.forecast.sequence.problem import SequenceProblem
from rollcast.forecast.sequence.scaling import Scaling
from rollcast.forecast.sequence.score import RESTORE, Scores
from rollcast.forecast.sequence.windows import SequenceWindows, Signals
from rollcast.model.linear_path import SKIPS
from rollcast.train.events import Listener
from rollcast.train.lbfgs import LBFGS
from rollcast.train.loop import Outcome, run
from rollcast.train.order import InOrder
from rollcast.train.training import Training


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
    params = checked(params)
    plan, training = plan_of(params), params["training"]
    signals = read_table(plan, options, table, where, targets=True)
    least = 1 + params["ahead"] + params["burn_in"]
    signals.check(plan.inputs, 1 + params["ahead"])
    trained, held = _held_out(signals, params["held_out"])
    difference = sequence_difference.chosen(params["difference"], trained, plan.feeds)
    signals.check(plan.inputs, least + difference)
    if difference:
        trained = sequence_difference.differenced(trained)
        held = None if held is None else sequence_difference.differenced(held)
    _need_targets(trained, plan)
    columns = np.concatenate([trained.inputs, trained.targets], axis=1)
    both = plan.inputs + plan.targets
    scaling = Scaling.of(params["scaling"], both, trained.panel, columns)
    windows = _windows(params, plan, scaling, trained)
    if params["normalize"] == "recurrent_batch" and len(set(windows.lengths.tolist())) > 1:
        raise DataError(
            f"{signals.panel.source}: normalize='recurrent_batch' needs windows of one length, and "
            f"the shortest here has {windows.lengths.min()} rows. Give window= and stride=."
        )
    network = build(params, plan, int(windows.lengths.max()))
    # scores need every row once, not windows from every place
    judged = _windows(params | {"stride": None}, plan, scaling, trained if held is None else held)
    restore = choose("restore", params["restore"], RESTORE)

    def settle(weights: np.ndarray) -> np.ndarray:
        return network.settled(weights, *windows.sample())

    feeding = choose("feeding", params["feeding"], FEEDING)
    _need_loss(feeding, windows, training, params)
    scores = Scores(network, judged, restore, plan.feeds, settle, difference)
    setting = {name: value for name, value in params.items() if name != "training"}
    problem = SequenceProblem(
        network,
        windows,
        stateful=params["stateful"],
        searched=isinstance(training.make_optimizer(), LBFGS),
        feeding=feeding,
        recorded=params["record_burn_in"],
        initial=params["initial"],
        dtype=training.dtype,
        seed=params["seed"],
        steps=training.steps,
        score=scores,
        setting=repr(setting),
        skip=choose("skip", params["skip"], SKIPS),
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
        params=params,
        network=network,
        weights=settle(outcome.weights),
        plan=plan,
        scaling=scaling,
        options=options,
        freq=trained.panel.freq,
        rows=int(windows.lengths.max()),
        difference=difference,
    )
    return fitted, outcome, scores


def _need_targets(trained: Signals, plan: Plan) -> None:
    absent = np.isnan(trained.targets).all(axis=0)
    if absent.any():
        raise DataError(
            f"{trained.panel.source}: target {plan.targets[int(absent.argmax())]!r} is missing at "
            "every row of the series to train on. Hold out fewer, or others: the last are held out."
        )


def _need_loss(
    feeding: Feeding, windows: SequenceWindows, training: Training, params: dict[str, Any]
) -> None:
    """Raise UsageError where nothing is ever fed back that should be, and where the first steps
    use no more rows than are burnt in."""
    longest, burn_in = int(windows.lengths.max()), params["burn_in"]
    fed, last = (
        feeding.mask(longest, min(windows.count, 64), params["seed"], step, training.steps)
        for step in (0, training.steps - 1)
    )
    if last is not None and not last.any():
        raise UsageError(
            f"feeding={params['feeding']!r}: in windows of at most {longest} rows nothing is fed "
            "back. Make its true part shorter, or take feeding='teacher'."
        )
    if fed is not None and len(fed) <= burn_in:
        raise UsageError(
            f"burn_in={burn_in} with feeding={params['feeding']!r}: the first steps use {len(fed)} "
            "rows of a window, and none of them has a loss. Burn in fewer."
        )


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
        last=params["loss_steps"] == "last",
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
