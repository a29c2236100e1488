"""Who agreed to be mailed (fact sheet, section 2.17, a developer preview)."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from milestones.wix.answers import Call
from milestones.wix.fields import Entity, Instant, State
from milestones.wix.paging import offset_page, one, text
from milestones.wix.transport import WixClient

BATCH = 100

_ROOT = "/email-marketing/v1/email-subscriptions"
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_UPSERT = Call("POST", _ROOT, reads=False)
# Making a link changes no subscription, and a second one does no harm: so it may be repeated like a read.
_LINK = Call("POST", _ROOT + "/unsubscribe-link", reads=True)


class SubscriptionStatus(State):
    """What the person said."""

    UNKNOWN = "UNKNOWN"
    NOT_SET = "NOT_SET"
    PENDING = "PENDING"
    SUBSCRIBED = "SUBSCRIBED"
    UNSUBSCRIBED = "UNSUBSCRIBED"


class DeliverabilityStatus(State):
    """What became of earlier mails to the address."""

    UNKNOWN = "UNKNOWN"
    NOT_SET = "NOT_SET"
    VALID = "VALID"
    BOUNCED = "BOUNCED"
    SPAM_COMPLAINT = "SPAM_COMPLAINT"
    INACTIVE = "INACTIVE"


class Subscription(Entity):
    """One address and its consent. A state that we do not know is read as "no"."""

    email: str
    id: str | None = None
    subscription_status: SubscriptionStatus = SubscriptionStatus.NOT_SET
    deliverability_status: DeliverabilityStatus = DeliverabilityStatus.NOT_SET
    updated_date: Instant | None = None

    @property
    def consents(self) -> bool:
        """Whether the person asked for marketing mail."""
        return self.subscription_status is SubscriptionStatus.SUBSCRIBED

    @property
    def deliverable(self) -> bool:
        """Whether nothing is known against mailing the address: no bounce, complaint or long silence."""
        return self.deliverability_status in {DeliverabilityStatus.NOT_SET, DeliverabilityStatus.VALID}


async def statuses(
    client: WixClient, emails: Sequence[str], *, priority: bool = False
) -> dict[str, Subscription]:
    """The subscriptions of these addresses, by case-folded address. One that Wix does not know is missing.

    Whether Wix folds case is unverified, so each address is asked for as given and folded. Where it knows both
    spellings and they disagree, the answer is the one that forbids.
    """
    spellings = dict.fromkeys(spelling for email in emails for spelling in (email, email.casefold()) if email)
    asked = {spelling.casefold() for spelling in spellings}
    found: dict[str, Subscription] = {}
    for batch in _batches(list(spellings)):
        async for subscription in _query(client, batch, priority=priority):
            key = subscription.email.casefold()
            if key in asked:
                found[key] = _stricter(found.get(key), subscription)
    return found


async def upsert(
    client: WixClient, email: str, status: SubscriptionStatus, *, priority: bool = False
) -> Subscription:
    """Sets the consent of an address. Repeating it is harmless.

    Whether SUBSCRIBED may overwrite UNSUBSCRIBED is unverified; look at the status of what is returned.
    """
    body = {"subscription": {"email": email, "subscriptionStatus": status.value}}
    return one(
        await client.send(_UPSERT, body=body, priority=priority), "subscription", Subscription, _UPSERT
    )


async def unsubscribe_link(
    client: WixClient,
    email: str,
    *,
    language: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Wix's own page where the person can unsubscribe. How long the link lives is unverified.

    language: ISO 639-1; English without one.
    """
    body: dict[str, Any] = {"emailAddress": email}
    if language:
        body["language"] = language
    if metadata:
        body["metadata"] = dict(metadata)
    return text(await client.send(_LINK, body=body), "link", _LINK)


async def _query(client: WixClient, emails: Sequence[str], *, priority: bool) -> AsyncIterator[Subscription]:
    # Filter and paging stand at the top level here, without the "query" around them that all others have.
    offset: str | None = "0"
    while offset is not None:
        body = {"filter": {"email": {"$in": list(emails)}}, "paging": {"limit": BATCH, "offset": int(offset)}}
        answer = await client.send(_QUERY, body=body, priority=priority)
        page = offset_page(answer, "subscriptions", Subscription, _QUERY, offset=int(offset), limit=BATCH)
        for subscription in page.items:
            yield subscription
        offset = page.next_cursor


def _batches(spellings: Sequence[str]) -> Iterator[Sequence[str]]:
    return (spellings[start : start + BATCH] for start in range(0, len(spellings), BATCH))


def _stricter(known: Subscription | None, other: Subscription) -> Subscription:
    if known is None or (known.consents and known.deliverable):
        return other
    return known
