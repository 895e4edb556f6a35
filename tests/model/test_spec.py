"""A spec: what it may be, and as JSON."""

import json
from dataclasses import replace

import pytest

from rollcast.errors import ModelFileError, UsageError
from rollcast.model.spec import LATER, NetworkSpec

from .test_network import SMALL, every_spec

RECURSIVE = {"strategy": "recursive", "indicator": True, "skip": "none"}


@every_spec
def test_a_spec_survives_json(spec: NetworkSpec) -> None:
    assert NetworkSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context", 0),
        ("horizon", 2.5),
        ("season", "7"),
        ("hidden", ()),
        ("hidden", (8, -1)),
        ("hidden", 64),
        ("cell", "transformer"),
        ("cell", None),
        ("dropout", 1.0),
        ("skip", "best"),
        ("skip_gain", 0.0),
        ("fold", 8),
        ("fold", 0),
        ("strategy", "psychic"),
        ("head", "tail"),
        ("levels", (0.9, 0.1)),
        ("recurrent_steps", 0),
        ("future_units", True),
        ("normalize", "recurrent_batch"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=name):
        replace(SMALL, **{name: value})


@pytest.mark.parametrize("changes", [{"hidden": (4,)}, RECURSIVE])
def test_normalisation_without_a_place_for_it_is_refused(changes) -> None:
    with pytest.raises(UsageError, match="between layers of a direct network"):
        replace(SMALL, normalize="layer", **changes)


@pytest.mark.parametrize("value", [None, "3", [], {}, 1e300, -1, 10**30, True, [10**9] * 3])
@pytest.mark.parametrize("name", list(SMALL.to_json()))
def test_a_spec_from_a_file_is_a_spec_or_a_model_file_error(name: str, value: object) -> None:
    json_spec = json.loads(json.dumps(SMALL.to_json())) | {name: value}
    try:
        NetworkSpec.from_json(json_spec)
    except ModelFileError as error:
        assert str(error)


def test_a_spec_with_an_unknown_or_absent_field_is_refused() -> None:
    with pytest.raises(ModelFileError, match="attention"):
        NetworkSpec.from_json(SMALL.to_json() | {"attention": 8})
    for name in set(SMALL.to_json()) - set(LATER):
        short = {key: value for key, value in SMALL.to_json().items() if key != name}
        with pytest.raises(ModelFileError, match=name):
            NetworkSpec.from_json(short)


def test_a_spec_from_before_there_was_a_part_has_its_default() -> None:
    short = {key: value for key, value in SMALL.to_json().items() if key not in LATER}
    assert NetworkSpec.from_json(short) == SMALL
