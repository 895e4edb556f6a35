"""What a protocol is: cases, methods that are measured on them, and figures published on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Found = Mapping[str, float]


@dataclass(frozen=True)
class Case:
    """A set and, where a set is measured at several, a horizon."""

    set: str
    horizon: int = 0

    def __str__(self) -> str:
        return f"{self.set} {self.horizon}" if self.horizon else self.set


@dataclass(frozen=True)
class Method:
    """``run(data, case, seed)`` gives figures by name; the ``setting`` is all that they depend on
    besides, as JSON can say it, of each case its own where it is a function. Without ``seeds`` it
    is run once. ``needs``: a package that must be installed; ``seconds`` among the figures is time
    that the method itself took."""

    run: Callable[[Any, Case, int], Found]
    setting: Mapping[str, Any] | Callable[[Case], Mapping[str, Any]] = field(default_factory=dict)
    seeds: bool = False
    needs: str | None = None


@dataclass(frozen=True)
class Protocol:
    """- ``cases``: all there are, in the order of the table. ``load(folder, case)``: its data, None
      where the files are not there.
    - ``methods``: by name; ``columns``: the figures printed, and how.
    - ``published``: case → name → figures. ``check``: (case, method, figure, as printed): what the
      harness must reproduce to the last digit.
    - ``sums``: rows (case, method, figures) that sum up ``{method: {case: figures}}``."""

    about: str
    cases: Sequence[Case]
    load: Callable[[Path, Case], Any]
    methods: Mapping[str, Method]
    columns: Mapping[str, str]
    published: Mapping[Case, Mapping[str, Found]]
    check: Sequence[tuple[Case, str, str, str]] = ()
    sums: Callable[[Mapping[str, Mapping[Case, Found]]], Sequence[tuple[str, str, Found]]] = (
        lambda found: ()
    )
