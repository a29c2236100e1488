"""Finishes erasures outside of their transactions: mails in a folder, the log of the database, its old pages.

Also carries out, when time is up, what was waiting for news of a merge.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from milestones.domain.verdict import Verdict
from milestones.maintenance.service import repeat
from milestones.store.database import meta
from milestones.store.database.locks import lock_site
from milestones.store.database.store import Store
from milestones.store.people import erasure, merges, people

log = structlog.get_logger()

PERIOD = 60.0
"""Seconds between two looks for what could not be finished at once."""

REWRITE_EVERY = timedelta(days=1)
"""A large SQLite database takes a while to be rewritten, and nobody else can write meanwhile."""

MAILS = 500

ForgetMail = Callable[[str, str], Awaitable[None]]
"""(site, Message-ID): deletes the file of a mail. Raises ChannelError."""


async def finish(store: Store, forget_mail: ForgetMail, now: datetime) -> bool:
    """Do all that can be done now. False where something is left for later. Repeating it is harmless."""
    await _waited_long_enough(store, now)
    rewritten = await _rewrite(store, now)
    try:
        await _mails(store, forget_mail)
    finally:
        # Also when a folder cannot be written: that is no reason to keep the rest.
        emptied = await store.empty_log()
    return rewritten and emptied


async def _waited_long_enough(store: Store, now: datetime) -> None:
    async with store.read() as tx:
        concerned = {*await people.list_overdue(tx, now), *await merges.list_expired(tx, now)}
    for site_id in sorted(concerned):
        async with store.write() as tx:
            await lock_site(tx, site_id)
            # Looked for anew: a merge may have come in between.
            contacts = (await people.list_overdue(tx, now)).get(site_id, [])
            await people.complete_deletions(tx, site_id, contacts, now)
            accounts = (await merges.list_expired(tx, now)).get(site_id, [])
            await erasure.cancel(tx, site_id, accounts, Verdict.DELETED, now)
        log.info("merge_never_told", site=site_id, deletions=len(contacts), given_up=len(accounts))


async def _mails(store: Store, forget_mail: ForgetMail) -> None:
    while True:
        async with store.read() as tx:
            result = await erasure.list_erased_mails(tx, MAILS)
        for site_id, message_id in result:
            await forget_mail(site_id, message_id)
        if not result:
            return
        async with store.write() as tx:
            for site_id, message_id in result:
                await erasure.forget_mail(tx, site_id, message_id)


async def _rewrite(store: Store, now: datetime) -> bool:
    async with store.read() as tx:
        due = await meta.get(tx, erasure.REWRITE)
        last = await meta.get(tx, erasure.REWRITTEN)
    if not due:
        return True
    # A time that lies ahead is by a clock that was set back since.
    if last is not None and timedelta(0) <= now - datetime.fromisoformat(last) < REWRITE_EVERY:
        return False
    await store.rewrite()
    async with store.write() as tx:
        # What was erased meanwhile must wait for the next time.
        if await meta.get(tx, erasure.REWRITE) == due:
            await meta.set_to(tx, erasure.REWRITE, "")
        await meta.set_to(tx, erasure.REWRITTEN, now.isoformat())
    return True


async def keep_finishing(
    store: Store,
    forget_mail: ForgetMail,
    clock: Callable[[], datetime],
    woken: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Finish when woken, and first at the start: a process that was killed may have left something."""

    async def work() -> None:
        await finish(store, forget_mail, clock())

    await repeat(work, stop, every=PERIOD, failure="erasure_not_finished", woken=woken)
