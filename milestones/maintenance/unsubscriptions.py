"""Tells Wix who unsubscribed here, so that the shop's other mails stop too. Suppression does not wait for it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from milestones.errors import ChannelError, ConfigurationError
from milestones.maintenance.service import repeat
from milestones.store.database.store import Store
from milestones.store.people import people
from milestones.wix import subscriptions
from milestones.wix.errors import WixRefusedError
from milestones.wix.subscriptions import SubscriptionStatus
from milestones.wix.transport import WixClient

log = structlog.get_logger()

PERIOD = 60.0
"""Seconds between two looks for what could not be told at once."""


async def tell_wix(store: Store, client: Callable[[str], WixClient], now: datetime) -> int:
    """Tell of every unsubscription that is untold. Returns how many were told. Repeating it is harmless.

    Where one site cannot be told now, the others are told all the same.
    """
    async with store.read() as tx:
        keys = await people.list_unreported(tx)
    silent: set[str] = set()
    count = 0
    for key in keys:
        async with store.read() as tx:
            result = await people.list_addresses(tx, key)
        if not silent.isdisjoint(site_id for site_id, _ in result):
            continue
        if failed := await _tell(client, result):
            silent.add(failed)
            continue
        async with store.write() as tx:
            await people.mark_reported(tx, key, now)
        count += 1
    return count


async def _tell(client: Callable[[str], WixClient], result: Sequence[tuple[str, str]]) -> str | None:
    """Tell of these (site, address). Returns the site that cannot be told now, if one cannot."""
    for site_id, address in result:
        try:
            await subscriptions.upsert(client(site_id), address, SubscriptionStatus.UNSUBSCRIBED)
        except (ChannelError, ConfigurationError) as error:
            log.warning("unsubscription_not_told", site=site_id, error=str(error))
            # What Wix takes for no address is refused for good: to say it again is of no use.
            if not (isinstance(error, WixRefusedError) and error.status in {400, 422}):
                return site_id
    return None


async def keep_telling(
    store: Store,
    client: Callable[[str], WixClient],
    clock: Callable[[], datetime],
    woken: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Tell when woken, and every minute what failed before."""

    async def work() -> None:
        await tell_wix(store, client, clock())

    await repeat(work, stop, every=PERIOD, failure="unsubscription_not_told", woken=woken)
