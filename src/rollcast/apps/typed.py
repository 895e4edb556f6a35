"""Options that are typed as text: levels, units, frequencies."""

from rollcast.errors import UsageError


def levels_of(texts: list[str] | None) -> tuple[float, ...] | None:
    """Interval levels in percent from ``--level 80 --level 95`` or ``--level 80,95``."""
    if not texts:
        return None
    levels = []
    for text in ",".join(texts).split(","):
        try:
            levels.append(float(text))
        except ValueError:
            raise UsageError(
                f"--level {text!r}: not a number. Give percentages, as in --level 80,95."
            ) from None
    from rollcast.forecast.result import checked_levels

    return checked_levels(levels)


def units_of(text: str | None) -> tuple[int, ...] | None:
    """The units of each layer from ``--hidden 64,32``."""
    if text is None:
        return None
    try:
        return tuple(int(units) for units in text.split(","))
    except ValueError:
        raise UsageError(
            f"--hidden {text!r}: not whole numbers. Give the units of each layer, as in 64,32."
        ) from None


def frequency_of(text: str | None) -> str | int | None:
    """A frequency by name, or a whole number for integer time."""
    return int(text) if text is not None and text.isdecimal() else text


def names_of(text: str) -> tuple[str, ...]:
    """The columns of ``--past price,promo``."""
    return tuple(name.strip() for name in text.split(","))
