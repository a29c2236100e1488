"""What is kept about people beside their accounts: consent as last heard, suppression, contacts that are gone."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from milestones.domain.actions import Kind, State
from milestones.domain.event import ContactDeleted, ContactMerged, SubscriptionChanged
from milestones.domain.keys import address_key
from milestones.domain.verdict import Verdict
from milestones.store.database import Transaction
from milestones.store.statements import add_missing, chunks, put, table_of
from milestones.store.tables import Account, Action, ContactChange, Rejected, Subscription, Suppression

_ACCOUNTS = table_of(Account)
_ACTIONS = table_of(Action)
_SUPPRESSIONS = table_of(Suppression)
_SUBSCRIPTIONS = table_of(Subscription)


async def subscription_heard(
    tx: Transaction, site_id: str, secret: bytes, event: SubscriptionChanged, now: datetime
) -> str:
    """Remember a subscription unless something newer is known; returns the address key."""
    key = address_key(secret, site_id, event.email)
    statement = select(_SUBSCRIPTIONS.c.changed_at).where(
        _SUBSCRIPTIONS.c.site_id == site_id, _SUBSCRIPTIONS.c.email_key == key
    )
    known = (await tx.execute(statement)).scalar_one_or_none()
    if known is None or event.changed_at is None or event.changed_at >= known:
        row = Subscription(
            site_id=site_id,
            email_key=key,
            status=event.status,
            deliverability=event.deliverability,
            changed_at=event.changed_at,
            heard_at=now,
        )
        await put(tx, Subscription, [row.model_dump()])
    return key


async def suppress(tx: Transaction, address_keys: Iterable[str], reason: str, now: datetime) -> None:
    """Never mail these addresses again."""
    rows = [Suppression(address_key=key, reason=reason, recorded_at=now).model_dump() for key in address_keys]
    await add_missing(tx, Suppression, rows, unique=["address_key"])


async def suppressed(tx: Transaction, address_keys: Sequence[str]) -> set[str]:
    """Which of these must not be mailed."""
    found: set[str] = set()
    for keys in chunks(address_keys):
        statement = select(_SUPPRESSIONS.c.address_key).where(_SUPPRESSIONS.c.address_key.in_(keys))
        found.update((await tx.execute(statement)).scalars())
    return found


async def untold(tx: Transaction) -> list[str]:
    """Keys of the addresses whose unsubscription Wix has not been told."""
    statement = select(_SUPPRESSIONS.c.address_key).where(_SUPPRESSIONS.c.told_at.is_(None))
    return list((await tx.execute(statement.limit(100))).scalars())


async def told(tx: Transaction, address_key: str, now: datetime) -> None:
    """Wix knows of this unsubscription."""
    await tx.execute(
        update(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address_key == address_key).values(told_at=now)
    )


async def addresses(tx: Transaction, address_key: str) -> list[tuple[str, str]]:
    """(site, address) of the accounts that still have this address: to tell Wix of an unsubscription."""
    statement = select(_ACCOUNTS.c.site_id, _ACCOUNTS.c.email).where(
        _ACCOUNTS.c.email_key == address_key, _ACCOUNTS.c.email.is_not(None)
    )
    return [(row.site_id, row.email) for row in (await tx.execute(statement.distinct())).all()]


async def contact_deleted(tx: Transaction, site_id: str, event: ContactDeleted, now: datetime) -> None:
    """Erase who the contact was. That something was given stays, to whom does not.

    A deletion that a merge caused waits for the merge, which may come before or after it.
    """
    change = ContactChange(
        site_id=site_id,
        contact_id=event.contact_id,
        change="merging" if event.merged else "deleted",
        recorded_at=now,
    )
    await add_missing(tx, ContactChange, [change.model_dump()], unique=["site_id", "contact_id"])
    if not event.merged:
        await _erase(tx, site_id, [event.contact_id], now)


async def contact_merged(tx: Transaction, site_id: str, event: ContactMerged, now: datetime) -> None:
    """The sources are gone; who they were lives on in the target, and what was given to them counts for it."""
    rows = [
        ContactChange(
            site_id=site_id, contact_id=source, change="merged", target_id=event.target_id, recorded_at=now
        ).model_dump()
        for source in event.source_ids
    ]
    await put(tx, ContactChange, rows)
    await _erase(tx, site_id, event.source_ids, now)


async def _erase(tx: Transaction, site_id: str, contact_ids: Sequence[str], now: datetime) -> None:
    theirs = select(_ACCOUNTS.c.id).where(
        _ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.contact_id.in_(contact_ids)
    )
    await tx.execute(
        update(_ACTIONS)
        .where(
            _ACTIONS.c.site_id == site_id,
            _ACTIONS.c.account_id.in_(theirs),
            _ACTIONS.c.kind == Kind.EMAIL,
            _ACTIONS.c.state.in_([State.AVAILABLE, State.WAITING, State.HELD]),
        )
        .values(state=State.CANCELLED, verdict=Verdict.DELETED, settled_at=now)
    )
    keys = select(_ACCOUNTS.c.email_key).where(
        _ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.contact_id.in_(contact_ids)
    )
    await tx.execute(
        delete(_SUBSCRIPTIONS).where(
            _SUBSCRIPTIONS.c.site_id == site_id, _SUBSCRIPTIONS.c.email_key.in_(keys)
        )
    )
    await tx.execute(
        update(_ACCOUNTS)
        .where(_ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.contact_id.in_(contact_ids))
        .values(email=None, name=None, member_id=None, email_key=None, erased_at=now)
    )


async def reject(
    tx: Transaction, site_id: str | None, event_type: str | None, reason: str, body: bytes, now: datetime
) -> None:
    """Keep a webhook that was genuine and could not be understood."""
    row = Rejected(site_id=site_id, event_type=event_type, reason=reason, body=body, received_at=now)
    await tx.execute(insert(table_of(Rejected)), [row.model_dump(exclude={"id"})])
