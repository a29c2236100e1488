"""A callback that somebody mistyped in Wix's dashboard: Wix gives up after two days, and nobody would know why.

The signature says whether an event is genuine, so a path that can only mean the webhook route is served as that, and so
is the root, which an address without a path comes to. Whoever looks for doors posts to such paths too: what is no token
is answered as on any path that leads nowhere, and only what was genuine is a reason to correct the callback.
"""

import asyncio
from collections.abc import Container
from datetime import timedelta
from difflib import SequenceMatcher

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milestones.observability.seldom import Seldom
from milestones.web.services import WebServices
from milestones.web.webhooks import PATH, SLOWEST_BODY

_WORDS = frozenset({"hook", "hooks", "webhook", "webhooks", "wix"})
_OTHERS = ("/webhooks/in/", "/webhooks/sync/", "/u/", "/e/", "/api/")
_ALIKE = 0.85
_TOKEN = b"ey"
"""How every signed token (JWT) begins: its header is a JSON object, in base64."""

_log = structlog.get_logger(__name__)


def is_meant(method: str, path: str) -> bool:
    """Whether a path may mean ``POST /webhooks/wix``: slashes too many or too few, capitals, words left out or
    misspelt. Another method, as of a person who tries the address in a browser, only by slashes and capitals.
    """
    parts = [part for part in path.casefold().split("/") if part]
    squeezed = "/" + "/".join(parts)
    if squeezed == PATH:
        return True
    if method != "POST" or f"{squeezed}/".startswith(_OTHERS):
        return False
    alike = len(squeezed) < 2 * len(PATH) and SequenceMatcher(None, squeezed, PATH).ratio() >= _ALIKE
    return alike or all(part in _WORDS for part in parts)


class Mistyped:
    """What comes to a wrong path, on its way to the webhook route or to the site.

    It is counted, and logged once a minute at most and without what the peer wrote. A warning is only what a stranger
    cannot bring about.
    """

    def __init__(self, services: WebServices, webhook: ASGIApp, site: ASGIApp) -> None:
        self._services = services
        self._webhook = webhook
        self._site = site
        self._each_minute = Seldom(timedelta(minutes=1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of another path than the webhook's."""
        if scope["type"] == "http" and is_meant(scope["method"], scope["path"]):
            if scope["method"] != "POST":
                await self._webhook(scope, receive, send)
                return
            first = await _first(receive)
            receive = _with_first(first, receive)
            if _begins_token(first):
                await self._webhook(scope, receive, self._watch(send, {200}, served=True))
                return
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["path"].startswith(_OTHERS):
            send = self._watch(send, {404, 405}, served=False)
        await self._site(scope, receive, send)

    def _watch(self, send: Send, statuses: Container[int], *, served: bool) -> Send:
        """``send``, noting an answer with one of these statuses."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in statuses:
                self._note(served=served)
            await send(message)

        return sent

    def _note(self, *, served: bool) -> None:
        self._services.metrics.mistyped_callbacks.labels("served" if served else "unknown").inc()
        if self._each_minute.due(str(served), self._services.clock()):
            write = _log.warning if served else _log.info
            write("callback_mistyped", served=served, expected=PATH)


async def _first(receive: Receive) -> Message:
    """What comes first; a peer that sends nothing for so long is taken for gone."""
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            return await receive()
    except TimeoutError:
        return {"type": "http.disconnect"}


def _begins_token(message: Message) -> bool:
    """Whether a body, of which this came first, may be a signed token. Blanks before it are none of it."""
    start = message.get("body", b"").lstrip()[: len(_TOKEN)]
    return bool(start) and _TOKEN.startswith(start)


def _with_first(first: Message, receive: Receive) -> Receive:
    """``receive`` as if ``first`` had not been taken from it."""
    waiting = [first]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
