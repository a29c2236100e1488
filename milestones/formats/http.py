"""What any exchange over HTTP as a client has in common, with Wix and with programs that nobody vouches for: the patience,
the size, and what is no answer. What follows from it is the caller's to say.
"""

import json
from typing import Any

import httpx

TIMEOUT = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=10.0)
"""Of each step. A peer that trickles is within it for ever, so a caller bounds the whole as well."""

EXCHANGE_SECONDS = 30.0
"""The whole of an exchange."""

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer, unpacked."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Failures after which the request has surely not left this machine."""

BROKEN_OFF = (httpx.TransportError, httpx.DecodingError, httpx.StreamError, TimeoutError)
"""Failures after which nobody knows whether it took effect. Those of ``NEVER_SENT`` are among them: catch them first."""


def dump(body: Any) -> bytes:
    """The JSON of a body. In ASCII, since a text may hold half a surrogate pair, which UTF-8 cannot spell."""
    return json.dumps(body, separators=(",", ":")).encode("ascii")


async def read_bounded(response: httpx.Response, most: int) -> bytes | None:
    """The body of a streamed answer; None for one of more bytes, which is not read to its end."""
    chunks = bytearray()
    async for chunk in response.aiter_bytes():
        chunks += chunk
        if len(chunks) > most:
            return None
    return bytes(chunks)


def is_web_page(content_type: str, body: bytes) -> bool:
    """Whether it is HTML: a gateway or a login page talks, and not the one who was asked."""
    beginning = body[:200].lstrip().lower()
    return "html" in content_type.lower() or beginning.startswith((b"<!doctype", b"<html"))
