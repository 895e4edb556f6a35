"""Inputs of a table looked at: what is wrong with them, and what is good to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rollcast.data.inputs import missing_future
from rollcast.data.inspection import Fault
from rollcast.data.panel import Panel, stamp_text
from rollcast.data.read import read
from rollcast.errors import DataError, UsageError


def inputs_seen(
    source: Any, options: Mapping[str, Any], given: Mapping[str, Any], faults: list[Fault]
) -> None:
    """Add the faults of the inputs that are ``given`` (`read`'s past, future, static …) to those of
    a table that can be read with these ``options``. A table that cannot says so itself."""
    options, given = (
        {name: each for name, each in some.items() if each is not None and each != ()}
        for some in (options, given)
    )
    if not given:
        return
    if any(fault.stops for fault in faults):
        what = "Inputs are looked at once the faults above are set right."
        faults.append(Fault(what, "Then inspect the table again.", False))
        return
    try:
        panel = read(source, **options, **given)
    except (DataError, UsageError) as error:
        what, _, remedy = str(error).partition(". ")
        faults.append(Fault(f"{what}.", remedy or "Correct it.", True))
        return
    faults += _notes(panel)


def commas(given: Mapping[str, Any]) -> dict[str, str | None]:
    """Inputs as the command line takes them."""
    return {
        name: each if each is None or isinstance(each, str) else ",".join(each) or None
        for name, each in given.items()
    }


def _notes(panel: Panel) -> list[Fault]:
    inputs = panel.inputs
    if inputs is None:
        return []
    found: list[Fault] = []
    parts = (("past", inputs.past), ("future", inputs.future), ("static", inputs.static))
    for role, values in parts:
        for column, one in zip(inputs.of_role(role), values.T, strict=True):
            lacking = one == 0 if column.categories is not None else np.isnan(one)
            seen = one[~lacking]
            if len(seen) and (seen == seen[0]).all():
                what = f"{role.capitalize()} input {column.name!r} is the same everywhere."
                found.append(Fault(what, "It cannot help: leave it out.", False))
            if lacking.any():
                share = 100 * lacking.mean()
                what = f"{role.capitalize()} input {column.name!r} is missing in {share:.2g} %."
                text = "The last value stands for it, and a feature says so."
                if column.categories is not None:
                    text = "Missing is a category of its own."
                found.append(Fault(what, text, False))
    if lacking := missing_future(panel, 1, stamp_text):
        _, stamp, name = lacking
        what = f"Input {name!r} is not known ahead: nothing at {stamp}, the row after the last."
        remedy = "Give rows to come when forecasting (future=, --future-table), or name it in past."
        found.append(Fault(what, remedy, False))
    return found
