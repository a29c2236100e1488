"""Outgoing webhooks: a signed POST to the operator's own service (Standard Webhooks, standardwebhooks.com).

The operator writes the URL into the configuration, so it is trusted like every other setting and may lead into a
private network. What answers there is not trusted: redirects are not followed, so that it cannot send this program
elsewhere, and its body is not read.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from milestones import effects
from milestones.errors import ChannelError, ConfigurationError
from milestones.failpoints import reach
from milestones.kinds.channel import Fate, Found, Stop, Task
from milestones.kinds.services import SiteServices
from milestones.kinds.webhook.payload import WebhookPayload

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
EXCHANGE_SECONDS = 30.0
"""For all of it: whoever sends one byte of a header every ten seconds is never silent for twenty."""
LONGEST_WAIT = timedelta(hours=24)
"""What a Retry-After may ask for at most."""

_GONE = 410
"""The one answer that is for good. All others may be of a receiver that is being set up, moved or mended: Standard
Webhooks has them tried again.
"""


class WebhookChannel:
    """The webhooks of one site.

    http: shared with nobody who sends credentials by default. secret: the signing secret by the name of its setting,
    as ``whsec_...`` or base64. clock: the time now, UTC.
    """

    concurrency = 8

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        secret: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._secret = secret
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """The receiver decides for itself."""
        del tasks
        return {}

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Posts it; any 2xx is a success. Raises ChannelError."""
        now = self._clock()
        body = _body(task, now)
        payload = WebhookPayload.from_json(task.payload)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "milestones",
            "webhook-id": payload.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signature(payload, now, body),
        }
        url = httpx.URL(payload.url)
        await effects.begin()
        reach("webhook.before_post")
        try:
            async with (
                asyncio.timeout(EXCHANGE_SECONDS),
                self._http.stream(
                    "POST", url, content=body, headers=headers, timeout=TIMEOUT, follow_redirects=False
                ) as response,
            ):
                status, retry_after = response.status_code, response.headers.get("retry-after", "")
        except (httpx.HTTPError, TimeoutError) as error:
            # Repeating is harmless, since the receiver knows the id: so this is never a lost answer.
            raise ChannelError(
                f"The webhook to {url.host} got no answer ({type(error).__name__})."
            ) from error
        reach("webhook.posted")
        if not 200 <= status < 300:
            raise _refusal(status, url.host, _retry_at(retry_after, now))
        return {"status": status}

    async def recover(self, task: Task) -> Found:
        """The receiver drops a repeated ``webhook-id``."""
        del task
        return Found(Fate.REPEAT)

    def _signature(self, payload: WebhookPayload, now: datetime, body: str) -> str:
        name = payload.secret_name
        try:
            return Webhook(self._secret(name)).sign(payload.webhook_id, now, body)
        except (ValueError, EmptyWebhookSecretError, ConfigurationError) as error:
            raise ChannelError(
                f"The secret {name!r} of the webhook cannot be used: it must be whsec_ and base64 text.",
                permanent=True,
                connection_wide=True,
            ) from error


def _body(task: Task, now: datetime) -> str:
    """What happened, by ids alone: who the customer is, is the receiver's to look up."""
    data = {
        "site": task.site_id,
        "account": task.account_id,
        "contact": task.customer.contact_id,
        "member": task.customer.member_id,
        "milestone": task.payload["milestone"],
        "points": task.payload["points"],
    }
    event = {"type": "milestone.reached", "timestamp": now.astimezone(UTC).isoformat(), "data": data}
    return json.dumps(event, separators=(",", ":"))


def _refusal(status: int, host: str, retry_at: datetime | None) -> ChannelError:
    advice = " Redirects are not followed: configure the final URL." if 300 <= status < 400 else ""
    return ChannelError(
        f"The webhook to {host} was refused with {status}.{advice}",
        permanent=status == _GONE,
        retry_at=retry_at,
    )


def _retry_at(value: str, now: datetime) -> datetime | None:
    """The time that Retry-After names (RFC 9110, section 10.2.3), at most LONGEST_WAIT away; None if it names none."""
    if value.isascii() and value.isdecimal():
        return now + min(timedelta(seconds=int(value[:9])), LONGEST_WAIT)
    try:
        named = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if named.tzinfo is None:
        named = named.replace(tzinfo=UTC)
    return min(named, now + LONGEST_WAIT)


def build(services: SiteServices) -> WebhookChannel:
    """The channel of a site. A secret is that of the configuration in force when it signs."""
    return WebhookChannel(
        services.http,
        secret=lambda name: services.current().webhook_secret(name).get_secret_value(),
        clock=services.clock,
    )
