"""Naive 2, the reference of the M competitions: naive on what seasonal indices leave.

Multiplicative classical decomposition, where a test of the autocorrelation at one season says that
there is any (Makridakis, Spiliotis & Assimakopoulos 2020, appendix A; Fiorucci et al. 2016).
"""

import numpy as np

QUANTILE = 1.645
"""Of the normal distribution: the test is at 90 %."""


def seasonal(past: np.ndarray, season: int) -> bool:
    """Whether the autocorrelation ``season`` rows apart is beyond Bartlett's bound."""
    if season < 2 or len(past) < 3 * season:
        return False
    centred = past - past.mean()
    total = centred @ centred
    if total == 0.0:
        return False
    lags = [centred[lag:] @ centred[:-lag] / total for lag in range(1, season + 1)]
    before = 1.0 + 2.0 * np.square(lags[:-1]).sum()
    return bool(abs(lags[-1]) > QUANTILE * np.sqrt(before / len(past)))


def indices(past: np.ndarray, season: int) -> np.ndarray:
    """The seasonal index of each phase, counted from the first row, ``(season,)``; mean 1."""
    weights = np.ones(season + 1 - season % 2)
    if season % 2 == 0:
        weights[[0, -1]] = 0.5
    trend = np.convolve(past, weights / season, mode="valid")
    half = len(weights) // 2
    ratio = np.full(-(-len(past) // season) * season, np.nan)
    ratio[half : half + len(trend)] = past[half : half + len(trend)] / trend
    figure = np.nanmean(ratio.reshape(-1, season), axis=0)
    return figure / figure.mean()


def naive2(past: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The forecast ``(horizon,)``."""
    if not seasonal(past, season):
        return np.repeat(past[-1], horizon)
    figure = indices(past, season)
    phases = (len(past) + np.arange(horizon)) % season
    return past[-1] / figure[(len(past) - 1) % season] * figure[phases]
