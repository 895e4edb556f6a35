"""Times as they are typed."""

import re

from rollcast.errors import UsageError

UNITS = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds_of(option: str, text: str | None) -> float | None:
    """Seconds from ``60s``, ``2m``, ``1h``, ``500ms`` or a plain number of them; None of None."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|m|min|h|)\s*", text)
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if seconds <= 0.0:
        raise UsageError(f"{option} {text!r}: expected a time such as 60s, 2m or 500ms.")
    return seconds
