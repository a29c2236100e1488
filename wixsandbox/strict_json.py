"""JSON that can be answered again: UTF-8, whole characters, finite numbers, and no deeper than anybody means."""

import json
import math
from typing import Any

DEEPEST = 100  # levels; the deepest request in docs/wix-api.md has eight


def read(text: bytes | str) -> Any:
    """The value. Raises ValueError, and nothing else, for everything that is not such JSON.

    What Python's parser takes beyond that (NaN, halves of characters) could be stored, but never answered again.
    """
    plain = text.decode() if isinstance(text, bytes) else text
    try:
        value = json.loads(plain, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    if plain.count("[") + plain.count("{") > DEEPEST and _too_deep(value):
        raise ValueError("is nested too deep")
    if "\\ud" in plain.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        if not inner:
            return False
        level = inner
    return True
