"""A row of a table with its options, written as one text: ``adam`` or ``sgd(momentum=0.9)``. The
first option may be given without its name: ``sgd(0.9)``.

The rows are functions (or frozen dataclasses) that make what is chosen; their arguments are the
options, each with a default and one of the types int, float, bool, str, or one of those and None.
So a choice fits a command line, JSON and a model file, and equal choices are equal texts.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter, signature
from typing import Any, TypeGuard, get_args

from rollcast.errors import UsageError

Table = Mapping[str, Callable[..., Any]]

LONGEST = 200
"""Characters of a choice; what is longer is a mistake, or malice."""

_CHOICE = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*")
_OPTION = re.compile(r"\s*(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^'\"\s]+))\s*")
_LONE = re.compile(r"\s*[^='\"\s]+\s*")  # a word without a name is the first option
_TRUTH = {"true": True, "false": False}


def choose(what: str, text: object, table: Table) -> Any:
    """What the chosen row makes with its options. Raises ``UsageError``, which begins with
    ``what``, says what is wrong and what there is."""
    name, options = _read(what, text, table)
    try:
        return table[name](**options)
    except UsageError as error:
        raise UsageError(f"{what}={text!r}: {error}") from None


def written(what: str, text: object, table: Table) -> str:
    """The choice as it is written once it has been checked: options in their order, without those
    that are as usual. Raises ``UsageError`` as ``choose`` does."""
    choose(what, text, table)
    name, options = _read(what, text, table)
    named = [
        f"{option}={options[option]!r}".replace("'", "")
        for option, usual in _parameters(table[name]).items()
        if option in options and options[option] != usual.default
    ]
    return f"{name}({', '.join(named)})" if named else name


def require(name: str, value: object, fits: bool, expected: str) -> None:
    """Raise ``UsageError`` for an option that does not fit."""
    if not fits:
        raise UsageError(f"{name}={value!r}; expected {expected}.")


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number, Python's or NumPy's; a bool is none."""
    return hasattr(value, "__index__") and not isinstance(value, bool)


@cache  # slow to read, and a forecast reads several
def _parameters(row: Callable[..., Any]) -> Mapping[str, Parameter]:
    return signature(row, eval_str=True).parameters


def _read(what: str, text: object, table: Table) -> tuple[str, dict[str, Any]]:
    choices = ", ".join(table)
    found = None
    if isinstance(text, str) and len(text) <= LONGEST:
        found = _CHOICE.fullmatch(text)
    if found is None or found[1] not in table:
        raise UsageError(f"{what}={_short(text)}; choose one of {choices}.")
    name, inside = found[1], found[2]
    parameters, options = _parameters(table[name]), {}
    for part in (inside or "").split(",") if (inside or "").strip() else ():
        first = next(iter(parameters), None)
        alone = _LONE.fullmatch(part) and part.strip() not in parameters
        if alone and first is not None and not options:
            part = f"{first}={part}"
        option = _OPTION.fullmatch(part)
        if option is None:
            raise UsageError(
                f"{what}={text!r}: {part.strip()!r} is not an option; they are written "
                f"{name}(option=value, …)."
            )
        if option[1] not in parameters or option[1] in options:
            twice = "twice" if option[1] in options else "not one of its options"
            there = ", ".join(f"{each}={one.default!r}" for each, one in parameters.items())
            raise UsageError(
                f"{what}={text!r}: {option[1]!r} is {twice}; {name} has {there or 'none'}."
            )
        word = next(each for each in option.groups()[1:] if each is not None)
        try:
            options[option[1]] = _value(word, parameters[option[1]].annotation)
        except ValueError as error:
            raise UsageError(f"{what}={text!r}: {option[1]}={word!r}; expected {error}.") from None
    return name, options


def _short(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= LONGEST else shown[:40] + "…"


def _value(word: str, annotation: Any) -> Any:
    """The value that a word stands for; ValueError with what was expected."""
    kinds = get_args(annotation) or (annotation,)
    if word.lower() == "none" and type(None) in kinds:
        return None
    kind = kinds[0]
    if kind is bool:
        if word.lower() not in _TRUTH:
            raise ValueError("true or false")
        return _TRUTH[word.lower()]
    if kind is str:
        return word
    try:
        return kind(word)
    except ValueError:
        raise ValueError("a whole number" if kind is int else "a number") from None
