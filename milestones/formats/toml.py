"""Values as TOML, in the form in which a person would write them into ``config.toml``."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_key(key: str) -> str:
    """A key, in quotes where it needs them."""
    return key if _BARE.fullmatch(key) else quote(key)


def write_value(value: Any) -> str:
    """A value on one line. Of a table, what is None is left out."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, Mapping):
        pairs = [f"{write_key(key)} = {write_value(one)}" for key, one in value.items() if one is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(write_value(one) for one in value)}]"
    return quote(str(value))


def quote(text: str) -> str:
    """A text in quotes."""
    # JSON escapes what TOML demands, but for DEL, and in words that TOML knows.
    return json.dumps(text, ensure_ascii=not _is_encodable(text)).replace("\x7f", "\\u007f")


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
