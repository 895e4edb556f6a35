"""What can be told of a forecast before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rollcast.data.known import check_known, with_known
from rollcast.data.panel import Panel
from rollcast.forecast.forecaster_params import check_params
from rollcast.forecast.holdout import holdout_of
from rollcast.forecast.intervals import Calibration


def check_forecast(
    params: Mapping[str, Any], panel: Panel, levels: Sequence[float] | None, future: Any
) -> None:
    """Raise now what `predict` would raise after a fit on this panel with these arguments: for
    inputs that are not known ahead, in the table or in ``future``, and for levels beyond what the
    windows held out can allow (None: the usual ones, of which such are left out)."""
    check_params(dict(params))
    horizon = int(params["horizon"])
    if future is not None:
        panel = with_known(panel, future, horizon)
    check_known(panel, horizon)
    if levels is not None:
        holdout = holdout_of(params, panel)
        most = holdout.origins * int((panel.lengths >= holdout.rows + 2).sum())
        if most:  # none: the fit itself says that the table is too short
            zeros, ones = np.zeros((most, horizon)), np.ones(horizon)
            calibration = Calibration(zeros, np.zeros(most, np.int64), ones)
            for level in levels:
                calibration.check(level)
