"""The one door for webhooks: verify, understand, make durable. Whoever returns from here may be answered 200."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from milestones.domain.event import Heard, Unneeded
from milestones.errors import IngestError, MilestonesError
from milestones.ingest.envelope import read_event
from milestones.ingest.reading import UnreadableError, blame_event
from milestones.ingest.signature import verify
from milestones.observability.metrics import Metrics
from milestones.observability.seldom import Seldom

Keep = Callable[[str | None, str | None, str, bytes], Awaitable[None]]
"""(site id, event type, reason, body): keeps durably what could not be understood."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that a webhook meets on its way in.

    public_key: the app's key in force, or None where none is configured, as in API-key mode.
    take: makes an event durable (``Inbox.take``).
    keep: makes a body durable that was genuine but could not be understood.
    pass_over: is told of an event that says nothing of accounts, when it is acknowledged.
    """

    public_key: Callable[[], RSAPublicKey | None]
    clock: Callable[[], datetime]
    take: Callable[[Heard], Awaitable[None]]
    keep: Keep
    metrics: Metrics
    pass_over: Callable[[Heard], None] = lambda _event: None
    _daily: Seldom = field(default_factory=lambda: Seldom(timedelta(days=1)))
    _each_minute: Seldom = field(default_factory=lambda: Seldom(timedelta(minutes=1)))

    async def receive(self, body: bytes) -> None:
        """Take one webhook. Raises IngestError (401, 503) when it must not be acknowledged, and nothing else."""
        now = self.clock()
        event: Heard | None = None
        try:
            event = self._understand(body, now)
            await self._take(event, now)
        except IngestError as refusal:
            if self._each_minute.due(str(refusal.status), now):
                about = {} if event is None else _describe(event)
                _log.warning("webhook_refused", **about, status=refusal.status, reason=str(refusal))
            raise
        except UnreadableError as unreadable:
            await self._keep(unreadable, body)

    def _understand(self, body: bytes, now: datetime) -> Heard:
        key = self.public_key()
        if key is None:
            raise IngestError(
                401, "No public key is configured (wix.public_key), so no webhook can be verified."
            )
        claims = verify(body, key, now)
        try:
            return read_event(claims)
        except UnreadableError:
            raise
        except Exception as error:  # noqa: BLE001
            # A fault of ours, which an upgrade may mend: the event is kept, not refused for two days and then lost.
            raise blame_event(error, None, None, None) from None

    async def _take(self, event: Heard, now: datetime) -> None:
        if isinstance(event.event, Unneeded):
            self.metrics.event(event.event_type, "unneeded")
            if self._daily.due(event.event_type, now):
                _log.info("event_unneeded", **_describe(event))
            self.pass_over(event)
            return
        await self.take(event)
        self.metrics.event(event.event_type, "taken")
        _log.debug("event_taken", **_describe(event))

    async def _keep(self, unreadable: UnreadableError, body: bytes) -> None:
        about = _describe(unreadable)
        try:
            await self.keep(unreadable.site_id, unreadable.event_type, unreadable.reason, body)
        except Exception as error:  # noqa: BLE001
            # A sentence of ours is safe to log; the message of a foreign exception may quote the event.
            reason = str(error) if isinstance(error, MilestonesError) else type(error).__name__
            _log.error("event_not_kept", **about, reason=reason)
            raise IngestError(503, "The event cannot be stored at the moment; send it again later.") from None
        self.metrics.event(unreadable.event_type, "rejected")
        _log.warning("event_kept_unread", **about, reason=unreadable.reason)


def _describe(event: Heard | UnreadableError) -> dict[str, str | None]:
    """Which event a line of the log is about."""
    return {"site": event.site_id, "event_id": event.event_id, "event_type": event.event_type}
