"""What a search has found so far, in a file: finished rounds are not run again after a kill."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.atomic import whole_file
from rollcast.errors import ModelFileError, UsageError

FORMAT = "rollcast search 1"


@dataclass(frozen=True, eq=False)
class Round:
    """A candidate after one part of its steps: steps in all, seconds of this part, and the errors
    of the windows it is judged on ``(windows,)``, NaN where it sees no value."""

    steps: int
    seconds: float
    errors: np.ndarray


class Rounds:
    """Rounds by (candidate, part), kept in ``path.search``; the training of each candidate lies in
    a file of its own, that of the ``winner`` in the end in ``path``.

    Raises UsageError for the file of another search, ModelFileError for one that is damaged.
    """

    def __init__(self, path: str, setting: Sequence[Any]) -> None:
        self.path, self.file = Path(path), Path(f"{path}.search")
        self.digest = hashlib.sha256(json.dumps(setting, default=list).encode()).hexdigest()
        self.done: dict[tuple[int, int], Round] = {}
        self.winner: int | None = None
        if not self.path.parent.is_dir():
            raise UsageError(
                f"checkpoint={str(path)!r}: there is no folder {self.path.parent}. Make it, or "
                "name another file."
            )
        if self.file.exists():
            self._read()

    def training_of(self, candidate: int) -> Path:
        """The checkpoint of a candidate."""
        return Path(f"{self.path}.trial{candidate}")

    def add(self, candidate: int, part: int, found: Round) -> None:
        """Keep what a round found."""
        self.done[candidate, part] = found
        self._write()

    def finish(self, winner: int, candidates: int) -> None:
        """Name the winner; its training becomes that of the first run, the others' are removed."""
        self.winner = winner
        self._write()
        if self.training_of(winner).exists():
            self.training_of(winner).replace(self.path)
        for candidate in range(candidates):
            self.training_of(candidate).unlink(missing_ok=True)

    def _write(self) -> None:
        rows = [
            [*place, found.steps, found.seconds, [None if x != x else x for x in errors]]
            for place, found in self.done.items()
            for errors in [found.errors.tolist()]
        ]
        whole = {"format": FORMAT, "search": self.digest, "winner": self.winner, "rounds": rows}
        with whole_file(self.file) as file:
            file.write(json.dumps(whole, allow_nan=False).encode())

    def _read(self) -> None:
        try:
            whole = json.loads(self.file.read_bytes())
            found, self.winner = whole["search"], whole["winner"]
            if whole["format"] != FORMAT or not isinstance(self.winner, int | None):
                raise ValueError(whole["format"])
            for candidate, part, steps, seconds, errors in whole["rounds"]:
                kept = np.array([np.nan if x is None else float(x) for x in errors])
                self.done[int(candidate), int(part)] = Round(int(steps), float(seconds), kept)
        except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
            raise ModelFileError(
                f"{self.file}: this file is damaged or not of a search ({error!r}). Delete it to "
                "start again, or name another file."
            ) from error
        if found != self.digest:
            raise UsageError(
                f"{self.file}: this search belongs to another table or setting. Go on with that "
                "one, name another file, or delete this one to start again."
            )
