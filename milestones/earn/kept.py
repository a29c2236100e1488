"""A genuine body that nobody understood, as it is kept: the headers that it is read with, a blank line, the body."""

from collections.abc import Mapping

EVENT = "earn."
"""How the type of such begins, in place of an event's of Wix; the name of the rule follows."""

_END = b"\r\n\r\n"


def pack(headers: Mapping[str, str], body: bytes) -> bytes:
    """In the form of a message."""
    lines = [f"{name}: {value}\r\n".encode("latin-1", "replace") for name, value in headers.items()]
    return b"".join(lines) + b"\r\n" + body


def unpack(kept: bytes) -> tuple[dict[str, str], bytes]:
    """The headers and the body. What was not packed here is all body."""
    if kept.startswith(b"\r\n"):
        return {}, kept[2:]
    head, end, body = kept.partition(_END)
    pairs = [line.decode("latin-1").partition(": ") for line in head.split(b"\r\n")]
    if not end or not all(colon for _, colon, _ in pairs):
        return {}, kept
    return {name: value for name, _, value in pairs}, body
