"""``POST /webhooks/wix`` as a bare ASGI application, in front of FastAPI.

The route has one job and no parameters, and Wix counts every millisecond: routing, dependencies and response
classes would cost it more than the rest of its work but the signature. `bench/` measures it against an echo.

=======  ==========================================================================================
status   when
=======  ==========================================================================================
200      the event is durable, of no interest, or kept because it cannot be understood
401      no genuine webhook of now: signature, algorithm, times
413      more than a mebibyte; the rest is thrown away unread
503      it cannot be stored now, or not any more before the end; a body that takes too long; too many at once
=======  ==========================================================================================

Another method than POST is answered with 405. A peer that hangs up gets nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.types import Message, Receive, Scope, Send

from milestones.errors import IngestError
from milestones.observability.metrics import Metrics

PATH = "/webhooks/wix"

LARGEST_BODY = 1024 * 1024
"""Bytes. An event of Wix has a few thousand."""

SLOWEST_BODY = 10.0
"""Seconds for a whole body. Wix itself gives up after 1.25."""

BODIES_AT_ONCE = 64 * 1024 * 1024
"""Bytes of all bodies that are held at the same time: strangers must not fill the memory before they are verified."""

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")

_TAKEN: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"0")],
}
_NOTHING_MORE: Message = {"type": "http.response.body", "body": b""}

_log = structlog.get_logger(__name__)


class _GoneError(Exception):
    """The peer hung up: there is nobody to answer."""


class WebhookRoute:
    """The route. It holds the number of bytes under way, and nothing else."""

    def __init__(
        self,
        receive: Callable[[bytes], Awaitable[None]],
        metrics: Metrics,
        *,
        slowest_body: float = SLOWEST_BODY,
        bodies_at_once: int = BODIES_AT_ONCE,
    ) -> None:
        self._receive = receive
        self._metrics = metrics
        self._slowest_body = slowest_body
        self._bodies_at_once = bodies_at_once
        self._held = 0
        self._answers = {
            status: metrics.webhook_answers.labels(str(status)) for status in (200, 401, 413, 503)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _refuse(send, 405, "Wix sends its events here with POST.", (b"allow", b"POST"))
            return
        began = time.perf_counter()
        try:
            await self._take(scope, receive)
        except _GoneError:
            return
        except IngestError as refusal:
            # The connection is not closed, though a body may not be at its end: the peer would lose the answer.
            # The server throws the rest away, and its patience is bounded (``web.server.PatientProtocol``).
            self._count(refusal.status, began)
            await _refuse(send, refusal.status, str(refusal))
            return
        except asyncio.CancelledError:
            # Stopping has waited long enough; the task ends here, since nobody waits for it.
            self._count(503, began)
            await _refuse(send, 503, "The daemon is stopping; send the event again later.")
            return
        self._count(200, began)
        await send(_TAKEN)
        await send(_NOTHING_MORE)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        body = bytearray()
        try:
            _require_small(_declared_length(scope))
            await self._read(body, receive)
            await self._receive(bytes(body))
        except (IngestError, _GoneError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever happens, Wix must hear that it should try again)
            _log.error("webhook_failed", error=type(error).__name__)
            raise IngestError(503, "The event cannot be stored at the moment; send it again later.") from None
        finally:
            self._held -= len(body)

    async def _read(self, body: bytearray, receive: Receive) -> None:
        """Append what comes to ``body``, which counts as held until its owner is done with it."""
        try:
            async with asyncio.timeout(self._slowest_body):
                more = True
                while more:
                    chunk, more = await _next_chunk(receive)
                    body += chunk
                    self._held += len(chunk)
                    _require_small(len(body))
                    self._require_memory()
        except TimeoutError:
            raise IngestError(503, "The body took too long; send the event again.") from None

    def _require_memory(self) -> None:
        if self._held > self._bodies_at_once:
            raise IngestError(503, "Too many bodies at once; send the event again later.")

    def _count(self, status: int, began: float) -> None:
        self._answers[status].inc()
        self._metrics.ack_seconds.observe(time.perf_counter() - began)


async def _next_chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _GoneError
    return message.get("body", b""), message.get("more_body", False)


def _declared_length(scope: Scope) -> int:
    """The declared length of the body. The server has refused what is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0


def _require_small(length: int) -> None:
    if length > LARGEST_BODY:
        raise IngestError(413, f"A webhook of Wix is a few kilobytes; at most {LARGEST_BODY} bytes are read.")


async def _refuse(send: Send, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
    body = sentence.encode()
    length = (b"content-length", str(len(body)).encode())
    await send(
        {"type": "http.response.start", "status": status, "headers": [_TEXT, _NO_SNIFFING, length, *headers]}
    )
    await send({"type": "http.response.body", "body": body})
