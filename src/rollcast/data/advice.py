"""What the facts of a table suggest: options that suit it, and what is good to know."""

from __future__ import annotations

import numpy as np

from rollcast.data.facts import Facts
from rollcast.data.inspection import Fault, Suggestion
from rollcast.data.panel import Panel, stamp_text

OVER = 1.5
"""Variance over mean from which counts spread beyond Poisson's."""

ROUND = 100
"""Counts below this are few enough to be forecast as counts."""

MOST_MISSING = 0.3
"""Part of missing values from which it is worth knowing."""

EPOCH = 10**9
"""Integer time beyond this is likely seconds (or less) since 1970: that of September 2001."""


def suggestions(facts: Facts, faults: list[Fault]) -> tuple[Suggestion, ...]:
    """Options of reading that set faults right, then those of the network that suit the values."""
    found: list[Suggestion] = []
    text = " ".join(fault.remedy for fault in faults)
    if 'duplicates="mean"' in text:
        found.append(Suggestion("duplicates", "mean", "rows that share a stamp become one"))
    if "--snap" in text:
        found.append(Suggestion("snap", True, "each stamp at the nearest step"))
    if facts.counts and facts.high < ROUND and (facts.intermittent or facts.zeros > 0):
        over = facts.dispersion > OVER
        head = "negative_binomial" if over else "poisson"
        spread = "more" if over else "no more"
        why = f"counts that spread {spread} than Poisson's: variance {facts.dispersion:.2g} × mean"
        found.append(Suggestion("head", head, why))
    elif facts.intermittent and not facts.counts:
        why = f"amounts from 0 on, {100 * facts.zeros:.0f} % of them 0"
        found.append(Suggestion("head", "tweedie", why))
    elif facts.low > 0 and facts.grows:
        found.append(
            Suggestion("transform", "log1p", "above 0, and the spread grows with the level")
        )
    if facts.low >= 0 and facts.high > 0:
        found.append(Suggestion("nonnegative", True, "no value is below 0"))
    if facts.counts:
        found.append(Suggestion("integer", True, "all values are whole numbers"))
    return tuple(found)


def notices(panel: Panel, facts: Facts) -> tuple[Fault, ...]:
    """What no reading stops at and a person should know."""
    found: list[Fault] = []

    def add(what: str, remedy: str) -> None:
        found.append(Fault(what, remedy, False))

    count = len(panel)
    if facts.mark is not None:
        value, times = facts.mark
        add(
            f"{value:g} appears {times:,} time{'s' if times > 1 else ''}, far from all other "
            'values: it may mean "missing".',
            "If so, make it missing: empty cells, or NaN.",
        )
    if facts.constant:
        add(
            f"{len(facts.constant):,} of {count:,} series hold one value all along: "
            f"{_names(panel, facts.constant)}.",
            "Forecasts will repeat it; leave them out if that is of no use.",
        )
    if len(facts.ended) and count > 1:
        last = stamp_text(panel.local(panel.times.max()[None])[0])
        add(
            f"{len(facts.ended):,} of {count:,} series end before {last}: "
            f"{_names(panel, facts.ended)}.",
            "Each is forecast from its own end; leave out with where= what is no longer kept.",
        )
    if facts.trailing:
        add(
            f"{len(facts.trailing):,} of {count:,} series end with missing values: "
            f"{_names(panel, facts.trailing)}.",
            "The forecast begins after the last row, whether it holds a value or not; drop such "
            "rows to begin earlier.",
        )
    if facts.missing > MOST_MISSING * len(panel.values):
        share = 100 * facts.missing / len(panel.values)
        add(
            f"{share:.0f} % of the rows on the grid of {panel.freq!r} hold no value.",
            "If they come less often, give that step: freq= (--freq).",
        )
    if panel.times.dtype.kind != "M" and int(np.abs(panel.times).max()) > EPOCH:
        add(
            f"Whole numbers up to {int(panel.times.max())} count the time; they look like seconds "
            "(or less) since 1970.",
            "Convert them to stamps, and the calendar helps the forecast.",
        )
    short = int((panel.lengths < 2 * panel.season).sum()) if panel.season > 1 else 0
    if short:
        add(
            f"{short:,} of {count:,} series are shorter than two seasons of {panel.season} rows.",
            "Nothing to do: they borrow the season from the others.",
        )
    return tuple(found)


def _names(panel: Panel, indices: tuple[int, ...]) -> str:
    shown = ", ".join(panel.label(index) for index in indices[:3])
    return shown + (" …" if len(indices) > 3 else "")
