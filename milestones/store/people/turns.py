"""Who may write about whom, one after the other: all that a batch of observations and events locks.

SQLite has one writer, and nothing here does anything.
"""

from collections.abc import Iterable, Sequence

from milestones.domain.event import AccountGone, Anonymized, ContactDeleted, ContactMerged, Event
from milestones.domain.observation import Observation
from milestones.store.database.locks import lock_accounts, lock_site
from milestones.store.database.store import Transaction
from milestones.store.people import people

Named = tuple[str, str]
"""(site, account or contact)."""


async def take_turn(
    tx: Transaction,
    secret: bytes,
    seen: Sequence[tuple[str, Observation]],
    heard: Sequence[tuple[str, Event]] = (),
) -> None:
    """Wait until nobody else writes about these accounts, and about those who are gone.

    What is written of an account may concern others only where contacts were merged or deleted; such sites are
    locked whole. Where a merge is told at this very moment the database may still find a deadlock: then nothing of
    one transaction is kept, as with any error, and it is tried again.
    """
    if tx.dialect.name != "postgresql":
        return
    leaving = [(site_id, *_named_by(event)) for site_id, event in heard]
    told = {(site_id, item.customer.contact_id) for site_id, item in seen if item.customer.contact_id}
    with_gone = {site_id for site_id, contacts, accounts in leaving if contacts or accounts}
    for site_id in sorted({site_id for site_id, _ in told} - with_gone):
        if await people.concerns_the_gone(tx, site_id, secret, [c for s, c in told if s == site_id and c]):
            with_gone.add(site_id)
    for site_id in sorted(with_gone):
        await lock_site(tx, site_id)
    names: list[Named] = [(site_id, item.account_id) for site_id, item in seen]
    names += [(site_id, contact_id) for site_id, contact_id in told if contact_id]
    for site_id, contacts, accounts in leaving:
        known = await people.list_accounts(tx, site_id, secret, contacts) if contacts else []
        names += _of(site_id, (*contacts, *accounts, *known))
    await lock_accounts(tx, names)


def _of(site_id: str, names: Iterable[str]) -> Iterable[Named]:
    return ((site_id, name) for name in names)


def _named_by(event: Event) -> tuple[list[str], list[str]]:
    """The contacts and the accounts of which an event tells that they are gone."""
    match event:
        case ContactDeleted(contact_id):
            return [contact_id], []
        case ContactMerged(target_id, source_ids):
            return [target_id, *source_ids], []
        case AccountGone(account_id):
            return [], [account_id]
        case Anonymized(contact_id, _, account_id):
            return [one for one in [contact_id] if one], [one for one in [account_id] if one]
        case _:
            return [], []
