"""``/webhooks/in/{rule}``: what other services tell. POST brings events, GET a handshake where a service asks for one.

=======  ==========================================================================================
status   when
=======  ==========================================================================================
200      every event of the body is durable, of no interest, came before, or is kept because it cannot be understood
401      not genuine: signature, time, secret
404      no rule has this address, or its site is not active
405      a GET where no service asks for one
413      more than a mebibyte
503      it cannot be stored now; a body that takes too long; too many at once
=======  ==========================================================================================
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from milestones.earn.handshake import Answer
from milestones.errors import IngestError
from milestones.web.services import WebServices

LARGEST_BODY = 1024 * 1024
"""Bytes. The largest batches of events have some hundred thousand."""

SLOWEST_BODY = 10.0
"""Seconds for a whole body."""

BODIES_AT_ONCE = 32 * 1024 * 1024
"""Bytes of all bodies that are held at the same time: strangers must not fill the memory before they are verified."""

_PATH = "/webhooks/in/{rule}"


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


def routes(services: WebServices) -> APIRouter:
    """Both methods answer an unknown rule alike."""
    router, bodies = APIRouter(), Bodies()

    @router.get(_PATH)
    async def greet(rule: str, request: Request) -> Response:
        try:
            return _accept(services, services.greet(rule, request.query_params))
        except IngestError as refusal:
            return _refuse(services, refusal)

    @router.post(_PATH)
    async def receive(rule: str, request: Request) -> Response:
        try:
            async with bodies.reading(request) as body:
                return _accept(services, await services.receive_event(rule, request.headers.raw, body))
        except IngestError as refusal:
            return _refuse(services, refusal)
        except ClientDisconnect:
            # There is nobody to answer.
            return Response(status_code=400)

    return router


def _accept(services: WebServices, answer: Answer) -> Response:
    services.metrics.outside_answers.labels("200").inc()
    return Response(answer.text, media_type=answer.kind)


def _refuse(services: WebServices, refusal: IngestError) -> Response:
    services.metrics.outside_answers.labels(str(refusal.status)).inc()
    headers = {"allow": "POST"} if refusal.status == 405 else None
    return PlainTextResponse(f"{refusal}\n", refusal.status, headers)
