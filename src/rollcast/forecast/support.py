"""Whether the values of a table are such as a head can learn: counts, above 0, from 0 on."""

from __future__ import annotations

import numpy as np

from rollcast.data.panel import Panel, stamp_text
from rollcast.errors import DataError
from rollcast.nn.heads import Head

LARGEST_COUNT = 2.0**53
"""From here on float64 has not every whole number."""

EXPECTED = {
    "positive": "values above 0",
    "nonnegative": "values from 0 on",
    "counts": "counts: whole numbers from 0 on",
}


def check_support(head: Head, panel: Panel) -> None:
    """Raise DataError, with series and stamp, for a value that the head gives no chance at all."""
    if head.support == "any":
        return
    values = panel.values
    wrong = values <= 0 if head.support == "positive" else values < 0
    if head.support == "counts":
        wrong |= (values != np.rint(values)) | (values > LARGEST_COUNT)
    wrong &= ~np.isnan(values)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    series = int(np.searchsorted(panel.offsets, row, side="right")) - 1
    raise DataError(
        f"{panel.place(series)}: {panel.columns.target!r} is {values[row]:g} at "
        f"{stamp_text(panel.times[row])} ({int(wrong.sum())} such rows); head={head.name!r} "
        f"expects {EXPECTED[head.support]}. Mend or drop those rows, or take head='quantile'."
    )
