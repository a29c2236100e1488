"""Who is gone although no event told: with an API key there are no events, and any event may be lost.

Nothing is erased because a list did not show it, since lists lag (docs/wix-api.md, 6). What a whole sweep did not
find, or what shows nothing of its contact any more, is asked for by its id, and so is its contact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from milestones.domain.event import AccountGone, ContactDeleted, ContactMerged, Gone, Heard
from milestones.domain.observation import Source
from milestones.domain.policy import Breaker
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome, Rules
from milestones.scans import pages
from milestones.store import accounts
from milestones.store.database.store import Store
from milestones.wix import accounts as wix_accounts
from milestones.wix import contacts as wix_contacts
from milestones.wix.account import Account
from milestones.wix.errors import WixNotFoundError, WixUnreadableError
from milestones.wix.paging import Page
from milestones.wix.transport import WixClient

log = structlog.get_logger()

BELIEVABLE = Breaker(share=0.1, floor=20)
"""How many accounts may be missing from a sweep. More look like another site's key than like people who left."""


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look for people who are gone."""

    site_id: str
    store: Store
    rules: Rules
    client: WixClient


async def note_page(search: Search, page: Page[Account], now: datetime) -> Outcome:
    """Note that the accounts of a page are there, readable or not, and ask for the contacts of those that show none any more.

    Raises ChannelError when Wix does not answer.
    """
    there = [one.id for one in page.items] + [one.id for one in page.unreadable if one.id is not None]
    silent = [one.id for one in page.items if one.contact.email is None and one.contact.name is None]
    async with search.store.write() as tx:
        await accounts.note_seen(tx, search.site_id, there, now)
        told = await accounts.list_with_customers(tx, search.site_id, silent)
    gone = [
        await _check_contact(search.client, contact_id) for _, contact_id in told if contact_id is not None
    ]
    return await _record(search, [event for event in gone if event is not None], now)


async def check_missing(search: Search, started_at: datetime, now: datetime) -> Outcome:
    """Ask for the accounts that a complete sweep did not find. Raises ChannelError when Wix does not answer."""
    async with search.store.read() as tx:
        known = await accounts.count(tx, search.site_id)
        missing = await accounts.list_unseen(tx, search.site_id, started_at)
    limit = BELIEVABLE.limit(known)
    if len(missing) > limit:
        log.warning("accounts_missing", site=search.site_id, missing=len(missing), believable=limit)
        return Outcome()
    gone = []
    for account_id, contact_id in missing:
        event = await _check_account(search, account_id, contact_id, now)
        if event is not None:
            gone.append(event)
    if gone:
        log.info("accounts_gone", site=search.site_id, gone=len(gone))
    return await _record(search, gone, now)


async def _check_account(
    search: Search, account_id: str, contact_id: str | None, now: datetime
) -> Gone | None:
    try:
        account = await wix_accounts.get(search.client, account_id)
    except WixNotFoundError:
        found = await _check_contact(search.client, contact_id) if contact_id is not None else None
        return found or AccountGone(account_id)
    except WixUnreadableError:
        # It is there. What is wrong with it is told where lists show it.
        return None
    seen = [pages.observation(account, Source.SWEEP, now)]
    await observe.observe(search.store, search.rules, search.site_id, seen, now)
    return None


async def _check_contact(client: WixClient, contact_id: str) -> Gone | None:
    """What became of a contact; None if it is as it was."""
    try:
        contact = await wix_contacts.get(client, contact_id)
    except WixNotFoundError:
        return ContactDeleted(contact_id)
    except WixUnreadableError:
        return None
    return ContactMerged(contact.id, (contact_id,)) if contact.id != contact_id else None


async def _record(search: Search, gone: Sequence[Gone], now: datetime) -> Outcome:
    """As if an event had told."""
    if not gone:
        return Outcome()
    heard = [Heard(search.site_id, "sweep", event) for event in gone]
    return await observe.hear(search.store, search.rules, heard, now)
