"""How training went in a model file, and back: trials of a search, best steps, what came after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rollcast.errors import ModelFileError
from rollcast.forecast.search.trials import Trial
from rollcast.model.file import field

KINDS: dict[str, tuple[type, ...]] = {
    "steps": (int,),
    "seconds": (float,),
    "score": (float, type(None)),
    "default": (float, type(None)),
    "chosen": (bool,),
    "note": (str,),
}

ARGUMENTS: dict[str, type] = {
    "strategy": str,
    "context": int,
    "cell": str,
    "hidden": list,
    "scaling": str,
    "transform": str,
    "dropout": float,
    "learning_rate": float,
    "blend": str,
}


def pack_trials(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The trials as JSON can say them."""
    return [
        asdict(trial)
        | {"setting": {k: list(v) if isinstance(v, tuple) else v for k, v in trial.setting.items()}}
        for trial in trials
    ]


def unpack_trials(spec: dict[str, Any]) -> tuple[Trial, ...]:
    """The trials of a model file, none in one without; raises ModelFileError."""
    trials = []
    for saved in field(spec, "trials", list) if "trials" in spec else []:
        if not isinstance(saved, dict):
            raise ModelFileError("the model's trials cannot be. It was not written by save().")
        found = field(saved, "setting", dict)
        if unknown := sorted(set(found) - set(ARGUMENTS)):
            raise ModelFileError(
                f"the model's trials name {unknown[0][:40]!r}, which is no option."
            )
        setting = {name: field(found, name, ARGUMENTS[name]) for name in found}
        if "hidden" in setting:
            setting["hidden"] = tuple(setting["hidden"])
        trials.append(Trial(setting, **{name: field(saved, name, *KINDS[name]) for name in KINDS}))
    if any((trial.score is None) != (trial.default is None) for trial in trials):
        raise ModelFileError("the model's trials have scores without those of the default.")
    if trials and sum(trial.chosen for trial in trials) != 1:
        raise ModelFileError("the model's trials name no winner. Save the model again.")
    return tuple(trials)


def best_steps(spec: dict[str, Any], members: int) -> tuple[int, ...]:
    """The best step of each member; raises ModelFileError."""
    if "best_steps" not in spec and members == 1:  # written before there were ensembles
        return (field(spec, "best_step", int),)
    found = field(spec, "best_steps", list)
    if len(found) != members or not all(type(step) is int for step in found):
        raise ModelFileError("the model's best steps are not those of its networks.")
    return tuple(found)


def continued(spec: dict[str, Any]) -> tuple[str, ...]:
    """What each training after the first did, none in older files; raises ModelFileError."""
    found = field(spec, "continued", list) if "continued" in spec else []
    if not all(isinstance(text, str) for text in found):
        raise ModelFileError("the model's history of training is no text. Save the model again.")
    return tuple(found)
