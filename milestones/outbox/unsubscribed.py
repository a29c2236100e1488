"""Tells Wix who unsubscribed here, so that the shop's other mails stop too. Suppression does not wait for it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from milestones.errors import MilestonesError
from milestones.store import people
from milestones.store.database import Store
from milestones.wix import subscriptions
from milestones.wix.subscriptions import SubscriptionStatus
from milestones.wix.transport import WixClient

log = structlog.get_logger()

PERIOD = 60.0
"""Seconds between two looks for what could not be told at once."""


async def tell_wix(store: Store, client: Callable[[str], WixClient], now: datetime) -> int:
    """Tell of every unsubscription that is untold. Returns how many were told. Repeating it is harmless."""
    async with store.read() as tx:
        keys = await people.untold(tx)
    for key in keys:
        async with store.read() as tx:
            found = await people.addresses(tx, key)
        for site_id, address in found:
            await subscriptions.upsert(client(site_id), address, SubscriptionStatus.UNSUBSCRIBED)
        async with store.write() as tx:
            await people.told(tx, key, now)
    return len(keys)


async def keep_telling(
    store: Store,
    client: Callable[[str], WixClient],
    clock: Callable[[], datetime],
    woken: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Tell when woken, and every minute what failed before."""
    while not stop.is_set():
        woken.clear()
        try:
            await tell_wix(store, client, clock())
        except MilestonesError as error:
            log.warning("unsubscription_not_told", error=str(error))
        try:
            async with asyncio.timeout(PERIOD):
                await woken.wait()
        except TimeoutError:
            pass
