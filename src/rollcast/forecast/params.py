"""What the two estimators share: their arguments by name, changed and written as by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rollcast.errors import UsageError
from rollcast.train.training import Training


def change(model: object, names: Sequence[str], params: Mapping[str, Any]) -> None:
    """Set these arguments of an estimator that has ``names``; all or, where one is unknown, none.

    Raises UsageError for an unknown name.
    """
    for name in params:
        if name not in names:
            raise UsageError(f"set_params: no argument {name!r}; there are {', '.join(names)}.")
    for name, value in params.items():
        setattr(model, name, value)


def as_written(model: object, first: Sequence[str], params: dict[str, Any], usual: Any) -> str:
    """An estimator as it is written by hand: ``first`` as they are, then what is not as usual."""
    shown = list(first)
    for name, value in params.items():
        if value != usual[name]:
            short = str(value) if isinstance(value, Training) else repr(value)
            shown.append(f"{name}={short}")
    return f"{type(model).__name__}({', '.join(shown)})"
