"""A callback that somebody mistyped in Wix's dashboard: Wix gives up after two days, and nobody would know why.

The signature says whether an event is genuine, so a path that can only mean the webhook route is served as that.
"""

from datetime import timedelta
from difflib import SequenceMatcher

import structlog
from starlette.types import Message, Scope, Send

from milestones.observability.seldom import Seldom
from milestones.web.services import WebServices
from milestones.web.webhooks import PATH

_WORDS = frozenset({"hook", "hooks", "webhook", "webhooks", "wix"})
_OTHERS = ("/webhooks/in/", "/u/", "/e/", "/api/")
_ALIKE = 0.85

_log = structlog.get_logger(__name__)


def is_meant(method: str, path: str) -> bool:
    """Whether a path can only mean ``POST /webhooks/wix``: slashes too many or too few, capitals, a word left out or
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
    """Counts what came to a wrong path, and logs it once a minute at most and without what the peer wrote."""

    def __init__(self, services: WebServices) -> None:
        self._services = services
        self._each_minute = Seldom(timedelta(minutes=1))

    def note(self, *, served: bool) -> None:
        """Something came."""
        self._services.metrics.mistyped_callbacks.labels("served" if served else "unknown").inc()
        if self._each_minute.due(str(served), self._services.clock()):
            _log.warning("callback_mistyped", served=served, expected=PATH)

    def watch(self, scope: Scope, send: Send) -> Send:
        """``send``, noting a POST to a path that leads nowhere."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return send

        async def sent(message: Message) -> None:
            nowhere = message["type"] == "http.response.start" and message["status"] in {404, 405}
            if nowhere and not scope["path"].startswith(_OTHERS):
                self.note(served=False)
            await send(message)

        return sent
