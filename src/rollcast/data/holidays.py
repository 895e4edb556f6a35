"""Holidays of a country as features of a stamp: today, the day before and the day after."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from rollcast.data.frequency import DAY, parse_frequency
from rollcast.errors import MissingExtraError, UsageError

HOLIDAY_NAMES = ("holiday", "holiday_yesterday", "holiday_tomorrow")


def check_holidays(country: Any, freq: str | int) -> None:
    """Raise UsageError for a country that is not known and for steps longer than a day,
    MissingExtraError without the package ``holidays``."""
    if not isinstance(country, str) or not country:
        raise UsageError(f"holidays={country!r}: expected a country such as 'DE' or 'DE-BY'.")
    frequency = parse_frequency(freq)
    longest = {"fixed": DAY, "business": 1}.get(frequency.kind, 0)
    if frequency.step > longest:
        raise UsageError(
            f"holidays={country!r} with freq={freq!r}: a holiday is a day, so a row must be a day "
            "or shorter. Leave it out, or count the holidays of each row in an input of your own."
        )
    holiday_dates(country, 2024)


def holiday_features(times: np.ndarray, country: str) -> np.ndarray:
    """``(rows, 3)`` float32, 1 or 0: is the day a holiday, is the one before, is the one after?

    ``times (rows,)`` is by the clock on the wall.
    """
    days, back = np.unique(times.astype("M8[D]"), return_inverse=True)
    if not len(days):
        return np.zeros((0, len(HOLIDAY_NAMES)), np.float32)
    one = np.timedelta64(1, "D")
    years = range((days[0] - one).item().year, (days[-1] + one).item().year + 1)
    dates = np.concatenate([holiday_dates(country, year) for year in years])
    found = np.stack([np.isin(days + shift * one, dates) for shift in (0, -1, 1)], axis=1)
    return found.astype(np.float32)[back.reshape(-1)]


@lru_cache(maxsize=4096)
def holiday_dates(country: str, year: int) -> np.ndarray:
    """The holidays of a year, datetime64[D]."""
    try:
        import holidays
    except ImportError:
        raise MissingExtraError(
            f"holidays={country!r} needs the package holidays: pip install 'rollcast[holidays]'."
        ) from None
    name, _, part = country.partition("-")
    try:
        found = holidays.country_holidays(name, subdiv=part or None, years=year)
    except (NotImplementedError, KeyError) as error:
        reason = str(error)[:120].rstrip(".")
        raise UsageError(
            f"holidays={country!r}: {reason}. Expected a country of two letters such as "
            "'DE', with a part of it if you like: 'DE-BY'."
        ) from None
    return np.array(sorted(found), "M8[D]")
