"""Errors of the first run's network are told in the spreads of the second one's."""

import numpy as np

from rollcast.forecast import intervals

from .conftest import COLUMNS, quick, wave_table


def widths(model, table) -> np.ndarray:
    fitted = model.fitted_
    panel = fitted.read(table)
    holdout = fitted.holdout
    _, held = fitted.windows(panel).hold_out(holdout.origins, holdout.step, holdout.rows)
    _, below, above = intervals.forecast_spread(fitted.network, fitted.weights, held)
    return fitted.calibration.radius(80) * (below + above)


def test_intervals_are_as_wide_as_the_errors_of_the_first_run_were() -> None:
    table = wave_table({"a": 200, "b": 200}, seed=3)
    first, second = quick(refit=False).fit(table, **COLUMNS), quick().fit(table, **COLUMNS)
    calibrated, told = widths(first, table), widths(second, table)
    np.testing.assert_allclose(np.median(calibrated / told, axis=0), 1.0, rtol=1e-5)


def test_a_ratio_of_spreads_is_that_of_the_typical_window() -> None:
    generator = np.random.default_rng(0)
    below, above = generator.uniform(1, 2, (2, 9, 3))
    ratio = np.array([0.5, 1.0, 3.0])
    found = intervals.spread_ratio((below, above), (below / ratio, above / ratio))
    np.testing.assert_allclose(found, ratio)
