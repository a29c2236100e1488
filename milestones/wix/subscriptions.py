"""Who agreed to be mailed (docs/wix-api.md, 2.17, a developer preview)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from milestones.formats.mail_addresses import address_form, spellings
from milestones.wix.answers import Call
from milestones.wix.errors import WixRefusedError
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, State, Text
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

    email: Text
    id: MaybeText = None
    subscription_status: SubscriptionStatus = SubscriptionStatus.NOT_SET
    deliverability_status: DeliverabilityStatus = DeliverabilityStatus.NOT_SET
    updated_date: MaybeInstant = None

    @property
    def consents(self) -> bool:
        """Whether the person asked for marketing mail."""
        return self.subscription_status is SubscriptionStatus.SUBSCRIBED

    @property
    def deliverable(self) -> bool:
        """Whether nothing is known against mailing the address: no bounce, complaint or long silence."""
        return self.deliverability_status in {DeliverabilityStatus.NOT_SET, DeliverabilityStatus.VALID}


async def statuses(client: WixClient, emails: Sequence[str]) -> dict[str, Subscription]:
    """The subscriptions of these addresses, by the form of the address. One that Wix does not know is missing.

    Whether Wix takes two spellings for one address is unverified, so each is asked for under every spelling that is
    likely. Where it knows several and they disagree, the answer is the one that forbids.

    How many addresses one call may name, and what a call with a malformed one answers, is unverified too: a refused
    batch is halved until the rest of it passes. An address that is refused on its own is missing in the result, which
    means no consent; but when nothing at all passes, WixRefusedError is raised.
    """
    asked = {address_form(email) for email in emails}
    texts = list(dict.fromkeys(spelling for email in emails for spelling in spellings(email) if spelling))
    pending = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    found: dict[str, Subscription] = {}
    refusal: WixRefusedError | None = None
    answered = False
    while pending:
        batch = pending.pop(0)
        try:
            subscriptions = [known async for known in _query(client, batch)]
        except WixRefusedError as error:
            if error.status not in {400, 413, 422}:
                raise
            refusal = error
            half = len(batch) // 2
            pending += [batch[:half], batch[half:]] if half else []
            continue
        answered = True
        for subscription in subscriptions:
            key = address_form(subscription.email)
            if key in asked:
                found[key] = _stricter(found.get(key), subscription)
    if refusal is not None and not answered:
        raise refusal
    return found


async def upsert(client: WixClient, email: str, status: SubscriptionStatus) -> Subscription:
    """Sets the consent of an address. Repeating it is harmless.

    Whether SUBSCRIBED may overwrite UNSUBSCRIBED is unverified; look at the status of what is returned.
    """
    body = {"subscription": {"email": email, "subscriptionStatus": status.value}}
    return one(await client.send(_UPSERT, body=body), "subscription", Subscription, _UPSERT)


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


async def _query(client: WixClient, emails: Sequence[str]) -> AsyncIterator[Subscription]:
    # Filter and paging stand at the top level here, without the "query" around them that all others have.
    offset: str | None = "0"
    while offset is not None:
        paging = {"limit": len(emails), "offset": int(offset)}
        body = {"filter": {"email": {"$in": list(emails)}}, "paging": paging}
        answer = await client.send(_QUERY, body=body)
        page = offset_page(
            answer, "subscriptions", Subscription, _QUERY, offset=int(offset), limit=len(emails)
        )
        for subscription in page.items:
            yield subscription
        # No address has two subscriptions: without a total, a full page holds them all.
        offset = page.next_cursor if page.total is not None else None


def _stricter(known: Subscription | None, other: Subscription) -> Subscription:
    if known is None or (known.consents and known.deliverable):
        return other
    return known
