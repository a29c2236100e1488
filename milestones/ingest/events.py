"""What each type of event says (docs/wix-api.md, 2.3 and 4.5).

Old documents spell ``entityAsJson``, ``currentEntityAsJson`` and ``bodyAsJson``, as strings or as objects; the
current client reads ``entity``, ``currentEntity`` and ``body``. Both are understood.
"""

from collections.abc import Callable
from datetime import datetime

from milestones.domain.event import (
    AccountSeen,
    Anonymized,
    AppInstalled,
    AppRemoved,
    ContactDeleted,
    ContactMerged,
    Event,
    SubscriptionChanged,
)
from milestones.domain.observation import Customer, Measures, Observation, Point, Source, Stamp, customer_name
from milestones.formats import untrusted
from milestones.formats.untrusted import Fields, microseconds, moment, whole
from milestones.ingest.reading import UnreadableError, fields, maybe_fields, text

Reader = Callable[[Fields, datetime | None], Event]
"""(the inner data, the time the event tells or else the time its token was issued) -> the event."""

CONTACT_DELETED = "wix.contacts.v4.contact_deleted"
CONTACT_MERGED = "wix.contacts.v4.contact_merged"


def _content(data: Fields, outer: str, inner: str) -> Fields:
    """``data.outer.inner`` in either spelling."""
    holder = fields(data.get(outer), f"`{outer}`")
    for name in (inner, f"{inner}AsJson"):
        if holder.get(name) is not None:
            return fields(holder[name], f"`{outer}.{name}`")
    raise UnreadableError(f"`{outer}` has no `{inner}`.")


def _account_created(data: Fields, told_at: datetime | None) -> Event:
    account = _content(data, "createdEvent", "entity")
    return _account_seen(data, account, told_at, Source.CREATION)


def _account_updated(data: Fields, told_at: datetime | None) -> Event:
    account = _content(data, "updatedEvent", "currentEntity")
    return _account_seen(data, account, told_at, Source.WEBHOOK)


def _account_points_updated(data: Fields, told_at: datetime | None) -> Event:
    account = fields(_content(data, "actionEvent", "body").get("account"), "`actionEvent.body.account`")
    return _account_seen(data, account, told_at, Source.WEBHOOK)


def _account_seen(data: Fields, account: Fields, told_at: datetime | None, source: Source) -> AccountSeen:
    account_id = text(account, "id") or text(data, "entityId")
    if account_id is None:
        raise UnreadableError("The account has no `id`.")
    updated_at, created_at = moment(account.get("updatedDate")), moment(account.get("createdDate"))
    told_at = told_at or updated_at
    if told_at is None:
        raise UnreadableError("The event tells no time (`eventTime`).")
    if created_at is None and source is Source.CREATION:
        created_at = told_at
    sequence = whole(data.get("entityEventSequence"))
    stamp = Stamp(_revision(account), microseconds(updated_at), max(sequence or 0, 0))
    return AccountSeen(
        Observation(
            account_id,
            Point(stamp, _measures(account)),
            source,
            told_at,
            created_at,
            _customer(account),
        )
    )


def _revision(account: Fields) -> int:
    revision = untrusted.revision(account.get("revision"))
    if revision is None:
        raise UnreadableError("The account has no `revision` that is a whole number.")
    return revision


def _measures(account: Fields) -> Measures:
    points = fields(account.get("points"), "`points` of the account")
    # Without a tier object tiers are off, or the event leaves it out: that is not 0 tier points.
    tier = untrusted.fields(account.get("tier"))
    return Measures(
        _points(points, "balance"),
        _points(points, "earned"),
        _points(tier, "points") if tier is not None else None,
    )


def _points(where: Fields, name: str) -> int:
    amount = untrusted.points(where.get(name))
    if amount is None:
        raise UnreadableError(f"`{name}` of the account is not a whole number of points.")
    return amount


def _customer(account: Fields) -> Customer:
    contact = maybe_fields(account.get("contact"))
    return Customer(
        contact_id=text(account, "contactId") or text(contact, "id"),
        member_id=text(account, "memberId"),
        email=text(contact, "email"),
        name=customer_name(text(contact, "name"), text(contact, "displayName")),
    )


def _subscription_changed(data: Fields, told_at: datetime | None) -> Event:
    """Not a domain event: it has neither id nor time of its own, and the token's age says nothing of its order."""
    del told_at
    subscription = fields(data.get("subscription"), "`subscription`")
    email = text(subscription, "email")
    if email is None:
        raise UnreadableError("The subscription has no `email`.")
    return SubscriptionChanged(
        email,
        # A status that is missing is no consent.
        text(subscription, "subscriptionStatus") or "UNKNOWN",
        text(subscription, "deliverabilityStatus"),
        moment(subscription.get("updatedDate")),
    )


def _contact_deleted(data: Fields, told_at: datetime | None) -> Event:
    del told_at
    return ContactDeleted(
        _contact_id(data),
        anonymized=data.get("triggeredByAnonymizeRequest") is True,
        merged=(text(data, "originatedFrom") or "").casefold() == "merge",
    )


def _contact_id(data: Fields) -> str:
    contact_id = text(data, "entityId")
    if contact_id is None:
        raise UnreadableError("The event does not tell its contact (`entityId`).")
    return contact_id


def _contact_merged(data: Fields, told_at: datetime | None) -> Event:
    del told_at
    body = _content(data, "actionEvent", "body")
    target = text(body, "targetContactId") or text(data, "entityId")
    told = body.get("sourceContactIds")
    sources = [text({"id": item}, "id") for item in told] if isinstance(told, list) else []
    known = tuple(source for source in sources if source is not None)
    if target is None or not known or len(known) != len(sources):
        raise UnreadableError("The merge does not tell which contacts became which.")
    return ContactMerged(target, known)


READERS: dict[str, Reader] = {
    "wix.loyalty.v1.account_created": _account_created,
    "wix.loyalty.v1.account_updated": _account_updated,
    "wix.loyalty.v1.account_points_updated": _account_points_updated,
    "com.wixpress.emailsubscriptions.v1.EmailSubscriptionChanged": _subscription_changed,
    CONTACT_DELETED: _contact_deleted,
    CONTACT_MERGED: _contact_merged,
}
"""Every type that is listened to for what it says."""

WITHOUT_DATA: dict[str, Event] = {"AppInstalled": AppInstalled(), "AppRemoved": AppRemoved()}
"""Types that say all by themselves; the names inside their data are unverified (docs/wix-api.md, 8)."""


def erasure(event_type: str, data: Fields) -> Anonymized | None:
    """Whom an event names that a privacy request caused, of whatever type it is (docs/wix-api.md, 9).

    The deletion and the merge of a contact say more than that, and are read for themselves.
    """
    if data.get("triggeredByAnonymizeRequest") is not True or event_type in {CONTACT_DELETED, CONTACT_MERGED}:
        return None
    about, told = text(data, "entityId"), _whatever_it_holds(data)
    named = Anonymized(
        contact_id=about if event_type.startswith("wix.contacts.") else text(told, "contactId"),
        member_id=about if event_type.startswith("wix.members.") else text(told, "memberId"),
        account_id=about if event_type.startswith("wix.loyalty.v1.account_") else text(told, "accountId"),
    )
    return named if named != Anonymized() else None


def _whatever_it_holds(data: Fields) -> Fields:
    for outer, inner in (
        ("createdEvent", "entity"),
        ("updatedEvent", "currentEntity"),
        ("deletedEvent", "deletedEntity"),
        ("actionEvent", "body"),
    ):
        holder = maybe_fields(data.get(outer))
        found = maybe_fields(holder.get(inner) or holder.get(f"{inner}AsJson"))
        if found:
            return maybe_fields(found.get("account")) or found
    return {}
