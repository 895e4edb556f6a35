"""The state of a run as one file, exact to the last bit.

The file is a safetensors container: arrays by name, and in its metadata a format version, the
numbers of the state as JSON (Python writes floats so that they come back exactly) and the setting
that the run was made with. A run of another setting is refused. The file is written under another
name and then renamed, so that a kill at any moment leaves the old one or the new one.
"""

import json
from dataclasses import asdict, dataclass, fields
from os import PathLike
from pathlib import Path

import numpy as np

from rollcast.atomic import whole_file
from rollcast.errors import ModelFileError, UsageError
from rollcast.train.problem import Problem
from rollcast.train.state import State
from rollcast.train.training import Training

FORMAT = "rollcast checkpoint"
VERSION = 1

# How the fields of a State are kept. A field that is in none of the four is a mistake, which a
# test would find.
NUMBERS = (
    "step", "validated", "waited", "best_step", "best_score", "seconds", "validation_seconds",
)  # fmt: skip
SERIES = {
    "losses": np.float64,
    "gradient_norms": np.float64,
    "learning_rates": np.float64,
    "validation_steps": np.int64,
    "validation_scores": np.float64,
}


@dataclass(frozen=True)
class Checkpoint:
    """The file of one run: where it is, and the setting it belongs to (JSON values)."""

    path: Path
    setting: dict[str, object]

    def write(self, state: State) -> None:
        """Replace the file by this state."""
        from safetensors.numpy import save

        sections = {"weights": state.weights}
        if state.best_weights is not None:
            sections["best_weights"] = state.best_weights
        sections |= {f"optimizer/{name}": array for name, array in state.arrays.items()}
        sections |= {f"carried/{name}": array for name, array in state.carried.items()}
        sections["schedule"] = np.array(state.schedule, np.float64)
        for name, dtype in SERIES.items():
            sections[f"history/{name}"] = np.array(getattr(state, name), dtype)
        metadata = {
            "format": FORMAT,
            "version": str(VERSION),
            "setting": json.dumps(self.setting),
            "state": json.dumps({name: getattr(state, name) for name in NUMBERS}),
        }
        with whole_file(self.path) as file:
            file.write(save(sections, metadata))

    def read(self) -> State | None:
        """The state in the file; None when there is no file.

        Raises ``ModelFileError`` for a file that is damaged or something else, ``UsageError`` for
        the checkpoint of another setting.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "numpy") as file:
                metadata = file.metadata() or {}
                sections = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise self._damaged(str(error)) from error
        if metadata.get("format") != FORMAT:
            raise ModelFileError(
                f"{self.path}: this is not a checkpoint of rollcast. Name another file to write to."
            )
        version = metadata.get("version", "")
        if version != str(VERSION):
            raise ModelFileError(
                f"{self.path}: a checkpoint of format {version!r}, and this rollcast reads format "
                f"{VERSION}. Go on with the rollcast that wrote it, or delete it to start again."
            )
        try:
            found, numbers = json.loads(metadata["setting"]), json.loads(metadata["state"])
            self._compare(found)
            return self._state(sections, numbers)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, UsageError):
                raise
            raise self._damaged(repr(error)) from error

    def _state(self, sections: dict[str, np.ndarray], numbers: dict[str, object]) -> State:
        values: dict[str, object] = {name: numbers[name] for name in NUMBERS}
        values |= {name: sections[f"history/{name}"].tolist() for name in SERIES}
        values["weights"] = sections["weights"]
        values["best_weights"] = sections.get("best_weights")
        values["schedule"] = tuple(sections["schedule"].tolist())
        for kind, prefix in (("arrays", "optimizer/"), ("carried", "carried/")):
            values[kind] = {
                name.removeprefix(prefix): array
                for name, array in sections.items()
                if name.startswith(prefix)
            }
        return State(*(values[field.name] for field in fields(State)))  # type: ignore[arg-type]

    def _compare(self, found: dict[str, object]) -> None:
        here = json.loads(json.dumps(self.setting))
        other = [
            f"{name}={found.get(name)!r} there and {here.get(name)!r} here"
            for name in sorted({*found, *here})
            if found.get(name) != here.get(name)
        ]
        if other:
            raise UsageError(
                f"{self.path}: this checkpoint belongs to another setting: {'; '.join(other)}. "
                "Go on with that setting, name another file, or delete this one to start again."
            )

    def _damaged(self, reason: str) -> ModelFileError:
        return ModelFileError(
            f"{self.path}: this file is damaged or not a checkpoint ({reason}). "
            "Delete it to start again, or name another file."
        )


def checkpoint_at(
    path: str | PathLike[str],
    problem: Problem,
    training: Training,
    learning_rate: float,
    seed: int,
    validation_every: int,
) -> Checkpoint:
    """The checkpoint of a run with this setting, whether the file exists or not. Raises
    ``UsageError`` when its folder does not."""
    place = Path(path)
    if not place.parent.is_dir():
        raise UsageError(f"checkpoint={str(path)!r}: there is no folder {place.parent}.")
    setting = asdict(training)
    del setting["max_seconds"]  # an interrupted run may well be given more time
    setting |= {
        "learning_rate": learning_rate,  # as used, where the training leaves it open
        "seed": seed,
        "validation_every": validation_every,
        "windows": problem.windows,
        "problem": problem.fingerprint(),
    }
    return Checkpoint(place, setting)
