"""Faults of a configuration: where in its tree, and a sentence. Pydantic's errors are turned into such here."""

import difflib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

Where = tuple[str | int, ...]
"""A place in the tree, such as ``("milestones", 0, "threshold")``."""

_RULES = "rules"
"""The type of an error that holds several faults, each with its own place below the table that was checked."""


class Fault(NamedTuple):
    """What is wrong. The sentence continues the place: "milestones[0].key: is used twice".

    meant: of an unknown key, the place of the one that was probably meant.
    """

    path: Where
    sentence: str
    meant: Where | None = None


def faulty(faults: Iterable[Fault]) -> None:
    """Refuse a table from inside a validator, if there are faults; their paths begin at that table."""
    result = list(faults)
    if result:
        raise PydanticCustomError(_RULES, "breaks the rules", {"faults": result})


def overlap(one: Where, other: Where) -> bool:
    """Whether one place lies inside the other."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def spell(path: Where) -> str:
    """A path as a person writes it: ``milestones[0].near.within``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'threshold'?`` where one of the known words is like it, else nothing."""
    result = _nearest(word, known)
    return f"; did you mean '{result}'?" if result else ""


def _nearest(word: str, known: Iterable[str]) -> str | None:
    result = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return result[0] if result else None


def unknown_key(path: Where, known: Iterable[str]) -> Fault:
    """The fault of a key that the table does not have."""
    known = list(known)
    word = str(path[-1])
    meant = _nearest(word, known)
    return Fault(path, f"unknown key{nearest(word, known)}", None if meant is None else (*path[:-1], meant))


def collect(
    error: ValidationError, prefix: Where, known_keys: Callable[[Where], Iterable[str]]
) -> list[Fault]:
    """Every fault that pydantic found below ``prefix``. known_keys: those that the table at a path may have."""
    faults: list[Fault] = []
    for details in error.errors(include_url=False):
        path = (*prefix, *details["loc"])
        if details["type"] == _RULES:
            faults += [Fault((*path, *fault.path), fault.sentence) for fault in details["ctx"]["faults"]]
        elif details["type"] == "extra_forbidden":
            faults.append(unknown_key(path, known_keys(path[:-1])))
        else:
            faults.append(Fault(path, _sentence(details)))
    return faults


_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "path_type": "must be a path in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or less",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
}


def _sentence(details: ErrorDetails) -> str:
    # What was written is never repeated: it may be a secret in the wrong place.
    context = details.get("ctx", {})
    if details["type"] == "value_error":
        return str(context["error"])
    if template := _SENTENCES.get(details["type"]):
        return template.format_map({name: _number(value) for name, value in context.items()})
    return details["msg"].replace("Input should be", "must be")


def _number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
