"""Placeholders: what is written into a request, as it was described. A text that is nothing but a placeholder keeps the
type of what it stands for, so that ``"{delta}"`` becomes a number.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from milestones.external.errors import ExternalError

Words = Mapping[str, str | int]

_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")

LONGEST_ID = 255


def fill(value: Any, words: Words) -> Any:
    """A described value with its placeholders filled, however deep they stand."""
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        return words.get(whole[1], "") if whole else fill_text(value, words)
    if isinstance(value, Mapping):
        return {key: fill(inner, words) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill(inner, words) for inner in value]
    return value


def fill_text(text: str, words: Words) -> str:
    """A text with its placeholders filled."""
    return _PLACEHOLDER.sub(lambda match: str(words.get(match[1], "")), text)


def fill_path(path: str, words: Words, program: str) -> str:
    """A path, whose ids come from outside: none may leave its place in it. Raises ExternalError."""

    def segment(match: re.Match[str]) -> str:
        value = str(words.get(match[1], ""))
        if not value.strip(".") or len(value) > LONGEST_ID or not value.isprintable():
            raise ExternalError(f"What stands for {{{match[1]}}} of {program} is no id.", permanent=True)
        return quote(value, safe="")

    return _PLACEHOLDER.sub(segment, path)


def fill_expression(expression: str, words: Words) -> str:
    """An expression of JMESPath, in whose quoted texts placeholders stand: no value ends its quotes."""

    def quoted(match: re.Match[str]) -> str:
        return str(words.get(match[1], "")).replace("\\", "\\\\").replace("'", "\\'")

    return _PLACEHOLDER.sub(quoted, expression)
