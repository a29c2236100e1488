"""Decides what was kept undecided while an import's points were on their way."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from milestones.maintenance.service import repeat
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome, Rules
from milestones.store import mutes
from milestones.store.database.store import Store

PERIOD = 2.0
"""Seconds between two looks."""


async def close_all(store: Store, rules: Rules, tell: Callable[[Outcome], None], now: datetime) -> None:
    """Close every mute of which it is told what became of it. Killed anywhere, it goes on the next time.

    tell: whom a commit concerns.
    """
    while True:
        async with store.read() as tx:
            concerned = await mutes.list_ended_sites(tx)
        if not concerned:
            return
        for site_id in concerned:
            tell(await observe.close_mutes(store, rules, site_id, now))


async def keep_closing(
    store: Store,
    rules: Rules,
    tell: Callable[[Outcome], None],
    clock: Callable[[], datetime],
    stop: asyncio.Event,
) -> None:
    """Close them soon after their actions are settled, whoever settled them."""

    async def work() -> None:
        await close_all(store, rules, tell, clock())

    await repeat(work, stop, every=PERIOD, failure="mutes_not_closed")
