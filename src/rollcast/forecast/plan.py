"""Which network a table and the arguments call for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rollcast.data.inputs import ROLES
from rollcast.data.panel import Panel
from rollcast.data.windows import Windows
from rollcast.errors import UsageError
from rollcast.forecast.holdout import (
    Holdout,
    choose_context,
    choose_fold,
    choose_recurrent_steps,
    choose_segment,
)
from rollcast.forecast.start.lags import recursive_spec
from rollcast.model.spec import NetworkSpec
from rollcast.train.training import MANY_WINDOWS

MAPS = 4
"""Linear maps of the window under gates, where there are MANY_WINDOWS to learn the gates from.
With fewer there is one, and it moves still slower: it starts from a closed form that little data
can only spoil."""

LEAST_INPUT_LAGS, MOST_INPUT_LAGS, MOST_INPUT_COLUMNS = 8, 48, 384
"""Of the newest rows of past inputs that linear paths read: a horizon, or a season if that is
longer and no longer than so many, at least so many, as long as all inputs together are no more."""

UNITS_WITH_INPUTS = 32
"""Width of the path from the known future where it has inputs to combine."""


def context_of(params: dict[str, Any], panel: Panel, holdout: Holdout) -> int:
    """Rows that the network sees. Raises UsageError for more than there are."""
    if params["context"]:
        if params["context"] > panel.lengths.max():
            raise UsageError(
                f"context={params['context']}: the longest series of {panel.source} has "
                f"{panel.lengths.max()} rows. Give fewer, or none to have it chosen."
            )
        return int(params["context"])
    context = choose_context(panel, int(params["horizon"]), holdout)
    if params["strategy"] == "recursive" and 1 < panel.season <= context:
        context += 1  # what was a season before the newest row: a lag for the last difference
    return context


def plan_network(params: dict[str, Any], every: Windows, trained: Windows) -> NetworkSpec:
    """The network for the windows of a panel, of which ``trained`` are trained on."""
    panel, context, horizon = every.panel, every.context, every.horizon
    padded = trained.origin - panel.offsets[trained.series] < context
    fold = choose_fold(context, panel.season)
    spec = NetworkSpec(
        context=context,
        horizon=horizon,
        season=panel.season,
        cell=params["cell"],
        hidden=params["hidden"],
        recurrent_steps=None if fold else choose_recurrent_steps(context, horizon),
        fold=fold,
        indicator=bool(np.isnan(panel.values).any() or padded.any()),
        features=len(every.feature_names),
        head=params["head"],
        skip=params["skip"],
        maps=MAPS if fold and trained.count >= MANY_WINDOWS else 1,
        skip_gain=0.3 if trained.count >= MANY_WINDOWS else 0.1,
        decoder_gain=0.01,
        initial=params["initial"],
        dropout=params["dropout"],
        normalize=params["normalize"],
        **of_inputs(every),
    )
    if params["strategy"] == "recursive":
        return recursive_spec(spec)
    if params["strategy"] == "segment":
        rows = params["segment"] or choose_segment(context, panel.season)
        return segment_spec(spec, rows)
    return spec


def of_inputs(every: Windows) -> dict[str, Any]:
    """The fields of a spec that inputs call for."""
    inputs, rows = every.panel.inputs, every.features.inputs
    if inputs is None or rows is None:
        return {}
    lags = max(every.horizon, min(every.panel.season, MOST_INPUT_LAGS), LEAST_INPUT_LAGS)
    most = max(1, MOST_INPUT_COLUMNS // max(1, rows.past_width))
    counts = {
        role: tuple(len(each.categories) + 1 for each in inputs.of_role(role) if each.categories)
        for role in ROLES
    }
    return {
        "waves": every.features.waves,
        "effects": every.features.effects,
        "past_inputs": rows.past_width,
        "input_lags": min(lags, most, every.context) if rows.past_width else 0,
        "past_codes": counts["past"],
        "known_codes": counts["future"],
        "static_codes": counts["static"],
        "future_units": UNITS_WITH_INPUTS,
    }


def segment_spec(spec: NetworkSpec, rows: int) -> NetworkSpec:
    """The segment network in the place of a direct one: it reads the window ``rows`` at a time."""
    return replace(
        spec, strategy="segment", segment=rows, fold=None, recurrent_steps=None, decoder_gain=0.1
    )
