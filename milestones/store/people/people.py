"""What is kept about people beside their accounts: consent as last heard, suppression, contacts that are gone."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, bindparam, or_, select, update

from milestones.domain.event import Anonymized, ContactDeleted, ContactMerged, SubscriptionChanged
from milestones.domain.keys import address_key, contact_key
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import add_missing, chunks, put, table_of
from milestones.store.database.store import Transaction
from milestones.store.people import erasure, merges, ordered
from milestones.store.tables import Account, Change, ContactChange, Subscription, Suppression

_ACCOUNTS = table_of(Account)
_CHANGES = table_of(ContactChange)
_SUPPRESSIONS = table_of(Suppression)
_SUBSCRIPTIONS = table_of(Subscription)


async def save_subscription(
    tx: Transaction, site_id: str, secret: bytes, event: SubscriptionChanged, now: datetime
) -> str:
    """Remember a subscription unless something newer is known; returns the address key."""
    key = address_key(secret, site_id, address_form(event.email))
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


async def find_suppressed(tx: Transaction, address_keys: Sequence[str]) -> set[str]:
    """Which of these must not be mailed."""
    result: set[str] = set()
    for keys in chunks(address_keys):
        statement = select(_SUPPRESSIONS.c.address_key).where(_SUPPRESSIONS.c.address_key.in_(keys))
        result.update((await tx.execute(statement)).scalars())
    return result


async def list_suppressions(tx: Transaction) -> list[Suppression]:
    """The whole opt-out list, oldest first."""
    statement = select(_SUPPRESSIONS).order_by(_SUPPRESSIONS.c.recorded_at, _SUPPRESSIONS.c.address_key)
    return [Suppression(**row) for row in (await tx.execute(statement)).mappings()]


async def list_unreported(tx: Transaction) -> list[str]:
    """Keys of the addresses whose unsubscription Wix has not been told."""
    statement = select(_SUPPRESSIONS.c.address_key).where(_SUPPRESSIONS.c.told_at.is_(None))
    return list((await tx.execute(statement.limit(100))).scalars())


async def mark_reported(tx: Transaction, address_key: str, now: datetime) -> None:
    """Wix knows of this unsubscription."""
    await tx.execute(
        update(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address_key == address_key).values(told_at=now)
    )


async def list_addresses(tx: Transaction, address_key: str) -> list[tuple[str, str]]:
    """(site, address) of the accounts that still have this address: to tell Wix of an unsubscription."""
    statement = select(_ACCOUNTS.c.site_id, _ACCOUNTS.c.email).where(
        _ACCOUNTS.c.email_key == address_key, _ACCOUNTS.c.email.is_not(None)
    )
    return [(row.site_id, row.email) for row in (await tx.execute(statement.distinct())).all()]


async def delete_contact(
    tx: Transaction, site_id: str, secret: bytes, event: ContactDeleted, now: datetime
) -> None:
    """Erase who the contact was. That something was given stays, to whom does not.

    A deletion that a merge caused waits for the merge, which may come before or after it.
    """
    key = contact_key(secret, site_id, event.contact_id)
    waits = event.merged and not event.anonymized
    change = ContactChange(
        site_id=site_id, contact_key=key, change=Change.MERGING if waits else Change.DELETED, recorded_at=now
    )
    await add_missing(tx, ContactChange, [change.model_dump()], unique=["site_id", "contact_key"])
    if not waits:
        await complete_deletions(tx, site_id, [key], now)


async def merge_contacts(
    tx: Transaction, site_id: str, secret: bytes, event: ContactMerged, now: datetime
) -> None:
    """Merge contacts: the sources are gone; who they were, and what was given to them, lives on in the target."""
    target = contact_key(secret, site_id, event.target_id)
    sources = {contact_key(secret, site_id, source) for source in event.source_ids} - {target}
    rows = [
        ContactChange(
            site_id=site_id, contact_key=source, change=Change.MERGED, target_key=target, recorded_at=now
        ).model_dump()
        for source in sorted(sources)
    ]
    await put(tx, ContactChange, rows)
    await erasure.erase(tx, site_id, await _ids(tx, site_id, sources), now)
    await ordered.hand_over(tx, site_id, sources, target)
    await merges.follow(tx, site_id, sources, now)


async def anonymize(tx: Transaction, site_id: str, secret: bytes, event: Anonymized, now: datetime) -> None:
    """Erase whomever a privacy request names, by whichever id it names them."""
    if event.contact_id is not None:
        gone = ContactDeleted(event.contact_id, anonymized=True)
        await delete_contact(tx, site_id, secret, gone, now)
    named = [
        column == value
        for column, value in (
            (_ACCOUNTS.c.member_id, event.member_id),
            (_ACCOUNTS.c.id, event.account_id),
        )
        if value is not None
    ]
    if not named:
        return
    statement = select(_ACCOUNTS.c.id, _ACCOUNTS.c.contact_id).where(
        _ACCOUNTS.c.site_id == site_id, or_(*named)
    )
    for row in (await tx.execute(statement)).all():
        if row.contact_id is not None:
            gone = ContactDeleted(row.contact_id, anonymized=True)
            await delete_contact(tx, site_id, secret, gone, now)
        else:
            await erase_accounts(tx, site_id, [row.id], now)


async def erase_accounts(tx: Transaction, site_id: str, account_ids: Sequence[str], now: datetime) -> None:
    """Erase accounts, and nothing else of their contacts."""
    await erasure.erase(tx, site_id, account_ids, now)
    await erasure.cancel(tx, site_id, account_ids, Verdict.DELETED, now)


def _gone_query(keys: Sequence[Any]) -> Executable:
    of_these = (_CHANGES.c.site_id == bindparam("site_id")) & _CHANGES.c.contact_key.in_(keys)
    are_gone = or_(_CHANGES.c.change == Change.DELETED, _CHANGES.c.change == Change.MERGED)
    return select(_CHANGES.c.contact_key, _CHANGES.c.recorded_at).where(of_these, are_gone)


_GONE = Lookup(_gone_query)


async def find_gone(
    tx: Transaction, site_id: str, secret: bytes, contact_ids: Iterable[str]
) -> dict[str, datetime]:
    """Which of these contacts are gone, and since when."""
    by_key = {contact_key(secret, site_id, contact_id): contact_id for contact_id in contact_ids}
    result: dict[str, datetime] = {}
    for row in await _GONE.fetch(tx, sorted(by_key), site_id=site_id):
        result[by_key[row.contact_key]] = row.recorded_at
    return result


async def concerns_the_gone(tx: Transaction, site_id: str, secret: bytes, contact_ids: Sequence[str]) -> bool:
    """Whether any of these is gone, or had another merged into it."""
    of_site = select(_CHANGES.c.contact_key).where(_CHANGES.c.site_id == site_id).limit(1)
    if (await tx.execute(of_site)).first() is None:
        return False
    for some in chunks([contact_key(secret, site_id, contact_id) for contact_id in contact_ids]):
        named = or_(_CHANGES.c.contact_key.in_(some), _CHANGES.c.target_key.in_(some))
        if (await tx.execute(of_site.where(named))).first() is not None:
            return True
    return False


def _contacts_query(ids: Sequence[Any]) -> Executable:
    theirs = (_ACCOUNTS.c.site_id == bindparam("site_id")) & _ACCOUNTS.c.id.in_(ids)
    return select(_ACCOUNTS.c.id, _ACCOUNTS.c.contact_key, _ACCOUNTS.c.erased_at).where(theirs)


_CONTACTS = Lookup(_contacts_query)


async def reconcile(tx: Transaction, site_id: str, account_ids: Sequence[str], now: datetime) -> None:
    """Make what is owed to these accounts agree with who is gone, whatever was told first.

    For accounts whose contact was told anew, and for those that something was just recorded for.
    """
    rows = await _CONTACTS.fetch(tx, account_ids, site_id=site_id)
    together = await merges.find_merged(tx, site_id, [row.contact_key for row in rows if row.contact_key])
    alone = [row.id for row in rows if row.erased_at is not None and row.contact_key not in together]
    await erasure.cancel(tx, site_id, alone, Verdict.DELETED, now)
    await merges.follow(tx, site_id, together, now)


async def list_overdue(tx: Transaction, now: datetime) -> dict[str, list[str]]:
    """The deletions whose merge never came: keys of contacts, by site."""
    statement = select(_CHANGES.c.site_id, _CHANGES.c.contact_key).where(
        _CHANGES.c.change == Change.MERGING, _CHANGES.c.recorded_at <= now - merges.PATIENCE
    )
    result: dict[str, list[str]] = {}
    for row in (await tx.execute(statement.order_by(_CHANGES.c.site_id))).all():
        result.setdefault(row.site_id, []).append(row.contact_key)
    return result


async def list_accounts(
    tx: Transaction, site_id: str, secret: bytes, contact_ids: Iterable[str]
) -> list[str]:
    """The accounts of these contacts."""
    return await _ids(tx, site_id, {contact_key(secret, site_id, contact_id) for contact_id in contact_ids})


async def _ids(tx: Transaction, site_id: str, contact_keys: Collection[str]) -> list[str]:
    statement = select(_ACCOUNTS.c.id).where(
        _ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.contact_key.in_(contact_keys)
    )
    return list((await tx.execute(statement.order_by(_ACCOUNTS.c.id))).scalars())


async def complete_deletions(
    tx: Transaction, site_id: str, contact_keys: Collection[str], now: datetime
) -> None:
    """Delete contacts, but for those that live on in another."""
    theirs = (_CHANGES.c.site_id == site_id) & _CHANGES.c.contact_key.in_(contact_keys)
    await tx.execute(
        update(_CHANGES)
        .where(theirs, _CHANGES.c.change == Change.MERGING)
        .values(change=Change.DELETED, recorded_at=now)
    )
    ids = await _ids(tx, site_id, contact_keys)
    await erasure.erase(tx, site_id, ids, now)
    await erasure.erase_orders(tx, site_id, contact_keys, now)
    await reconcile(tx, site_id, ids, now)
    # Others may have gone into these before, whose account nobody told of.
    await merges.follow(tx, site_id, await merges.find_merged(tx, site_id, contact_keys), now)
