"""Bodies that strangers send, before anybody has looked whether they are genuine: each read within bounds, and all together.

The webhook of Wix is no part of it: it reads before there is a request (``web.webhooks``).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from milestones.errors import IngestError

LARGEST_BODY = 1024 * 1024
"""Bytes. The largest batches of events have some hundred thousand."""

SLOWEST_BODY = 10.0
"""Seconds for a whole body."""

BODIES_AT_ONCE = 32 * 1024 * 1024
"""Bytes of all bodies of a route that are held at the same time: strangers must not fill the memory."""


class Bodies:
    """Bodies under way, and how many bytes they have together."""

    def __init__(self, *, slowest: float = SLOWEST_BODY, at_once: int = BODIES_AT_ONCE) -> None:
        self._slowest = slowest
        self._at_once = at_once
        self._held = 0

    @asynccontextmanager
    async def reading(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, which counts as held until the end. Raises IngestError and ClientDisconnect."""
        body = bytearray()
        try:
            await self._read(body, request)
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _read(self, body: bytearray, request: Request) -> None:
        try:
            async with asyncio.timeout(self._slowest):
                async for chunk in request.stream():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > LARGEST_BODY:
                        raise IngestError(
                            413, f"At most {LARGEST_BODY} bytes are read; send fewer events at a time."
                        )
                    if self._held > self._at_once:
                        raise IngestError(503, "Too many bodies at once; send the event again later.")
        except TimeoutError:
            raise IngestError(503, "The body took too long; send the event again.") from None
