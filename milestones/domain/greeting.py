"""The name by which this machine greets a mail server (RFC 5321, section 4.1.4)."""

import re

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")
_LITERAL = re.compile(r"\[(\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]")
_LONGEST = 253

NAMELESS = "[127.0.0.1]"
"""Where a machine has no name that may stand there, an address does (RFC 5321, section 4.1.3)."""


def wire_name(name: str) -> str | None:
    """The name as EHLO takes it, in ASCII and with a domain, or an address in brackets; None if it is neither."""
    if _LITERAL.fullmatch(name):
        return name
    try:
        plain = name.removesuffix(".").encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return plain if len(plain) <= _LONGEST and _NAME.fullmatch(plain) else None
